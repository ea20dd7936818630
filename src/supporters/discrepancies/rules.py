"""What each kind of difference asks of people: who looks after it, by when, and how it may be closed. Pure."""

from datetime import date, timedelta

import msgspec

from supporters.discrepancies.codes import Code, Resolution
from supporters.staff.models import Role

_R = Resolution

# What may be said of money that nobody has explained yet.
_MONEY = (
    _R.AS_DONATION,
    _R.AS_OTHER_INCOME,
    _R.NOT_A_DONATION,
    _R.OWED_BACK,
    _R.AS_FEE,
    _R.AS_TAX,
    _R.AS_RESERVE,
    _R.AS_EXCHANGE,
)
_PLAIN = (_R.EXPLAINED, _R.FIXED_AT_STRIPE, _R.ACCEPTED)
_SEEN = (_R.NOTED, _R.EXPLAINED)
_HERE = (_R.FIXED_HERE, _R.EXPLAINED, _R.ACCEPTED)


class Rule(msgspec.Struct, frozen=True):
    """What one kind asks. `days`: until it is due. A quiet one is for information: it hurries nobody and blocks nothing."""

    days: int
    ways: tuple[Resolution, ...]
    owner: Role = Role.FINANCE
    is_quiet: bool = False


def _quiet(*more: Resolution, owner: Role = Role.FINANCE) -> Rule:
    return Rule(30, (*_SEEN, *more), owner, is_quiet=True)


RULES: dict[Code, Rule] = {
    Code.CHARGE_UNKNOWN: _quiet(),
    Code.WEBHOOK_MISSED: _quiet(_R.FIXED_AT_STRIPE, owner=Role.ADMIN),
    Code.DONATION_NO_BT: Rule(2, (_R.FIXED_HERE, *_PLAIN)),
    Code.PAYMENT_MISMATCH: Rule(1, (*_MONEY[:4], _R.AS_EXCHANGE, _R.REFUNDED, *_PLAIN)),
    Code.DUPLICATE_DONATION: Rule(3, (_R.REFUNDED, _R.EXPLAINED, _R.ACCEPTED)),
    Code.DUPLICATE_PAYMENT: Rule(1, (_R.REFUNDED, *_MONEY[:4], *_PLAIN)),
    Code.PAYMENT_UNTRACED: Rule(7, (*_MONEY, _R.REFUNDED, *_PLAIN)),
    Code.TAKEN_AFTER_STOP: Rule(1, (_R.REFUNDED, *_PLAIN)),
    Code.CHANGE_NOT_MADE: Rule(1, _PLAIN, Role.ADMIN),
    Code.EVENT_PARKED: Rule(7, (_R.FIXED_HERE, *_PLAIN), Role.ADMIN),
    Code.TEST_IN_LIVE: Rule(7, _PLAIN, Role.ADMIN),
    Code.OTHER_ACCOUNT: Rule(7, _PLAIN, Role.ADMIN),
    Code.REFUND_PRIOR_PERIOD: _quiet(_R.FIXED_HERE),
    Code.REFUND_EXTERNAL: Rule(7, (_R.EXPLAINED, _R.ACCEPTED)),
    Code.REFUND_PENDING_FUNDS: Rule(2, _PLAIN),
    Code.REFUND_FAILED: Rule(1, (_R.OWED_BACK, _R.REFUNDED, *_PLAIN)),
    Code.REFUND_NOT_MADE: Rule(1, (_R.OWED_BACK, _R.REFUNDED, *_PLAIN)),
    Code.REFUND_EXCEEDS: Rule(2, _PLAIN),
    Code.FRAUD_WARNING: Rule(1, (_R.REFUNDED, *_PLAIN)),
    Code.DISPUTE_OPENED: Rule(7, (_R.REFUNDED, *_PLAIN)),
    Code.DISPUTE_INQUIRY: Rule(7, (_R.REFUNDED, *_PLAIN)),
    Code.DISPUTE_UNPAID: Rule(7, (_R.WRITTEN_OFF, *_PLAIN)),
    Code.DISPUTE_LOST: Rule(14, (_R.NOTED, _R.EXPLAINED, _R.ACCEPTED)),
    Code.DISPUTE_AND_REFUND: Rule(7, _PLAIN),
    Code.PARTIAL_DISPUTE: Rule(7, (_R.AS_EXCHANGE, *_PLAIN)),
    Code.FX_DISPUTE: Rule(7, (_R.AS_EXCHANGE, *_PLAIN)),
    Code.DEBIT_RETURNED: Rule(3, (_R.NOTED, _R.EXPLAINED, _R.ACCEPTED)),
    Code.FEE_WITHOUT_CHARGE: _quiet(),
    Code.FEE_RATE_OUTLIER: _quiet(_R.FIXED_AT_STRIPE),
    Code.FX_CONVERSION: _quiet(),
    Code.RESERVE_HELD: Rule(14, (_R.NOTED, *_PLAIN)),
    Code.RESERVE_RELEASED: _quiet(),
    Code.MIN_BALANCE_HOLD: _quiet(),
    Code.UNKNOWN_CATEGORY: Rule(7, (*_MONEY, _R.WRITTEN_OFF, *_PLAIN)),
    Code.BALANCE_LINE_CHANGED: Rule(2, _PLAIN),
    Code.TOPUP: Rule(7, _HERE),
    Code.BALANCE_DRIFT: Rule(2, (_R.FIXED_HERE, *_PLAIN)),
    Code.TIMEZONE_CUTOFF: _quiet(),
    Code.PAYOUT_CONTENT_OFF: Rule(2, (_R.FIXED_HERE, *_PLAIN)),
    Code.PAYOUT_NOT_IN_BANK: Rule(3, (_R.FIXED_HERE, *_PLAIN)),
    Code.PAYOUT_FAILED_RETURNED: Rule(2, (_R.FIXED_HERE, *_PLAIN)),
    Code.PAID_THEN_FAILED: Rule(1, (_R.FIXED_HERE, *_PLAIN)),
    Code.NEGATIVE_PAYOUT: Rule(3, _HERE),
    Code.PAYOUT_REVERSED: Rule(7, (_R.NOTED, *_HERE)),
    Code.INSTANT_PAYOUT_FEE: _quiet(),
    Code.MANUAL_PAYOUT: _quiet(),
    Code.MULTI_CCY_PAYOUT: Rule(3, _HERE),
    Code.BANK_CREDIT_UNKNOWN: Rule(
        7, (*_MONEY[:4], _R.TO_SUSPENSE, _R.FIXED_HERE, _R.REFUNDED, _R.EXPLAINED, _R.ACCEPTED)
    ),
    Code.BANK_MERGED: Rule(7, _HERE),
    Code.BANK_SPLIT: Rule(7, _HERE),
    Code.BANK_DUPLICATE_IMPORT: _quiet(),
    Code.STATEMENT_GAP: Rule(3, _HERE),
    Code.CHEQUE_BOUNCED: Rule(3, _HERE),
    Code.DEPOSIT_BATCH_OFF: Rule(3, (_R.OVER_SHORT, *_HERE)),
    Code.STANDING_ORDER_MISSED: Rule(14, (_R.NOTED, *_HERE)),
}
QUIET = frozenset(code for code, rule in RULES.items() if rule.is_quiet)
# The books are not what happened while one of these is open: no month is closed over it.
STOPS = frozenset({Code.BALANCE_DRIFT, Code.PAYOUT_CONTENT_OFF, Code.REFUND_EXCEEDS})


def ways(code: Code) -> tuple[Resolution, ...]:
    """How a difference of this kind may be closed, the likeliest first."""
    return RULES[code].ways


def due_day(code: Code, *, opened_on: date) -> date:
    """The day by which somebody has to have explained it."""
    return opened_on + timedelta(days=RULES[code].days)
