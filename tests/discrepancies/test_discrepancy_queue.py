"""A difference is opened once, listed by due date, and closed with a reason that the audit keeps."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from supporters.audit.models import AuditDetail, AuditEntry
from supporters.discrepancies.codes import Code, Resolution, describe, describe_resolution
from supporters.discrepancies.models import DiscrepancyState
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.queries import (
    count_open,
    count_open_by_code,
    count_overdue,
    discrepancies_of_donation,
    find_discrepancy,
    list_discrepancies,
)
from supporters.discrepancies.reasons import reasons_of
from supporters.discrepancies.resolve import resolve_discrepancy
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money

NOW = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
DONATION = "01K0DONATION00000000000000"


async def opened(db: Database, ids: Ids, code: Code = Code.PAYMENT_MISMATCH, subject: str = "pi_1") -> str:
    async with db.unit_of_work() as session:
        await open_discrepancy(
            session,
            code=code,
            subject=subject,
            donation_id=DONATION,
            amount=Money(2500, "GBP"),
            detail={"expected": 2500, "paid": 2400},
            ids=ids,
            now=NOW,
        )
        return next(d.id for d in await discrepancies_of_donation(session, DONATION) if d.subject == subject)


async def resolve(db: Database, discrepancy_id: str, reason: str = "Bank rounded it") -> None:
    async with db.unit_of_work() as session:
        await resolve_discrepancy(
            session,
            discrepancy_id,
            resolution=Resolution.EXPLAINED,
            reason=reason,
            actor_id="dana",
            now=NOW + timedelta(hours=1),
        )


async def test_opening_twice_opens_once_and_keeps_what_was_first_said(db: Database, ids: Ids) -> None:
    first = await opened(db, ids)

    second = await opened(db, ids)

    assert first == second
    async with db.reading() as session:
        found = await find_discrepancy(session, first)
        assert await count_open(session) == 1
    assert found is not None
    assert (found.amount_minor, found.currency, found.detail) == (2500, "GBP", {"expected": 2500, "paid": 2400})
    assert (found.opened_at, found.due_on) == (NOW, date(2026, 11, 23))


async def test_open_ones_are_listed_by_due_date_and_counted_by_code(db: Database, ids: Ids) -> None:
    slow = await opened(db, ids, Code.EVENT_PARKED, "letter_1")
    urgent = await opened(db, ids, Code.REFUND_FAILED, "re_1")

    async with db.reading() as session:
        listed = [d.id for d in await list_discrepancies(session)]
        only = [d.id for d in await list_discrepancies(session, code=Code.EVENT_PARKED)]
        counts = await count_open_by_code(session)
        overdue = [await count_overdue(session, today=NOW.date() + timedelta(days=days)) for days in (1, 2, 8)]

    assert listed == [urgent, slow]
    assert only == [slow]
    assert counts == {Code.EVENT_PARKED: 1, Code.REFUND_FAILED: 1}
    assert overdue == [0, 1, 2]


async def test_resolving_closes_it_and_the_audit_keeps_why(db: Database, ids: Ids) -> None:
    found = await opened(db, ids)

    await resolve(db, found)

    async with db.reading() as session:
        assert await list_discrepancies(session) == []
        [closed] = await list_discrepancies(session, state=DiscrepancyState.RESOLVED)
        deed = (await session.scalars(select(AuditEntry))).one()
        detail = (await session.scalars(select(AuditDetail.detail))).one()
        said = await reasons_of(session, found)
    assert (closed.resolution, closed.reason, closed.resolved_by) == ("explained", "Bank rounded it", "dana")
    assert (deed.action, deed.record_id, deed.actor_id) == ("discrepancy.resolve", found, "dana")
    assert detail == {"resolution": "explained", "reason_sha256": next(iter(said))}
    assert list(said.values()) == ["Bank rounded it"]


async def test_a_resolved_one_is_never_opened_again(db: Database, ids: Ids) -> None:
    await resolve(db, await opened(db, ids))

    await opened(db, ids)

    async with db.reading() as session:
        assert await count_open(session) == 0


@pytest.mark.parametrize("reason", ["", "   ", "\u200b\n"])
async def test_no_reason_no_resolution(reason: str, sqlite_db: Database, ids: Ids) -> None:
    found = await opened(sqlite_db, ids)

    with pytest.raises(Refused):
        await resolve(sqlite_db, found, reason)

    async with sqlite_db.reading() as session:
        assert await count_open(session) == 1


async def test_resolving_twice_is_a_conflict_and_is_audited_once(db: Database, ids: Ids) -> None:
    found = await opened(db, ids)
    await resolve(db, found)

    with pytest.raises(Conflict):
        await resolve(db, found, "again")

    async with db.reading() as session:
        assert len((await session.scalars(select(AuditEntry))).all()) == 1


async def test_resolving_what_is_not_there_is_not_found(sqlite_db: Database) -> None:
    with pytest.raises(NotFound):
        await resolve(sqlite_db, "0" * 26)


def test_every_code_and_resolution_has_its_sentence() -> None:
    sentences = [describe(code) for code in Code] + [describe_resolution(each) for each in Resolution]

    assert all(sentence.endswith(".") for sentence in sentences)
    assert len(set(sentences)) == len(Code) + len(Resolution)
