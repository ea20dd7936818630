"""What decides about lines, without a database: new or here already, kept whole or not, with or without a gap."""

from datetime import date

import msgspec
import pytest
from banking import day, line, statement
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.bank.compare import Found, Here, compare, goes_on_from
from supporters.bank.continuity import Span, covered, find_gaps
from supporters.bank.fingerprint import Keys, last4
from supporters.bank.keep import Known, concerns_us
from supporters.bank.missing import find_missing
from supporters.bank.parsed import CsvProfile
from supporters.bank.profiles import as_profile, remembered, stored
from supporters.kit.signing import Signer

KEYS = Keys("a secret of more than thirty-two characters")


def span(name: str, first: int, last: int, opening: int | None, closing: int | None) -> Span:
    return Span(name, day(first), day(last), opening, closing)


def gap_names(spans: list[Span], sums: dict[date, int]) -> dict[str, int]:
    return {gap.statement_id: gap.off_minor for gap in find_gaps(spans, sums)}


def test_statements_that_go_on_have_no_gap() -> None:
    sums = {day(1): 100, day(3): 50, day(8): -20, day(12): 5}

    spans = [span("a", 1, 5, 0, 150), span("b", 6, 10, 150, 130), span("c", 11, 14, 130, 135)]

    assert gap_names(spans, sums) == {}
    assert gap_names([spans[0], spans[2]], {**sums, day(8): 0}) == {"c": -20}
    assert gap_names([spans[0], spans[2]], sums) == {}  # the lines between came in a file that gives no balance


def test_overlapping_statements_have_no_gap_unless_a_line_is_here_twice() -> None:
    spans = [span("a", 1, 10, 0, 300), span("b", 5, 15, 100, 350)]

    assert gap_names(spans, {day(1): 100, day(7): 200, day(12): 50}) == {}
    assert gap_names(spans, {day(1): 200, day(7): 200, day(12): 50}) == {"b": -100}


def test_gap_says_where_a_balance_was_worked_out() -> None:
    first, second = span("a", 1, 5, 0, 150), Span("b", day(7), day(9), 140, 160, is_opening_derived=True)
    inside = span("c", 8, 8, 999, 999)

    found = find_gaps([first, second, inside], {day(2): 150, day(8): 20})

    assert [(gap.statement_id, gap.off_minor, gap.is_derived) for gap in found] == [("b", -10, True), ("c", 859, True)]


def test_days_and_numbers_that_no_statement_tells_of_are_found() -> None:
    def found(*spans: Span) -> list[tuple[int, int, int, int]]:
        return [
            (each.starts_on.day, each.ends_on.day, each.first_number, each.last_number) for each in find_missing(spans)
        ]

    def numbered(name: str, first: int, last: int, number: str) -> Span:
        return Span(name, day(first), day(last), 500, 500, number=number)

    assert found(span("b", 15, 16, None, None), span("a", 1, 5, None, None)) == [(6, 14, 0, 0)]
    assert found(span("a", 1, 5, 0, 100), span("b", 15, 16, None, 300)) == [(6, 14, 0, 0)]
    assert found(span("a", 1, 5, 0, 100), span("b", 15, 16, 100, 300)) == []
    assert found(span("a", 1, 5, None, None), span("b", 6, 9, None, None), span("c", 2, 20, None, None)) == []
    assert found(numbered("a", 1, 5, "00001/001"), numbered("b", 6, 9, "3/1")) == [(5, 6, 2, 2)]
    assert found(numbered("a", 1, 5, "1/1"), numbered("b", 5, 5, "1/2"), numbered("c", 6, 9, "2")) == []
    assert found(numbered("a", 1, 5, "366"), numbered("b", 6, 9, "1"), numbered("c", 10, 11, "S-7")) == []


def test_statements_of_one_day_go_on_from_each_other_in_any_order() -> None:
    morning, evening = span("m", 7, 7, 0, 500), span("e", 7, 7, 500, 900)

    assert gap_names([evening, morning], {day(7): 900}) == {}
    assert gap_names([span("m", 7, 7, 0, 500), span("o", 7, 7, 30, 530)], {day(7): 500}) == {"o": 30}


def test_many_statements_are_held_together_in_no_time() -> None:
    days = [date.fromordinal(day(1).toordinal() + number) for number in range(1_500)]
    spans = [Span(f"{number:05}", each, each, number, number + 1) for number, each in enumerate(days)]

    assert find_gaps(spans, dict.fromkeys(days, 1)) == []
    assert len(find_gaps([*spans[:700], *spans[703:]], dict.fromkeys(days[:700] + days[703:], 1))) == 1


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(-3, 3)), max_size=30), st.data())
@settings(max_examples=150, deadline=None)
def test_any_two_overlapping_files_bring_every_line_once(lines: list[tuple[int, int]], data: st.DataObject) -> None:
    """A bank's true lines, twins among them; two files, each of whole days, in either order."""
    first = data.draw(st.integers(1, 9))
    found = [
        Found(
            0, at, line(on, amount, f"text {amount % 2}"), KEYS.line(line(on, amount, f"text {amount % 2}"), form="qif")
        )
        for at, (on, amount) in enumerate(lines)
    ]
    early = [each for each in found if each.line.booked_on <= day(first + 2)]
    late = [each for each in found if each.line.booked_on >= day(first)]

    one = compare([early], [], layout="qif", goes_on=[False])
    here = [
        Here(
            new.line_id,
            new.found.fingerprint,
            new.occurrence,
            new.found.line.booked_on,
            new.found.line.amount_minor,
            "qif",
        )
        for new in one.new
    ]
    two = compare([late], here, layout="qif", goes_on=[False])
    both = compare([early, late], [], layout="qif", goes_on=[False, False])

    assert len(one.new) + len(two.new) == len(found) == len(both.new)
    assert len({(new.found.fingerprint, new.occurrence) for new in (*one.new, *two.new)}) == len(found)


def test_pages_of_one_day_go_on_and_the_same_page_twice_does_not() -> None:
    one, two = statement(line(1, 5), opening=0, number="1/1"), statement(line(1, 5), opening=5, number="1/2")

    assert goes_on_from(one, two)
    assert not goes_on_from(one, one)
    assert not goes_on_from(None, one)
    assert not goes_on_from(statement(number="1"), statement(number="2"))


def test_a_line_is_known_by_the_banks_id_or_else_by_all_that_it_says() -> None:
    known = KEYS.line(line(1, 5, "ONE", bank_reference="ab-1"), form="camt")

    assert known == KEYS.line(line(1, 5, "another", bank_reference="AB 1"), form="camt")
    assert known != KEYS.line(line(1, 5, "another", bank_reference="AB1"), form="csv")
    assert known != KEYS.line(line(1, 6, "ONE", bank_reference="ab-1"), form="camt")
    assert KEYS.line(line(1, 5, "a", bank_reference="NONREF"), form="mt940") != KEYS.line(
        line(1, 5, "b", bank_reference="NONREF"), form="mt940"
    )
    assert KEYS.line(line(1, 5, "STANDING  order"), form="qif") == KEYS.line(line(1, 5, "standing order"), form="qif")


@pytest.mark.parametrize(
    ("ours", "theirs", "is_same"),
    [
        ("GB29NWBK60161331926819", "60-16-13 31926819", True),
        ("DE89370400440532013000", "37040044/0532013000", True),
        ("DE89370400440532013000", "532013000", True),
        ("31926819", "GB29 NWBK 6016 1331 9268 19", True),
        ("GB29NWBK60161331926819", "GB94BARC10201530093459", False),
        ("31926819", "6819", False),
    ],
)
def test_an_account_is_known_however_its_number_is_written(ours: str, theirs: str, is_same: bool) -> None:
    assert (not set(KEYS.account_forms(ours)).isdisjoint(KEYS.account_forms(theirs))) is is_same
    assert last4("GB29 NWBK 6016 1331 9268 19") == "6819"


def test_a_payer_is_known_by_account_and_else_by_name() -> None:
    by_iban = KEYS.payer(line(1, 5, account="GB94BARC10201530093459", counterparty="Jo"))

    assert by_iban == KEYS.payer(line(1, 5, account="10-20-15 30093459", counterparty="J O"))
    assert KEYS.payer(line(1, 5, counterparty="Jo Bloggs")) == KEYS.payer(line(2, 9, counterparty="JO BLOGGS"))
    assert KEYS.payer(line(1, 5)) == ""
    assert Signer("x", "bank-account").digest("Jo") not in by_iban


def test_money_in_and_what_concerns_us_is_kept_whole_and_nothing_else() -> None:
    known = Known(frozenset({"trace123456"}), frozenset({-4_400}), {"jo": 500})

    for kept in (
        line(1, 5, "anything"),
        line(1, -5, "STRIPE PAYOUT RETURN"),
        line(1, -5, "Refund to reader"),
        line(1, -5, "x", bank_reference="TRACE-123456"),
        line(1, -4_400, "direct debit"),
        line(1, -5, "monthly account fee"),
        line(1, -5, "", type_code="PMNT/CCRD/CHRG"),
        line(1, -5, "cheque 00012 returned unpaid"),
        line(1, -5, "x", is_reversal=True),
        line(1, -5, "UNPAID CHQ 000123"),
        line(1, -5, "Charges to 31 OCT"),
        line(1, -5, "Interest"),
        line(1, -5, "Overdraft interest Q3"),
        line(1, -5, "x", type_code="NCHG"),
        line(1, -5, "x", type_code="INT"),
    ):
        assert concerns_us(kept, "", known), kept.text
    assert concerns_us(line(1, -5, "to a friend"), "jo", known)
    assert not concerns_us(line(1, -200_000, "Salary QQ 12 34 56 C"), "jo", known)
    assert not concerns_us(line(1, -5, "x", type_code="BGC INT"), "", known)
    assert not concerns_us(line(1, 0, "Salary advice Jane"), "", known)  # nothing moved
    for other in (
        "WAGES NOVEMBER",
        "Wages Nov unpaid leave adj",
        "Salary: interest-free loan Jane",
        "MATERNITY PAY refundable",
        "Congestion charge",
        "Commission Jane Q3",
        "Interest-free season ticket loan",
        "Office Landlord rent",
        "HMRC PAYE",
        "Coffee",
        "printing invoice 2231",
    ):
        assert not concerns_us(line(1, -5, other), "eve", known), other


def test_columns_are_remembered_by_the_names_that_the_bank_gives_them() -> None:
    confirmed = CsvProfile(header=("Date", "Paid in", "Paid  out"), in_column=1, out_column=2, skip_rows=3)
    next_file = CsvProfile(header=("date", "PAID IN", "Paid out"), amount_column=2, skip_rows=5, encoding="utf-16")

    found = remembered(stored(confirmed), next_file)

    assert found is not None
    assert (found.in_column, found.out_column, found.amount_column) == (1, 2, None)
    assert (found.skip_rows, found.encoding) == (5, "utf-16")
    assert remembered(stored(confirmed), CsvProfile(header=("Datum", "Betrag"))) is None
    assert remembered(stored(confirmed), CsvProfile(has_header=False)) is None
    assert as_profile({"no": "such field", "date_column": "x"}) is None
    asks_more = msgspec.structs.replace(next_file, status_column=2)
    older = {name: value for name, value in stored(confirmed).items() if name != "status_column"}
    assert remembered(older, asks_more) is None  # confirmed before anybody was asked which rows are booked
    assert remembered(stored(confirmed), asks_more) is not None


def test_quiet_days_between_statements_count_where_the_balance_stood_still() -> None:
    first = Span("a", day(2), day(5), 100, 250)
    assert covered([first, Span("b", day(8), day(9), 250, 300)]) == [(day(2), day(9))]
    assert covered([first, Span("b", day(8), day(9), 240, 300)]) == [(day(2), day(5)), (day(8), day(9))]
    assert covered([first, Span("b", day(6), day(9), None, None)]) == [(day(2), day(9))]
    assert covered([Span("a", day(2), day(5), None, None), Span("b", day(8), day(9), None, None)]) == [
        (day(2), day(5)),
        (day(8), day(9)),
    ]
    pages = [Span("p", day(4), day(5), 250, 260), Span("q", day(3), day(4), 0, 999), Span("c", day(9), day(9), 260, 0)]
    assert covered([first, *pages]) == [(day(2), day(9))]
    assert covered([*pages, Span("d", day(11), day(12), 999, 0)]) == [(day(3), day(9)), (day(11), day(12))]
