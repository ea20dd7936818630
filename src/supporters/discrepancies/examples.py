"""One example of every kind of difference, as `supporters check --simulate` shows them. Nothing of it is stored."""

from collections.abc import Sequence
from datetime import date

import msgspec

from supporters.discrepancies.codes import MOVES, Code, describe, describe_resolution
from supporters.discrepancies.rules import RULES, due_day, ways
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.staff.letter_words import role_word


class Example(msgspec.Struct, frozen=True):
    """What such a difference is about, and what showed it."""

    subject: str
    minor: int | None
    source: str


class Told(msgspec.Struct, frozen=True):
    """One example with all that its kind asks of people."""

    code: str
    sentence: str
    subject: str
    amount: Money | None
    source: str
    is_quiet: bool
    owner: str
    due_on: date
    ways: tuple[str, ...]  # those that make entries in the books end with a mark


def tell_all(*, today: date, currency: str) -> list[Told]:
    """Every kind once, in the order of the list of codes, as if it were opened `today`."""
    return [_tell(code, today, currency) for code in Code]


def in_lines(told: Sequence[Told], *, locale: str) -> list[str]:
    """The examples as a person reads them in a terminal, with a line between any two."""
    lines: list[str] = []
    for each in told:
        amount = f", {format_money(each.amount, locale)}" if each.amount else ""
        due = _("for information") if each.is_quiet else _("due %(day)s") % {"day": each.due_on.isoformat()}
        lines += [
            f"{each.code}  {each.sentence}",
            f"  {each.subject}{amount}; {_('shown by')} {each.source}; {each.owner}, {due}",
            *(f"  - {way}" for way in each.ways),
            "",
        ]
    return [*lines, _("* makes entries in the books, which opening it again reverses.")]


def _tell(code: Code, today: date, currency: str) -> Told:
    example, rule = EXAMPLES[code], RULES[code]
    closing = tuple(describe_resolution(way) + (" *" if way in MOVES else "") for way in ways(code))
    return Told(
        code=code.value,
        sentence=describe(code),
        subject=example.subject,
        amount=None if example.minor is None else Money(example.minor, currency),
        source=_sources()[example.source],
        is_quiet=rule.is_quiet,
        owner=role_word(rule.owner),
        due_on=due_day(code, opened_on=today),
        ways=closing,
    )


def _sources() -> dict[str, str]:
    return {
        "event": _("a message from Stripe"),
        "line": _("a line of Stripe's balance"),
        "night": _("the nightly search"),
        "payout": _("a payout"),
        "bank": _("a bank statement"),
        "desk": _("the desk"),
    }


_E = Example
EXAMPLES: dict[Code, Example] = {
    Code.CHARGE_UNKNOWN: _E("2026-11:GBP", 124_00, "night"),
    Code.WEBHOOK_MISSED: _E("2026-11", None, "night"),
    Code.DONATION_NO_BT: _E("01K9ZC4W0N7T1QK3S8V5X2B6DJ", 25_00, "night"),
    Code.PAYMENT_MISMATCH: _E("pi_3SXq1", 24_00, "event"),
    Code.DUPLICATE_DONATION: _E("01K9ZC5B8M2R4YH6F1D0J3G7PT", 10_00, "night"),
    Code.DUPLICATE_PAYMENT: _E("pi_3SXq2", 25_00, "event"),
    Code.PAYMENT_UNTRACED: _E("txn_3SXq3", 25_00, "line"),
    Code.TAKEN_AFTER_STOP: _E("pi_3SXq4", 5_00, "event"),
    Code.CHANGE_NOT_MADE: _E("01K9ZC6D5S9W2NE4C8A1K7M3VX", 5_00, "desk"),
    Code.EVENT_PARKED: _E("evt_1SXq5", None, "event"),
    Code.TEST_IN_LIVE: _E("2026-11", None, "night"),
    Code.OTHER_ACCOUNT: _E("acct_1Other", None, "night"),
    Code.REFUND_PRIOR_PERIOD: _E("2026-11:GBP", -25_00, "night"),
    Code.REFUND_EXTERNAL: _E("re_3SXq6", 10_00, "night"),
    Code.REFUND_PENDING_FUNDS: _E("re_3SXq7", 50_00, "night"),
    Code.REFUND_FAILED: _E("re_3SXq8", 25_00, "event"),
    Code.REFUND_NOT_MADE: _E("re_3SXq9", 25_00, "event"),
    Code.REFUND_EXCEEDS: _E("01K9ZC7F1P4V8QA6Z3H5B0R2SN", 4_00, "night"),
    Code.FRAUD_WARNING: _E("issfr_1SXq", 100_00, "event"),
    Code.DISPUTE_OPENED: _E("du_1SXqA", 25_00, "event"),
    Code.DISPUTE_INQUIRY: _E("du_1SXqB", 25_00, "event"),
    Code.DISPUTE_UNPAID: _E("du_1SXqC", 25_00, "line"),
    Code.DISPUTE_LOST: _E("du_1SXqD", 25_00, "night"),
    Code.DISPUTE_AND_REFUND: _E("du_1SXqE", 10_00, "event"),
    Code.PARTIAL_DISPUTE: _E("du_1SXqF", -15_00, "night"),
    Code.FX_DISPUTE: _E("du_1SXqG", 29_00, "night"),
    Code.DEBIT_RETURNED: _E("pi_3SXqH", 10_00, "night"),
    Code.FEE_WITHOUT_CHARGE: _E("2026-11:GBP", -12_40, "night"),
    Code.FEE_RATE_OUTLIER: _E("2026-11:GBP", 2_90, "night"),
    Code.FX_CONVERSION: _E("2026-11:GBP", 41_30, "night"),
    Code.RESERVE_HELD: _E("GBP", 500_00, "night"),
    Code.RESERVE_RELEASED: _E("2026-11:GBP", 200_00, "night"),
    Code.MIN_BALANCE_HOLD: _E("2026-11:GBP", -100_00, "night"),
    Code.UNKNOWN_CATEGORY: _E("txn_3SXqI", 3_00, "line"),
    Code.BALANCE_LINE_CHANGED: _E("txn_3SXqJ", 1_00, "line"),
    Code.TOPUP: _E("txn_3SXqK", 300_00, "night"),
    Code.BALANCE_DRIFT: _E("GBP", -1_50, "line"),
    Code.TIMEZONE_CUTOFF: _E("2026-11:GBP", 35_00, "night"),
    Code.PAYOUT_CONTENT_OFF: _E("po_1SXqL", 3_17, "payout"),
    Code.PAYOUT_NOT_IN_BANK: _E("po_1SXqM", 1_215_48, "bank"),
    Code.PAYOUT_FAILED_RETURNED: _E("po_1SXqN", 840_00, "payout"),
    Code.PAID_THEN_FAILED: _E("po_1SXqO", 840_00, "payout"),
    Code.NEGATIVE_PAYOUT: _E("po_1SXqP", -60_00, "payout"),
    Code.PAYOUT_REVERSED: _E("po_1SXqQ", 0, "payout"),
    Code.INSTANT_PAYOUT_FEE: _E("po_1SXqR", 2_00, "payout"),
    Code.MANUAL_PAYOUT: _E("po_1SXqS", 400_00, "payout"),
    Code.MULTI_CCY_PAYOUT: _E("po_1SXqT", 90_00, "payout"),
    Code.BANK_CREDIT_UNKNOWN: _E("01K9ZC8H6T0X3WM5D9Q2E4F1JB", 40_00, "bank"),
    Code.BANK_MERGED: _E("01K9ZC8J7V1Y4XN6E0R3F5G2KC", 2_055_48, "bank"),
    Code.BANK_SPLIT: _E("po_1SXqU", 1_215_48, "bank"),
    Code.BANK_DUPLICATE_IMPORT: _E("01K9ZC8K8W2Z5YP7F1S4G6H3MD", None, "bank"),
    Code.STATEMENT_GAP: _E("01K9ZC8M9X306ZQ8G2T5H7J4NE", 100_00, "bank"),
    Code.CHEQUE_BOUNCED: _E("01K9ZC8NAY417AR9H3V6J8K5PF", 50_00, "bank"),
    Code.DEPOSIT_BATCH_OFF: _E("01K9ZC8PBZ528BSAJ4W7K9M6QG", -5_00, "bank"),
    Code.STANDING_ORDER_MISSED: _E("01K9ZC8QC0639CTBK5X8MAN7RH", 10_00, "bank"),
}
