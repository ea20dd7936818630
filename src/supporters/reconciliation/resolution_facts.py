"""What a person says of a discrepancy, held against the records: was the money returned, is it put right?

Three ways of closing say that something was done. Where the records can show it, they must; where they can't know, the
person's reason alone stands for it, and the page says so.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date, datetime

import msgspec
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.gaps import account_gaps
from supporters.bank.models import BankAccount, BankLine, BankStatement, LineState
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy
from supporters.donations.lifecycle import REFUND_HOLDS
from supporters.donations.models import Dispute, DisputeState, Donation, Refund, RefundState
from supporters.donations.other_models import Deposit, DepositState, OtherPayment, OtherState
from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry
from supporters.payments.models import BalanceTransaction, Content, InboxEvent, InboxState, Payout, PayoutState
from supporters.reconciliation.detect_balance import IS_RESERVE
from supporters.reconciliation.expected import is_matched
from supporters.reconciliation.models import BankMatch, MatchState, Side
from supporters.reconciliation.resolution_sources import money_of

CLAIMS = frozenset({Resolution.REFUNDED, Resolution.FIXED_HERE, Resolution.FIXED_AT_STRIPE})
REFUND_LINES = ("refund", "refund_failure")
_GONE = (PayoutState.FAILED.value, PayoutState.CANCELED.value)
_WENT = (*REFUND_HOLDS, RefundState.SUCCEEDED)  # asked for at the desk, on its way, or made
ID_CHARS = 26  # the subject of a payment that did not come: the promise's id, a colon, and the day

line = BalanceTransaction


class Fact(msgspec.Struct, frozen=True):
    """What the records say of it. `is_shown` None: they can't know."""

    is_shown: bool | None
    words: str = ""  # why it can't be said, or that only the reason stands for it


Look = Callable[[AsyncSession, Discrepancy], Awaitable[bool | None]]


async def look_at(session: AsyncSession, found: Discrepancy, way: Resolution) -> Fact | None:
    """What the records say of this way of closing it; None where it says nothing that could be looked at."""
    if way not in CLAIMS:
        return None
    look = _LOOKS[way].get(Code(found.code))
    is_shown = await look(session, found) if look else None
    if is_shown is None:
        return Fact(None, _("The records can't show this: say in the reason where it can be seen."))
    return Fact(is_shown, "" if is_shown else _instead(Code(found.code), way))


async def require_shown(session: AsyncSession, found: Discrepancy, way: Resolution) -> None:
    """What this way of closing it says was done is in the records, or they can't know. *Raises* Refused with what to do."""
    fact = await look_at(session, found, way)
    if fact is not None and fact.is_shown is False:
        raise Refused(_("%(why)s It is still open.") % {"why": fact.words})


def _instead(code: Code, way: Resolution) -> str:
    """What the records say instead, and what to do about it."""
    if code in _BY_SUSPENSE and way is Resolution.REFUNDED:
        return _(
            "The balance shows no refund of all of it yet. Make it at Stripe; it can be said once the books have it."
        )
    if code in _BY_SUSPENSE:
        return _("Its money still waits in suspense, or the balance does not show it yet: say what the money is.")
    if code is Code.BANK_CREDIT_UNKNOWN and way is Resolution.REFUNDED:
        return _("No later bank line shows that the money went back. Until one does, it is owed back.")
    if way is Resolution.REFUNDED and code in _FAILED:
        return _("The records show no other refund since. If the bank pays it, choose that the money is owed back.")
    if way is Resolution.REFUNDED:
        return _("The records show no refund of it, or not of all of it. Make the refund first.")
    if code is Code.BALANCE_DRIFT:
        return _("They disagreed when they were last compared. It closes by itself when they agree.")
    return _("The records still show it as it was.")


# money that went back


async def _nothing_left(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether all of its donation went back, or is on its way."""
    donation = await session.get(Donation, found.donation_id, populate_existing=True) if found.donation_id else None
    if donation is None:
        return await _payment_returned(session, found)
    promised = await _returned_minor(session, [donation.id], states=REFUND_HOLDS)
    return donation.refunded_minor + donation.returned_minor + promised >= donation.amount_minor


async def _payment_returned(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Of a payment that is known at Stripe alone: whether its lines come to nothing."""
    payment = found.detail.get("payment")
    if not isinstance(payment, str):
        return None
    mine = line.reporting_category.in_(("charge", *REFUND_LINES))
    sums = select(func.count(), func.sum(line.gross_minor)).where(line.stripe_payment_intent_id == payment, mine)
    count, left = (await session.execute(sums)).one()
    return bool(count > 1 and left <= 0)


async def _gift_returned(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether as much was refunded of the donation, or of the one that it was given twice with."""
    donations = [each for each in (found.donation_id, found.detail.get("first_donation")) if isinstance(each, str)]
    return await _as_much(session, found, donations, since=None)


async def _disputed_returned(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether as much was refunded since the bank asked."""
    dispute = await session.scalar(select(Dispute).where(Dispute.stripe_dispute_id == found.subject))
    if dispute is None:
        return await _payment_returned(session, found)
    return await _as_much(session, found, [dispute.donation_id], since=dispute.opened_at)


async def _returned_again(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether another refund as large was made since that one failed."""
    failed = await session.get(Refund, found.subject)
    since = failed.created_at if failed else found.opened_at
    return await _as_much(session, found, [found.donation_id or ""], since=since, but=found.subject)


async def _as_much(
    session: AsyncSession, found: Discrepancy, donations: Collection[str], *, since: datetime | None, but: str = ""
) -> bool:
    returned = await _returned_minor(session, donations, since=since, but=but)
    return returned >= max(abs(found.amount_minor or 0), 1)


async def _returned_minor(
    session: AsyncSession,
    donations: Collection[str],
    *,
    states: Collection[RefundState] = _WENT,
    since: datetime | None = None,
    but: str = "",
) -> int:
    mine = Refund.donation_id.in_(donations) & (Refund.id != but) & Refund.state.in_([each.value for each in states])
    wanted = select(func.sum(Refund.amount_minor)).where(mine)
    return int(await session.scalar(wanted.where(Refund.created_at >= since) if since else wanted) or 0)


async def _sent_back_by_bank(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether a later line of the same account shows as much going out."""
    credit = await session.get(BankLine, found.subject, populate_existing=True)
    if credit is None:
        return None
    same = (BankLine.bank_account_id == credit.bank_account_id) & (BankLine.amount_minor == -credit.amount_minor)
    later = (BankLine.booked_on >= credit.booked_on) & (BankLine.state != LineState.UNDONE.value)
    return await _is_so(session, exists(select(BankLine.id).where(same, later)))


# money in suspense


async def _suspense_returned(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether a refund of the payment is in the books and nothing of it waits."""
    mine = (line.stripe_payment_intent_id == found.subject) & line.posted_at.is_not(None)
    refunded = exists(select(line.stripe_balance_transaction_id).where(mine, line.reporting_category == "refund"))
    return await _is_so(session, refunded) and await _suspense_cleared(session, found)


async def _untraced_returned(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether the lines of its charge come to nothing."""
    own = await session.get(BalanceTransaction, found.subject)
    if own is None or own.stripe_charge_id is None:
        return False
    same = select(func.count(), func.sum(line.gross_minor)).where(line.stripe_charge_id == own.stripe_charge_id)
    count, left = (await session.execute(same)).one()
    return bool(count > 1 and left == 0)


async def _suspense_cleared(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether the books have had its money, and nothing of it waits there."""
    mine = or_(line.stripe_payment_intent_id == found.subject, line.stripe_balance_transaction_id == found.subject)
    seen = exists(select(line.stripe_balance_transaction_id).where(mine, line.posted_at.is_not(None)))
    if not await _is_so(session, seen):
        return False
    return not any((await money_of(session, found)).sums.values())


async def _nothing_owed(session: AsyncSession, found: Discrepancy) -> bool | None:
    return not any((await money_of(session, found)).sums.values())


# what is put right


async def _has_line(session: AsyncSession, found: Discrepancy) -> bool | None:
    payment = select(Donation.stripe_payment_intent_id).where(Donation.id == found.subject).scalar_subquery()
    mine = (line.stripe_payment_intent_id == payment) & (line.reporting_category == "charge")
    return await _is_so(session, exists(select(line.stripe_balance_transaction_id).where(mine)))


async def _is_handled(session: AsyncSession, found: Discrepancy) -> bool | None:
    mine = InboxEvent.stripe_event_id == str(found.detail.get("event", ""))
    row = await session.scalar(select(InboxEvent).where(mine).limit(1))
    return row.state != InboxState.PARKED if row else None


async def _waits_no_more(session: AsyncSession, found: Discrepancy) -> bool | None:
    refund = await session.scalar(select(Refund).where(Refund.stripe_refund_id == found.subject))
    has_line = exists(select(line.stripe_balance_transaction_id).where(line.source_id == found.subject))
    return (refund is not None and refund.state != RefundState.PENDING) or await _is_so(session, has_line)


async def _not_too_much(session: AsyncSession, found: Discrepancy) -> bool | None:
    donation = await session.get(Donation, found.donation_id, populate_existing=True) if found.donation_id else None
    if donation is None:
        return None
    refunded = await _returned_minor(session, [donation.id], states=[RefundState.SUCCEEDED])
    return refunded + donation.returned_minor <= donation.amount_minor


async def _is_answered(session: AsyncSession, found: Discrepancy) -> bool | None:
    dispute = await session.scalar(select(Dispute).where(Dispute.stripe_dispute_id == found.subject))
    waits = (DisputeState.NEEDS_ANSWER, DisputeState.INQUIRY)
    return dispute.state not in waits if dispute else None


async def _reserve_is_back(session: AsyncSession, found: Discrepancy) -> bool | None:
    held = select(func.sum(line.net_minor)).where(IS_RESERVE, line.currency == found.subject)
    return int(await session.scalar(held) or 0) >= 0


async def _never(_session: AsyncSession, _found: Discrepancy) -> bool | None:
    """The house closes it itself as soon as it is so."""
    return False


async def _is_proved(session: AsyncSession, found: Discrepancy) -> bool | None:
    payout = await session.get(Payout, found.subject, populate_existing=True)
    return payout.content == Content.VERIFIED if payout else None


async def _reached_bank(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether a bank line is matched with the payout, or it has come back."""
    payout = await session.get(Payout, found.subject, populate_existing=True)
    if payout is None:
        return None
    return payout.status in _GONE or await _is_so(session, is_matched(Side.PAYOUT, found.subject))


async def _nothing_on_its_way(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether the payout, and what reversed it, have left nothing between Stripe and the bank."""
    pair = select(Payout.stripe_payout_id).where(
        or_(Payout.stripe_payout_id == found.subject, Payout.original_payout_id == found.subject)
    )
    of_it = LedgerEntry.stripe_payout_id.in_(pair) & (LedgerEntry.account == Account.PAYOUTS_IN_TRANSIT.value)
    sums = select(LedgerEntry.currency, func.sum(LedgerEntry.amount_minor)).where(of_it).group_by(LedgerEntry.currency)
    return not any(total for _currency, total in await session.execute(sums))


async def _bank_shows_topup(session: AsyncSession, found: Discrepancy) -> bool | None:
    same = (BankLine.amount_minor == -(found.amount_minor or 0)) & (BankLine.currency == found.currency)
    return await _is_so(session, exists(select(BankLine.id).where(same, BankLine.state == LineState.MATCHED.value)))


async def _has_account(session: AsyncSession, found: Discrepancy) -> bool | None:
    account = (BankAccount.currency == found.currency) & BankAccount.closed_at.is_(None)
    return await _is_so(session, exists(select(BankAccount.id).where(account)))


async def _line_is_dealt_with(session: AsyncSession, found: Discrepancy) -> bool | None:
    bank_line = await session.get(BankLine, found.subject, populate_existing=True)
    return bank_line.state != LineState.OPEN if bank_line else None


async def _is_in_a_match(session: AsyncSession, found: Discrepancy) -> bool | None:
    live = (BankMatch.ref_id == found.subject) & (BankMatch.state == MatchState.CONFIRMED.value)
    return await _is_so(session, exists(select(BankMatch.id).where(live)))


async def _goes_on(session: AsyncSession, found: Discrepancy) -> bool | None:
    statement = await session.get(BankStatement, found.subject)
    if statement is None:
        return None
    return found.subject not in {gap.statement_id for gap in await account_gaps(session, statement.bank_account_id)}


async def _is_written_off(session: AsyncSession, found: Discrepancy) -> bool | None:
    payment = await session.get(OtherPayment, found.subject, populate_existing=True)
    return payment.state == OtherState.BOUNCED if payment else None


async def _is_counted_right(session: AsyncSession, found: Discrepancy) -> bool | None:
    deposit = await session.get(Deposit, found.subject, populate_existing=True)
    if deposit is None:
        return await _line_is_dealt_with(session, found)
    written = select(func.sum(OtherPayment.amount_minor)).where(OtherPayment.deposit_id == deposit.id)
    is_same = int(await session.scalar(written) or 0) == deposit.counted_minor
    return deposit.state == DepositState.UNDONE or is_same


async def _has_come(session: AsyncSession, found: Discrepancy) -> bool | None:
    """Whether a payment of the promise has come since it was missed."""
    promise_id, _colon, day = found.subject.partition(":")
    if len(promise_id) != ID_CHARS or not day:
        return None
    mine = (OtherPayment.promise_id == promise_id) & (OtherPayment.received_on >= date.fromisoformat(day))
    ended = OtherPayment.state.in_([OtherState.BOUNCED.value, OtherState.VOID.value])
    return await _is_so(session, exists(select(OtherPayment.id).where(mine, ~ended)))


async def _is_so(session: AsyncSession, condition: ColumnElement[bool]) -> bool:
    return bool(await session.scalar(select(condition)))


_BY_SUSPENSE = (Code.PAYMENT_MISMATCH, Code.DUPLICATE_PAYMENT, Code.PAYMENT_UNTRACED, Code.UNKNOWN_CATEGORY)
_FAILED = (Code.REFUND_FAILED, Code.REFUND_NOT_MADE)
_RETURNED: Mapping[Code, Look] = {
    Code.PAYMENT_MISMATCH: _suspense_returned,
    Code.DUPLICATE_PAYMENT: _suspense_returned,
    Code.PAYMENT_UNTRACED: _untraced_returned,
    Code.DUPLICATE_DONATION: _gift_returned,
    Code.TAKEN_AFTER_STOP: _gift_returned,
    Code.REFUND_FAILED: _returned_again,
    Code.REFUND_NOT_MADE: _returned_again,
    Code.FRAUD_WARNING: _nothing_left,
    Code.DISPUTE_OPENED: _disputed_returned,
    Code.DISPUTE_INQUIRY: _disputed_returned,
    Code.BANK_CREDIT_UNKNOWN: _sent_back_by_bank,
}
_RIGHT: Mapping[Code, Look] = {  # the same, whether it was put right here or at Stripe
    Code.DONATION_NO_BT: _has_line,
    Code.BALANCE_DRIFT: _never,
    Code.PAYOUT_CONTENT_OFF: _is_proved,
    Code.PAYOUT_NOT_IN_BANK: _reached_bank,
    Code.PAYOUT_FAILED_RETURNED: _nothing_on_its_way,
    Code.PAID_THEN_FAILED: _nothing_on_its_way,
}
_HERE: Mapping[Code, Look] = {
    Code.EVENT_PARKED: _is_handled,
    Code.TOPUP: _bank_shows_topup,
    Code.NEGATIVE_PAYOUT: _reached_bank,
    Code.PAYOUT_REVERSED: _nothing_on_its_way,
    Code.MULTI_CCY_PAYOUT: _has_account,
    Code.BANK_CREDIT_UNKNOWN: _line_is_dealt_with,
    Code.BANK_MERGED: _line_is_dealt_with,
    Code.BANK_SPLIT: _is_in_a_match,
    Code.STATEMENT_GAP: _goes_on,
    Code.CHEQUE_BOUNCED: _is_written_off,
    Code.DEPOSIT_BATCH_OFF: _is_counted_right,
    Code.STANDING_ORDER_MISSED: _has_come,
}
_AT_STRIPE: Mapping[Code, Look] = {
    Code.PAYMENT_MISMATCH: _suspense_cleared,
    Code.DUPLICATE_PAYMENT: _suspense_cleared,
    Code.PAYMENT_UNTRACED: _suspense_cleared,
    Code.UNKNOWN_CATEGORY: _suspense_cleared,
    Code.TAKEN_AFTER_STOP: _gift_returned,
    Code.REFUND_PENDING_FUNDS: _waits_no_more,
    Code.REFUND_FAILED: _returned_again,
    Code.REFUND_NOT_MADE: _returned_again,
    Code.REFUND_EXCEEDS: _not_too_much,
    Code.DISPUTE_AND_REFUND: _not_too_much,
    Code.FRAUD_WARNING: _nothing_left,
    Code.DISPUTE_OPENED: _is_answered,
    Code.DISPUTE_INQUIRY: _is_answered,
    Code.DISPUTE_UNPAID: _nothing_owed,
    Code.RESERVE_HELD: _reserve_is_back,
}
_LOOKS: Mapping[Resolution, Mapping[Code, Look]] = {
    Resolution.REFUNDED: _RETURNED,
    Resolution.FIXED_HERE: {**_RIGHT, **_HERE},
    Resolution.FIXED_AT_STRIPE: {**_RIGHT, **_AT_STRIPE},
}
