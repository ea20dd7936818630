"""A past of rare things, as the sandbox fills it in: each kind of line of Stripe's balance is found by the real jobs."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
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


async def codes(site: Whole) -> set[str]:
    async with site.db.reading() as session:
        return set(await session.scalars(select(Discrepancy.code)))


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
