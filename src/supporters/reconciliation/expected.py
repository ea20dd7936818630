"""What the bank should show: payouts, payouts that came back, top-ups, and money that never met Stripe. One query.

Each row: side, ref_id, expected_on, amount_minor (signed as at the bank), currency, trace, reference, words, payer_name,
payer_hash, bank_account_id (empty: any). What a live match holds already is left out.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from supporters.donations.models import Donation
from supporters.donations.other_models import (
    Deposit,
    DepositState,
    OtherKind,
    OtherPayment,
    OtherRefund,
    OtherRefundState,
    OtherState,
    Promise,
    PromiseState,
    RefundWay,
)
from supporters.ledger.models import BankProof, Period, PeriodState
from supporters.payments.models import BalanceTransaction, Payout, PayoutState
from supporters.reconciliation.matching import STRIPE_WORDS
from supporters.reconciliation.models import BankMatch, MatchState, Side

LAST_SURE_DAY = "26"  # of a month: what Stripe calls paid until then, the bank shows within it
IS_TOP_UP: ColumnElement[bool] = literal_column(
    "balance_transaction.reporting_category IN ('topup', 'topup_reversal')"
)  # as the index of top-ups is written, or it is not used


@cache
def expected_at_bank() -> CompoundSelect[*tuple[Any, ...]]:
    """Everything that has left or reached Stripe by the bank, or waits to be paid in, and is not matched yet."""
    return union_all(payouts(), returned_payouts(), top_ups(), deposits(), payments(), bounced(), refunds(), promises())


def payouts() -> Select[*tuple[Any, ...]]:
    """Payouts that are on their way or have arrived, also those that the bank sent back afterwards.

    Those of a month whose bank was proved elsewhere are not waited for, but for those of its last days: the statement of
    the month after it may show them first.
    """
    arrived = or_(
        Payout.status.in_([PayoutState.PAID, PayoutState.IN_TRANSIT]),
        (Payout.status == PayoutState.FAILED) & Payout.paid_at.is_not(None),
    )
    return _row(
        Side.PAYOUT, Payout.stripe_payout_id, Payout.arrival_on, Payout.amount_minor, Payout.currency, Payout.trace_id
    ).where(arrived, Payout.livemode.is_not(None), ~_was_proved_elsewhere())


def _was_proved_elsewhere() -> ColumnElement[bool]:
    """Whether its month is closed, and the bank was proved in the accountant's own books."""
    day = cast(Payout.arrival_on, String)
    closed = (Period.state == PeriodState.LOCKED.value) & (Period.bank_proof == BankProof.ELSEWHERE.value)
    return func.substr(day, 1, 7).in_(select(Period.period).where(closed)) & (func.substr(day, 9, 2) <= LAST_SURE_DAY)


def returned_payouts() -> Select[*tuple[Any, ...]]:
    """Payouts that had arrived and that the bank sent back, about when Stripe had the money again: with the other sign."""
    line = BalanceTransaction
    back_on = type_coerce(func.coalesce(func.date(line.created_at), Payout.arrival_on), Date())
    found = _row(
        Side.PAYOUT_RETURN,
        Payout.stripe_payout_id,
        back_on,
        -Payout.amount_minor,
        Payout.currency,
        Payout.trace_id,
    )
    came_back = line.stripe_balance_transaction_id == Payout.failure_line_id
    return (
        found.select_from(Payout)
        .outerjoin(line, came_back)
        .where(Payout.status == PayoutState.FAILED, Payout.paid_at.is_not(None))
    )


def top_ups() -> Select[*tuple[Any, ...]]:
    """Money that we put into Stripe's balance, which the bank shows as paid out."""
    line = BalanceTransaction
    day = type_coerce(func.date(line.created_at), Date())
    return _row(
        Side.TOP_UP, line.stripe_balance_transaction_id, day, -line.gross_minor, line.currency, line.source_id
    ).where(IS_TOP_UP, line.posted_at.is_not(None))


def deposits() -> Select[*tuple[Any, ...]]:
    """Cash and cheques that were paid in together and that no line shows yet."""
    each = Deposit
    account_id = func.coalesce(each.bank_account_id, "")
    return _other(
        Side.DEPOSIT,
        each.id,
        each.paid_in_on,
        each.counted_minor,
        each.currency,
        reference=each.reference,
        account_id=account_id,
    ).where(each.state == DepositState.PAID_IN.value)


def payments() -> Select[*tuple[Any, ...]]:
    """Transfers that staff wrote down before the statement came."""
    each = OtherPayment
    kinds = (OtherKind.TRANSFER.value, OtherKind.STANDING_ORDER.value)
    return (
        _other(Side.OTHER_PAYMENT, each.id, each.received_on, each.amount_minor, each.currency, name=Donation.name)
        .join(Donation, Donation.id == each.donation_id)
        .where(each.kind.in_(kinds), each.state == OtherState.RECORDED.value)
    )


def bounced() -> Select[*tuple[Any, ...]]:
    """Cheques that had been paid in and were not paid: the bank takes them out again, within days of their deposit.

    Whoever brings the statement says so up to a month later.
    """
    each = OtherPayment
    row = _other(Side.OTHER_PAYMENT, each.id, Deposit.paid_in_on, -each.amount_minor, each.currency)
    return row.join(Deposit, Deposit.id == each.deposit_id).where(each.state == OtherState.BOUNCED.value)


def refunds() -> Select[*tuple[Any, ...]]:
    """Money that went back by our bank or by a cheque of ours."""
    each = OtherRefund
    row = _other(Side.OTHER_REFUND, each.id, each.paid_on, -each.amount_minor, each.currency, name=Donation.name)
    return (
        row.join(OtherPayment, OtherPayment.id == each.other_payment_id)
        .join(Donation, Donation.id == OtherPayment.donation_id)
        .where(each.state == OtherRefundState.PAID.value, each.way != RefundWay.CASH.value)
    )


def promises() -> Select[*tuple[Any, ...]]:
    """The next payment of every promise and standing order."""
    each = Promise
    ref_id = each.id + ":" + cast(each.turn, String())
    return _other(
        Side.PROMISE,
        ref_id,
        each.expected_on,
        each.amount_minor,
        each.currency,
        reference=each.reference,
        name=func.coalesce(func.nullif(each.payer_name, ""), each.name),
        payer_hash=each.payer_hash,
    ).where(each.state.in_([PromiseState.OPEN.value, PromiseState.RUNNING.value]))


def _other(
    side: Side,
    ref_id: Any,
    expected_on: Any,
    amount_minor: Any,
    currency: Any,
    *,
    reference: Any = "",
    name: Any = "",
    payer_hash: Any = "",
    account_id: Any = "",
) -> Select[*tuple[Any, ...]]:
    row = _row(side, ref_id, expected_on, amount_minor, currency, None)
    told = {
        "reference": reference,
        "words": "",
        "payer_name": name,
        "payer_hash": payer_hash,
        "bank_account_id": account_id,
    }
    columns = [column for column in row.selected_columns if column.key not in told]
    return row.with_only_columns(*columns, *(_said(value).label(label) for label, value in told.items()))


def _said(value: Any) -> Any:
    return literal(value, String()) if isinstance(value, str) else value


def _row(
    side: Side,
    ref_id: Any,
    expected_on: Any,
    amount_minor: Any,
    currency: Any,
    trace: Any,
) -> Select[*tuple[Any, ...]]:
    return select(
        literal(side.value, String()).label("side"),
        ref_id.label("ref_id"),
        expected_on.label("expected_on"),
        amount_minor.label("amount_minor"),
        currency.label("currency"),
        (literal("", String()) if trace is None else func.coalesce(trace, "")).label("trace"),
        literal("", String()).label("reference"),
        literal(STRIPE_WORDS, String()).label("words"),
        literal("", String()).label("payer_name"),
        literal("", String()).label("payer_hash"),
        literal("", String()).label("bank_account_id"),
    ).where(~is_matched(side, ref_id))


def is_matched(side: Side, ref_id: Any) -> ColumnElement[bool]:
    """Whether a live match holds it."""
    match = BankMatch
    return exists(
        select(match.id).where(
            match.ref_id == ref_id, match.side == side.value, match.state == MatchState.CONFIRMED.value
        )
    )
