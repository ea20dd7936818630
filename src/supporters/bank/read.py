"""The one door to all parsers: bytes in, statements out, or one message that names file, place and field.

Small plain text is read here; everything else by a process of its own, with limits of memory and time, so that neither a
hostile file nor an honest one of 20 MB holds up anything else.
"""

import subprocess
import sys
from pathlib import PurePath

import msgspec

from supporters.bank.child import Order, Reply
from supporters.bank.formats import format_of, read_plainly
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.parsed import CsvProfile, ParsedFile, Unreadable
from supporters.bank.refusals import refuse, shown
from supporters.kit.strings import gettext as _
from supporters.kit.strings import language

__all__ = ["format_of", "read_statements"]

PLAIN = frozenset(["csv", "xero", "qif", "mt940"])
READ_HERE = 64 * 1024  # bytes
PATIENCE = 4  # a busy computer: so much longer than its time of computing may the process run


def read_statements(
    content: bytes, name: str, *, currency: str, profile: CsvProfile | None = None, limits: Limits = DEFAULT
) -> ParsedFile:
    """The statements of the file, whatever it is called; `currency` is what a file that names none is in.

    Opening and lines make closing wherever the bank gives both. Raises Unreadable, and then nothing of the file was taken.
    """
    try:
        return _read(content, currency, profile, limits)
    except Unreadable as problem:
        raise Unreadable(f"{shown(PurePath(name).name or _('The file'))}: {problem.message}") from None


def _read(content: bytes, currency: str, profile: CsvProfile | None, limits: Limits) -> ParsedFile:
    if len(content) > limits.bytes:
        raise refuse(
            _("The file has more than {most} MB. Download shorter periods, one file each."),
            most=max(limits.bytes // (1024 * 1024), 1),
        )
    form = format_of(content)
    if form in PLAIN and len(content) <= READ_HERE:
        return read_plainly(content, currency=currency, profile=profile, limits=limits, form=form)
    order = Order(content=content, currency=currency, profile=profile, limits=limits, language=language())
    return _read_apart(order)


def _read_apart(order: Order) -> ParsedFile:
    """What the process that reads has found. Raises Unreadable, also when it was ended by its limits."""
    too_much = _(
        "Reading it takes more time or memory than any statement should. Download shorter periods, one file each."
    )
    try:
        found = subprocess.run(
            [sys.executable, "-I", "-m", "supporters.bank.child"],
            input=msgspec.msgpack.encode(order),
            capture_output=True,
            timeout=order.limits.seconds * PATIENCE,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(too_much) from None
    if found.returncode < 0 or b"MemoryError" in found.stderr:
        raise Unreadable(too_much)
    if found.returncode:
        raise refuse(_("The file could not be read, and nothing of it was taken. Download it from the bank once more."))
    reply = msgspec.msgpack.decode(found.stdout, type=Reply)
    if reply.file is None:
        raise Unreadable(reply.problem)
    return reply.file
