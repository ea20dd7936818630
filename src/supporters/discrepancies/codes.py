"""Every kind of difference, and every way to close one. What each asks of people is in `rules`."""

from enum import StrEnum

from supporters.kit.strings import gettext as _


class Code(StrEnum):
    """What kind of difference it is. `describe` says each in one plain sentence.

    Three have other names where accountants list them: PAYMENT_MISMATCH is an amount mismatch, UNKNOWN_CATEGORY an unknown
    adjustment, DISPUTE_UNPAID a dispute that was won without funds.
    """

    # payments and what Stripe says of them
    CHARGE_UNKNOWN = "CHARGE_UNKNOWN"
    WEBHOOK_MISSED = "WEBHOOK_MISSED"
    DONATION_NO_BT = "DONATION_NO_BT"
    PAYMENT_MISMATCH = "PAYMENT_MISMATCH"
    DUPLICATE_DONATION = "DUPLICATE_DONATION"
    DUPLICATE_PAYMENT = "DUPLICATE_PAYMENT"
    PAYMENT_UNTRACED = "PAYMENT_UNTRACED"
    TAKEN_AFTER_STOP = "TAKEN_AFTER_STOP"
    CHANGE_NOT_MADE = "CHANGE_NOT_MADE"
    EVENT_PARKED = "EVENT_PARKED"
    TEST_IN_LIVE = "TEST_IN_LIVE"
    OTHER_ACCOUNT = "OTHER_ACCOUNT"
    # money that goes back
    REFUND_PRIOR_PERIOD = "REFUND_PRIOR_PERIOD"
    REFUND_EXTERNAL = "REFUND_EXTERNAL"
    REFUND_PENDING_FUNDS = "REFUND_PENDING_FUNDS"
    REFUND_FAILED = "REFUND_FAILED"
    REFUND_NOT_MADE = "REFUND_NOT_MADE"
    REFUND_EXCEEDS = "REFUND_EXCEEDS"
    FRAUD_WARNING = "FRAUD_WARNING"
    DISPUTE_OPENED = "DISPUTE_OPENED"
    DISPUTE_INQUIRY = "DISPUTE_INQUIRY"
    DISPUTE_UNPAID = "DISPUTE_UNPAID"
    DISPUTE_LOST = "DISPUTE_LOST"
    DISPUTE_AND_REFUND = "DISPUTE_AND_REFUND"
    PARTIAL_DISPUTE = "PARTIAL_DISPUTE"
    FX_DISPUTE = "FX_DISPUTE"
    DEBIT_RETURNED = "DEBIT_RETURNED"
    # Stripe's balance
    FEE_WITHOUT_CHARGE = "FEE_WITHOUT_CHARGE"
    FEE_RATE_OUTLIER = "FEE_RATE_OUTLIER"
    FX_CONVERSION = "FX_CONVERSION"
    RESERVE_HELD = "RESERVE_HELD"
    RESERVE_RELEASED = "RESERVE_RELEASED"
    MIN_BALANCE_HOLD = "MIN_BALANCE_HOLD"
    UNKNOWN_CATEGORY = "UNKNOWN_CATEGORY"
    BALANCE_LINE_CHANGED = "BALANCE_LINE_CHANGED"
    TOPUP = "TOPUP"
    BALANCE_DRIFT = "BALANCE_DRIFT"
    TIMEZONE_CUTOFF = "TIMEZONE_CUTOFF"
    # payouts
    PAYOUT_CONTENT_OFF = "PAYOUT_CONTENT_OFF"
    PAYOUT_NOT_IN_BANK = "PAYOUT_NOT_IN_BANK"
    PAYOUT_FAILED_RETURNED = "PAYOUT_FAILED_RETURNED"
    PAID_THEN_FAILED = "PAID_THEN_FAILED"
    NEGATIVE_PAYOUT = "NEGATIVE_PAYOUT"
    PAYOUT_REVERSED = "PAYOUT_REVERSED"
    INSTANT_PAYOUT_FEE = "INSTANT_PAYOUT_FEE"
    MANUAL_PAYOUT = "MANUAL_PAYOUT"
    MULTI_CCY_PAYOUT = "MULTI_CCY_PAYOUT"
    # the bank, and money that never met Stripe
    BANK_CREDIT_UNKNOWN = "BANK_CREDIT_UNKNOWN"
    BANK_MERGED = "BANK_MERGED"
    BANK_SPLIT = "BANK_SPLIT"
    BANK_DUPLICATE_IMPORT = "BANK_DUPLICATE_IMPORT"
    STATEMENT_GAP = "STATEMENT_GAP"
    CHEQUE_BOUNCED = "CHEQUE_BOUNCED"
    DEPOSIT_BATCH_OFF = "DEPOSIT_BATCH_OFF"
    STANDING_ORDER_MISSED = "STANDING_ORDER_MISSED"


class Resolution(StrEnum):
    """How a person closed a discrepancy. Those of MOVES make entries in the books."""

    EXPLAINED = "explained"
    NOTED = "noted"
    FIXED_AT_STRIPE = "fixed_at_stripe"
    FIXED_HERE = "fixed_here"
    REFUNDED = "refunded"
    ACCEPTED = "accepted"
    AS_DONATION = "as_donation"
    AS_OTHER_INCOME = "as_other_income"
    NOT_A_DONATION = "not_a_donation"
    OWED_BACK = "owed_back"
    AS_FEE = "as_fee"
    AS_TAX = "as_tax"
    AS_BANK_FEE = "as_bank_fee"
    AS_RESERVE = "as_reserve"
    AS_EXCHANGE = "as_exchange"
    OVER_SHORT = "over_short"
    WRITTEN_OFF = "written_off"
    TO_SUSPENSE = "to_suspense"


MOVES = frozenset(
    {
        Resolution.AS_DONATION,
        Resolution.AS_OTHER_INCOME,
        Resolution.NOT_A_DONATION,
        Resolution.OWED_BACK,
        Resolution.AS_FEE,
        Resolution.AS_TAX,
        Resolution.AS_BANK_FEE,
        Resolution.AS_RESERVE,
        Resolution.AS_EXCHANGE,
        Resolution.OVER_SHORT,
        Resolution.WRITTEN_OFF,
        Resolution.TO_SUSPENSE,
    }
)
SUSPENSE_CODES = (Code.PAYMENT_MISMATCH, Code.DUPLICATE_PAYMENT)  # their subject is the payment intent


def describe(code: Code) -> str:
    """What is different, in one plain sentence in the reader's language."""
    return (_payments() | _going_back() | _balance() | _payouts() | _bank())[code]


def _payments() -> dict[Code, str]:
    return {
        Code.CHARGE_UNKNOWN: _("Stripe's balance has payments that are none of our donations."),
        Code.WEBHOOK_MISSED: _("Stripe's messages did not arrive, and what they said was fetched instead."),
        Code.DONATION_NO_BT: _("A donation counts as paid, and Stripe's balance has no line for it after a day."),
        Code.PAYMENT_MISMATCH: _("A payment differs in amount, currency or mode from the donation it is for."),
        Code.DUPLICATE_DONATION: _("One supporter gave the same amount twice within ten minutes."),
        Code.DUPLICATE_PAYMENT: _("A donation that was already paid was paid once more."),
        Code.PAYMENT_UNTRACED: _("A line of Stripe's balance does not say which payment it belongs to."),
        Code.TAKEN_AFTER_STOP: _("A payment was taken after its giver had asked to stop; it may have to be returned."),
        Code.CHANGE_NOT_MADE: _(
            "A change of a regular donation could not be made at Stripe, or not be taken back; a person must put it right there."
        ),
        Code.EVENT_PARKED: _("A message from Stripe could not be handled."),
        Code.TEST_IN_LIVE: _("A message of Stripe's test mode came to the real books, or the other way round."),
        Code.OTHER_ACCOUNT: _("A message came from another Stripe account than ours."),
    }


def _going_back() -> dict[Code, str]:
    return {
        Code.REFUND_PRIOR_PERIOD: _("Money went back that was given in a month that is closed."),
        Code.REFUND_EXTERNAL: _("A refund was made at Stripe itself and not from the desk."),
        Code.REFUND_PENDING_FUNDS: _("A refund waits because Stripe's balance is too low for it."),
        Code.REFUND_FAILED: _("The bank refused a refund; the money is back in our balance and still owed."),
        Code.REFUND_NOT_MADE: _("A refund could not be made: nothing was sent back, and the money may still be owed."),
        Code.REFUND_EXCEEDS: _("More money went back than the donation had brought."),
        Code.FRAUD_WARNING: _("A card's owner told the bank that a payment was not theirs; a dispute may follow."),
        Code.DISPUTE_OPENED: _("A bank has taken a payment back; evidence may be sent until the due date."),
        Code.DISPUTE_INQUIRY: _("A bank asks about a payment; unless it is answered, it may take the money back."),
        Code.DISPUTE_UNPAID: _("A dispute was won, and its money has not come back within ten days."),
        Code.DISPUTE_LOST: _("A dispute was lost: the bank keeps the payment, and the books have taken it off income."),
        Code.DISPUTE_AND_REFUND: _("A payment was refunded and taken back by the bank as well: more than was given."),
        Code.PARTIAL_DISPUTE: _("A bank took back another amount than was given."),
        Code.FX_DISPUTE: _("A dispute came back in another currency or at another rate than its payment."),
        Code.DEBIT_RETURNED: _("A direct debit that had succeeded was returned by the giver's bank."),
    }


def _balance() -> dict[Code, str]:
    return {
        Code.FEE_WITHOUT_CHARGE: _("Stripe took fees that belong to no payment."),
        Code.FEE_RATE_OUTLIER: _("Stripe kept far more or less of a payment than of others like it."),
        Code.FX_CONVERSION: _("Payments in another currency were exchanged into the currency of the balance."),
        Code.RESERVE_HELD: _("Stripe holds money back as security."),
        Code.RESERVE_RELEASED: _("Stripe gave back money that it had held as security."),
        Code.MIN_BALANCE_HOLD: _("Stripe keeps a minimum in the balance, as its settings say."),
        Code.UNKNOWN_CATEGORY: _("Stripe's balance has a kind of line that the books do not know; it is in suspense."),
        Code.BALANCE_LINE_CHANGED: _("A line of Stripe's balance now has other amounts than when it was first read."),
        Code.TOPUP: _("Stripe's balance was topped up from the bank; the bank statement must show it too."),
        Code.BALANCE_DRIFT: _("The books and Stripe disagree about how much Stripe holds."),
        Code.TIMEZONE_CUTOFF: _("Payments were made in one month and reached Stripe's balance in the next."),
    }


def _payouts() -> dict[Code, str]:
    return {
        Code.PAYOUT_CONTENT_OFF: _("The lines of a payout do not add up to its amount, or Stripe did not list them."),
        Code.PAYOUT_NOT_IN_BANK: _("A payout should have arrived, and no bank line shows it."),
        Code.PAYOUT_FAILED_RETURNED: _("The bank did not take a payout; its money is back in Stripe's balance."),
        Code.PAID_THEN_FAILED: _("A payout that counted as paid has failed after all."),
        Code.NEGATIVE_PAYOUT: _("Stripe's balance was below zero, and Stripe took the difference from the bank."),
        Code.PAYOUT_REVERSED: _("A payout was reversed; the two together come to nothing."),
        Code.INSTANT_PAYOUT_FEE: _("Instant payouts cost fees, so the bank gets less than left the balance."),
        Code.MANUAL_PAYOUT: _(
            "Payouts were made by hand; Stripe can't say what is in them, so the balance proves them."
        ),
        Code.MULTI_CCY_PAYOUT: _("A payout is in a currency for which no bank account is known."),
    }


def _bank() -> dict[Code, str]:
    return {
        Code.BANK_CREDIT_UNKNOWN: _("Money moved at the bank, and nothing says what it is."),
        Code.BANK_MERGED: _("One bank line seems to be several payouts or payments together."),
        Code.BANK_SPLIT: _("Several bank lines seem to be one payout or payment."),
        Code.BANK_DUPLICATE_IMPORT: _("Lines of a statement were here already and were not taken twice."),
        Code.STATEMENT_GAP: _("A statement does not begin with the balance that the one before ended with."),
        Code.CHEQUE_BOUNCED: _("A cheque was not paid by the giver's bank."),
        Code.DEPOSIT_BATCH_OFF: _(
            "What was counted for paying in is not what was written down, or not what the bank credited."
        ),
        Code.STANDING_ORDER_MISSED: _("A standing order did not arrive when it was expected."),
    }


def describe_resolution(resolution: Resolution) -> str:
    """How it was closed, in one plain sentence in the reader's language."""
    return {
        Resolution.EXPLAINED: _("The difference has a good reason; nothing has to change."),
        Resolution.NOTED: _("It was read; nothing has to be done."),
        Resolution.FIXED_AT_STRIPE: _("It was put right at Stripe."),
        Resolution.FIXED_HERE: _("It was put right here, and the books show it."),
        Resolution.REFUNDED: _("The money was returned."),
        Resolution.ACCEPTED: _("The difference is accepted as it is."),
        Resolution.AS_DONATION: _("The money is a donation and counts as income."),
        Resolution.AS_OTHER_INCOME: _("The money is other income of ours, not a donation."),
        Resolution.NOT_A_DONATION: _("The money is no donation and stays out of income."),
        Resolution.OWED_BACK: _("The money is owed back to its giver until the bank shows that it was paid."),
        Resolution.AS_FEE: _("The money is a fee of Stripe."),
        Resolution.AS_TAX: _("The money is tax on Stripe's fees."),
        Resolution.AS_BANK_FEE: _("The money is a fee of the bank."),
        Resolution.AS_RESERVE: _("Stripe holds the money back as security."),
        Resolution.AS_EXCHANGE: _("The money is a gain or loss between two currencies."),
        Resolution.OVER_SHORT: _("The count was over or short; the difference is booked."),
        Resolution.WRITTEN_OFF: _("The money will not come; it is taken off income."),
        Resolution.TO_SUSPENSE: _("The money is ours and waits in suspense until somebody knows more."),
    }[resolution]
