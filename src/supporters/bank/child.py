"""Reads one statement from stdin and writes what was found to stdout, inside hard limits of memory and time.

Run as a program of its own by `read`: what a few hostile kilobytes can ask of a parser ends with this process.
"""

import gc
import sys

import msgspec

from supporters.bank.formats import read_plainly
from supporters.bank.limits import Limits
from supporters.bank.parsed import CsvProfile, ParsedFile, Unreadable
from supporters.kit.strings import use_language


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read, and how."""

    content: bytes
    currency: str
    limits: Limits
    profile: CsvProfile | None = None
    language: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The file, or why it is not taken."""

    file: ParsedFile | None = None
    problem: str = ""


def limit_process(limits: Limits) -> None:
    """This process may hold and use only so much; where the system knows no such limits, it runs without."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(order: Order) -> Reply:
    """What is in the file. Raises MemoryError at the limit."""
    if order.language:
        use_language(order.language)
    try:
        return Reply(
            file=read_plainly(order.content, currency=order.currency, profile=order.profile, limits=order.limits)
        )
    except Unreadable as problem:
        return Reply(problem=problem.message)


if __name__ == "__main__":
    gc.disable()  # nothing here refers to itself, and the process ends soon
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    limit_process(order.limits)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer(order)))
