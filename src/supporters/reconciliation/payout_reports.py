"""What a person should know about payouts: those that came back, take money, were made by hand, or go elsewhere."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments.models import BalanceTransaction, Payout, PayoutState

LOOKED_BACK = timedelta(days=90)  # of an older past that is read for the first time nobody needs to be told
row = Payout
# A pair of a payout and the one that reverses it is one matter, under the id of the first of the two.
PAIR = func.coalesce(row.original_payout_id, row.stripe_payout_id)


class Matter(NamedTuple):
    """One kind of payout that a person should know of, and what tells it."""

    code: Code
    is_one: ColumnElement[bool]
    subject: ColumnElement[str] = row.stripe_payout_id  # pyright: ignore[reportAssignmentType]  # a mapped column is one
    amount_minor: ColumnElement[int] = row.amount_minor  # pyright: ignore[reportAssignmentType]


_FEE = (
    select(BalanceTransaction.fee_minor)
    .where(BalanceTransaction.stripe_balance_transaction_id == row.line_id)
    .scalar_subquery()
)
_HAS_ACCOUNTS = exists(select(BankAccount.id).where(BankAccount.closed_at.is_(None)))
_HAS_ACCOUNT = exists(
    select(BankAccount.id).where(BankAccount.closed_at.is_(None), BankAccount.currency == row.currency).correlate(row)
)
# An account for the currency is asked for already, or a person has said why there is none.
_IS_ASKED = exists(
    select(Discrepancy.id)
    .where(Discrepancy.code == Code.MULTI_CCY_PAYOUT.value, Discrepancy.currency == row.currency)
    .where(or_(Discrepancy.state == DiscrepancyState.OPEN.value, Discrepancy.resolved_by.is_not(None)))
    .correlate(row)
)
_IS_FAILED = row.status == PayoutState.FAILED.value
MATTERS = (
    Matter(Code.PAID_THEN_FAILED, and_(_IS_FAILED, row.paid_at.is_not(None))),
    Matter(Code.PAYOUT_FAILED_RETURNED, and_(_IS_FAILED, row.paid_at.is_(None))),
    Matter(Code.NEGATIVE_PAYOUT, row.amount_minor < 0),
    Matter(Code.PAYOUT_REVERSED, or_(row.original_payout_id.is_not(None), row.reversed_by_id.is_not(None)), PAIR),
    Matter(Code.INSTANT_PAYOUT_FEE, and_(row.method == "instant", _FEE > 0), amount_minor=_FEE),
    Matter(Code.MANUAL_PAYOUT, and_(row.is_automatic.is_(False), row.method != "instant")),
    Matter(Code.MULTI_CCY_PAYOUT, and_(_HAS_ACCOUNTS, not_(_HAS_ACCOUNT))),
)


async def report_payouts(session: AsyncSession, *, ids: Ids, now: datetime) -> int:
    """Every such payout of the last 90 days has its discrepancy; returns how many were opened. *Idempotent* by payout.

    An account that is missing is asked for once a currency, by the first payout that needs it.
    """
    opened = 0
    for matter in MATTERS:
        for payout, subject, amount_minor in await _new(session, matter, now=now):
            await open_discrepancy(
                session,
                code=matter.code,
                subject=subject,
                amount=Money(int(amount_minor), payout.currency),
                detail=_detail(payout),
                ids=ids,
                now=now,
            )
            opened += 1
            if matter.code is Code.PAID_THEN_FAILED:
                await _settle_plain_failure(session, payout, now=now)
    await _settle_known_currencies(session, now=now)
    return opened


async def _settle_plain_failure(session: AsyncSession, payout: Payout, *, now: datetime) -> None:
    """News came late: what looked like a payout that never arrived was paid first. One of the two matters is enough."""
    await settle_discrepancy(
        session,
        code=Code.PAYOUT_FAILED_RETURNED,
        subject=payout.stripe_payout_id,
        resolution=Resolution.EXPLAINED,
        reason=_("It was paid before it failed: that is a matter of its own."),
        now=now,
    )


async def _settle_known_currencies(session: AsyncSession, *, now: datetime) -> None:
    """The account for which a payout asked is here."""
    mine = (Discrepancy.code == Code.MULTI_CCY_PAYOUT.value) & (Discrepancy.state == DiscrepancyState.OPEN.value)
    asked = select(Discrepancy.subject).join(row, row.stripe_payout_id == Discrepancy.subject)
    for subject in (await session.scalars(asked.where(mine, _HAS_ACCOUNT))).all():
        await settle_discrepancy(
            session,
            code=Code.MULTI_CCY_PAYOUT,
            subject=subject,
            resolution=Resolution.FIXED_HERE,
            reason=_("A bank account in its currency is here now."),
            now=now,
        )


async def _new(session: AsyncSession, matter: Matter, *, now: datetime) -> Sequence[tuple[Payout, str, int]]:
    known = select(Discrepancy.id).where(Discrepancy.code == matter.code.value, Discrepancy.subject == matter.subject)
    wanted = (
        select(row, matter.subject, matter.amount_minor)
        .where(row.created_at >= now - LOOKED_BACK, matter.is_one, not_(exists(known.correlate(row))))
        .order_by(row.created_at, row.stripe_payout_id)
    )
    if matter.code is Code.MULTI_CCY_PAYOUT:
        wanted = wanted.where(not_(_IS_ASKED))
    rows = [(payout, subject, minor) for payout, subject, minor in await session.execute(wanted)]
    if matter.code is not Code.MULTI_CCY_PAYOUT:
        return rows
    return list({found[0].currency: found for found in reversed(rows)}.values())


def _detail(payout: Payout) -> dict[str, object]:
    """What a person needs to find it: at Stripe, in the books, and in the bank's statement."""
    said = {
        "payout": payout.stripe_payout_id,
        "arrival_on": payout.arrival_on.isoformat(),
        "status": payout.status,
        "method": payout.method,
        "failure_code": payout.failure_code,
        "trace_id": payout.trace_id,
        "original_payout": payout.original_payout_id,
        "reversed_by": payout.reversed_by_id,
    }
    return {name: value for name, value in said.items() if value is not None}
