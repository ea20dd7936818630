"""Which of a few amounts make up a sum? Pure, and bounded: banks merge or split a handful of payments, not a hundred."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

MOST_PARTS = 6
MOST_CANDIDATES = 40
MOST_TRIED = 200_000  # halves laid side by side; where that is not enough, nobody can say that a choice is the only one

Places = tuple[int, ...]


def only_subset(amounts: Sequence[int], total: int) -> Places | None:
    """The places of two to six of the amounts that sum to `total`, if exactly one choice of them does; else None.

    *Money*: minor units of one currency. Of more than 40 amounts nothing is said. Equal amounts are different payments: where
    either would do, there is more than one choice.
    """
    if len(amounts) > MOST_CANDIDATES:
        return None
    found: Places | None = None
    for places in _choices(amounts, total):
        if found is not None or not places:
            return None
        found = places
    return found


def _choices(amounts: Sequence[int], total: int) -> Iterator[Places]:
    """Every choice that makes the sum, each once, by halves of up to three; an empty one where too many were tried.

    A choice of k places is met as its first half and the rest, each by increasing place.
    """
    halves = [_sums(amounts, size) for size in range(1, MOST_PARTS // 2 + 1)]
    tried = 0
    for size in range(2, MOST_PARTS + 1):
        heads = halves[size // 2 - 1]
        for rest, tails in halves[size - size // 2 - 1].items():
            for head in heads.get(total - rest, ()):
                for tail in tails:
                    tried += 1
                    if head[-1] < tail[0]:
                        yield head + tail
                if tried > MOST_TRIED:
                    yield ()


def _sums(amounts: Sequence[int], size: int) -> dict[int, list[Places]]:
    """Every choice of so many places, by what the amounts there come to."""
    found: defaultdict[int, list[Places]] = defaultdict(list)
    for places, parts in zip(combinations(range(len(amounts)), size), combinations(amounts, size), strict=True):
        found[sum(parts)].append(places)
    return dict(found)
