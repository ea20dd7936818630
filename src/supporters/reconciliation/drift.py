"""Does Stripe hold what the books say that it holds?"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction


class Drift(msgspec.Struct, frozen=True):
    """One currency in which the books and Stripe disagree. `waiting_minor` is the net of lines that are not posted yet."""

    currency: str
    ledger_minor: int
    stripe_minor: int
    waiting_minor: int


async def find_drift(session: AsyncSession, stripe_balance: Mapping[str, int]) -> list[Drift]:
    """Every currency in which Stripe's balance (available and pending, minor units) is not what the ledger says."""
    ledger = await _ledger_balance(session)
    waiting = await _waiting(session)
    currencies = sorted(ledger.keys() | stripe_balance.keys())
    drifts = [
        Drift(each, ledger.get(each, 0), stripe_balance.get(each, 0), waiting.get(each, 0)) for each in currencies
    ]
    return [drift for drift in drifts if drift.ledger_minor != drift.stripe_minor]


async def report_drift(session: AsyncSession, drifts: Sequence[Drift], *, ids: Ids, now: datetime) -> None:
    """Each drift is a discrepancy, once a day and currency. One that lines still waiting explain is left to them."""
    for drift in drifts:
        difference = drift.stripe_minor - drift.ledger_minor
        if difference == drift.waiting_minor:
            continue
        await open_discrepancy(
            session,
            code=Code.BALANCE_DRIFT,
            subject=f"{drift.currency}:{now:%Y-%m-%d}",
            amount=Money(difference, drift.currency),
            detail=msgspec.structs.asdict(drift),
            ids=ids,
            now=now,
        )


async def _ledger_balance(session: AsyncSession) -> dict[str, int]:
    entry = LedgerEntry
    query = (
        select(entry.currency, func.sum(entry.amount_minor))
        .where(entry.account == Account.STRIPE_BALANCE)
        .group_by(entry.currency)
    )
    return {currency: int(total) for currency, total in await session.execute(query)}


async def _waiting(session: AsyncSession) -> dict[str, int]:
    line = BalanceTransaction
    query = select(line.currency, func.sum(line.net_minor)).where(line.posted_at.is_(None)).group_by(line.currency)
    return {currency: int(total) for currency, total in await session.execute(query)}
