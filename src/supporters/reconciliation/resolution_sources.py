"""Where the money of a discrepancy stands in the ledger, and under which source its resolution is posted."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from supporters.bank.models import BankLine, LineState
from supporters.discrepancies.codes import SUSPENSE_CODES, Code
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Dispute, DisputeState, Donation, Frequency
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.reverse import reverse
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.disputes import DISPUTE_KIND, WITHDRAWN, moved_to_exchange
from supporters.reconciliation.disputes import PURPOSE as DISPUTE_PURPOSE
from supporters.reconciliation.models import BankMatch, MatchState, Side
from supporters.reconciliation.postings import PLACED_CATEGORIES, SOURCE_KIND

DISCREPANCY_KIND = "discrepancy"
EXCHANGED = (Code.PARTIAL_DISPUTE, Code.FX_DISPUTE)  # more or less was taken than the payment had brought
OF_DISPUTES = (
    Code.DISPUTE_UNPAID,
    *EXCHANGED,
)  # posted under the dispute's own name: what is left of one is counted there

_FROM: Mapping[Code, Account] = {
    Code.PAYMENT_MISMATCH: Account.SUSPENSE,
    Code.DUPLICATE_PAYMENT: Account.SUSPENSE,
    Code.PAYMENT_UNTRACED: Account.SUSPENSE,
    Code.UNKNOWN_CATEGORY: Account.SUSPENSE,
    Code.REFUND_FAILED: Account.REFUNDS,
    Code.REFUND_NOT_MADE: Account.REFUNDS,
    Code.DISPUTE_UNPAID: Account.DISPUTES_RECEIVABLE,
    Code.PARTIAL_DISPUTE: Account.DISPUTES_RECEIVABLE,
    Code.FX_DISPUTE: Account.DISPUTES_RECEIVABLE,
    Code.DEPOSIT_BATCH_OFF: Account.UNDEPOSITED,
    Code.BANK_CREDIT_UNKNOWN: Account.BANK,
}


class Found(msgspec.Struct, frozen=True):
    """What stands on the account where the money waits, by currency (debit positive), and whose it seems to be."""

    sums: Mapping[str, int]
    donation_id: str | None = None
    fund_id: str | None = None
    appeal_id: str | None = None
    is_recurring: bool = False


class Source(msgspec.Struct, frozen=True):
    """Under which key a resolution is posted. No day of its own: the day on which it is decided."""

    kind: str
    id: str
    purpose: str
    revision: int
    booked_on: date | None = None


def account_from(code: Code) -> Account:
    """The account on which the money of such a discrepancy waits."""
    return _FROM[code]


async def money_of(session: AsyncSession, found: Discrepancy) -> Found:
    """What can be moved now; no sums where nothing can."""
    sums = await _sums(session, found)
    donation = await session.get(Donation, found.donation_id) if found.donation_id else None
    if donation is None:
        return Found(sums)
    is_recurring = donation.frequency != Frequency.ONCE
    return Found(sums, donation.id, donation.fund_id, donation.appeal_id, is_recurring)


async def source_of(session: AsyncSession, found: Discrepancy) -> Source:
    """The key of the next posting of this discrepancy's resolution."""
    code = Code(found.code)
    if code in OF_DISPUTES:
        return Source(DISPUTE_KIND, found.subject, DISPUTE_PURPOSE, await _count(session, DISPUTE_KIND, found.subject))
    line = await session.get(BankLine, found.subject) if code is Code.BANK_CREDIT_UNKNOWN else None
    booked_on = line.booked_on if line else None
    return Source(DISCREPANCY_KIND, found.id, "resolve", await _count(session, DISCREPANCY_KIND, found.id), booked_on)


async def posted_by(session: AsyncSession, found: Discrepancy) -> Sequence[str]:
    """The ledger transactions that its resolutions made and that were not reversed."""
    t, r = LedgerTransaction, aliased(LedgerTransaction)
    is_live = ~select(r.id).where(r.reverses_id == t.id).exists()
    mine = select(t.id).where(_by_source(DISCREPANCY_KIND, found.id), is_live)
    return (await session.scalars(mine.order_by(t.id))).all()


async def take_back(session: AsyncSession, found: Discrepancy, *, today: date, ids: Ids, now: datetime) -> None:
    """What its resolutions posted under its own name is reversed: of a bank line on its day, as the line's own entries are."""
    of_line = Code(found.code) is Code.BANK_CREDIT_UNKNOWN
    for transaction_id in await posted_by(session, found):
        posted = await session.get_one(LedgerTransaction, transaction_id)
        booked_on = posted.booked_on if of_line else today
        await reverse(session, transaction_id, booked_on=booked_on, memo="discrepancy reopened", ids=ids, now=now)


def in_suspense(bank_line_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Whether the bank line is matched with suspense, whence a resolution takes its money."""
    m = BankMatch
    mine = (m.bank_line_id == bank_line_id) & (m.state == MatchState.CONFIRMED.value)
    return exists(select(m.id).where(mine, m.side == Side.ACCOUNT.value, m.ref_id == Account.SUSPENSE.value))


async def last_write_off(session: AsyncSession, found: Discrepancy) -> Mapping[str, int]:
    """What the last write-off took off "disputes", by currency, less what came back there when its money came after all."""
    t, e = LedgerTransaction, LedgerEntry
    mine = _by_source(DISPUTE_KIND, found.subject) & (t.purpose == DISPUTE_PURPOSE)
    last = select(func.max(t.revision)).where(mine, t.memo.startswith(f"{DISCREPANCY_KIND}: ")).scalar_subquery()
    rows: Select[str, int] = (
        select(e.currency, func.sum(e.amount_minor))
        .join(t, t.id == e.transaction_id)
        .where(mine, t.revision >= last, e.account == Account.DISPUTES_RECEIVABLE.value)
        .group_by(e.currency)
    )
    return {currency: int(total) for currency, total in await session.execute(rows)}


async def _taken_otherwise(session: AsyncSession, found: Discrepancy) -> Mapping[str, int]:
    """What a bank took more than the disputed part of the payment had brought (less: below zero), not moved yet.

    None of a dispute that was won: its end evens that out.
    """
    dispute = await session.scalar(select(Dispute).where(Dispute.stripe_dispute_id == found.subject))
    donation = await session.get(Donation, dispute.donation_id) if dispute else None
    if dispute is None or donation is None or dispute.state == DisputeState.WON:
        return {}
    line = BalanceTransaction
    of_dispute = (line.source_id == found.subject) & (line.reporting_category == WITHDRAWN)
    of_payment = line.stripe_payment_intent_id == dispute.stripe_payment_intent_id
    taken = await _gross(session, of_dispute)
    brought = await _gross(session, of_payment & (line.reporting_category == "charge"))
    moved = await moved_to_exchange(session, found.subject)
    is_same = dispute.currency == donation.currency
    part, whole = (min(dispute.amount_minor, donation.amount_minor), donation.amount_minor) if is_same else (1, 1)
    return {
        currency: -taken[currency] - (2 * brought[currency] * part + whole) // (2 * whole) - moved.get(currency, 0)
        for currency in taken.keys() & brought.keys()
    }


async def _gross(session: AsyncSession, condition: ColumnElement[bool]) -> Mapping[str, int]:
    """The gross of these lines of the balance that are in the books, by currency."""
    line = BalanceTransaction
    wanted: Select[str, int] = select(line.currency, func.sum(line.gross_minor)).where(condition)
    rows = await session.execute(wanted.where(line.posted_at.is_not(None)).group_by(line.currency))
    return {currency: int(total) for currency, total in rows}


async def _sums(session: AsyncSession, found: Discrepancy) -> Mapping[str, int]:
    code = Code(found.code)
    if code not in _FROM:
        return {}
    account = _FROM[code]
    if code in EXCHANGED:
        return await _taken_otherwise(session, found)
    if account is Account.SUSPENSE:
        return await _standing(session, account, _lines_of(code, found), found)
    if account is Account.DISPUTES_RECEIVABLE:
        line = BalanceTransaction
        lines = select(line.stripe_balance_transaction_id).where(line.source_id == found.subject)
        return await _standing(session, account, lines, found)
    if account is Account.BANK:
        return await _bank_credit(session, found)
    if await session.get(
        BankLine, found.subject
    ):  # the bank counted otherwise: whoever matches its line books the rest
        return {}
    if not found.amount_minor or not found.currency or await posted_by(session, found):
        return {}
    return {found.currency: -found.amount_minor}


def _lines_of(code: Code, found: Discrepancy) -> Select[str]:
    line = BalanceTransaction
    by_payment = code in SUSPENSE_CODES
    mine = line.stripe_payment_intent_id if by_payment else line.stripe_balance_transaction_id
    lines = select(line.stripe_balance_transaction_id).where(mine == found.subject)
    return lines.where(line.reporting_category.in_(PLACED_CATEGORIES)) if by_payment else lines


async def _standing(
    session: AsyncSession, account: Account, lines: Select[str], found: Discrepancy
) -> Mapping[str, int]:
    """What lines of the balance put there, less what resolutions have taken away; reversals count for what they reverse."""
    t, e = LedgerTransaction, LedgerEntry
    by_line = and_(t.source_kind == SOURCE_KIND, t.source_id.in_(lines))
    same = select(Discrepancy.id).where(Discrepancy.subject == found.subject)  # two kinds may be about one payment
    resolved = and_(t.source_kind == DISCREPANCY_KIND, t.source_id.in_(same))
    first = or_(by_line, resolved, _by_source(DISPUTE_KIND, found.subject))
    ids = select(t.id).where(first)
    reversals = select(t.id).where(t.reverses_id.in_(ids))
    wanted: Select[str, int] = (
        select(e.currency, func.sum(e.amount_minor))
        .where(e.account == account.value, or_(e.transaction_id.in_(ids), e.transaction_id.in_(reversals)))
        .group_by(e.currency)
    )
    return {currency: int(total) for currency, total in await session.execute(wanted) if total}


async def _bank_credit(session: AsyncSession, found: Discrepancy) -> Mapping[str, int]:
    line = await session.get(BankLine, found.subject, populate_existing=True)
    return {line.currency: -line.amount_minor} if line is not None and line.state == LineState.OPEN else {}


def _by_source(kind: str, source_id: str) -> ColumnElement[bool]:
    return and_(LedgerTransaction.source_kind == kind, LedgerTransaction.source_id == source_id)


async def _count(session: AsyncSession, kind: str, source_id: str) -> int:
    counted = select(func.count()).select_from(LedgerTransaction).where(_by_source(kind, source_id))
    return await session.scalar(counted) or 0
