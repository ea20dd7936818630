"""A ZIP of statements, as banks send a month of days: looked at before it is unpacked, unpacked with a limit on every byte. Pure.

Source: OWASP, "File Upload Cheat Sheet".
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256

from supporters.bank.limits import SMALL, Limits
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

PIECE = 256 * 1024
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(content: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in it, the same content once. Raises Unreadable for bombs and what is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = [entry for entry in packed.infolist() if _is_file(entry)]
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


def _check(entries: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    """What the ZIP says of itself is within the limits. Raises Unreadable."""
    if any("xl/workbook.xml" in entry.filename.casefold() for entry in entries):
        raise refuse(_("This is a workbook. Open it and save the sheet with the statement as CSV."))
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
