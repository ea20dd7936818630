"""How much of a file is read before it is refused: size, lines, depth, time. Pure."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one file may ask for at most."""

    bytes: int = 20 * 1024 * 1024
    lines: int = 200_000  # lines of statements, and payments inside them
    depth: int = 32  # elements within elements
    seconds: int = 20  # of computing
    memory: int = 1024 * 1024 * 1024  # of the process that reads, Python itself included
    entries: int = 100  # files in a ZIP
    unpacked: int = 200 * 1024 * 1024  # of all of them together
    ratio: int = 100  # unpacked to packed, of what unpacks to more than SMALL


DEFAULT = Limits()
SMALL = 1024 * 1024
MOST_STATEMENTS = 2_000
MOST_CHARS = 2_000  # of one field that is kept: the rest is cut
