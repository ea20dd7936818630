"""Form tokens: ours, fresh, whole."""

from datetime import timedelta

import pytest

from supporters.guard.tokens import FormTokens
from supporters.kit.clock import FixedClock
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer

TOKENS = FormTokens(Signer("a secret of the installation", "form"))


@pytest.mark.parametrize(
    ("seconds", "is_too_young"), [(0, True), (1, True), (2, False), (60, False), (2 * 60 * 60, False)]
)
def test_token_says_attempt_and_age(clock: FixedClock, ids: Ids, seconds: int, is_too_young: bool) -> None:
    attempt = ids.ulid()
    token = TOKENS.issue(attempt, now=clock.now())

    read = TOKENS.read(token, now=clock.now() + timedelta(seconds=seconds))

    assert read is not None
    assert (read.attempt_id, read.age_seconds, read.is_too_young) == (attempt, seconds, is_too_young)


@pytest.mark.parametrize("seconds", [2 * 60 * 60 + 1, 86_400, -61])
def test_token_too_old_or_from_the_future_is_none(clock: FixedClock, ids: Ids, seconds: int) -> None:
    token = TOKENS.issue(ids.ulid(), now=clock.now())

    assert TOKENS.read(token, now=clock.now() + timedelta(seconds=seconds)) is None


def test_token_of_a_clock_a_little_ahead_is_young(clock: FixedClock, ids: Ids) -> None:
    token = TOKENS.issue(ids.ulid(), now=clock.now() + timedelta(seconds=30))

    read = TOKENS.read(token, now=clock.now())

    assert read is not None
    assert (read.age_seconds, read.is_too_young) == (0, True)


@pytest.mark.parametrize("garbage", ["", ".", "..", "x", "é.ü", "a" * 5_000, "\x00", "01HZX.1.sig", "\ud800.1.x"])
def test_garbage_is_none(clock: FixedClock, garbage: str) -> None:
    assert TOKENS.read(garbage, now=clock.now()) is None


def test_token_of_another_purpose_or_with_another_attempt_is_none(clock: FixedClock, ids: Ids) -> None:
    other = FormTokens(Signer("a secret of the installation", "thanks")).issue(ids.ulid(), now=clock.now())
    token = TOKENS.issue(ids.ulid(), now=clock.now())
    moved = f"{ids.ulid()}.{token.partition('.')[2]}"

    assert TOKENS.read(other, now=clock.now()) is None
    assert TOKENS.read(moved, now=clock.now()) is None
