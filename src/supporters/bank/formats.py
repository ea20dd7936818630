"""Which format a file has, by what it begins with, never by its name; and its reading by that format. Pure."""

import re

from supporters.bank.archive import unpack
from supporters.bank.balances import check_file
from supporters.bank.camt import MESSAGES, NOTIFICATION, read_camt
from supporters.bank.csv_file import read_csv
from supporters.bank.csv_guess import guess_profile
from supporters.bank.encodings import decode
from supporters.bank.limits import Limits
from supporters.bank.mt940 import read_mt940
from supporters.bank.ofx import read_ofx
from supporters.bank.parsed import CsvProfile, ParsedFile, ParsedStatement, Unreadable
from supporters.bank.qif import read_qif
from supporters.bank.refusals import refuse, shown
from supporters.bank.xero import is_xero, read_xero
from supporters.kit.strings import gettext as _

LOOKED_AT = 4_000  # characters
_MT940 = re.compile(r"(?:\{1:|:20:|:940:)|(?:.{0,300}?\n:20:)", re.DOTALL)


def format_of(content: bytes) -> str:
    """The format: csv, xero, camt, ofx, mt940, qif or zip. Raises Unreadable for what is no statement at all."""
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    _refuse_others(content)
    start = decode(content[: LOOKED_AT - LOOKED_AT % 4] if len(content) > LOOKED_AT else content, cut=True).lstrip()
    if not start:
        raise refuse(_("The file is empty. Download the statement from the bank once more."))
    if start.startswith("OFXHEADER") or "<OFX>" in start.upper() or "<?OFX" in start.upper():
        return "ofx"
    if start.startswith("<"):
        return _xml_format(start)
    if start.startswith(("!Type", "!type", "!Account", "!Option", "!Clear", "!TYPE")):
        return "qif"
    if _MT940.match(start):
        return "mt940"
    return "xero" if is_xero(start) else "csv"


def read_plainly(
    content: bytes, *, currency: str, profile: CsvProfile | None, limits: Limits, form: str = ""
) -> ParsedFile:
    """The statements, in this very process, checked to add up. Raises Unreadable, or whatever a limit raises."""
    form = form or format_of(content)
    if form == "zip":
        return _read_zip(content, currency, limits)
    if form == "camt":
        return check_file(read_camt(content, currency=currency, limits=limits))
    if form == "ofx":
        return check_file(read_ofx(content, currency=currency, limits=limits))
    if form == "mt940":
        return check_file(read_mt940(content, limits=limits))
    if form == "qif":
        order = profile.date_order if profile else ""
        return check_file(read_qif(content, currency=currency, order=order, limits=limits))
    if form == "xero" and profile is None:
        return check_file(read_xero(content, currency=currency, limits=limits))
    profile = profile or guess_profile(content).profile
    return check_file(read_csv(content, profile, currency=currency, limits=limits))


def _read_zip(content: bytes, currency: str, limits: Limits) -> ParsedFile:
    """The statements of all files in it, which must be of one format. Raises Unreadable, naming the file inside."""
    statements: list[ParsedStatement] = []
    forms: set[str] = set()
    for name, unpacked in unpack(content, limits):
        try:
            form = format_of(unpacked)
            if form in ("zip", "csv", "xero", "qif"):
                raise refuse(
                    _("Only statements in CAMT, OFX or MT940 are read from a ZIP. Unpack it and choose the file.")
                )
            forms.add(form)
            found = read_plainly(unpacked, currency=currency, profile=None, limits=limits, form=form)
        except Unreadable as problem:
            raise Unreadable(f"{shown(name)}: {problem.message}") from None
        statements.extend(found.statements)
        if sum(len(each.lines) for each in statements) > limits.lines:
            raise refuse(_("The ZIP has more than {most} lines in it. Take fewer files at a time."), most=limits.lines)
    if len(forms) != 1:
        raise refuse(_("The ZIP has files of more than one format in it. Choose the statements one by one."))
    return check_file(ParsedFile(format=forms.pop(), statements=tuple(statements)))


def _xml_format(start: str) -> str:
    head = start.encode("utf-8", "replace")
    if any(name in head for name in (*MESSAGES, NOTIFICATION)) or "camt.05" in start:
        return "camt"
    if start[:200].casefold().startswith(("<!doctype html", "<html")):
        raise refuse(_("This is a web page, not a statement: the bank may have asked you to sign in again."))
    if start.startswith("<?xml") or "<Document" in start:
        return "camt"
    raise refuse(_("This is XML that is no bank statement. Download CAMT.053, OFX or CSV from the bank."))


def _refuse_others(content: bytes) -> None:
    """Raises Unreadable for formats that people choose by mistake."""
    if content.startswith(b"%PDF"):
        raise refuse(_("This is a PDF. Download the statement from the bank as CSV, CAMT.053, OFX, MT940 or QIF."))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise refuse(_("This is an old or locked workbook. Open it and save the sheet with the statement as CSV."))
    if content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")):
        raise refuse(_("This is a picture. Download the statement from the bank as CSV, CAMT.053, OFX, MT940 or QIF."))
    if content.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        raise refuse(_("This is a packed file that is not read. Unpack it and choose the statement itself."))
