"""Until when the bank's statements would show a promised payment: what did not come by then has not come."""

from datetime import date

from sqlalchemy import String, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount, BankFile, BankLine, BankStatement, FileState
from supporters.reconciliation.models import BankMatch, MatchState, Side

ID_CHARS = 26


async def seen_until(session: AsyncSession) -> dict[str, date]:
    """The last day of the statements: by promise, of the account that its payments came to; by currency, of any account."""
    by_account: dict[str, date] = {}
    found: dict[str, date] = {}
    for account_id, currency, last in await _last_days(session):
        by_account[account_id] = last
        found[currency] = max(last, found.get(currency, date.min))
    match = BankMatch
    promise_id = func.substr(match.ref_id, 1, ID_CHARS, type_=String()).label("promise_id")
    paid = (
        select(promise_id, BankLine.bank_account_id)
        .join(BankLine, BankLine.id == match.bank_line_id)
        .where(match.side == Side.PROMISE.value, match.state == MatchState.CONFIRMED.value)
        .distinct()
    )
    for row in await session.execute(paid):
        day = by_account.get(row.bank_account_id, date.min)
        found[row.promise_id] = max(day, found.get(row.promise_id, date.min))
    return found


async def statements_until(session: AsyncSession) -> dict[str, date]:
    """By currency, the last day of the statements of any account; a currency without statements is left out."""
    found: dict[str, date] = {}
    for _account_id, currency, last in await _last_days(session):
        found[currency] = max(last, found.get(currency, date.min))
    return found


async def _last_days(session: AsyncSession) -> list[tuple[str, str, date]]:
    """Each account that has a statement, its currency and its last statement's last day."""
    s = BankStatement
    last = (
        select(BankAccount.id, BankAccount.currency, func.max(s.ends_on).label("last"))
        .join(s, s.bank_account_id == BankAccount.id)
        .join(BankFile, BankFile.id == s.bank_file_id)
        .where(BankFile.state == FileState.IMPORTED.value)
        .group_by(BankAccount.id, BankAccount.currency)
    )
    return [(row.id, row.currency, row.last) for row in await session.execute(last)]
