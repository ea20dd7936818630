"""Ids, signatures, text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.kit.clock import FixedClock, local_date
from supporters.kit.ids import Ids, SeededRandom, is_ulid
from supporters.kit.signing import Signer, token_hash
from supporters.kit.text import clean_line, formula_safe


def test_ids_sort_by_time_and_repeat_with_the_same_seed() -> None:
    clock = FixedClock(datetime(2026, 11, 22, tzinfo=UTC))
    one, two = Ids(clock, SeededRandom(1)), Ids(clock, SeededRandom(1))

    first = one.ulid()
    assert first == two.ulid()
    clock.advance(timedelta(milliseconds=1))

    assert first < one.ulid()
    assert is_ulid(first)
    assert not is_ulid("x" * 26)


def test_ids_of_one_millisecond_sort_in_the_order_of_their_making() -> None:
    ids = Ids(FixedClock(datetime(2026, 11, 22, tzinfo=UTC)))

    made = [ids.ulid() for _ in range(1000)]

    assert made == sorted(set(made))


def test_references_and_tokens_differ_every_time() -> None:
    ids = Ids()

    assert len({ids.reference("D") for _ in range(1000)}) == 1000
    assert len(ids.token()) >= 43


@given(st.text())
def test_a_signed_text_comes_back_and_a_changed_one_does_not(text: str) -> None:
    signer = Signer("secret", "thanks")
    signed = signer.sign(text)

    assert signer.unsign(signed) == text
    assert signer.unsign(f"{signed}x") is None
    assert signer.unsign(f"x{signed}") is None
    assert Signer("secret", "other purpose").unsign(signed) is None
    assert Signer("other secret", "thanks").unsign(signed) is None


@pytest.mark.parametrize("junk", ["", ".", "no-dot", "a.", ".b", "é.ü", "\ud800.x"])
def test_junk_is_no_signature(junk: str) -> None:
    assert Signer("secret", "thanks").unsign(junk) is None


def test_tokens_are_stored_as_digests() -> None:
    assert token_hash("a") != token_hash("b")
    assert len(token_hash("a")) == 64


@given(st.text())
def test_a_cleaned_line_is_one_line_without_tricks(text: str) -> None:
    line = clean_line(text, limit=50)

    assert len(line) <= 50
    assert line == line.strip()
    assert not set(line) & set("\n\r\t\x00\u202e\u2066\u200b")


def test_names_keep_their_letters() -> None:
    assert clean_line("  ليلى   حداد ", limit=120) == "ليلى حداد"
    assert clean_line("Zoe\u0308 Marsh", limit=120) == "Zoë Marsh"
    assert clean_line("evil\u202etxt", limit=120) == "eviltxt"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠x"])
def test_cells_never_become_formulas(cell: str) -> None:
    assert formula_safe(cell) == f"'{cell}"
    assert formula_safe("Ada") == "Ada"
    assert formula_safe("") == ""


def test_days_follow_the_publishers_clock() -> None:
    late = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)

    assert local_date(late, "Europe/London").isoformat() == "2026-07-01"
    assert local_date(late, "UTC").isoformat() == "2026-06-30"
