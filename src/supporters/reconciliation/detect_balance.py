"""Differences that lines of Stripe's balance show: fees, exchange, reserves, top-ups, months that do not agree."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import Difference
from supporters.donations.models import Donation
from supporters.kit.money import Money
from supporters.ledger.models import LedgerTransaction, Period
from supporters.payments.models import BalanceTransaction, Owner, Ownership
from supporters.reconciliation.detect_look import Look
from supporters.reconciliation.postings import CHARGE_FAILURE, SOURCE_KIND

line = BalanceTransaction

FEES = ("fee", "tax", "network_cost")
TOPUPS = ("topup", "topup_reversal")
GOES_BACK = ("refund", "dispute", CHARGE_FAILURE)
RESERVES = ("risk_reserved_funds", "connect_reserved_funds")
RESERVE_TYPES = (
    "reserve_transaction",
    "reserved_funds",
    "reserve_hold",
    "reserve_release",
    "payment_network_reserve_hold",
    "payment_network_reserve_release",
)
MINIMUM = ("payout_minimum_balance_hold", "payout_minimum_balance_release")
IS_CHARGE = line.reporting_category == "charge"
IS_RESERVE = or_(line.reporting_category.in_(RESERVES), line.type.in_(RESERVE_TYPES))

LEARN_FROM = 30  # charges of one currency, below which nothing is learnt
LEARN_UP_TO = 1_000_000  # minor units: larger ones are too few to say what is usual
MICRO = 1_000_000


async def fees_apart(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """What Stripe took apart from payments, by month."""
    return await _by_month(session, look, Code.FEE_WITHOUT_CHARGE, line.reporting_category.in_(FEES))


async def exchanged(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Payments that were exchanged into the balance's currency, by month."""
    is_other = IS_CHARGE & line.exchange_rate.is_not(None)
    return await _by_month(session, look, Code.FX_CONVERSION, is_other, amount=line.gross_minor)


async def minimum_kept(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """What Stripe kept as a minimum or gave free again, by month."""
    is_minimum = or_(line.reporting_category.in_(MINIMUM), line.type.in_(MINIMUM))
    return await _by_month(session, look, Code.MIN_BALANCE_HOLD, is_minimum)


async def reserves_given_back(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Security that Stripe gave back, by month."""
    return await _by_month(session, look, Code.RESERVE_RELEASED, IS_RESERVE & (line.net_minor > 0))


async def reserves_held(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Security that Stripe holds now, by currency."""
    net = func.sum(line.net_minor)
    wanted: Select[str, int] = select(line.currency, net).where(IS_RESERVE).group_by(line.currency).having(net < 0)
    return [
        Difference(
            code=Code.RESERVE_HELD, subject=currency, amount=Money(-int(total), currency), fingerprint=str(int(total))
        )
        for currency, total in await session.execute(wanted)
    ]


async def topped_up(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Money that came into the balance from the bank, or went back there."""
    wanted = select(line).where(line.reporting_category.in_(TOPUPS), line.created_at >= look.since)
    return [
        Difference(
            code=Code.TOPUP,
            subject=each.stripe_balance_transaction_id,
            amount=Money(each.gross_minor, each.currency),
            detail={"category": each.reporting_category, "source": each.source_id},
        )
        for each in await session.scalars(wanted)
    ]


async def not_ours(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Payments that are none of our donations, by month: how many and how much, and nothing of whose."""
    is_other = Ownership.owner == Owner.NOT_OURS.value
    known = select(Ownership.stripe_id).where(Ownership.stripe_id == line.stripe_payment_intent_id, is_other)
    bare = and_(line.stripe_payment_intent_id.is_(None), line.stripe_charge_id.is_not(None))
    condition = IS_CHARGE & or_(known.exists(), bare)
    return await _by_month(session, look, Code.CHARGE_UNKNOWN, condition, amount=line.gross_minor)


async def over_the_end_of_a_month(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Payments of one month whose line is of the next, by the month of the line. They count where the line does."""
    d = Donation
    month, paid = look.month(line.created_at).label("month"), look.month(d.paid_at)
    wanted = (
        select(month, line.currency, func.count().label("many"), func.sum(line.gross_minor).label("total"))
        .join(d, d.stripe_payment_intent_id == line.stripe_payment_intent_id)
        .where(IS_CHARGE, line.created_at >= look.since, d.paid_at >= look.since, month != paid)
        .group_by(month, line.currency)
    )
    return [_group(Code.TIMEZONE_CUTOFF, *row) for row in await session.execute(wanted)]


async def went_back_after_closing(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Refunds and disputes of payments whose month was locked before them, by the month in which they went back."""
    charge, month = aliased(line), look.month(line.created_at).label("month")
    wanted = (
        select(month, line.currency, func.count().label("many"), func.sum(line.gross_minor).label("total"))
        .join(
            charge,
            (charge.stripe_payment_intent_id == line.stripe_payment_intent_id)
            & (charge.reporting_category == "charge"),
        )
        .join(
            LedgerTransaction,
            (LedgerTransaction.source_kind == SOURCE_KIND)
            & (LedgerTransaction.source_id == charge.stripe_balance_transaction_id),
        )
        .join(Period, Period.period == LedgerTransaction.period)
        .where(
            line.reporting_category.in_(GOES_BACK), line.created_at >= look.since, Period.locked_at < line.created_at
        )
        .group_by(month, line.currency)
    )
    return [_group(Code.REFUND_PRIOR_PERIOD, *row) for row in await session.execute(wanted)]


class Usual(msgspec.Struct, frozen=True):
    """What Stripe usually keeps of a payment in one currency: so much, and so much of each minor unit, in millionths."""

    fixed_micro: int
    share_micro: int


def learn_usual(count: int, gross: int, fee: int, gross_gross: int, gross_fee: int) -> Usual | None:
    """The straight line that fits fees to amounts best, from five sums over many charges; None where they say nothing.

    Integers throughout: the sums are exact, and the two results are rounded to a millionth of a minor unit.
    """
    spread = count * gross_gross - gross * gross
    if count < LEARN_FROM:
        return None
    if spread == 0:
        return Usual(fee * MICRO // count, 0)
    share = (count * gross_fee - gross * fee) * MICRO // spread
    return Usual((fee * MICRO - share * gross) // count, share)


async def unusual_fees(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Payments of which Stripe kept twice as much as usual or less than half, by month: cards from abroad, or an error."""
    found: list[Difference] = []
    for currency, usual in (await _learn(session, look)).items():
        expected = usual.fixed_micro + usual.share_micro * line.gross_minor
        kept = line.fee_minor * MICRO
        is_unusual = and_(IS_CHARGE, line.currency == currency, or_(kept > expected * 2, kept * 2 < expected))
        found += await _by_month(session, look, Code.FEE_RATE_OUTLIER, is_unusual, amount=line.fee_minor)
    return found


async def _learn(session: AsyncSession, look: Look) -> dict[str, Usual]:
    gross, fee = line.gross_minor, line.fee_minor
    wanted = (
        select(
            line.currency,
            func.count(),
            func.sum(gross),
            func.sum(fee),
            func.sum(gross * gross),
            func.sum(gross * fee),
        )
        .where(IS_CHARGE, line.created_at >= look.since, gross.between(1, LEARN_UP_TO))
        .group_by(line.currency)
    )
    learnt = {row[0]: learn_usual(*(int(value) for value in row[1:])) for row in await session.execute(wanted)}
    return {currency: usual for currency, usual in learnt.items() if usual is not None}


async def _by_month(
    session: AsyncSession,
    look: Look,
    code: Code,
    condition: ColumnElement[bool],
    *,
    amount: InstrumentedAttribute[int] = line.net_minor,
) -> Sequence[Difference]:
    """How many lines fit and how much they are, one difference for each month and currency."""
    month = look.month(line.created_at).label("month")
    wanted = (
        select(month, line.currency, func.count().label("many"), func.sum(amount).label("total"))
        .where(condition, line.created_at >= look.since)
        .group_by(month, line.currency)
    )
    return [_group(code, *row) for row in await session.execute(wanted)]


def _group(code: Code, month: str, currency: str, many: int, total: int) -> Difference:
    return Difference(
        code=code,
        subject=f"{month}:{currency}",
        amount=Money(int(total), currency),
        detail={"month": month, "count": many},
        fingerprint=f"{many}:{int(total)}",
    )


FINDERS: tuple[Callable[[AsyncSession, Look], Awaitable[Sequence[Difference]]], ...] = (
    fees_apart,
    unusual_fees,
    exchanged,
    reserves_held,
    reserves_given_back,
    minimum_kept,
    topped_up,
    not_ours,
    over_the_end_of_a_month,
    went_back_after_closing,
)
