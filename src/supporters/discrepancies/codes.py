"""Every kind of difference, and every way to close one."""

from enum import StrEnum

from supporters.kit.strings import gettext as _


class Code(StrEnum):
    """What kind of difference it is. `describe` says each in one plain sentence."""

    PAYMENT_MISMATCH = "PAYMENT_MISMATCH"
    DUPLICATE_PAYMENT = "DUPLICATE_PAYMENT"
    PAYMENT_UNTRACED = "PAYMENT_UNTRACED"
    UNKNOWN_CATEGORY = "UNKNOWN_CATEGORY"
    BALANCE_LINE_CHANGED = "BALANCE_LINE_CHANGED"
    BALANCE_DRIFT = "BALANCE_DRIFT"
    REFUND_FAILED = "REFUND_FAILED"
    REFUND_NOT_MADE = "REFUND_NOT_MADE"
    EVENT_PARKED = "EVENT_PARKED"
    DISPUTE_INQUIRY = "DISPUTE_INQUIRY"
    DISPUTE_OPENED = "DISPUTE_OPENED"
    DISPUTE_UNPAID = "DISPUTE_UNPAID"
    DISPUTE_AND_REFUND = "DISPUTE_AND_REFUND"
    FRAUD_WARNING = "FRAUD_WARNING"
    TAKEN_AFTER_STOP = "TAKEN_AFTER_STOP"
    CHANGE_NOT_MADE = "CHANGE_NOT_MADE"


class Resolution(StrEnum):
    """How a person closed a discrepancy."""

    EXPLAINED = "explained"
    FIXED_AT_STRIPE = "fixed_at_stripe"
    REFUNDED = "refunded"
    NOT_A_DONATION = "not_a_donation"
    ACCEPTED = "accepted"


SUSPENSE_CODES = (Code.PAYMENT_MISMATCH, Code.DUPLICATE_PAYMENT)  # their subject is the payment intent


def describe(code: Code) -> str:
    """What is different, in one plain sentence in the reader's language."""
    return {
        Code.PAYMENT_MISMATCH: _("A payment differs in amount, currency or mode from the donation it is for."),
        Code.DUPLICATE_PAYMENT: _("A donation that was already paid was paid once more."),
        Code.PAYMENT_UNTRACED: _("A line of Stripe's balance does not say which payment it belongs to."),
        Code.UNKNOWN_CATEGORY: _("Stripe's balance has a kind of line that the books do not know; it is in suspense."),
        Code.BALANCE_LINE_CHANGED: _("A line of Stripe's balance now has other amounts than when it was first read."),
        Code.BALANCE_DRIFT: _("The books and Stripe disagree about how much Stripe holds."),
        Code.REFUND_FAILED: _("The bank refused a refund; the money is back in our balance and still owed."),
        Code.REFUND_NOT_MADE: _("A refund could not be made: nothing was sent back, and the money may still be owed."),
        Code.EVENT_PARKED: _("A message from Stripe could not be handled."),
        Code.DISPUTE_INQUIRY: _("A bank asks about a payment; unless it is answered, it may take the money back."),
        Code.DISPUTE_OPENED: _("A bank has taken a payment back; evidence may be sent until the due date."),
        Code.DISPUTE_UNPAID: _("A dispute was won, and its money has not come back within ten days."),
        Code.DISPUTE_AND_REFUND: _("A payment was refunded and taken back by the bank as well: more than was given."),
        Code.FRAUD_WARNING: _("A card's owner told the bank that a payment was not theirs; a dispute may follow."),
        Code.TAKEN_AFTER_STOP: _("A payment was taken after its giver had asked to stop; it may have to be returned."),
        Code.CHANGE_NOT_MADE: _(
            "A change of a regular donation could not be made at Stripe, or not be taken back; a person must put it right there."
        ),
    }[code]


def describe_resolution(resolution: Resolution) -> str:
    """How it was closed, in one plain sentence in the reader's language."""
    return {
        Resolution.EXPLAINED: _("The difference has a good reason; nothing has to change."),
        Resolution.FIXED_AT_STRIPE: _("It was put right at Stripe."),
        Resolution.REFUNDED: _("The money was returned."),
        Resolution.NOT_A_DONATION: _("The money is no donation and stays out of income."),
        Resolution.ACCEPTED: _("The difference is accepted as it is."),
    }[resolution]
