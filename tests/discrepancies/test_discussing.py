"""Before one is closed: colleagues write, take it on, give it another day; what is for information waits for nobody."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from books import NOW
from closing import LATER, add_staff, close_it, it_is, opened
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.discuss import add_comment, assign, change_due
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.queries import comments_on, count_open
from supporters.discrepancies.resolve import note_quiet
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids


async def test_a_resolved_one_opens_again_only_when_it_looks_otherwise(db: Database, ids: Ids) -> None:
    which = await opened(db, ids, Code.FEE_WITHOUT_CHARGE, "2026-11:GBP", fingerprint="2:180", detail={"count": 2})
    await close_it(db, ids, which, Resolution.NOTED)

    await opened(db, ids, Code.FEE_WITHOUT_CHARGE, "2026-11:GBP", fingerprint="2:180", detail={"count": 2})
    same = (await it_is(db, which)).state
    await opened(db, ids, Code.FEE_WITHOUT_CHARGE, "2026-11:GBP", fingerprint="3:240", detail={"count": 3})

    other = await it_is(db, which)
    assert (same, other.state, other.detail) == ("resolved", "open", {"count": 3})


async def test_what_is_for_information_waits_for_nobody_and_is_read_at_once(sqlite_db: Database, ids: Ids) -> None:
    await opened(sqlite_db, ids, Code.FX_CONVERSION, "2026-11:EUR")
    await opened(sqlite_db, ids, Code.WEBHOOK_MISSED, "2026-11")
    await opened(sqlite_db, ids, Code.BALANCE_DRIFT, "GBP")

    async with sqlite_db.unit_of_work() as session:
        read = await note_quiet(session, actor_id="dana", now=LATER)
        again = await note_quiet(session, actor_id="dana", now=LATER)

    async with sqlite_db.reading() as session:
        left = await count_open(session)
        states = list(await session.scalars(select(Discrepancy.state).order_by(Discrepancy.code)))
    assert (read, again, left) == (2, 0, 1)
    assert states == ["open", "resolved", "resolved"]


async def test_colleagues_write_take_it_on_and_give_it_another_day(db: Database, ids: Ids) -> None:
    await add_staff(db, "dana", "fay")
    which = await opened(db, ids, Code.BALANCE_DRIFT, "GBP")
    day = datetime(2026, 12, 1, tzinfo=UTC).date()

    async with db.unit_of_work() as session:
        await add_comment(session, which, "  Stripe answers tomorrow.\r\nI wait. ", actor_id="dana", ids=ids, now=NOW)
        await assign(session, which, "fay", actor_id="dana", now=NOW)
        await change_due(session, which, day, actor_id="dana", now=NOW)
        with pytest.raises(Refused):
            await assign(session, which, "mallory", actor_id="dana", now=NOW)
        with pytest.raises(Refused):
            await add_comment(session, which, " \n", actor_id="dana", ids=ids, now=NOW)

    async with db.reading() as session:
        thread = [(each.words, each.written_by) for each in await comments_on(session, which)]
    it = await it_is(db, which)
    assert thread == [("Stripe answers tomorrow.\nI wait.", "dana")]
    assert (it.owner_id, it.due_on) == ("fay", day)


async def test_a_closed_one_is_given_to_nobody(sqlite_db: Database, ids: Ids) -> None:
    which = await opened(sqlite_db, ids, Code.BALANCE_DRIFT, "GBP")
    await close_it(sqlite_db, ids, which, Resolution.EXPLAINED)

    async with sqlite_db.unit_of_work() as session:
        with pytest.raises(Conflict):
            await assign(session, which, None, actor_id="dana", now=NOW)
