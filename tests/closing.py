"""What tests of closing discrepancies do again and again."""

from datetime import timedelta

from sqlalchemy import func, insert, select

from books import NOW
from supporters.checks import run_checks
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry
from supporters.reconciliation.resolutions import Asked, Outcome, Rules, close
from supporters.staff.models import Staff

ZONE = "Europe/London"
RULES = Rules(second_above_minor=0, time_zone=ZONE)
STRICT = Rules(second_above_minor=1000, time_zone=ZONE)
LATER = NOW + timedelta(hours=1)


async def opened(db: Database, ids: Ids, code: Code, subject: str, **more: object) -> str:
    async with db.unit_of_work() as session:
        await open_discrepancy(session, code=code, subject=subject, ids=ids, now=NOW, **more)  # pyright: ignore[reportArgumentType]
        wanted = select(Discrepancy.id).where(Discrepancy.code == code.value, Discrepancy.subject == subject)
        return (await session.scalars(wanted)).one()


async def add_staff(db: Database, *names: str) -> None:
    async with db.unit_of_work() as session:
        for name in names:
            row = {"id": name, "email": name, "name": name.title(), "password_hash": "", "role": "finance"}
            await session.execute(insert(Staff).values(**row, is_active=True, created_at=NOW))


async def close_it(
    db: Database,
    ids: Ids,
    which: str,
    way: Resolution,
    *,
    rules: Rules = RULES,
    actor: str = "dana",
    fund_id: str | None = None,
    alone: str = "",
) -> Outcome:
    asked = Asked(resolution=way, reason="The giver wrote to us.", fund_id=fund_id, alone_reason=alone)
    async with db.unit_of_work() as session:
        return await close(session, which, asked, rules=rules, actor_id=actor, ids=ids, now=LATER)


async def balances(db: Database) -> dict[str, int]:
    async with db.reading() as session:
        query = select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor)).group_by(LedgerEntry.account)
        return {account: int(total) for account, total in await session.execute(query) if total}


async def it_is(db: Database, which: str) -> Discrepancy:
    async with db.reading() as session:
        return await session.get_one(Discrepancy, which)


async def books_hold(db: Database) -> None:
    async with db.reading() as session:
        broken = await run_checks(session, now=NOW)
    assert [each.name for each in broken if each.name != "paid_has_receipt"] == []
