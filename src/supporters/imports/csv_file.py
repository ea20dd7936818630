"""CSV as people send it: encodings, separators and quotes of many programs. Pure."""

import codecs
import csv
import io
from collections import Counter
from contextlib import suppress
from itertools import islice

from supporters.imports.grid import FileFault, FileProblem, Grid, Notice, build_grid

SEPARATORS = ",;\t|"
LOOKED_AT = 50  # records that the separator is guessed from
SURE = 0.8  # the share of records that must have the same number of cells
FORMS = {b"%PDF": FileFault.PDF, b"\xd0\xcf\x11\xe0": FileFault.OLD_OR_LOCKED}
BYTE_ORDER = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BLANK = "\t\n\r\x0b\x0c\x1a\ufeff"


def read_csv(content: bytes) -> Grid:
    """The rows of a text file. Raises FileProblem."""
    text, notices = decode(content)
    separator, text = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return build_grid(reader, notices=notices)
    except csv.Error:
        raise FileProblem(FileFault.QUOTES, line=reader.line_num) from None


def decode(content: bytes) -> tuple[str, tuple[Notice, ...]]:
    """The file's text and what must be said about how it was read. Raises FileProblem when it is none."""
    for start, fault in FORMS.items():
        if content.startswith(start):
            raise FileProblem(fault)
    marked = next((name for mark, name in BYTE_ORDER if content.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", *_unmarked_utf16(content)]:
        text = _decoded(content, encoding)
        if text is not None:
            return text, ()
    text = None if marked else _decoded(content, "cp1252")
    if text is None:
        raise FileProblem(FileFault.NOT_TEXT)
    return text, (Notice.GUESSED_ENCODING,)


def _decoded(content: bytes, encoding: str) -> str | None:
    """The text, or None when these bytes are no text in that encoding."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    strange = sum(char < " " and char not in BLANK for char in text)
    return None if "\0" in text or strange * 100 > len(text) else text


def _unmarked_utf16(content: bytes) -> list[str]:
    """UTF-16 without its mark, if every second byte of the beginning is mostly zero."""
    start = content[:400]
    if len(start) < 4 or len(content) % 2:
        return []
    if start[1::2].count(0) * 4 > len(start):
        return ["utf-16-le"]
    return ["utf-16-be"] if start[0::2].count(0) * 4 > len(start) else []


def _separator(text: str) -> tuple[str, str]:
    """What stands between cells, and the text without the line that some programs name it in."""
    first, _, rest = text.partition("\n")
    named = first.strip().casefold()
    if len(named) == 5 and named.startswith("sep=") and named[4] in SEPARATORS:
        return named[4], rest
    if first.startswith(("sep=\t", "SEP=\t")):
        return "\t", rest
    return max(SEPARATORS, key=lambda each: _columns_with(text, each)), text


def _columns_with(text: str, separator: str) -> int:
    """How many columns most records have with that separator; 0 where records differ too much."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    widths: Counter[int] = Counter()
    with suppress(
        csv.Error
    ):  # a quote that fits no cell: this is not the separator, or the file is broken from there on
        widths.update(len(record) for record in islice(reader, LOOKED_AT) if any(record))
    if not widths:
        return 0
    width, count = widths.most_common(1)[0]
    return width if width > 1 and count >= SURE * widths.total() else 0
