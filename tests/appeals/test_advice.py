"""What an editor is told before publishing, and whether the publisher's colour can be read."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.appeals.advice import Advice, Level, advise, claims_without_source, figures_of, may_publish
from supporters.appeals.content import Content, Source, Terms
from supporters.appeals.contrast import DARK_PAPER, LEAST, WHITE, contrast, judge, on_brand, shade_for

CONTENT = Content(
    name="Winter",
    slug="winter",
    fund_id="",
    heading="Keep the presses warm",
    message="Paper costs more this winter.",
    thanks="It buys paper.",
    amounts={"once": (500, 1000), "monthly": (300,), "yearly": (2500,)},
)
TERMS = Terms(currency="GBP", locale="en_GB", zone="UTC", minimum_minor=200, maximum_minor=100_000, funds=frozenset())
COLORS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def told(content: Content = CONTENT, *, color: str = "#b3141e", medians: dict[str, int] | None = None) -> list[Advice]:
    return advise(content, TERMS, color=color, medians=medians or {})


def changed(**fields: object) -> Content:
    return msgspec.structs.replace(CONTENT, **fields)


def at(level: Level, advice: list[Advice]) -> dict[str | None, str]:
    return {each.field: each.words for each in advice if each.level is level}


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("£10 prints 12 copies", ["£10", "12"]),
        ("a third, or 33 % of our income", ["athird", "33%"]),
        ("33 per cent of it", ["33%"]),
        ("since 1885, until 30 November, at 18:00, in issue 2822", []),
        ("Your %(amount)s to %(paper)s", []),
        ("We need 1,200.50 now.", ["1,200.50"]),
        ("Readers pay for every issue", []),
        ("Printing costs thirty thousand pounds.", ["thirtythousand"]),
        ("Half of it is missing.", ["half"]),
        ("Two thirds, three quarters and a quarter of it", ["thirds", "quarters", "aquarter"]),
        ("One hundred and twenty readers, ten loyal readers, five pence", ["onehundredandtwenty", "ten", "five"]),
        ("£3 million, £3m, 40 thousand, millions", ["£3million", "£3m", "40thousand", "millions"]),
        ("It costs 2020 pounds, £2020, € 2020 or 1999 GBP", ["2020", "£2020", "€2020", "1999"]),
        ("1999 readers and 1850 new supporters gave", ["1999", "1850"]),
        ("In 1999 readers gave; the 2020 accounts; 2026 was cold; since 1885.", []),
        ("A third time, half past six, half an hour, this quarter, half-finished, twelve oldest schools", []),
        ("One reporter, three months, forty-four schools", []),
    ],
)
def test_figures_that_claim_something_are_told_from_dates(text: str, figures: list[str]) -> None:
    assert figures_of(text) == figures


def test_a_claim_without_source_stops_publishing_and_one_with_source_does_not() -> None:
    claiming = changed(message="Paper is dear. £10 prints 12 copies. Help.")
    sourced = msgspec.structs.replace(claiming, sources=(Source("£10 prints 12 copies", "Invoice of May"),))

    assert claims_without_source(claiming) == [("message", "£10 prints 12 copies.")]
    assert "£10 prints 12 copies." in at(Level.BAD, told(claiming))["message"]
    assert not may_publish(told(claiming))
    assert may_publish(told(sourced))


def test_a_claim_in_words_needs_its_source_too() -> None:
    claiming = changed(message="Printing costs thirty thousand pounds. Half of it is missing.")
    named = (Source("Printing costs Thirty Thousand pounds", "Invoice"), Source("half of it", "Accounts"))

    assert [words for _field, words in claims_without_source(claiming)] == [
        "Printing costs thirty thousand pounds.",
        "Half of it is missing.",
    ]
    assert may_publish(told(msgspec.structs.replace(claiming, sources=named)))


def test_a_source_of_another_figure_proves_nothing() -> None:
    claiming = changed(ask="£1 prints a copy", sources=(Source("£10 prints 12 copies", "Invoice"),))

    assert claims_without_source(claiming) == [("ask", "£1 prints a copy")]


def test_ladders_above_what_most_readers_give_are_worth_a_look() -> None:
    assert "£4.99 or less" in at(Level.LOOK, told(medians={"once": 499}))["once-1"]
    assert "once-1" not in at(Level.LOOK, told(medians={"once": 500}))


def test_a_goal_without_word_of_what_is_over_and_a_missing_end_are_worth_a_look() -> None:
    look = at(Level.LOOK, told(changed(goal_minor=100)))

    assert set(look) == {"if_more", "ends"}


def test_an_unreadable_colour_stops_publishing_and_the_nearest_is_offered() -> None:
    advice = told(color="#ffcc00")

    assert advice[0].level is Level.BAD
    assert "1.5 to 1" in advice[0].words
    assert "#917306" in advice[0].words
    assert not may_publish(advice)


def test_figures_of_the_default_colour_are_those_of_the_formula() -> None:
    verdict = judge("#B3141E")

    assert verdict.passes
    assert verdict.color == "#b3141e"
    assert (round(verdict.on_white, 2), round(contrast("#777777", WHITE), 2)) == (6.92, 4.48)
    assert contrast("#000000", WHITE) == 21


@settings(deadline=None)
@given(COLORS)
def test_every_offered_shade_passes_and_a_colour_that_passes_stays(color: str) -> None:
    verdict = judge(color)

    assert contrast(verdict.better or color, WHITE) >= LEAST
    assert contrast(verdict.dark, DARK_PAPER) >= LEAST
    assert (verdict.better is None) == (contrast(color, WHITE) >= LEAST)
    assert contrast(on_brand(color), color) >= contrast("#1b1a17" if on_brand(color) == WHITE else WHITE, color)


def test_the_offered_shade_is_the_nearest_and_keeps_its_hue() -> None:
    better = shade_for("#00a0ff", WHITE)

    assert LEAST <= contrast(better, WHITE) < LEAST + 0.1
    assert int(better[5:], 16) > int(better[3:5], 16) > int(better[1:3], 16)
