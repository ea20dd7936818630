"""One statement a year: each payment is held to the wish that stood when it was paid, and none is left out."""

from datetime import UTC, datetime
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from sqlalchemy import Connection, insert, select, update

from books import SUPPORTER, donation_id, donation_row, found
from promises import instalment_row, payment_row, plan_id, plan_row
from supporters.donations.models import Donation
from supporters.jobs.queue import enqueue, run_due
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.templates import Templates
from supporters.mail.models import Letter
from supporters.mail.render import render_letter
from supporters.paths import data_dir
from supporters.people.models import EmailAddress
from supporters.plans.history import note
from supporters.plans.models import Instalment, Plan
from supporters.plans.wishes import CHANGED, wish_at
from supporters.receipts.jobs import SEND, send_statements
from supporters.receipts.models import StatedPayment, YearStatement
from supporters.receipts.yearly import keep_for_statement
from supporters.settings import Settings

OLD_WISHES = data_dir("migrations") / "versions" / "2026_11_23_48_receipts_keep_the_wish.py"


def old_wishes(connection: Connection) -> list[dict[str, Any]]:
    """What the migration writes of the payments that are there."""
    spec = spec_from_file_location("old_wishes", OLD_WISHES)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.known_wishes(connection))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def pay(db: Database, number: int, paid_at: str, **changes: object) -> None:
    """A payment of somebody who wants one statement a year."""
    moment = at(paid_at)
    async with db.unit_of_work() as session:
        await session.execute(insert(Donation).values(donation_row(number, paid_at=moment, **changes)))
        await keep_for_statement(session, donation_id(number), now=moment)


async def send(db: Database, clock: FixedClock, ids: Ids, settings: Settings, day: str) -> list[Letter]:
    """The job has run on that day; all letters so far."""
    clock.set(at(day))
    async with db.unit_of_work() as session:
        await enqueue(session, SEND, {}, ids=ids, now=clock.now())
    await run_due(db, {SEND: partial(send_statements, settings=settings)}, clock=clock, ids=ids)
    async with db.reading() as session:
        return list(await session.scalars(select(Letter).order_by(Letter.id)))


async def test_statement_goes_out_in_january_once_and_again_with_a_payment_that_is_heard_of_late(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    async with db.unit_of_work() as session:
        await found(session)
        row = {"id": "E" * 26, "supporter_id": SUPPORTER, "created_at": at("2026-01-01")}
        await session.execute(insert(EmailAddress).values(address="ben@reader.example", normalised="ben@x", **row))
    await pay(db, 1, "2026-03-01T09:00", refunded_minor=500)
    await pay(db, 2, "2026-12-31T23:30")
    await pay(db, 3, "2027-01-01T00:30")  # of the new year

    assert await send(db, clock, ids, settings, "2027-01-04T12:00") == []
    [letter] = await send(db, clock, ids, settings, "2027-01-05T12:00")
    assert len(await send(db, clock, ids, settings, "2027-02-05T12:00")) == 1
    rendered = render_letter(Templates(settings, asset=lambda name: name, clock=clock), letter)
    await pay(db, 4, "2026-12-30T09:00")
    again = (await send(db, clock, ids, settings, "2027-02-06T12:00"))[1:]

    assert rendered.subject == "Your giving in 2026"
    assert "1 Mar 2026, D-00000001: £25.00 (£5.00 of it went back to you)" in rendered.text
    assert "2 payments: £45.00 (after £5.00 that went back to you)" in rendered.text
    assert "/me/statement/2026" in rendered.text
    assert "D-00000003" not in rendered.text + rendered.html
    assert "takes the place" not in rendered.html
    assert [(each.context["is_again"], len(each.context["rows"])) for each in again] == [(True, 3)]
    async with db.reading() as session:
        told = await session.execute(
            select(StatedPayment.donation_id, YearStatement.payments)
            .outerjoin(YearStatement, YearStatement.id == StatedPayment.statement_id)
            .order_by(StatedPayment.donation_id)
        )
        assert [count for _id, count in told] == [2, 2, None, 3]


async def test_who_has_no_address_has_a_statement_without_a_letter(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await found(session)
    await pay(sqlite_db, 1, "2026-03-01T09:00")
    await pay(sqlite_db, 2, "2026-03-02T09:00", state="expired")

    assert await send(sqlite_db, clock, ids, settings, "2027-01-05T12:00") == []

    async with sqlite_db.reading() as session:
        [statement] = await session.scalars(select(YearStatement))
    assert (statement.year, statement.payments, statement.has_letter) == (2026, 1, False)


async def test_wish_is_the_one_that_stood_when_the_payment_was_made(db: Database, ids: Ids) -> None:
    days = {4: "each", 5: "yearly", 10: "each", 19: "each", 20: "yearly"}
    async with db.unit_of_work() as session:
        await found(session)
        at_noon = {day: datetime(2026, 7, day, 13, tzinfo=UTC) for day in days}
        payments = [payment_row(1, day, moment) for day, moment in at_noon.items()]
        await session.execute(insert(Donation), [donation_row(100), *payments])
        await session.execute(insert(Plan).values(plan_row(1, receipts="yearly")))
        paid_by = [instalment_row(1, day) | {"created_at": moment} for day, moment in at_noon.items()]
        await session.execute(insert(Instalment), paid_by)
        for day in (5, 10, 20):
            moment = datetime(2026, 7, day, 12, tzinfo=UTC)
            await note(session, plan_id(1), CHANGED, cause=str(day), ids=ids, now=moment)
        await session.execute(
            update(Instalment).where(Instalment.donation_id == donation_id(110)).values(created_at=moment)
        )
        plan = await session.get_one(Plan, plan_id(1))

        assert {day: await wish_at(session, plan, moment) for day, moment in at_noon.items()} == days
        known = await session.run_sync(lambda sync: old_wishes(sync.connection()))

    # Old payments are told apart by the same history; one of the very moment of a change can't be.
    wished = {int(row["donation_id"][-2:]): row["wished"] for row in known}
    assert wished == {5: "yearly", 10: "unknown", 20: "yearly"}
