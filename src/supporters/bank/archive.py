"""A ZIP of statements, as banks send a month of days: looked at before it is unpacked, unpacked with a limit on every byte. Pure.

Source: OWASP, "File Upload Cheat Sheet".
"""

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256

from supporters.bank.limits import SMALL, Limits
from supporters.bank.parsed import Unreadable
from supporters.bank.refusals import refuse, shown
from supporters.kit.strings import gettext as _

PIECE = 256 * 1024
LOOKED_AT = 64 * 1024
MOST_SHEETS = 5
OPEN_DOCUMENT = "application/vnd.oasis.opendocument.spreadsheet"
WORKBOOKS = ("xl/workbook.", "index/document.iwa")  # of Excel and of Numbers
SHEETS = {  # where the names of sheets stand: in workbooks of Excel, and of OpenDocument
    "xl/workbook.xml": re.compile(r"<(?:\w{1,20}:)?sheet\s[^<>]{0,300}?\bname=\"([^\"<>]{1,200})\""),
    "content.xml": re.compile(r"<table:table\s[^<>]{0,300}?\btable:name=\"([^\"<>]{1,200})\""),
}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(content: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in it, the same content once. Raises Unreadable for bombs and what is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = [entry for entry in packed.infolist() if _is_file(entry)]
            _refuse_workbook(packed, entries)
            _check(entries, len(content), limits)
            left = limits.unpacked
            seen: set[bytes] = set()
            for entry in entries:
                unpacked = _read(packed, entry, min(left, limits.bytes))
                left -= len(unpacked)
                digest = sha256(unpacked).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield entry.filename, unpacked
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise refuse(
            _("The ZIP is broken or locked ({reason}). Unpack it on your computer and choose the statement itself."),
            reason=str(error),
        ) from None


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Whether the entry is somebody's file: no folder, none of the notes that some systems leave."""
    name = entry.filename.replace("\\", "/")
    return not (entry.is_dir() or name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("."))


def _refuse_workbook(packed: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """Raises Unreadable for a workbook, which is a ZIP too, with the names of its sheets where it says them plainly."""
    plain = {entry.filename.casefold(): entry for entry in entries if not entry.flag_bits & 1}
    is_open_document = "mimetype" in plain and _start(packed, plain["mimetype"]).startswith(OPEN_DOCUMENT)
    if not is_open_document and not any(name.startswith(WORKBOOKS) for name in plain):
        return
    found = (
        html.unescape(name)
        for place in SHEETS
        if place in plain
        for name in SHEETS[place].findall(_start(packed, plain[place]))
    )
    sheets = [f"“{shown(name)}”" for name in dict.fromkeys(found)]
    if not sheets:
        raise refuse(_("This is a workbook. Open it and save the sheet with the statement as CSV."))
    if len(sheets) == 1:
        raise Unreadable(_("This is a workbook. Open it and save its sheet {sheet} as CSV.").format(sheet=sheets[0]))
    named = ", ".join(sheets[:MOST_SHEETS]) + (" …" if len(sheets) > MOST_SHEETS else "")
    raise Unreadable(
        _("This is a workbook with the sheets {sheets}. Open it and save the one with the statement as CSV.").format(
            sheets=named
        )
    )


def _start(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """What the entry begins with."""
    with packed.open(entry) as source:
        return source.read(LOOKED_AT).decode("utf-8", "replace")


def _check(entries: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    """What the ZIP says of itself is within the limits. Raises Unreadable."""
    if not entries:
        raise refuse(_("The ZIP has no file in it. Download it from the bank once more."))
    if len(entries) > limits.entries:
        raise refuse(_("The ZIP has more than {most} files. Take fewer at a time."), most=limits.entries)
    for entry in entries:
        if entry.flag_bits & 1:
            raise refuse(
                _("{name} is locked with a password. Unpack it and choose the statement itself."), name=entry.filename
            )
        if entry.compress_type not in METHODS:
            raise refuse(_("{name} is packed in a way that is not read. Unpack it first."), name=entry.filename)
        if entry.file_size > limits.bytes:
            raise refuse(
                _("{name} unpacks to more than {most} MB. Download shorter periods."),
                name=entry.filename,
                most=limits.bytes // (1024 * 1024),
            )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked or (unpacked > SMALL and unpacked > limits.ratio * size):
        raise refuse(_("The ZIP unpacks to far more than any statement: it is not read."))


def _read(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """The entry's content, whatever size it claims to have. Raises Unreadable beyond the limit."""
    pieces: list[bytes] = []
    size = 0
    with packed.open(entry) as source:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > most:
                raise refuse(_("The ZIP unpacks to far more than any statement: it is not read."))
            pieces.append(piece)
    return b"".join(pieces)
