"""What Stripe can bring about by itself is found: each from what the sandbox does, through the real client and the real jobs."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from whole import Whole


async def control(site: Whole, action: str, **told: Any) -> None:
    """Somebody moves a lever of the sandbox."""
    answer = await site.bank.post(f"/_control/{action}", json=told)
    assert answer.status_code == 200, answer.text


async def run(site: Whole, *kinds: str) -> None:
    """These jobs ran as their timers would have them."""
    for kind in kinds:
        job = Work(site.db, site.clock, site.ids, Job(id="none", kind=kind))
        await site.worker.handlers[kind](job, {})
    await site.settle()


async def refund(site: Whole, donation: Donation, amount: int) -> str:
    """A refund that somebody made at Stripe's own desk."""
    key = {"Authorization": f"Bearer {site.settings.stripe_secret_key}"}
    told = {"payment_intent": donation.stripe_payment_intent_id, "amount": str(amount)}
    answer = await site.bank.post("/v1/refunds", data=told, headers=key)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def donations(site: Whole) -> list[Donation]:
    async with site.db.reading() as session:
        return list(await session.scalars(select(Donation).order_by(Donation.id)))


async def codes(site: Whole) -> set[str]:
    async with site.db.reading() as session:
        return set(await session.scalars(select(Discrepancy.code)))


async def test_what_happens_to_gifts_at_stripe_is_found(site: Whole) -> None:
    for amount, email in (("25", "ada@example.org"), ("25", "ada@example.org"), ("40", "ben@example.org")):
        await site.pay(await site.give(amount=amount, email=email))
    await site.settle()
    given = await donations(site)
    await refund(site, given[2], 500)
    await site.settle()
    await control(site, "short-refunds", count=1)
    await refund(site, given[2], 600)
    await control(site, "stray-event", account="acct_another")
    await control(site, "stray-event", livemode=True)
    await site.settle()
    await control(site, "drop", count=20)
    await site.pay(await site.give(amount="60", email="cleo@example.org"))
    late = (await donations(site))[-1]
    await site.settle()
    await run(site, "events.catch_up")
    charge = next(each for each in await donations(site) if each.id == late.id).stripe_charge_id
    await control(site, "dispute", charge=charge, amount=1500)
    await site.settle()
    dispute = (await site.bank.get("/_control/state")).json()["disputes"][0]["id"]
    await control(site, "close-dispute", dispute=dispute, outcome="lost")
    await site.settle()
    site.clock.advance(timedelta(days=3))

    await run(site, "events.catch_up")
    await run(site, "balance.pull", "discrepancies.detect")

    assert await codes(site) >= {
        Code.DUPLICATE_DONATION,
        Code.REFUND_EXTERNAL,
        Code.REFUND_PENDING_FUNDS,
        Code.OTHER_ACCOUNT,
        Code.TEST_IN_LIVE,
        Code.WEBHOOK_MISSED,
        Code.PARTIAL_DISPUTE,
        Code.DISPUTE_LOST,
    }
    await site.books_hold()


async def test_what_happens_to_the_balance_is_found(site: Whole) -> None:
    await control(site, "fill", lines=800, days=60, rare=True)
    await control(site, "hold-reserve", amount=900)
    await control(site, "charge-fee", service="radar", amount=120)

    await run(site, "stripe.sweep", "balance.pull")
    site.clock.advance(timedelta(hours=2))
    await run(site, "stripe.sweep", "balance.pull", "discrepancies.detect")

    found = await codes(site)
    assert found >= {
        Code.CHARGE_UNKNOWN,
        Code.FEE_WITHOUT_CHARGE,
        Code.FX_CONVERSION,
        Code.RESERVE_HELD,
        Code.RESERVE_RELEASED,
        Code.MIN_BALANCE_HOLD,
        Code.TOPUP,
        Code.UNKNOWN_CATEGORY,
    }, found
