"""The form that editors write an appeal in: every field, every mistake, nothing lost on the way."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.appeals.content import FIELDS, Content, Source, Terms, form_of, read_content, wrong_placeholder

FUND = "01M7SESBR0GH6X5M4JM9NYJG7Z"
TERMS = Terms(
    currency="GBP",
    locale="en_GB",
    zone="Europe/London",
    minimum_minor=200,
    maximum_minor=1_000_000,
    funds=frozenset([FUND]),
)
FORM = {
    "name": "Winter 2026",
    "slug": "winter-2026",
    "heading": "Keep the presses warm",
    "message": "Paper costs more this winter. Help pay for it.",
    "thanks": "It buys paper.",
    "fund": FUND,
    **{f"once-{place}": text for place, text in enumerate(["5", "£10", "25.50", "1,000"], 1)},
    "monthly-1": "3",
    "yearly-2": "25",
}


def wrong(**fields: str) -> dict[str, str]:
    """What is said about the form with these fields changed."""
    written = read_content({**FORM, **fields}, TERMS)
    assert (written.content is None) == bool(written.problems)
    return dict(written.problems)


def good(**fields: str) -> Content:
    written = read_content({**FORM, **fields}, TERMS)
    assert written.content is not None, written.problems
    return written.content


def test_a_form_becomes_content_in_minor_units_and_utc() -> None:
    content = good(goal="12,000", starts="2026-07-01T09:00", ends="2026-11-30", has_ticker="on")

    assert content.amounts == {"once": (500, 1000, 2550, 100_000), "monthly": (300,), "yearly": (2500,)}
    assert content.goal_minor == 1_200_000
    assert content.starts_at == datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
    assert content.ends_at == datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    assert content.has_ticker


def test_content_goes_into_its_form_and_back_unchanged() -> None:
    content = good(
        goal_people="500",
        ends="2026-11-30T18:00",
        **{"claim-1": "£10 prints 12 copies", "source-1": "The printer's invoice, May"},
        letter_subject="Your %(amount)s reached %(paper)s",
    )

    form = form_of(content, TERMS)

    assert read_content(form, TERMS).content == content
    assert set(form) <= FIELDS
    assert msgspec.convert(msgspec.to_builtins(content), Content) == content


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", "  ", "Give the appeal a name"),
        ("heading", "\u202e\u200b", "Write a heading"),
        ("heading", "x" * 121, "at most 120"),
        ("message", "m" * 10_000, "at most 1200"),
        ("slug", "Winter 2026!", "small letters"),
        ("slug", "a" * 61, "small letters"),
        ("fund", "01M7SESBR0GH6X5M4JM9NYJG80", "Choose the fund"),
        ("once-1", "1.99", "smallest donation is £2"),
        ("once-4", "10000.01", "largest donation is £10,000"),
        ("once-2", "ten", "in figures"),
        ("once-3", "10", "small to large"),
        ("monthly-1", "", "at least one amount"),
        ("goal", "lots", "in figures"),
        ("goal", "0", "more than nothing"),
        ("goal", "1000000", "at most £999,999.99"),
        ("goal_people", "-5", "in figures"),
        ("goal_people", "²", "in figures"),
        ("goal_people", "9" * 5000, "in figures"),
        ("starts", "30 November", "year, month and day"),
        ("ends", "0001-01-01", "year, month and day"),
        ("ends", "9999-12-31", "year, month and day"),
        ("ends", "2026-11-30T18:00+09:00", "year, month and day"),
        ("letter_subject", "Thanks for %(sum)s", "%(sum)s"),
        ("letter_signoff", "Dear {name}", "{name}"),
    ],
)
def test_each_mistake_is_told_at_its_field(field: str, text: str, words: str) -> None:
    said = wrong(**{field: text})

    assert list(said) == [field]
    assert words in said[field]


def test_an_appeal_that_ends_before_it_starts_is_refused() -> None:
    assert list(wrong(starts="2026-11-30T18:00", ends="2026-11-30T18:00")) == ["ends"]


def test_only_one_goal_may_be_set() -> None:
    assert list(wrong(goal="100", goal_people="10")) == ["goal_people"]


def test_a_claim_and_its_source_come_together() -> None:
    assert list(wrong(**{"claim-2": "£10 prints 12 copies"})) == ["source-2"]
    assert list(wrong(**{"source-3": "The invoice"})) == ["claim-3"]
    assert good(**{"claim-5": "a", "source-5": "b"}).sources == (Source("a", "b"),)


def test_a_new_fund_needs_a_name() -> None:
    assert list(wrong(fund="new")) == ["fund_name"]
    assert read_content({**FORM, "fund": "new", "fund_name": "Strike fund"}, TERMS).fund_name == "Strike fund"


def test_the_general_appeal_has_no_dates() -> None:
    general = msgspec.structs.replace(TERMS, is_general=True)

    assert list(dict(read_content({**FORM, "ends": "2026-12-01"}, general).problems)) == ["ends"]


@pytest.mark.parametrize("text", ["Your %(amount)s to %(paper)s", "100 % yours", "50% of readers", "A %(amount)s%"])
def test_known_placeholders_and_plain_per_cents_are_left_alone(text: str) -> None:
    assert wrong_placeholder(text) is None


@pytest.mark.parametrize("text", ["%(amount)d", "%(amount", "%s", "{{ amount }}", "${amount}", "%(Paper)s", "a } b"])
def test_what_only_looks_like_a_placeholder_is_found(text: str) -> None:
    assert wrong_placeholder(text)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=60)))
def test_nothing_that_is_typed_breaks_the_form(fields: dict[str, str]) -> None:
    written = read_content({**FORM, **fields}, TERMS)

    assert (written.content is None) == bool(written.problems)
    if written.content and not written.fund_name:
        assert read_content(form_of(written.content, TERMS), TERMS).content == written.content
