"""XLSX, opened with care: looked at as a zip first, then read by a process of its own with hard limits. Pure but for that."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import msgspec

from supporters.imports.grid import FileFault, FileProblem, Grid, Notice, build_grid

MOST_ENTRIES = 1_000
MOST_UNPACKED = 100 * 1024 * 1024
MOST_RATIO = 100  # for what unpacks to more than SMALL
SMALL = 10 * 1024 * 1024
MOST_SECONDS = 30
CHILD = Path(__file__).with_name("xlsx_child.py")


def is_packed(content: bytes) -> bool:
    """Whether the file begins as a zip does, as every XLSX does whatever its name."""
    return content.startswith(b"PK\x03\x04")


def read_xlsx(content: bytes) -> Grid:
    """The rows of the first visible sheet, formulas as the values they last had. Raises FileProblem."""
    check_zip(content)
    lines = iter(_read_apart(content).splitlines())
    sheets = msgspec.json.decode(next(lines, b"0"), type=int)
    if not sheets:
        raise FileProblem(FileFault.EMPTY)
    return build_grid(_records(lines), notices=(Notice.MORE_SHEETS,) if sheets > 1 else ())


def check_zip(content: bytes) -> None:
    """The file is a workbook that says it unpacks to a sane size. Raises FileProblem."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise FileProblem(FileFault.BROKEN) from None
    unpacked = sum(entry.file_size for entry in entries)
    is_dense = unpacked > SMALL and unpacked > MOST_RATIO * len(content)
    if len(entries) > MOST_ENTRIES or unpacked > MOST_UNPACKED or is_dense:
        raise FileProblem(FileFault.BOMB)
    if not any(entry.filename.replace("\\", "/").casefold() == "xl/workbook.xml" for entry in entries):
        raise FileProblem(FileFault.NOT_A_WORKBOOK)


def _read_apart(content: bytes) -> bytes:
    try:
        found = subprocess.run(  # noqa: S603 - our own file with our own interpreter
            [sys.executable, "-I", str(CHILD)], input=content, capture_output=True, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise FileProblem(FileFault.BOMB) from None
    if found.returncode < 0 or b"MemoryError" in found.stderr:  # ended by its limits
        raise FileProblem(FileFault.BOMB)
    if found.returncode:
        raise FileProblem(FileFault.BROKEN)
    return found.stdout


def _records(lines: Iterator[bytes]) -> Iterator[list[str]]:
    decoder = msgspec.json.Decoder(list[str])
    return (decoder.decode(line) for line in lines)
