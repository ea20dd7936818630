"""Which kind of file evidence is: told by its bytes, whatever it is called. Pure.

A document, a picture, a message or plain text, and nothing that a program would run or a browser would draw.
"""

import re
from enum import StrEnum

MOST_BYTES = 10_000_000
NAME_CHARS = 120
_HEADER = re.compile(rb"[!-9;-~]+:[ \t]?[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*")
_OF_MESSAGES = re.compile(rb"(?im)^(?:from|received|return-path):")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_FORMS = (".jpg", ".jpeg", ".png", ".pdf", ".eml", ".txt", ".text", ".csv", ".log")


class FileKind(StrEnum):
    """A kind of file that evidence may be."""

    PDF = "pdf"  # A document.
    PNG = "png"  # A picture, such as of a screen.
    JPEG = "jpg"  # A photograph.
    MESSAGE = "eml"  # An email, saved as a file.
    TEXT = "txt"  # Plain text.


MEDIA_TYPES = {
    FileKind.PDF: "application/pdf",
    FileKind.PNG: "image/png",
    FileKind.JPEG: "image/jpeg",
    FileKind.MESSAGE: "message/rfc822",
    FileKind.TEXT: "text/plain",
}


def kind_of(content: bytes) -> FileKind | None:
    """Which kind the bytes are; None for every other.

    *Source*: ISO 32000-2 §7.5.2; PNG (W3C, third edition) §5.2; JPEG (ITU-T T.81) annex B; RFC 5322 §2.2.
    """
    if content.startswith(b"%PDF-"):
        return FileKind.PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileKind.PNG
    if content.startswith(b"\xff\xd8\xff"):
        return FileKind.JPEG
    if _is_message(content):
        return FileKind.MESSAGE
    return FileKind.TEXT if _is_text(content) else None


def safe_name(name: str, kind: FileKind) -> str:
    """What the file is called when it is taken away: no folder, and always the ending of its kind. `name` is one clean line."""
    last = re.split(r"[/\\]", name)[-1].strip(". ")
    lower = last.casefold()
    stem = next((last[: -len(form)] for form in _FORMS if lower.endswith(form)), last)
    kept = re.sub(r'[<>:"|?*%;]', "_", stem).strip(". ")
    return f"{kept[: NAME_CHARS - 4] or 'evidence'}.{kind}"


def _is_message(content: bytes) -> bool:
    """A run of header fields, one of them of messages only, then an empty line."""
    at, head = 0, content[:65_536]
    while found := _HEADER.match(head, at):
        at = found.end()
    ends = head.startswith((b"\r\n", b"\n"), at) or at == len(content)
    return at > 0 and ends and b"\0" not in content and _OF_MESSAGES.search(head, 0, at) is not None


def _is_text(content: bytes) -> bool:
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(words.strip()) and _CONTROLS.search(words) is None
