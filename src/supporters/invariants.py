"""The fourteen sentences on which the books rest, and what holds each: checks by name, the database itself, files of tests.

`supporters check --list` prints them. A test holds that whatever is named here exists.
"""

from collections.abc import Iterator

import msgspec

from supporters.kit.strings import gettext as _


class Invariant(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence. `checks`: of `supporters check --books`; `database`: its triggers and constraints; `tests`: files."""

    number: int
    sentence: str
    checks: tuple[str, ...] = ()
    database: tuple[str, ...] = ()
    tests: tuple[str, ...]


def invariants() -> list[Invariant]:
    """All of them, in order."""
    return sorted([*_of_stripe(), *_of_bank(), *_of_donations()], key=lambda each: each.number)


def in_lines() -> Iterator[str]:
    """The list as a person reads it."""
    for each in invariants():
        yield f"{each.number:>2}  {each.sentence}"
        for what, names in (
            (_("checked"), each.checks),
            (_("held by the database"), each.database),
            (_("tested"), each.tests),
        ):
            if names:
                yield f"    {what}: {', '.join(names)}"


def _of_stripe() -> list[Invariant]:
    return [
        Invariant(
            number=1,
            sentence=_("The entries of every ledger transaction sum to zero in each currency."),
            checks=("ledger_balanced", "ledger_no_empty", "ledger_no_orphans", "ledger_reversals"),
            database=("ledger_transaction_balanced", "ledger_entry_sealed"),
            tests=(
                "ledger/test_ledger_post.py",
                "reconciliation/test_postings.py",
            ),
        ),
        Invariant(
            number=2,
            sentence=_(
                "Every line of Stripe's balance is gross less fee, its fee is its parts, and it is posted once."
            ),
            checks=(
                "mirror_net",
                "mirror_fee_parts",
                "line_posted_once",
                "ledger_has_line",
                "line_amounts",
                "line_posted_in_time",
            ),
            database=("ck_balance_transaction_net", "balance_transaction_fixed"),
            tests=(
                "reconciliation/test_poster.py",
                "reconciliation/test_postings.py",
            ),
        ),
        Invariant(
            number=3,
            sentence=_("The lines of every automatic payout that Stripe has itemised sum to what was paid out."),
            checks=("payout_content",),
            tests=("payouts/test_payouts.py",),
        ),
        Invariant(
            number=4,
            sentence=_(
                "What the bank shows of a paid payout and what is in transit of it are the payout, or a discrepancy says why not."
            ),
            checks=("payout_banked", "payout_whole", "payouts_arrived"),
            tests=(
                "months/test_closing.py",
                "payouts/test_payouts.py",
            ),
        ),
        Invariant(
            number=5,
            sentence=_(
                "The Stripe balance of the books is the sum of all posted lines, and what Stripe says that it holds."
            ),
            checks=("stripe_balance", "balance_agrees", "balance_drift"),
            tests=(
                "payouts/test_sync.py",
                "test_checks.py",
            ),
        ),
    ]


def _of_bank() -> list[Invariant]:
    return [
        Invariant(
            number=6,
            sentence=_("What is in transit is what was sent and what the bank does not show yet."),
            checks=("payouts_in_transit", "opened_in_transit", "payout_whole"),
            tests=("payouts/test_payouts.py",),
        ),
        Invariant(
            number=9,
            sentence=_(
                "Nothing is posted in a locked month or before one; late facts stand in the first open month, with their day."
            ),
            checks=("ledger_periods", "ledger_locked_months", "ledger_late_facts", "ledger_since_start"),
            database=("ledger_transaction_open_month",),
            tests=("ledger/test_ledger_periods.py",),
        ),
        Invariant(
            number=10,
            sentence=_(
                "What a bank line was found to be never exceeds it, and it counts as matched when it is all of it."
            ),
            checks=("bank_lines_matched", "bank_lines_booked"),
            tests=("reconciliation/test_bank_matches.py",),
        ),
        Invariant(
            number=11,
            sentence=_(
                "Every statement's opening and lines come to its closing, and the next one opens where it ended."
            ),
            checks=("bank_statements_add_up", "bank_statements_go_on", "bank_parts_add_up", "bank_lines_at_home"),
            tests=(
                "bank/test_bank_rules.py",
                "bank/test_bank_taking.py",
            ),
        ),
    ]


def _of_donations() -> list[Invariant]:
    return [
        Invariant(
            number=7,
            sentence=_("No more goes back than was given, or a discrepancy says so."),
            checks=("refunds_within_donation", "refunded_sum", "returned_sum", "given_back_is_seen"),
            database=("ck_donation_refunded",),
            tests=("donations/test_refunds.py",),
        ),
        Invariant(
            number=8,
            sentence=_("Every paid donation has its one charge in Stripe's balance within a day."),
            checks=("paid_has_line", "paid_has_one_charge", "paid_has_payment"),
            tests=("test_checks.py",),
        ),
        Invariant(
            number=12,
            sentence=_("Receipt numbers have no gap, and a voided receipt keeps its own."),
            checks=(
                "receipts_gap_free",
                "receipt_counter",
                "paid_has_receipt",
                "receipt_has_paid",
                "yearly_has_statement",
            ),
            database=("receipt_fixed", "uq_receipt_year_sequence"),
            tests=("receipts/test_receipts.py", "receipts/test_year_statement.py"),
        ),
        Invariant(
            number=13,
            sentence=_("Joining two supporters or erasing one moves no penny: entries name nobody."),
            tests=("test_checks.py",),
        ),
        Invariant(
            number=14,
            sentence=_("A line of an unknown kind stands in suspense with a discrepancy; it is never dropped."),
            checks=("unknown_is_seen",),
            tests=("reconciliation/test_poster.py",),
        ),
    ]
