"""References of promises: every slip of one sign is seen, and what banks do to a text is not one."""

import random

import pytest

from supporters.donations.reference import SIGNS, find_references, is_reference, make_reference, near_references

REFERENCE = make_reference(b"a fixed seed")


@pytest.mark.parametrize(
    "written",
    [
        "{0}", "{0} THANK YOU", "don {1} {2}", "D O N{1}{2}", "d0n-{1}-{2}", "GIFT DON{1}{2}FROM JO", "DON/{1}\n{2}",
        "REF:{0}/DON", "DON DON {1} {2}",
    ],
)  # fmt: skip
def test_reference_is_found_through_what_banks_do(written: str) -> None:
    _don, four, two = REFERENCE.split("-")

    assert find_references(written.format(REFERENCE, four, two.lower())) == [REFERENCE]


def test_every_wrong_sign_and_every_two_changed_places_are_seen_and_may_be_meant() -> None:
    body = REFERENCE[4:].replace("-", "")
    wrong = {body[:place] + sign + body[place + 1 :] for place in range(6) for sign in SIGNS} - {body}
    wrong |= {body[:place] + body[place + 1] + body[place] + body[place + 2 :] for place in range(5)} - {body}

    for each in sorted(wrong):
        assert find_references(f"DON {each}") == [], each
        assert REFERENCE in near_references(f"DON {each}"), each


def test_ten_thousand_references_hold_and_are_read_back() -> None:
    chance = random.Random(5)
    made = [make_reference(chance.randbytes(8)) for _ in range(10_000)]

    assert all(is_reference(each) and find_references(each) == [each] for each in made)
    assert len(set(made)) > 9_990


@pytest.mark.parametrize(
    "text", ["", "DON", "DON-", "DONATION 2026 NOVEMBER", "LONDON 12345678", "💷" * 400, "DON" * 400]
)
def test_other_texts_have_none(text: str) -> None:
    assert find_references(text) == []
    assert not is_reference(text)
