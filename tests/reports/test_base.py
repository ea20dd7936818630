"""The monthly base: who gives every month, how that moved, and that the ledger holds what the plans brought."""

from datetime import UTC, date, datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import insert, update

import books
from promises import add_plan, plan_id, settle
from supporters.donations.models import Donation
from supporters.kit.db import Database
from supporters.people.models import Supporter
from supporters.plans.models import PlanChange
from supporters.reports.base import Base, Part, base_and_books, base_now
from supporters.reports.months import last_months

MONTHS = last_months(date(2026, 11, 22), 3)


def at(month: int, day: int = 5, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def base(db: Database, zone: str = "Europe/London", currency: str = "GBP") -> list[Base]:
    """Read twice: payments whose books say just what they say are counted from the index, or everything is added up."""
    async with db.reading() as session:
        found = await base_and_books(session, months=MONTHS, zone=zone, currency=currency)
        with patch("supporters.reports.regular.MOST_ODD", -1):
            assert found == await base_and_books(session, months=MONTHS, zone=zone, currency=currency)
    return found


def change_row(plan: int, was: int, wanted: int, done_at: datetime, **changes: Any) -> dict[str, Any]:
    """Another amount, which Stripe has confirmed."""
    return {
        "id": f"C{plan:025d}", "plan_id": plan_id(plan), "kind": "amount", "was": {"amount_minor": was},
        "wanted": {"amount_minor": wanted}, "state": "done", "actor": "supporter", "idempotency_key": f"k{plan}",
        "created_at": done_at, "done_at": done_at, **changes,
    }  # fmt: skip


async def test_every_plan_is_counted_in_the_months_in_which_it_began_and_ended(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(6), at(9), at(10), at(11)])
        await add_plan(session, 2, [at(10)], amount_minor=2500, frequency="yearly")
        await add_plan(session, 3, [at(6)], state="stopped", stopped_at=at(10), stop_reason="supporter")
        await add_plan(session, 4, [at(9)], state="stopped", stopped_at=at(11), stop_reason="payments_failed")
        await add_plan(session, 5, [at(11)], state="paused", paused_until=at(12))
        await add_plan(session, 6, [at(11)], state="failing", failed_invoice_id="in_x", amount_minor=500)

    (found,) = await base(db)

    assert found.now == Part(4, 1, 1000 + 208 + 1000 + 500)
    assert (found.paused, found.failing, found.stopping) == (Part(1, 1, 1000), Part(1, 1, 500), Part())
    november, october, september = found.months
    assert (november.new, november.stopped, november.failed) == (Part(2, 1, 1500), Part(), Part(1, 1, 1000))
    assert (october.new, october.stopped, october.failed) == (Part(1, 1, 208), Part(1, 1, 1000), Part())
    assert (september.new, september.start.plans, september.start.minor) == (Part(1, 1, 1000), 2, 2000)
    assert november.end == found.now


async def test_an_amount_that_was_changed_moves_the_month_of_its_change_and_not_that_of_its_start(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(6)], amount_minor=1500)
        await add_plan(session, 2, [at(10)], amount_minor=700)
        changes = [change_row(1, 1000, 1500, at(11)), change_row(2, 1000, 700, at(11)), change_row(3, 1, 9, at(11))]
        await add_plan(session, 3, [at(11)], state="stopped", stopped_at=at(11), stop_reason="undone")
        await session.execute(insert(PlanChange), changes)

    (found,) = await base(db)

    november, october, september = found.months
    assert (november.changed_minor, november.new.minor, november.end.minor) == (200, 0, 2200)
    assert (october.new.minor, october.end.minor, october.changed_minor) == (1000, 2000, 0)
    assert (september.start.minor, september.end.minor) == (1000, 1000)


async def test_what_never_began_is_counted_nowhere(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(11)], state="starting", settled=0)
        await add_plan(session, 2, [at(11)], state="stopped", stopped_at=at(11), stop_reason="never_paid", settled=0)
        await add_plan(session, 3, [at(11)], state="stopped", stopped_at=at(11), stop_reason="undone", settled=0)
        await add_plan(session, 4, [at(11)], state="stopped", stopped_at=at(11), stop_reason="supporter", settled=0)
        await session.execute(update(Donation).values(state="processing", paid_at=None))

    (found,) = await base(db)

    assert found.now == Part()
    assert all((each.new, each.stopped, each.failed) == (Part(), Part(), Part()) for each in found.months)
    assert found.settled[0].payments == 0


async def test_a_month_begins_at_midnight_of_the_newsroom(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(10, 31, 23)])

    (london,) = await base(db)
    (berlin,) = await base(db, zone="Europe/Berlin")

    assert [each.new.plans for each in london.months] == [0, 1, 0]
    assert [each.new.plans for each in berlin.months] == [1, 0, 0]
    assert [each.given_minor for each in berlin.settled] == [1000, 0, 0]


async def test_what_plans_brought_is_what_the_recurring_account_holds_and_the_rest_is_said_to_be_open(
    db: Database,
) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(10), at(11)], settled=1)
        await add_plan(session, 2, [at(11)])

    (found,) = await base(db)

    november, october, _september = found.settled
    assert (november.payments, november.given_minor, november.unsettled_minor) == (2, 2000, 1000)
    assert (november.settled_minor, november.books_minor) == (1000, 1000)
    assert (october.settled_minor, october.books_minor) == (1000, 1000)
    assert found.is_proved


async def test_a_payment_that_the_ledger_holds_otherwise_is_shown_as_a_difference(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(10), at(11)], settled=1)
        await settle(session, 1, 1, account="4000")

    (found,) = await base(db)

    assert [each.is_proved for each in found.settled] == [False, True, True]
    assert not found.is_proved


async def test_who_was_merged_counts_as_the_one_they_were_merged_into(db: Database) -> None:
    merged = {"id": "M" * 26, "merged_into_id": books.SUPPORTER}
    async with db.unit_of_work() as session:
        await books.found(session)
        people = [merged, {"id": "N" * 26, "merged_into_id": None}]
        await session.execute(insert(Supporter), [{"name": "Ben", "created_at": at(6)} | each for each in people])
        await add_plan(session, 1, [at(11)], state="paused", paused_until=at(12))
        await add_plan(session, 2, [at(11)], state="paused", paused_until=at(12), supporter_id="M" * 26)
        await add_plan(session, 3, [at(11)], supporter_id="N" * 26)

    (found,) = await base(db)

    assert (found.now, found.paused) == (Part(3, 2, 3000), Part(2, 1, 2000))
    assert found.months[0].new == Part(3, 2, 3000)


async def test_currencies_stay_apart(db: Database) -> None:
    async with db.unit_of_work() as session:
        await books.found(session)
        await add_plan(session, 1, [at(11)])
        await add_plan(session, 2, [at(11)], currency="EUR", amount_minor=700, settled=0)

    async with db.reading() as session:
        pounds, euros = await base_now(session, months=MONTHS, zone="UTC", currency="GBP")

    assert (pounds.currency, pounds.now.minor, euros.currency, euros.now.minor) == ("GBP", 1000, "EUR", 700)
