"""Money that never met Stripe, in words."""

from supporters.donations.other_models import (
    DepositState,
    OtherKind,
    OtherRefundState,
    OtherState,
    PromiseState,
    RefundWay,
)
from supporters.kit.strings import gettext as _
from supporters.web.desk.words import Tag


def kind_words(kind: str) -> str:
    """How the money came."""
    return {
        OtherKind.CASH.value: _("Cash"),
        OtherKind.CHEQUE.value: _("Cheque"),
        OtherKind.TRANSFER.value: _("Bank transfer"),
        OtherKind.STANDING_ORDER.value: _("Standing order"),
    }[kind]


def payment_tag(state: str) -> Tag:
    """How far a payment has come."""
    return {
        OtherState.RECORDED.value: Tag(_("Received"), "clock", "", _("Written down; not at the bank yet.")),
        OtherState.DEPOSITED.value: Tag(_("Paid in"), "clock", "", _("At the bank; no statement shows it yet.")),
        OtherState.CLEARED.value: Tag(_("At the bank"), "check", "pos", _("A statement shows it.")),
        OtherState.BOUNCED.value: Tag(_("Bounced"), "alert", "warn", _("The giver's bank did not pay the cheque.")),
        OtherState.VOID.value: Tag(_("Taken back"), "undo", "", _("The books have the opposite entries.")),
    }[state]


def way_words(way: str) -> str:
    """How money was paid back."""
    return {
        RefundWay.TRANSFER.value: _("Bank transfer"),
        RefundWay.CHEQUE.value: _("Cheque of ours"),
        RefundWay.CASH.value: _("Cash, out of what waits to be paid in"),
    }[way]


def refund_tag(state: str) -> Tag:
    """How far money that went back has come."""
    return {
        OtherRefundState.PAID.value: Tag(_("Paid back"), "undo", "", _("Written down; no statement shows it yet.")),
        OtherRefundState.CLEARED.value: Tag(_("Left the bank"), "check", "pos", _("A statement shows it.")),
        OtherRefundState.VOID.value: Tag(_("Taken back"), "undo", "", _("The books have the opposite entries.")),
    }[state]


def deposit_tag(state: str) -> Tag:
    """How far a deposit has come."""
    return {
        DepositState.PAID_IN.value: Tag(_("Paid in"), "clock", "", _("At the bank; no statement shows it yet.")),
        DepositState.CLEARED.value: Tag(_("At the bank"), "check", "pos", _("A statement shows it.")),
        DepositState.UNDONE.value: Tag(_("Taken back"), "undo", "", _("Its cash and cheques wait again.")),
    }[state]


def promise_tag(state: str) -> Tag:
    """What came of a promise."""
    return {
        PromiseState.OPEN.value: Tag(_("Waited for"), "clock", "", _("Nothing has arrived yet.")),
        PromiseState.RUNNING.value: Tag(_("Arrives regularly"), "check", "pos", _("A standing order.")),
        PromiseState.KEPT.value: Tag(_("Arrived"), "check", "pos", ""),
        PromiseState.LAPSED.value: Tag(_("Lapsed"), "dash", "", _("Nothing came for ninety days.")),
        PromiseState.ENDED.value: Tag(_("Ended"), "dash", "", ""),
    }[state]


def frequency_words(frequency: str) -> str:
    """How often it is promised."""
    words = {"once": _("once"), "monthly": _("every month"), "quarterly": _("every quarter"), "yearly": _("every year")}
    return words[frequency]
