"""Amounts that people type, and how they are shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.kit.errors import MoneyError
from supporters.kit.money import (
    LARGEST_MINOR,
    AmountProblem,
    Money,
    Problem,
    check_limits,
    exponent,
    format_money,
    parse_amount,
    plain_amount,
    step,
)

CURRENCIES = st.sampled_from(["GBP", "EUR", "USD", "JPY", "KRW", "KWD", "BHD", "ISK", "UGX", "HUF", "TWD"])


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("£10", 1000),
        ("10", 1000),
        (" 10.00 ", 1000),
        ("10,00", 1000),
        ("10,5", 1050),
        ("1 000", 100000),
        ("1\u00a0000,50", 100050),
        ("1,000", 100000),
        ("1,000.50", 100050),
        ("1.000,50", 100050),
        ("10 GBP", 1000),
        ("gbp10", 1000),
        ("１０", 1000),
        ("0.30", 30),
        ("10.000", 1000),
    ],
)
def test_amounts_are_understood_as_people_type_them(typed: str, minor: int) -> None:
    assert parse_amount(typed, "GBP") == Money(minor, "GBP")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", Problem.EMPTY),
        ("   ", Problem.EMPTY),
        ("£", Problem.EMPTY),
        ("ten", Problem.NOT_A_NUMBER),
        ("-5", Problem.NOT_A_NUMBER),
        ("+5", Problem.NOT_A_NUMBER),
        ("1e3", Problem.NOT_A_NUMBER),
        ("NaN", Problem.NOT_A_NUMBER),
        ("inf", Problem.NOT_A_NUMBER),
        ("١٠", Problem.NOT_A_NUMBER),
        ("0x10", Problem.NOT_A_NUMBER),
        ("10-20", Problem.NOT_A_NUMBER),
        ("1.2.3", Problem.NOT_A_NUMBER),
        ("10.005", Problem.TOO_PRECISE),
        ("1,000,000.00", Problem.TOO_LARGE),
        ("1000000", Problem.TOO_LARGE),
        ("999999999999", Problem.TOO_LARGE),
        ("9" * 400, Problem.NOT_A_NUMBER),
    ],
)
def test_amounts_that_cannot_be_taken_say_why(typed: str, problem: Problem) -> None:
    with pytest.raises(AmountProblem) as raised:
        parse_amount(typed, "GBP")

    assert raised.value.problem is problem


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("500", "JPY", 500),
        ("1,000", "JPY", 1000),
        ("10.250", "KWD", 10250),
        ("1.5", "KWD", 1500),
        ("500", "ISK", 50000),
    ],
)
def test_currencies_without_pence_or_with_three_digits_are_right(typed: str, currency: str, minor: int) -> None:
    assert parse_amount(typed, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("typed", "currency"), [("500.5", "JPY"), ("10.255", "KWD"), ("500.50", "ISK"), ("0.01", "UGX")]
)
def test_amounts_finer_than_stripe_charges_are_refused(typed: str, currency: str) -> None:
    with pytest.raises(AmountProblem) as raised:
        parse_amount(typed, currency)

    assert raised.value.problem is Problem.TOO_PRECISE


@given(currency=CURRENCIES, steps=st.integers(0, 99_999))
def test_what_is_shown_is_understood_as_the_same_amount(currency: str, steps: int) -> None:
    money = Money(min(steps * step(currency), LARGEST_MINOR - LARGEST_MINOR % step(currency)), currency)

    assert parse_amount(plain_amount(money), currency) == money
    assert parse_amount(format_money(money), currency) == money


@settings(max_examples=2000)
@given(typed=st.text(max_size=40), currency=CURRENCIES)
def test_nothing_that_is_typed_breaks_the_parser(typed: str, currency: str) -> None:
    try:
        money = parse_amount(typed, currency)
    except AmountProblem:
        return

    assert 0 <= money.minor <= LARGEST_MINOR
    assert money.minor % step(currency) == 0
    assert any(char.isdigit() for char in typed)


def test_limits_are_inclusive() -> None:
    check_limits(Money(200, "GBP"), minimum_minor=200, maximum_minor=200)
    with pytest.raises(AmountProblem, match="too_small"):
        check_limits(Money(199, "GBP"), minimum_minor=200, maximum_minor=1000)
    with pytest.raises(AmountProblem, match="too_large"):
        check_limits(Money(1001, "GBP"), minimum_minor=200, maximum_minor=1000)


def test_money_of_two_currencies_is_never_added() -> None:
    with pytest.raises(MoneyError):
        Money(1, "GBP") + Money(1, "EUR")


def test_money_is_shown_with_a_real_minus_and_groups() -> None:
    assert format_money(Money(-123456, "GBP")) == "−£1,234.56"
    assert format_money(Money(2500, "GBP"), trim=True) == "£25"
    assert format_money(Money(2550, "GBP"), trim=True) == "£25.50"
    assert exponent("JPY") == 0
