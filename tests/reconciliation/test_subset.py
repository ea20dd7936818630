"""A sum is explained by a few amounts only where one choice of them explains it."""

import random
from itertools import combinations

import pytest

from supporters.reconciliation import subset
from supporters.reconciliation.subset import MOST_CANDIDATES, MOST_PARTS, only_subset


@pytest.mark.parametrize(
    ("amounts", "total", "places"),
    [
        ([100, 250, 300], 550, (1, 2)),
        ([1, 2, 4, 8, 16, 32], 63, (0, 1, 2, 3, 4, 5)),
        ([-500, -700, 300], -1_200, (0, 1)),
        ([100, 200, 300], 300, (0, 1)),  # one amount alone is no sum
        ([], 0, None),
        ([100], 100, None),
        ([100, 100, 250], 350, None),  # either hundred would do
        ([1, 1, 1, 1, 1, 1, 1], 7, None),  # seven are too many
        ([100, 200], 301, None),
    ],
)
def test_only_one_choice_explains_a_sum(amounts: list[int], total: int, places: tuple[int, ...] | None) -> None:
    assert only_subset(amounts, total) == places


@pytest.mark.parametrize("seed", range(40))
def test_small_piles_agree_with_trying_everything(seed: int) -> None:
    chance = random.Random(seed)
    amounts = [chance.randint(1, 12) for _ in range(chance.randint(2, 9))]
    total = chance.randint(2, 40)

    every = [
        places
        for size in range(2, MOST_PARTS + 1)
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == total
    ]

    assert only_subset(amounts, total) == (every[0] if len(every) == 1 else None)


def test_more_candidates_than_can_be_looked_at_explain_nothing() -> None:
    assert only_subset([*range(1, MOST_CANDIDATES + 1)], 3) == (0, 1)
    assert only_subset([*range(1, MOST_CANDIDATES + 2)], 3) is None


def test_six_of_forty_are_found_and_a_longer_choice_beside_a_shorter_is_seen() -> None:
    chance = random.Random(3)
    amounts = [chance.randrange(100_000, 9_999_999) for _ in range(MOST_CANDIDATES)]
    others = [1_000 * 3**place for place in range(1, 15)]

    assert only_subset(amounts, sum(amounts[3:9])) == (3, 4, 5, 6, 7, 8)
    assert only_subset(amounts[:25], sum(amounts[:5])) == (0, 1, 2, 3, 4)
    assert only_subset([76, 75, *others, 10, 20, 30, 40, 51], 151) is None
    assert only_subset([76, 75, *others, 10, 20, 30, 40, 52], 151) == (0, 1)


def test_where_too_many_halves_would_have_to_be_tried_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only_subset([1, 50], 51) == (0, 1)
    monkeypatch.setattr(subset, "MOST_TRIED", 0)

    assert only_subset([1, 50], 51) is None
