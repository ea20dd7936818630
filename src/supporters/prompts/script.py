"""The optional script as sites get it: comments and needless space taken off, under a name that changes with its content."""

import base64
import gzip
import hashlib
import re
from functools import lru_cache

import msgspec

from supporters.paths import STATIC

# No space is taken out of strings, templates and regular expressions; a slash after these signs begins a regular expression.
_LITERAL = re.compile(
    r"""("[^"\n]*"|`[^`]*`|(?<=[=(,] )/(?:\\.|[^/\n\\])+/[a-z]*|(?<=[=(,])/(?:\\.|[^/\n\\])+/[a-z]*)"""
)
_SPACE = re.compile(r"[ ]*([{}()\[\];,:?=<>|&*!+-])[ ]*")
_BREAK = re.compile(r"(?<=[;{},])\n")


class Script(msgspec.Struct, frozen=True):
    """One script: its immutable name, its bytes, the same as gzip, and what `integrity=` says of it."""

    name: str
    body: bytes
    packed: bytes
    etag: str
    integrity: str


@lru_cache(maxsize=1)
def prompt_script() -> Script:
    """The script of this release."""
    return script_of(strip(STATIC.joinpath("prompt.js").read_text(encoding="utf-8")).encode())


def script_of(body: bytes) -> Script:
    """The script of these bytes: its name says what it holds, whichever release it came with."""
    digest = hashlib.sha256(body).hexdigest()[:10]
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()
    return Script(f"prompt.{digest}.js", body, gzip.compress(body, 9, mtime=0), f'"{digest}"', integrity)


def strip(source: str) -> str:
    """The source without indentation, blank lines, whole-line `//` comments and spaces beside signs; nothing else changes.

    A template holds CSS, which needs no line break behind a brace. A comment that begins with `//#` speaks to browsers.
    """
    lines = (line.strip() for line in source.splitlines())
    kept = "\n".join(line for line in lines if line and (line.startswith("//#") or not line.startswith("//")))
    parts = _LITERAL.split(kept)
    parts[1::2] = [part.replace("}\n", "}") for part in parts[1::2]]
    parts[::2] = [_BREAK.sub("", _SPACE.sub(r"\1", part)) for part in parts[::2]]
    return "".join(parts) + "\n"
