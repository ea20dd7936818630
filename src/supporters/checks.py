"""Do the books hold? Every room's checks, run together."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.checks import find_broken_links
from supporters.donations.checks import checks as donation_checks
from supporters.kit.db import UTCDateTime
from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check
from supporters.ledger.checks import checks as ledger_checks
from supporters.payments.checks import checks as payment_checks
from supporters.receipts.checks import checks as receipt_checks
from supporters.reconciliation.checks import checks as reconciliation_checks
from supporters.reconciliation.drift import find_drift

SHOWN = 20  # offending rows named per check


class BrokenCheck(msgspec.Struct, frozen=True):
    """One thing that must hold and does not, with up to 20 of the rows that show it. No personal data."""

    name: str
    sentence: str
    rows: tuple[str, ...]


async def run_checks(
    session: AsyncSession, *, now: datetime, stripe_balance: Mapping[str, int] | None = None
) -> list[BrokenCheck]:
    """Everything that does not hold in the books; an empty list means that they hold. Reads only.

    With `stripe_balance` (minor units by currency, available and pending together) the ledger is held to it too.
    """
    broken = [await _run(session, check, now=now) for check in all_checks()]
    broken.append(await _run_audit(session))
    if stripe_balance is not None:
        broken.append(await _run_drift(session, stripe_balance))
    return [found for found in broken if found.rows]


def all_checks() -> list[Check]:
    """Every check that is one SQL statement."""
    return [
        *ledger_checks(),
        *payment_checks(),
        *donation_checks(),
        *receipt_checks(),
        *reconciliation_checks(),
    ]


async def _run(session: AsyncSession, check: Check, *, now: datetime) -> BrokenCheck:
    found = await session.execute(_statement(check, now))
    rows = [" ".join(f"{name}={value}" for name, value in row.items()) for row in found.mappings().fetchmany(SHOWN)]
    return BrokenCheck(check.name, check.sentence, tuple(rows))


def _statement(check: Check, now: datetime) -> TextClause:
    statement = text(check.sql)
    if ":day_ago" not in check.sql:
        return statement
    return statement.bindparams(bindparam("day_ago", now - timedelta(days=1), type_=UTCDateTime()))


async def _run_audit(session: AsyncSession) -> BrokenCheck:
    sentence = _("The audit chain is whole: no entry was changed, removed or slipped in.")
    return BrokenCheck("audit_chain", sentence, tuple(await find_broken_links(session, limit=SHOWN)))


async def _run_drift(session: AsyncSession, stripe_balance: Mapping[str, int]) -> BrokenCheck:
    rows = [
        f"currency={drift.currency} ledger_minor={drift.ledger_minor} stripe_minor={drift.stripe_minor} "
        f"waiting_minor={drift.waiting_minor}"
        for drift in await find_drift(session, stripe_balance)
    ]
    return BrokenCheck("balance_drift", _("Stripe holds what the books say that it holds."), tuple(rows))
