"""Names that may stand in a letter, and when letters are tried again."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.mail.rules import echoable_name, retry_after


@pytest.mark.parametrize(
    "name",
    [
        "Ben",
        "Ben Carter",
        "J.R.R. Tolkien",
        "Siobhán O’Brien-Núñez",
        "Martin Luther King Jr.",
        "Dr. Ada Brook",
        "St. John Smith",
        "Ann & Bob Miller",
        "李小龍",
        "Мария Иванова",
        "محمد علي",
        "M. Dupont",
    ],
)
def test_names_of_people_are_echoed_as_typed(name: str) -> None:
    assert echoable_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example",
        "evil.com",
        "Win at evil.com now",
        "www.evil",
        "t.co",
        "a.b.co",
        "evil . com",
        "evil。com",
        "evil．com",
        "evil.com.",
        "x.co.uk",
        "пример.рф",
        "ben@example.org",
        "Call 0800 123",
        "Free £££",
        "<b>Ben</b>",
        "Ben/evil",
        "{{ 7*7 }}",
        "Dear friend you have won a prize",
        "A" * 61,
        "",
        "   ",
    ],
)
def test_names_that_may_carry_a_message_are_not_echoed(name: str) -> None:
    assert echoable_name(name) is None


@settings(max_examples=60, deadline=None)
@given(
    st.from_regex(r"[a-z0-9-]{1,20}\.(com|org|net|io|co|ru|xyz|museum)", fullmatch=True),
    st.sampled_from(["{}", "Hi {}", "{} hi", "Mr. {}", "J. {} x", "({})", "'{}'", "{},", "{}-"]),
)
def test_no_domain_is_ever_echoed(domain: str, around: str) -> None:
    assert echoable_name(around.format(domain)) is None


@given(st.text(max_size=200))
def test_whatever_is_echoed_is_one_short_line_without_address(name: str) -> None:
    echoed = echoable_name(name)

    assert echoed is None or (len(echoed) <= 60 and not set("\r\n@/<>") & set(echoed))


def test_letters_wait_from_a_minute_to_hours() -> None:
    waits = [retry_after(attempts) for attempts in (1, 2, 3, 9, 40)]

    assert waits == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 240, 240)]
