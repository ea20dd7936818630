"""Secrets of others: readable by this installation alone, and no change to them goes unnoticed."""

import pytest

from supporters.kit.ids import Ids
from supporters.kit.sealing import SealBroken, Sealer

KEY = "a secret key of more than thirty-two characters"


@pytest.mark.parametrize("text", ["", "x", "token-1", "ä" * 31, "y" * 32, "z" * 5_000, "\x00\u202e🙂"])
def test_what_was_sealed_is_opened_and_shows_nothing(ids: Ids, text: str) -> None:
    sealed = Sealer(KEY, "one").seal(text, ids=ids)

    assert Sealer(KEY, "one").open(sealed) == text
    assert len(text) < 3 or text not in sealed


def test_same_text_is_never_sealed_alike(ids: Ids) -> None:
    sealer = Sealer(KEY, "one")

    assert sealer.seal("token", ids=ids) != sealer.seal("token", ids=ids)


def test_other_key_or_purpose_opens_nothing(ids: Ids) -> None:
    sealed = Sealer(KEY, "one").seal("token", ids=ids)

    for other in (Sealer(KEY + "!", "one"), Sealer(KEY, "two")):
        with pytest.raises(SealBroken):
            other.open(sealed)


def test_every_changed_character_is_noticed(ids: Ids) -> None:
    sealer = Sealer(KEY, "one")
    sealed = sealer.seal("token", ids=ids)

    for place, char in enumerate(sealed):
        changed = sealed[:place] + ("A" if char != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(SealBroken):
            sealer.open(changed)


@pytest.mark.parametrize("sealed", ["", "token", "s1", "s1..", "s1...", "....", "é.ü.ö.ä", "s1.a.b.c.d"])
def test_nonsense_is_refused(sealed: str) -> None:
    with pytest.raises(SealBroken):
        Sealer(KEY, "one").open(sealed)
