"""How sure a pair makes us, and what is said for it."""

from datetime import date

import msgspec
import pytest

from supporters.reconciliation.matching import (
    Attribute,
    BankSide,
    Expected,
    Outcome,
    Reason,
    Weighed,
    describe_reason,
    has_reference,
    has_words,
    may_name_ours,
    name_alikeness,
    weigh,
    working_days,
)

LINE = BankSide(
    booked_on=date(2026, 11, 3),
    amount_minor=121_548,
    currency="GBP",
    counterparty="STRIPE PAYMENTS UK LTD",
    text="STRIPE PAYOUT 00123456789 WEEKLY",
)
PAYOUT = Expected(
    side="payout",
    ref_id="po_1",
    expected_on=date(2026, 11, 3),
    amount_minor=121_548,
    currency="GBP",
    trace="123456789",
    words=("STRIPE",),
)


def line(**changes: object) -> BankSide:
    return msgspec.structs.replace(LINE, **changes)


def payout(**changes: object) -> Expected:
    return msgspec.structs.replace(PAYOUT, **changes)


def test_reference_and_exact_amount_are_certain_even_on_an_unusual_day() -> None:
    assert weigh(LINE, PAYOUT).confidence == "certain"
    assert weigh(line(booked_on=date(2026, 11, 30)), PAYOUT).confidence == "certain"


def test_amount_alone_is_never_more_than_possible() -> None:
    nameless = line(counterparty="", text="")

    assert weigh(nameless, payout(words=())).confidence == "possible"
    assert weigh(nameless, PAYOUT).confidence == "possible"
    assert weigh(line(counterparty="", text="", booked_on=date(2026, 11, 20)), PAYOUT).confidence == ""


def test_known_words_and_a_usual_day_are_likely_until_a_rule_makes_them_certain() -> None:
    untraced = payout(trace="")

    assert weigh(LINE, untraced).confidence == "likely"
    assert weigh(LINE, payout(trace="", rule_words=("STRIPE PAYMENTS UK",))).confidence == "certain"
    late = line(booked_on=date(2026, 11, 12))
    assert weigh(late, payout(trace="", rule_words=("STRIPE PAYMENTS UK",))).confidence == ""


def test_reference_with_another_amount_is_possible_and_says_so() -> None:
    found = weigh(LINE, payout(amount_minor=121_600))

    assert found.confidence == "possible"
    assert Reason(Attribute.AMOUNT, "121600", "121548", Outcome.DIFFERENT) in found.reasons


@pytest.mark.parametrize("changes", [{"currency": "EUR"}, {"amount_minor": -121_548}])
def test_other_currency_and_other_sign_are_a_veto(changes: dict[str, object]) -> None:
    assert weigh(LINE, payout(**changes)) == Weighed("", 0, ())


@pytest.mark.parametrize(
    "written",
    ["REF DON-7K3F-9Q THANKS", "ref don 7k3f 9q", "DON7K3F9Q", "D O N 7 K 3 F 9 Q", "x/DON-7K3F-9Q/y", "00DON-7K3F-9Q"],
)
def test_reference_is_found_through_what_banks_do_to_it(written: str) -> None:
    assert has_reference(written, "DON-7K3F-9Q")


@pytest.mark.parametrize("written", ["", "DON-7K3F-9R", "DON-7K3F", "7K3F"])
def test_another_or_half_a_reference_is_not_found(written: str) -> None:
    assert not has_reference(written, "DON-7K3F-9Q")


def test_short_reference_proves_nothing() -> None:
    assert not has_reference("PAYMENT 12345 OK", "12345")
    assert not has_reference("PAYMENT 0012345 OK", "0012345")
    assert has_reference("PAYMENT 00123456 OK", "123456")


@pytest.mark.parametrize("written", ["DON-7K3F-9Q", "xD é0.n7k3f9q", "dQN 7K3F9Q"])
def test_our_references_are_looked_for_wherever_one_may_begin(written: str) -> None:
    assert may_name_ours(written)
    assert not may_name_ours("DINNER AND A BAND")


def test_words_are_whole_words() -> None:
    assert has_words("PAID: Stripe-Payments", "stripe payments")
    assert not has_words("PINSTRIPE LTD", "STRIPE")
    assert not has_words("STRIPE", "")


def test_names_are_alike_in_any_order() -> None:
    assert name_alikeness("Jo Smith", "SMITH JO") == 1
    assert name_alikeness("Jo Smith", "A Jones") < 0.8
    paid = payout(trace="", words=(), payer_name="Jo Smith")
    assert weigh(line(counterparty="Smith, Jo", text=""), paid).confidence == "likely"
    assert weigh(line(counterparty="A Jones", text=""), paid).confidence == "possible"


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        ("2026-11-06", "2026-11-09", 1),
        ("2026-11-07", "2026-11-08", 0),
        ("2026-11-09", "2026-11-06", -1),
        ("2026-11-02", "2026-11-16", 10),
    ],
)
def test_weekends_are_no_working_days(since: str, until: str, days: int) -> None:
    assert working_days(date.fromisoformat(since), date.fromisoformat(until)) == days


def test_every_reason_has_its_words() -> None:
    for attribute in Attribute:
        for outcome in Outcome:
            assert describe_reason(Reason(attribute, "a", "b", outcome))
