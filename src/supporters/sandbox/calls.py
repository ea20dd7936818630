"""What an operation of the API is: a method, a path, the parameters it takes and the function that answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from supporters.sandbox.errors import Json
from supporters.sandbox.params import PAGING, Fields, Kind, ListOf, Text
from supporters.sandbox.world import World


@dataclass(frozen=True)
class Call:
    """One request, read."""

    path: Mapping[str, str]
    params: Json
    version: str


@dataclass(frozen=True)
class Raw:
    """An answer that is no JSON: the contents of a file."""

    body: bytes
    kind: str


Answerer = Callable[[World, Call], Json | Raw]
EXPAND = ListOf(Text())


@dataclass(frozen=True)
class Operation:
    """One line of the API."""

    method: str
    pattern: str
    answer: Answerer
    fields: Fields
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.pattern.strip("/").split("/")))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The path's ids, if the path is this operation's."""
        if len(segments) != len(self.segments):
            return None
        ids: dict[str, str] = {}
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                ids[own[1:-1]] = given
            elif own != given:
                return None
        return ids


def get(pattern: str, answer: Answerer, **fields: Kind) -> Operation:
    """A reading operation of one object."""
    return Operation("GET", pattern, answer, Fields(fields, expand=EXPAND))


def listing(pattern: str, answer: Answerer, **fields: Kind) -> Operation:
    """A reading operation of a list."""
    return Operation("GET", pattern, answer, Fields({**fields, **PAGING}, expand=EXPAND))


def post(pattern: str, answer: Answerer, fields: Fields | None = None) -> Operation:
    """A writing operation."""
    fields = fields or Fields()
    return Operation("POST", pattern, answer, Fields(fields.fields, required=fields.required, expand=EXPAND))


def delete(pattern: str, answer: Answerer, **fields: Kind) -> Operation:
    """A removing operation."""
    return Operation("DELETE", pattern, answer, Fields(fields, expand=EXPAND))
