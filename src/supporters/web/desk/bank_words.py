"""What the desk says about bank statements. Pure: records in, words out."""

import msgspec

from supporters.bank.jobs import Step
from supporters.bank.models import BankFile, BankLine, FileState, LineState
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.web.desk.words import Tag


class ShownLine(msgspec.Struct, frozen=True):
    """One line as a table shows it."""

    line: BankLine
    amount: Money
    tag: Tag
    said: str


def step_names() -> list[str]:
    """The steps of an import, in their order."""
    return [_("File"), _("Columns"), _("Check"), _("Done")]


def work_steps(*, is_taking: bool) -> dict[Step, str]:
    """What the worker does with a file, one after the other."""
    first = {Step.WAITING: _("Waiting for its turn")}
    compares = {Step.COMPARING: _("Comparing its lines with those that are here")}
    if is_taking:
        return {**first, **compares, Step.WRITING: _("Writing the new lines, all at once")}
    return {**first, Step.READING: _("Reading the file"), **compares}


def too_large_words(megabytes: int) -> str:
    """What to do with a file that is too large."""
    words = _("The file is larger than %(count)s MB. Download shorter periods from the bank, one file each.")
    return words % {"count": megabytes}


def format_words(form: str) -> str:
    """The format's name, as banks offer it."""
    return {
        "csv": _("CSV"),
        "xero": _("Xero's statement export"),
        "camt": _("CAMT.053"),
        "ofx": _("OFX"),
        "mt940": _("MT940"),
        "qif": _("QIF"),
        "zip": _("ZIP"),
    }.get(form, form)


def file_tag(file: BankFile) -> Tag:
    """Where a file stands."""
    return {
        FileState.UPLOADED: Tag(_("Columns"), "clock", "warn", _("What its columns mean must be said.")),
        FileState.READING: Tag(_("Being read"), "clock", "", _("It is read in the background. Nothing was taken yet.")),
        FileState.REFUSED: Tag(_("Not taken"), "cross", "neg", _("It could not be read, and it is erased.")),
        FileState.TAKING: Tag(_("Being imported"), "clock", "", _("Its lines are written, all at once.")),
        FileState.READY: Tag(_("To check"), "clock", "warn", _("It waits to be looked at. Nothing was taken yet.")),
        FileState.IMPORTED: Tag(_("Imported"), "check", "pos", _("Its lines are here.")),
        FileState.UNDONE: Tag(_("Undone"), "undo", "", _("Its lines were taken back.")),
        FileState.ABANDONED: Tag(_("Dropped"), "dash", "", _("Nothing of it was taken.")),
    }[FileState(file.state)]


def line_states() -> list[tuple[str, str]]:
    """The states of lines to choose from, with their words."""
    return [(state.value, line_tag(state).word) for state in LineState]


def line_tag(state: LineState, *, is_kept_whole: bool = True) -> Tag:
    """What is known about a line."""
    if not is_kept_whole and state == LineState.SET_ASIDE:
        return Tag(_("Not ours"), "dash", "", _("It does not concern donations; only day and amount are kept."))
    return {
        LineState.OPEN: Tag(_("Open"), "dot", "warn", _("Nobody has said yet what it is.")),
        LineState.SPLIT: Tag(_("Split"), "arrow", "", _("Its single payments are lines of their own.")),
        LineState.MATCHED: Tag(_("Matched"), "check", "pos", _("It is in the books.")),
        LineState.SET_ASIDE: Tag(_("Set aside"), "dash", "", _("It is not in these books.")),
        LineState.UNDONE: Tag(_("Undone"), "undo", "", _("It was taken back with its file.")),
    }[state]


def show_line(line: BankLine) -> ShownLine:
    """The line with its words; of one that is not ours there are none."""
    tag = line_tag(LineState(line.state), is_kept_whole=line.is_kept_whole)
    return ShownLine(line, Money(line.amount_minor, line.currency), tag, said_of(line.counterparty, line.text))


def said_of(counterparty: str, text: str) -> str:
    """Who, and what they wrote, without saying it twice."""
    if not counterparty or counterparty.casefold() in text.casefold():
        return text or counterparty
    return f"{counterparty} · {text}" if text else counterparty
