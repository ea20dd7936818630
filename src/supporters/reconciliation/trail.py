"""Where one donation's money went: the lines of Stripe's balance, the payouts, the bank lines. Reads only."""

from typing import NamedTuple

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount, BankLine
from supporters.donations.models import Donation
from supporters.donations.other_models import OtherPayment, OtherRefund
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.models import BankMatch, MatchAction, MatchState, Side
from supporters.reconciliation.payout_queries import Arrival, PayoutRow, arrivals_of, find_payout


class Trail(NamedTuple):
    """All of it. A donation that never met Stripe has no lines and no payouts, but how it came."""

    lines: list[BalanceTransaction]
    payouts: list[PayoutRow]
    arrivals: list[Arrival]
    other: OtherPayment | None


async def trail_of(session: AsyncSession, donation_id: str) -> Trail:
    """The donation's trail as far as it is known."""
    lines = await _lines(session, donation_id)
    names = dict.fromkeys(line.stripe_payout_id for line in lines if line.stripe_payout_id)
    payouts = [row for name in names if (row := await find_payout(session, name))]
    arrivals = [each for row in payouts for each in await arrivals_of(session, row.id)]
    other = await session.scalar(select(OtherPayment).where(OtherPayment.donation_id == donation_id))
    if other is not None:
        arrivals += await _arrivals(session, other)
    return Trail(lines, payouts, arrivals, other)


async def _lines(session: AsyncSession, donation_id: str) -> list[BalanceTransaction]:
    line = BalanceTransaction
    query = (
        select(line)
        .join(Donation, Donation.stripe_payment_intent_id == line.stripe_payment_intent_id)
        .where(Donation.id == donation_id)
        .order_by(line.created_at, line.stripe_balance_transaction_id)
    )
    return list((await session.scalars(query)).all())


async def _arrivals(session: AsyncSession, other: OtherPayment) -> list[Arrival]:
    """The bank lines that show money which never met Stripe: itself, its deposit, its promise, or that it went back."""
    match = BankMatch
    named = [(Side.OTHER_PAYMENT, other.id), (Side.DEPOSIT, other.deposit_id)]
    if other.promise_id:
        named.append((Side.PROMISE, f"{other.promise_id}:{other.promise_turn}"))
    mine = select(OtherRefund.id).where(OtherRefund.other_payment_id == other.id)
    named += [(Side.OTHER_REFUND, refund_id) for refund_id in await session.scalars(mine)]
    is_its = or_(*(and_(match.side == side.value, match.ref_id == ref) for side, ref in named if ref))
    query = (
        select(match, BankLine, BankAccount, MatchAction.made_by, MatchAction.made_at)
        .join(BankLine, BankLine.id == match.bank_line_id)
        .join(BankAccount, BankAccount.id == BankLine.bank_account_id)
        .join(MatchAction, MatchAction.id == match.action_id)
        .where(is_its, match.state == MatchState.CONFIRMED.value)
        .order_by(BankLine.booked_on, BankLine.id)
    )
    return [Arrival(*row) for row in await session.execute(query)]
