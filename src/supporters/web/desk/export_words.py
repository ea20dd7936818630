"""What the desk says about exports. Pure: targets and batches in, words out."""

import msgspec

from supporters.exports.models import BatchState, ExportBatch
from supporters.exports.targets import Mode, Target
from supporters.kit.strings import gettext as _
from supporters.web.desk.words import Tag


class TargetWords(msgspec.Struct, frozen=True):
    """One program: its name, what the file is, and how it is loaded, step by step."""

    name: str
    about: str
    steps: tuple[str, ...]


def target_words(target: Target) -> TargetWords:
    """How a program is shown."""
    return {
        Target.XERO: _xero,
        Target.QUICKBOOKS: _quickbooks,
        Target.CSV: _csv,
        Target.JSON: _json,
        Target.BEANCOUNT: _beancount,
        Target.HLEDGER: _hledger,
    }[target]()


def mode_words(mode: Mode) -> tuple[str, str]:
    """A way of making journals: its name and a sentence."""
    return {
        Mode.PAYOUT: (
            _("One journal for each payout"),
            _("Summed up by account. What is in no payout: one for each day. This is what most accountants want."),
        ),
        Mode.LINE: (
            _("One journal for each ledger transaction"),
            _("Every charge, refund and fee by itself: long, and rarely needed."),
        ),
    }[mode]


def batch_tag(batch: ExportBatch) -> Tag:
    """How a batch stands."""
    if batch.reverses_id:
        return Tag(_("Takes back"), "undo", "info", _("Turns round every line of an earlier batch."))
    if batch.state == BatchState.REVERSED:
        return Tag(_("Taken back"), "undo", "", _("A later batch turns every line of it round."))
    return Tag(_("Live"), "check", "pos", _("What it holds goes out in no other batch for this program."))


def size_words(size_bytes: int) -> str:
    """How large a file is."""
    if size_bytes < 100_000:
        return _("%(count)s KB") % {"count": max(1, round(size_bytes / 1000))}
    return _("%(count)s MB") % {"count": f"{size_bytes / 1_000_000:.1f}"}


def _xero() -> TargetWords:
    return TargetWords(
        "Xero",
        _("Manual journals, and the Stripe balance as a bank statement. Files of 300 and 1,000 lines at most."),
        (
            _(
                "Once: make a bank account “Stripe” and a current asset “Stripe clearing” in Xero, and map 1100 to the latter."
            ),
            _("Manual journals, Import: each manual-journals file. Look at the drafts and post them."),
            _("Bank account “Stripe”, Import a statement: each stripe-statement file."),
            _(
                "Reconcile each statement line to “Stripe clearing”: that account ends at nothing, and “Stripe” at our balance."
            ),
            _("Payouts that arrive come with your bank's own feed: reconcile them to “Payouts in transit”."),
        ),
    )


def _quickbooks() -> TargetWords:
    return TargetWords(
        "QuickBooks Online",
        _("Journal entries, one file for each currency, 1,000 rows at most in each."),
        (
            _(
                "Once: give our accounts the names that QuickBooks has, sub-accounts as Parent:Sub; add what is missing there."
            ),
            _("Settings, Advanced, Chart of accounts: switch account numbers off until you are done."),
            _("Import data, Journal entries: each file. Choose the format of its dates; the columns fit by name."),
            _(
                "Is it loaded twice by mistake? QuickBooks can warn of journal numbers that it has: ours are never used again."
            ),
        ),
    )


def _csv() -> TargetWords:
    return TargetWords(
        _("CSV, any program"), _("One row for each line, with both our account and the accountant's."), ()
    )


def _json() -> TargetWords:
    return TargetWords(_("JSON, any program"), _("The same for programs, with the totals of every account."), ())


def _beancount() -> TargetWords:
    return TargetWords(
        "beancount",
        _("Text, with the balance of every account at the end of each closed month."),
        (_("Include the files of all live batches in your main file; bean-check holds the balances."),),
    )


def _hledger() -> TargetWords:
    return TargetWords(
        "hledger",
        _("Text, with a balance assertion for every account at the end of each closed month."),
        (_("Include the files of all live batches in your main journal; hledger check --strict holds the balances."),),
    )
