"""Which of a few amounts make up a sum? Pure, and bounded: banks merge or split a handful of payments, not a hundred."""

from collections.abc import Iterator, Sequence
from itertools import combinations

MOST_PARTS = 6
MOST_CANDIDATES = 40
FEW_PARTS, FEW_CANDIDATES = (
    4,
    20,
)  # of more than so many amounts, no more than four are added up: it would take too long


def only_subset(amounts: Sequence[int], total: int) -> tuple[int, ...] | None:
    """The places of two to six of the amounts that sum to `total`, if exactly one choice of them does; else None.

    *Money*: minor units of one currency. Of more than 20 amounts two to four are added up; of more than 40 nothing is said.
    Equal amounts are different payments: where either would do, there is more than one choice.
    """
    if len(amounts) > MOST_CANDIDATES:
        return None
    found: tuple[int, ...] | None = None
    for places in _choices(amounts, total):
        if found is not None:
            return None
        found = places
    return found


def _choices(amounts: Sequence[int], total: int) -> "list[tuple[int, ...]]":
    """Up to two choices of two to six places, by halves: each choice of up to three is met with its counterpart.

    A choice of k places is found as its first half and the rest, each by increasing place, so that it is found once.
    """
    found: set[tuple[int, ...]] = set()
    for size in range(2, (MOST_PARTS if len(amounts) <= FEW_CANDIDATES else FEW_PARTS) + 1):
        first = size // 2
        heads: dict[int, list[tuple[int, ...]]] = {}
        for places, parts in _each(amounts, first):
            heads.setdefault(sum(parts), []).append(places)
        for tail, parts in _each(amounts, size - first):
            for head in heads.get(total - sum(parts), ()):
                if head[-1] < tail[0]:
                    found.add(head + tail)
                    if len(found) == 2:
                        return sorted(found)
    return sorted(found)


def _each(amounts: Sequence[int], size: int) -> "Iterator[tuple[tuple[int, ...], tuple[int, ...]]]":
    """Every choice of so many: the places, and the amounts there."""
    return zip(combinations(range(len(amounts)), size), combinations(amounts, size), strict=True)
