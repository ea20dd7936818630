"""How it stands with Stripe: nothing yet, all is well, or what is wrong, there and on the first page of the desk."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert

import arrivals
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.money import Money
from supporters.payments.models import BalanceDay, InboxEvent, Payout, SyncMark
from supporters.reconciliation.stripe_health import PLANS
from whole import Whole, words

WELL = "All is well: messages come, every list is read"


async def lay(site: Whole, table: type, *rows: dict[str, Any]) -> None:
    async with site.db.unit_of_work() as session:
        await session.execute(insert(table), list(rows))


def message(site: Whole, name: str, via: str) -> dict[str, Any]:
    now = site.clock.now()
    return {
        "source": "stripe",
        "stripe_event_id": name,
        "livemode": False,
        "type": "payout.paid",
        "occurred_at": now,
        "received_at": now,
        "via": via,
        "state": "handled",
        "run_at": now,
        "attempts": 0,
    }


def payout(site: Whole, name: str) -> dict[str, Any]:
    now = site.clock.now()
    return {
        "stripe_payout_id": name,
        "livemode": False,
        "created_at": now,
        "arrival_on": now.date(),
        "amount_minor": 2442,
        "currency": "GBP",
        "is_automatic": True,
        "method": "standard",
        "status": "paid",
        "reconciliation_status": "in_progress",
        "content": "unknown",
        "mirrored_at": now,
        "changed_at": now,
    }


async def test_stripe_is_new_then_well_then_not_and_the_first_page_says_so(site: Whole) -> None:
    desk, now = await site.staff("finance"), site.clock.now()
    assert "Nothing was heard or read yet" in words((await desk.get("/desk/stripe")).text)
    empty = words((await desk.get("/desk/payouts")).text)
    assert "No payout here." in empty
    assert "Sample: made up No such payout exists, and no sum counts it." in empty

    await lay(site, SyncMark, *({"name": plan.mark, "verified_until": now, "run_at": now} for plan in PLANS))
    held = {"available_minor": 1_000, "pending_minor": 234, "reserved_minor": 0, "taken_at": now}
    await lay(site, BalanceDay, {"day": now.date(), "currency": "GBP", **held})
    await lay(site, InboxEvent, message(site, "evt_1", "webhook"))
    await lay(site, Payout, payout(site, "po_1"))
    assert "Sample" not in (await desk.get("/desk/payouts?view=returned")).text
    well = words((await desk.get("/desk/stripe")).text)
    assert WELL in well
    assert "Agrees The books agree with it. Available £10.00" in well
    assert "po_1 Being proved" in well
    assert "Nothing. No discrepancy is open" in words((await desk.get("/desk")).text)

    site.clock.advance(timedelta(days=4))
    await lay(site, InboxEvent, message(site, "evt_2", "catchup"))
    async with site.db.unit_of_work() as session:
        await open_discrepancy(
            session,
            code=Code.BALANCE_DRIFT,
            subject="GBP",
            amount=Money(-150, "GBP"),
            detail={"off_since": "2026-11-14", "agreed_on": "2026-11-13"},
            ids=site.ids,
            now=site.clock.now(),
        )
    await desk.aclose()
    desk = await site.staff("admin")
    ill, today = [words((await desk.get(path)).text) for path in ("/desk/stripe", "/desk")]
    drift = "Stripe holds £1.50 less than the books say, since 14 November; on 13 November both agreed."
    for said in (
        drift,
        "Lines of Stripe's balance: not read for too long. It should be every 5 minutes.",
        "Stripe sent no message by itself for 24 hours; 1 was fetched.",
        "1 payout whose contents should be proved by now.",
        "evt_2",
    ):
        assert said in ill, said
    assert WELL not in ill
    assert f"{drift} And 6 things more about Stripe." in today
    assert "less than 7 days 1 £1.50" in today
    [_header, *lines] = (await desk.get("/desk/stripe.csv")).text.strip().splitlines()
    assert len(lines) == len(PLANS)
    assert all("Late" in line for line in lines)
    await desk.aclose()


async def test_today_says_how_much_waits_for_how_long_and_each_age_leads_to_its_own(site: Whole) -> None:
    for subject, currency in (("GBP", "GBP"), ("EUR", "EUR")):
        async with site.db.unit_of_work() as session:
            await open_discrepancy(
                session,
                code=Code.BALANCE_DRIFT,
                subject=subject,
                amount=Money(-150, currency),
                detail={},
                ids=site.ids,
                now=site.clock.now(),
            )
        site.clock.advance(timedelta(days=15))
    async with site.db.unit_of_work() as session:
        await arrivals.found_bank(session)
        days = [site.clock.now().date() - timedelta(days=each) for each in (2, 6)]
        lines = [(days[0], 12_000), (days[1], -500), (days[0], 31_220)]
        rows = [
            arrivals.bank_line_row(at, booked_on=day, amount_minor=minor, text="BY HAND")
            for at, (day, minor) in enumerate(lines, 1)
        ]
        await arrivals.arrive(session, [], rows)
    desk = await site.staff("finance")

    today = words((await desk.get("/desk")).text)
    asked = [await desk.get(f"/desk/discrepancies?age={age}") for age in ("7", "30", "60", "nonsense")]
    young, old, oldest, all_ = (words(each.text) for each in asked)

    assert "3 bank lines to match: £432.20 came in, £5.00 went out; the oldest is 6 days old" in today
    assert "7 to 29 days 1 €1.50 30 to 59 days 1 £1.50" in today
    assert ["1 open" in each for each in (young, old)] == [True, True]
    assert "2 open" in all_
    assert "1 open" not in oldest
    file = (await desk.get("/desk/discrepancies.csv?age=30")).text
    assert ('"GBP"' in file, '"EUR"' in file) == (True, False)
    await desk.aclose()
