"""Which lines of a file are new, and which were here already. Pure.

A statement lists a line once. So of lines with one fingerprint the first in the statement is the first that is here, the
second the second: true twins stay two, and a line that comes again stays one. What is left is compared with lines that came
in another layout, by day and amount alone: the same day in two formats has the same sums. A statement that goes on where
the one before it ended (page 2 of the day) shares no line with it, whether both come in one file or each in its own; any
other is compared with those before it.

A new line beside one of the same day and amount that is here, and that the file does not list though it has its day, may be
that one in other words. Only a person can tell; until then it is new.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from supporters.bank.parsed import ParsedLine, ParsedStatement


class Here(msgspec.Struct, frozen=True, gc=False):
    """A line that is here: of the database, or of this file."""

    line_id: str
    fingerprint: str
    occurrence: int
    booked_on: date
    amount_minor: int
    layout: str


class Found(msgspec.Struct, frozen=True, gc=False):
    """A line of the file with its place, from 0."""

    statement: int
    position: int
    line: ParsedLine
    fingerprint: str


class New(msgspec.Struct, frozen=True, gc=False):
    """A line that is not here yet."""

    found: Found
    line_id: str
    occurrence: int


class Again(msgspec.Struct, frozen=True, gc=False):
    """A line that is here already; `is_alike` when only day and amount say so."""

    found: Found
    line_id: str
    is_alike: bool


class Reworded(msgspec.Struct, frozen=True, gc=False):
    """A line of the file that may be one that is here, in other words."""

    found: Found
    line_id: str  # of the one that is here


class Compared(msgspec.Struct):
    """What became of every line."""

    new: list[New]
    again: list[Again]
    twins: int = 0  # lines that are like another of the same statement
    reworded: list[Reworded] = []  # of the new ones; or of those here, where a person has said so
    unlisted: int = 0  # lines here between the days of the file that it does not list


def compare(
    statements: Sequence[Sequence[Found]],
    here: Iterable[Here],
    *,
    layout: str,
    goes_on: Sequence[bool],
    takes_alike: bool = False,
    joins_reworded: bool = False,
    before: frozenset[str] = frozenset(),
) -> Compared:
    """Every line is new or here already. With `takes_alike`, lines that only day and amount make alike are new too; with
    `joins_reworded`, lines that may be reworded are here already.

    `before`: the lines here of pages that ended where the first statement begins; it lists none of them.
    New lines have ids for the while: `+0`, `+1` and so on, in their order.
    """
    known = list(here)
    shelf, compared = _Shelf(known), Compared([], [])
    for place, (lines, is_same_day) in enumerate(zip(statements, goes_on, strict=True)):
        if not is_same_day:
            shelf.begin(frozenset() if place else before)
        compared.twins += sum(count - 1 for count in Counter(found.fingerprint for found in lines).values())
        unknown: list[Found] = []
        for found in lines:
            same = shelf.same(found.fingerprint)
            if same:
                compared.again.append(Again(found, same.line_id, is_alike=False))
            else:
                unknown.append(found)
        for found in unknown:
            alike = None if takes_alike else shelf.alike(found.line, layout)
            if alike:
                compared.again.append(Again(found, alike.line_id, is_alike=True))
            else:
                compared.new.append(shelf.put(found, f"+{len(compared.new)}", layout))
    listed = {again.line_id for again in compared.again} | before
    unlisted = [each for each in known if each.line_id not in listed]
    compared.unlisted = len(unlisted)
    compared.reworded = _find_reworded(compared.new, [each for each in unlisted if each.layout == layout])
    if joins_reworded and compared.reworded:
        _join(compared)
    return compared


def _find_reworded(new: Sequence[New], unlisted: Sequence[Here]) -> list[Reworded]:
    """Each new line with one of its day and amount that is here and not in the file, each of those once."""
    left: dict[tuple[date, int], list[str]] = defaultdict(list)
    for each in reversed(unlisted):
        left[each.booked_on, each.amount_minor].append(each.line_id)
    found: list[Reworded] = []
    for each in new:
        here = left.get((each.found.line.booked_on, each.found.line.amount_minor))
        if here:
            found.append(Reworded(each.found, here.pop()))
    return found


def _join(compared: Compared) -> None:
    """The reworded lines are those that are here."""
    places = {(each.found.statement, each.found.position): each.line_id for each in compared.reworded}
    joined = {
        each.line_id: place
        for each in compared.new
        if (place := places.get((each.found.statement, each.found.position)))
    }
    compared.new = [each for each in compared.new if each.line_id not in joined]
    compared.again = [
        msgspec.structs.replace(each, line_id=joined.get(each.line_id, each.line_id)) for each in compared.again
    ] + [Again(each.found, each.line_id, is_alike=True) for each in compared.reworded]
    compared.unlisted -= len(joined)


def goes_on_from(before: ParsedStatement | None, statement: ParsedStatement) -> bool:
    """Whether the statement begins where the one before it ended, as page 2 of one day does."""
    if before is None or statement.opening_minor is None or before.closing_minor is None:
        return False
    may_be_the_same = statement.number == before.number and before.opening_minor == before.closing_minor
    return statement.opening_minor == before.closing_minor and not may_be_the_same


class _Shelf:
    """The lines that are here, each given out once for every statement."""

    def __init__(self, here: Iterable[Here]) -> None:
        self._same: dict[str, list[Here]] = defaultdict(list)
        self._alike: dict[tuple[date, int], list[Here]] = defaultdict(list)
        for each in sorted(here, key=lambda one: one.occurrence):
            self._keep(each)
        self._given: set[str] = set()
        self._next: dict[object, int] = {}

    def begin(self, before: frozenset[str]) -> None:
        """Another statement: it may list every line that is here, but for these."""
        self._given, self._next = set(before), {}

    def same(self, fingerprint: str) -> Here | None:
        return self._first_left(fingerprint, self._same.get(fingerprint, []), "")

    def alike(self, line: ParsedLine, layout: str) -> Here | None:
        key = (line.booked_on, line.amount_minor)
        return self._first_left(key, self._alike.get(key, []), layout)

    def put(self, found: Found, line_id: str, layout: str) -> New:
        """The line is here from now on, and given out to its own statement."""
        twins = self._same.get(found.fingerprint)
        occurrence = twins[-1].occurrence + 1 if twins else 0
        line = found.line
        self._keep(Here(line_id, found.fingerprint, occurrence, line.booked_on, line.amount_minor, layout))
        self._given.add(line_id)
        return New(found, line_id, occurrence)

    def _keep(self, here: Here) -> None:
        self._same[here.fingerprint].append(here)
        self._alike[here.booked_on, here.amount_minor].append(here)

    def _first_left(self, key: object, among: list[Here], not_layout: str) -> Here | None:
        for index in range(self._next.get(key, 0), len(among)):
            each = among[index]
            if each.line_id not in self._given and each.layout != not_layout:
                self._next[key] = index + 1
                self._given.add(each.line_id)
                return each
        self._next[key] = len(among)
        return None
