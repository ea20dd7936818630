"""Amounts and days as banks write them, and field 86 of MT940."""

from datetime import date

import pytest

from statements import Line, mt940_details
from supporters.bank.amounts import NotAnAmount, decimal_mark, read_amount
from supporters.bank.dates import NotADate, fitting_orders, read_date
from supporters.bank.mt940_details import read_details


@pytest.mark.parametrize(
    ("text", "currency", "mark", "minor"),
    [
        ("1.234,56-", "EUR", ",", -123_456), ("(12.50)", "GBP", ".", -1_250), ("£1,000.00 CR", "GBP", ".", 100_000),
        ("1 234,5", "EUR", ",", 123_450), ("-5", "JPY", ".", -5), ("1'234.50", "CHF", ".", 123_450), (".50", "GBP", ".", 50),
        ("12,34,567.00", "INR", ".", 123_456_700), ("GBP -5.00", "GBP", ".", -500), ("-£5.10", "GBP", ".", -510),
        ("5.00 DR", "GBP", ".", -500), ("5,00 S", "EUR", ",", -500), ("1.", "GBP", ".", 100), ("−7.00", "GBP", ".", -700),
        ("1.5", "KWD", ".", 1_500), ("10.00", "JPY", ".", 10), ("0.00", "GBP", ".", 0), ("$5", "USD", ".", 500),
    ],
)  # fmt: skip
def test_an_amount_is_read_exactly(text: str, currency: str, mark: str, minor: int):
    assert read_amount(text, currency, mark) == minor


@pytest.mark.parametrize(
    ("text", "mark", "words"),
    [
        ("1.234", ".", "finer"), ("1,23", ".", "not an amount"), ("--5", ".", "two signs"), ("(5.00) CR", ".", "two signs"),
        ("€5", ".", "another currency"), ("5.00 EUR", ".", "another currency"), ("٥", ".", "not an amount"), ("", ".", "empty"),
        ("NaN", ".", "not an amount"), ("1e5", ".", "not an amount"), ("9" * 20, ".", "not an amount"),
        ("1" * 60, ".", "too long"), ("1.23.45", ",", "not an amount"), ("1,2,3", ".", "not an amount"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused(text: str, mark: str, words: str):
    with pytest.raises(NotAnAmount, match=words):
        read_amount(text, "GBP", mark)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["1,234.56"], (".", True)), (["1.234,56"], (",", True)), (["12,5", "1.000"], (",", True)), (["1.000"], (None, True)),
        (["1.5", "1,5"], (None, False)), (["1.234.567"], (",", True)), ([""], (None, True)),
    ],
)  # fmt: skip
def test_the_mark_before_the_decimals_is_told_by_the_amounts(texts: list[str], found: tuple[str | None, bool]):
    assert decimal_mark(texts) == found


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("24/11/2026", "dmy"), ("11/24/26", "mdy"), ("2026-11-24T10:00:00Z", "dmy"), ("24 Nov 26", "dmy"),
        ("Nov 24, 2026", "dmy"), ("24.11.2026", "dmy"), ("20261124", "mdy"), ("26-11-24", "ymd"), ("24NOV26", "dmy"),
        ("Tue 24 November 2026 10:31", "mdy"), ("24/11/2026 10:31:00 +0100", "dmy"), ("24-11-2026", "dmy"),
    ],
)  # fmt: skip
def test_a_day_is_read_in_its_order(text: str, order: str):
    assert read_date(text, order) == date(2026, 11, 24)


@pytest.mark.parametrize(
    "text", ["31/02/2026", "24/11/0026", "", "yesterday", "24/11", "1/1/1", "9" * 50, "2026-11-24 and more"]
)
def test_no_day_is_made_up(text: str):
    with pytest.raises(NotADate):
        read_date(text, "dmy")


def test_only_orders_in_which_every_day_exists_fit():
    assert fitting_orders(["01/02/2026", "13/02/2026"]) == {"dmy"}
    assert fitting_orders(["01/02/2026"]) == {"dmy", "mdy"}
    assert fitting_orders(["13/13/2026"]) == set()


GIVER = Line(
    date(2026, 10, 1), 500, "A Giver with a very long name of 40 chars", "Spende fuer die Zeitung im Oktober und November",
    account="DE89370400440532013000", end_to_end="E2E-1",
)  # fmt: skip


@pytest.mark.parametrize("order", ["usual", "account first"])
def test_the_account_never_gets_into_the_name_or_the_purpose(order: str):
    details = read_details(mt940_details(GIVER, order).replace("\r\n", "\n"))

    assert (details.name, details.account) == (GIVER.name, GIVER.account)
    assert (details.text, details.end_to_end) == (GIVER.text, "E2E-1")


def test_a_purpose_in_short_pieces_keeps_its_spaces():
    assert read_details("166?00Gutschrift?20Danke fuer?21die Zeitung?32Jo").text == "Danke fuer die Zeitung"


def test_words_between_slashes_are_understood():
    details = read_details(
        "/TRTP/SEPA OVERBOEKING/IBAN/NL13TEST0123456789/BIC/ABNANL2A\n/NAME/J. de Vries/REMI/DON-7K3F-9Q/EREF/NOTPROVIDED"
    )

    assert (details.name, details.account, details.text) == ("J. de Vries", "NL13TEST0123456789", "DON-7K3F-9Q")
    assert details.end_to_end == ""


def test_free_text_is_taken_as_it_is():
    assert read_details("STRIPE PAYOUT\nREF 123").text == "STRIPE PAYOUT REF 123"
