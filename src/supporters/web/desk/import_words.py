"""What the desk says about imported lists. Pure: records in, words out."""

from supporters.imports.actions import Basis
from supporters.imports.columns import Column, DateOrder
from supporters.imports.grid import CELL_CHARS, MOST_COLUMNS, MOST_ROWS, FileFault, FileProblem, Notice
from supporters.imports.models import BatchState
from supporters.imports.rows import Reason
from supporters.kit.strings import gettext as _
from supporters.web.desk.words import Tag


def too_large_words() -> str:
    """What to do with a file that is too large."""
    return _("The file is larger than 5 MB. Split it, or save it as CSV with only the columns you need.")


def file_words(problem: FileProblem) -> str:
    """What is wrong with a file, and what to do."""
    known = {
        FileFault.EMPTY: _("The file holds no rows. Choose the file with your list."),
        FileFault.HEADER_ONLY: _("The file holds the names of its columns and nobody below them."),
        FileFault.TOO_LARGE: too_large_words(),
        FileFault.TOO_MANY_ROWS: _("The file has more than %(count)s rows. Split it and bring the parts one by one.")
        % {"count": f"{MOST_ROWS:,}"},
        FileFault.TOO_MANY_COLUMNS: _(
            "Row %(line)s has more than %(count)s columns. Save the list with only the columns you need."
        )
        % {"line": problem.line, "count": MOST_COLUMNS},
        FileFault.NOT_TEXT: _("This is no list: it holds no text. Save your list as CSV (UTF-8) or XLSX."),
        FileFault.PDF: _("This is a PDF, whatever its name says. Save your list as CSV (UTF-8) or XLSX."),
        FileFault.OLD_OR_LOCKED: _(
            "This is an Excel file of the old kind, or one behind a password. Save it as XLSX without a password."
        ),
        FileFault.NOT_A_WORKBOOK: _("This packed file is no XLSX workbook. Save your list as CSV (UTF-8) or XLSX."),
        FileFault.BROKEN: _("The workbook can't be opened; it may be damaged. Save it again, or as CSV (UTF-8)."),
        FileFault.BOMB: _("The workbook unpacks to far more than a list of people. Save it as CSV (UTF-8)."),
        FileFault.QUOTES: _(
            "Near line %(line)s a quotation mark opens or closes in the wrong place. Save the list again."
        )
        % {"line": problem.line},
    }
    return known[problem.fault]


def notice_words(notice: Notice) -> str:
    """What a person should know before trusting what was read."""
    return {
        Notice.GUESSED_ENCODING: _(
            "The file is not in UTF-8; we read it as Windows Western European. Look at names with accents below."
        ),
        Notice.MORE_SHEETS: _("The workbook has several sheets. Only the first visible one is read."),
    }[notice]


def reason_words(reason: str) -> str:
    """Why a row was left out, as a person would say it."""
    return {
        Reason.NO_ADDRESS: _("no address"),
        Reason.UNREADABLE: _("not an email address that can be written to"),
        Reason.TOO_LONG: _("a cell has more than %(count)s characters") % {"count": f"{CELL_CHARS:,}"},
        Reason.RAGGED: _("more cells than there are columns"),
        Reason.BAD_DATE: _("the date of consent can't be read, or lies ahead"),
        Reason.NO_BASIS: _("the list does not say how this person agreed"),
        Reason.SAYS_NO: _("the list says that this person has not agreed or has stopped"),
        Reason.REPEATED: _("the same address stands further up"),
        Reason.STOPPED: _("left this newsletter here before"),
        Reason.SUPPRESSED: _("asked not to be written to, or mail comes back"),
    }[Reason(reason)]


def column_words(column: Column) -> tuple[str, str]:
    """The name of what a column can mean, and a hint."""
    return {
        Column.ADDRESS: (_("Email address"), _("Needed.")),
        Column.NAME: (_("Name"), _("Kept with the address.")),
        Column.CONSENTED: (_("When they agreed"), _("Kept as evidence. A row whose date can't be read is left out.")),
        Column.BASIS: (
            _("Whether or how they agreed"),
            _("Kept as evidence. Rows that are empty here, or say no, unsubscribed or bounced, are left out."),
        ),
    }[column]


def order_words(order: DateOrder) -> str:
    """A way to write days, shown by one."""
    return {
        DateOrder.DMY: _("22/11/2026 (day first)"),
        DateOrder.YMD: _("2026-11-22 (year first)"),
        DateOrder.MDY: _("11/22/2026 (month first)"),
    }[order]


def basis_words(basis: Basis) -> tuple[str, str]:
    """A ground of consent, and what it means."""
    return {
        Basis.DOUBLE_OPT_IN: (
            _("They confirmed by email (double opt-in)"),
            _("At the service that kept the list before. Its record of the confirmations is the proof."),
        ),
        Basis.FORM: (
            _("They agreed on paper or in a form"),
            _("For this newsletter, by their own act. The papers or the form's records are the proof."),
        ),
    }[basis]


def batch_tag(state: str) -> Tag:
    """How far a batch has come."""
    return {
        BatchState.UPLOADED: Tag(_("Columns to choose"), "pencil", "warn", _("Nobody was added yet.")),
        BatchState.READY: Tag(_("Ready to start"), "clock", "warn", _("Nobody was added yet.")),
        BatchState.RUNNING: Tag(_("Under way"), "arrow", "info", _("Rows are being taken.")),
        BatchState.STOPPED: Tag(
            _("Broken off"), "alert", "warn", _("Not every row was looked at; the file was erased.")
        ),
        BatchState.DONE: Tag(_("Done"), "check", "pos", _("Every row was looked at.")),
        BatchState.UNDOING: Tag(_("Being undone"), "undo", "info", _("What it did is being taken back.")),
        BatchState.UNDONE: Tag(_("Undone"), "undo", "", _("What it did was taken back.")),
        BatchState.ABANDONED: Tag(_("Dropped"), "dash", "", _("Nobody was added, and the file was erased.")),
    }[BatchState(state)]


def step_names() -> list[str]:
    """The four steps in their order."""
    return [_("File"), _("Columns"), _("Preview"), _("Done")]
