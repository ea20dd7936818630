"""The audit chain: whole as long as nobody touched it, whole after erasure, broken by anything else."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from supporters.audit.checks import find_broken_links
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.audit.record import FIRST_DIGEST, record
from supporters.kit.db import Database
from supporters.ledger.triggers import drop_statements

NOW = datetime(2026, 11, 22, 9, 36, 0, 123456, tzinfo=UTC)


async def write(db: Database, count: int = 1, *, detail: dict[str, object] | None = None) -> None:
    for number in range(count):
        async with db.unit_of_work() as session:
            await record(
                session,
                actor_kind="staff",
                actor_id="dana",
                action="receipt.correct",
                record_kind="receipt",
                record_id=f"r{number}",
                detail=detail or {"email": "ada@reader.example", "words": "für Zoë", "count": number},
                now=NOW,
                request_id="req-1",
            )


async def broken(db: Database) -> list[str]:
    async with db.reading() as session:
        return await find_broken_links(session)


async def tamper(db: Database, statement: str) -> None:
    async with db.engine.begin() as connection:
        for drop in drop_statements("sqlite" if db.is_sqlite else "postgresql"):
            await connection.exec_driver_sql(drop)
        await connection.execute(text(statement))


async def test_entries_follow_each_other(db: Database) -> None:
    await write(db, 3)

    async with db.reading() as session:
        entries = (await session.scalars(select(AuditEntry).order_by(AuditEntry.seq))).all()
    assert [entry.previous_digest for entry in entries] == [FIRST_DIGEST, entries[0].digest, entries[1].digest]
    assert entries[0].at == NOW
    assert await broken(db) == []


async def test_a_deed_that_was_rolled_back_leaves_no_link(db: Database) -> None:
    await write(db, 1)
    with pytest.raises(ZeroDivisionError):
        await write_and_fail(db)
    await write(db, 1)

    async with db.reading() as session:
        assert len((await session.scalars(select(AuditEntry))).all()) == 2
    assert await broken(db) == []


async def write_and_fail(db: Database) -> None:
    async with db.unit_of_work() as session:
        await record(
            session,
            actor_kind="cli",
            actor_id=None,
            action="a.b",
            record_kind="k",
            record_id="1",
            detail={},
            now=NOW,
        )
        raise ZeroDivisionError


async def test_many_at_once_make_one_chain(db: Database) -> None:
    await asyncio.gather(*(write(db, 3) for _ in range(6)))

    async with db.reading() as session:
        assert len((await session.scalars(select(AuditEntry))).all()) == 18
    assert await broken(db) == []


async def test_erasing_a_detail_breaks_nothing(db: Database) -> None:
    await write(db, 3)

    async with db.unit_of_work() as session:
        await session.execute(text("UPDATE audit_detail SET detail = NULL, salt = NULL WHERE seq = 2"))

    assert await broken(db) == []


@pytest.mark.parametrize("erased", ["{}", '{"email": "eve@reader.example"}'])
async def test_a_changed_detail_is_noticed(erased: str, db: Database) -> None:
    await write(db, 3)

    async with db.unit_of_work() as session:
        detail = (await session.scalars(select(AuditDetail).where(AuditDetail.seq == 2))).one()
        await session.execute(text("UPDATE audit_detail SET detail = :new WHERE seq = 2"), {"new": erased})

    assert detail.detail == {"email": "ada@reader.example", "words": "für Zoë", "count": 1}
    assert await broken(db) == ["2: its detail was changed"]


@pytest.mark.parametrize(
    "change",
    [
        "actor_id = 'mallory'",
        "actor_kind = 'cli'",
        "action = 'x'",
        "record_kind = 'x'",
        "record_id = 'x'",
        "request_id = NULL",
    ],
)
async def test_a_changed_field_is_noticed(change: str, db: Database) -> None:
    await write(db, 3)

    await tamper(db, f"UPDATE audit_entry SET {change} WHERE seq = 2")

    assert await broken(db) == ["2: its fields were changed"]


async def test_a_changed_time_is_noticed(db: Database) -> None:
    await write(db, 3)

    await tamper(db, "UPDATE audit_entry SET at = '2026-11-22 09:36:00.123457' WHERE seq = 2")

    assert await broken(db) == ["2: its fields were changed"]


async def test_a_removed_entry_is_noticed(db: Database) -> None:
    await write(db, 3)
    async with db.unit_of_work() as session:
        await session.execute(text("DELETE FROM audit_detail WHERE seq = 2"))

    await tamper(db, "DELETE FROM audit_entry WHERE seq = 2")

    assert await broken(db) == ["3: does not follow the entry before it"]


async def test_a_removed_detail_is_noticed(db: Database) -> None:
    await write(db, 2)

    await tamper(db, "DELETE FROM audit_detail WHERE seq = 1")

    assert await broken(db) == ["1: its detail is gone"]
