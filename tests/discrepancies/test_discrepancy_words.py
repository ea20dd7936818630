"""What a discrepancy's page says that it knows, in words and money."""

from supporters.discrepancies.models import Discrepancy
from supporters.kit.money import Money
from supporters.web.desk.discrepancy_words import show


def known(**detail: object) -> Discrepancy:
    return Discrepancy(code="PAYMENT_MISMATCH", subject="pi_1", currency="GBP", amount_minor=3_600, detail=detail)


def test_what_was_asked_for_and_what_came_are_told_apart() -> None:
    told = show(known(amount_minor=[4_000, 3_600], currency=["GBP", "EUR"])).told

    assert [(label, amount) for label, _value, amount in told[:2]] == [
        ("Asked for", Money(4_000, "GBP")),
        ("Came", Money(3_600, "GBP")),
    ]
    assert [(label, value) for label, value, _amount in told[2:]] == [("Asked for", "GBP"), ("Came", "EUR")]


def test_several_of_a_kind_are_a_list_of_words() -> None:
    assert show(known(candidates=["a line", "another"])).told == [("Candidates", "a line, another", None)]
