"""Do the books hold? Every room's checks, run together."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.checks import find_broken_links
from supporters.bank.checks import checks as bank_checks
from supporters.bank.gaps import unseen_gaps
from supporters.donations.checks import checks as donation_checks
from supporters.exports.checks import checks as export_checks
from supporters.jobs.work import Work
from supporters.kit.db import UTCDateTime
from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check
from supporters.ledger.checks import checks as ledger_checks
from supporters.ledger.verdict import keep_verdict, last_verdict
from supporters.payments.checks import checks as payment_checks
from supporters.receipts.checks import checks as receipt_checks
from supporters.reconciliation.checks import checks as reconciliation_checks
from supporters.reconciliation.drift import find_drift
from supporters.reconciliation.match_checks import checks as match_checks
from supporters.reconciliation.other_checks import checks as other_checks

SHOWN = 20  # offending rows named per check
AUDIT = "audit_chain"
GAPS = "bank_statements_go_on"
CHECK_BOOKS = "books.check"
VERDICT_HOLDS = timedelta(days=2)
WORK_MEMORY_MB = 32  # of PostgreSQL, for this transaction: what a year adds up to is sorted without a file

log = structlog.stdlib.get_logger("books")


class BrokenCheck(msgspec.Struct, frozen=True):
    """One thing that must hold, with up to 20 of the rows that show that it does not; without rows it holds. No personal data."""

    name: str
    sentence: str
    rows: tuple[str, ...]


async def run_checks(
    session: AsyncSession, *, now: datetime, stripe_balance: Mapping[str, int] | None = None
) -> list[BrokenCheck]:
    """Everything that does not hold in the books; an empty list means that they hold. Reads only.

    With `stripe_balance` (minor units by currency, available and pending together) the ledger is held to it too.
    """
    return [found for found in await run_each(session, now=now, stripe_balance=stripe_balance) if found.rows]


async def run_each(
    session: AsyncSession, *, now: datetime, stripe_balance: Mapping[str, int] | None = None
) -> list[BrokenCheck]:
    """Every check by name, with the rows that break it, if any. Reads only."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY_MB}MB'"))
    found = [await run_one(session, check, now=now) for check in all_checks()]
    found.append(await _run_audit(session))
    found.append(BrokenCheck(GAPS, _gaps_sentence(), tuple(await unseen_gaps(session, limit=SHOWN))))
    if stripe_balance is not None:
        found.append(await _run_drift(session, stripe_balance))
    return found


async def watch_books(work: Work, _payload: dict[str, Any]) -> None:
    """Job `books.check`: whether the books hold is on record, and the desk says so while they do not."""
    now = work.clock.now()
    async with work.db.reading() as session:
        broken = await run_checks(session, now=now)
    for each in broken:
        log.error("books_broken", reference=each.name, count=len(each.rows))
    async with work.db.unit_of_work() as session:
        await keep_verdict(session, {each.name: each.rows for each in broken}, now=now)
        await work.finish(session)


def sentences() -> dict[str, str]:
    """What each check that stands in a verdict says must hold, by its name."""
    return {check.name: check.sentence for check in all_checks()} | {AUDIT: _audit_sentence(), GAPS: _gaps_sentence()}


async def books_hold(session: AsyncSession, *, now: datetime) -> list[BrokenCheck]:
    """What stands in the way of handing the books on: whatever does not hold in them. Empty when they hold."""
    return await run_checks(session, now=now)


async def look_whole(session: AsyncSession, *, now: datetime) -> list[BrokenCheck]:
    """The same for a page that hands nothing on: a verdict of the last two days that found nothing is enough.

    A hundred thousand transactions take the checks two seconds and more; whatever hands the books on asks `books_hold`.
    """
    verdict = await last_verdict(session)
    if verdict is not None and not verdict.broken and now - verdict.taken_at <= VERDICT_HOLDS:
        return []
    return await books_hold(session, now=now)


def all_checks() -> list[Check]:
    """Every check that is one SQL statement."""
    return [
        *ledger_checks(),
        *payment_checks(),
        *bank_checks(),
        *donation_checks(),
        *receipt_checks(),
        *reconciliation_checks(),
        *match_checks(),
        *other_checks(),
        *export_checks(),
    ]


async def run_one(session: AsyncSession, check: Check, *, now: datetime) -> BrokenCheck:
    """The check with the rows that break it, if any. Reads only."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    found = await session.execute(_statement(check.sqlite if is_sqlite and check.sqlite else check.sql, now))
    rows = [" ".join(f"{name}={value}" for name, value in row.items()) for row in found.mappings().fetchmany(SHOWN)]
    return BrokenCheck(check.name, check.sentence, tuple(rows))


def _statement(sql: str, now: datetime) -> TextClause:
    statement = text(sql)
    if ":day_ago" not in sql:
        return statement
    return statement.bindparams(bindparam("day_ago", now - timedelta(days=1), type_=UTCDateTime()))


async def _run_audit(session: AsyncSession) -> BrokenCheck:
    return BrokenCheck(AUDIT, _audit_sentence(), tuple(await find_broken_links(session, limit=SHOWN)))


def _audit_sentence() -> str:
    return _("The audit chain is whole: no entry was changed, removed or slipped in.")


def _gaps_sentence() -> str:
    return _("Every bank statement opens where the one before it ended, or a discrepancy says that it does not.")


async def _run_drift(session: AsyncSession, stripe_balance: Mapping[str, int]) -> BrokenCheck:
    rows = [
        f"currency={drift.currency} ledger_minor={drift.ledger_minor} stripe_minor={drift.stripe_minor} "
        f"waiting_minor={drift.waiting_minor}"
        for drift in await find_drift(session, stripe_balance)
    ]
    return BrokenCheck("balance_drift", _("Stripe holds what the books say that it holds."), tuple(rows))
