"""The text in a file's bytes, whatever encoding a bank chose. Pure."""

import codecs

from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

BLANK = "\t\n\r\x0b\x0c\x1a\ufeff"
BYTE_ORDER = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(content: bytes) -> str:
    """The encoding that the bytes tell, cp1252 or latin-1 where nothing better fits. Raises Unreadable for no text."""
    marked = next((name for mark, name in BYTE_ORDER if content.startswith(mark)), None)
    for name in [marked] if marked else ["utf-8", *_unmarked_utf16(content), "cp1252", "latin-1"]:
        text = _decoded(content, name)
        if text is not None:
            return name
    raise refuse(_("This is no text: it cannot be a statement. Download it from the bank once more, as CSV or CAMT."))


def decode(content: bytes, *, cut: bool = False) -> str:
    """The text, without a byte order mark; a `cut` piece may end within a character. Raises Unreadable for no text."""
    if cut:
        content = content[: len(content) - _unfinished(content)]
    return content.decode(encoding_of(content)).removeprefix("\ufeff")


def _unfinished(content: bytes) -> int:
    """How many bytes at the end begin a character of UTF-8 that is not whole."""
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:
            return back if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else 0
        if byte < 0x80:
            return 0
    return 0


def _decoded(content: bytes, encoding: str) -> str | None:
    """The text, or None when these bytes are no text in that encoding."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    start = text[:100_000]
    strange = sum(char < " " and char not in BLANK for char in start)
    return None if "\0" in text or strange * 100 > len(start) else text


def _unmarked_utf16(content: bytes) -> list[str]:
    """UTF-16 without its mark, if every second byte of the beginning is mostly zero."""
    start = content[:400]
    if len(start) < 4 or len(content) % 2:
        return []
    if start[1::2].count(0) * 4 > len(start):
        return ["utf-16-le"]
    return ["utf-16-be"] if start[0::2].count(0) * 4 > len(start) else []
