"""One row of a list: who may be taken, and why not."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.imports.columns import Column, DateOrder, guess_columns, guess_date_order
from supporters.imports.grid import Row, build_grid
from supporters.imports.rows import Judged, Plan, Reason, Refusal, Taken, judge, judge_row, read_day
from supporters.people.matching import EmailProblem, read_email

TODAY = date(2026, 11, 22)
PLAN = Plan(address=0, name=1, consented=2, basis=3, width=4, today=TODAY, date_order=DateOrder.DMY)


def judged(*cells: str, plan: Plan = PLAN) -> Judged:
    return judge_row(Row(2, list(cells)), plan)


def reason(*cells: str) -> Reason | None:
    found = judged(*cells)
    return found.reason if isinstance(found, Refusal) else None


def test_a_good_row_is_a_person_with_evidence() -> None:
    assert judged("Ada@Example.ORG", "  Ada \n Lovelace ", "09/03/2025 10:11", "web form") == Taken(
        number=2,
        cells=["Ada@Example.ORG", "  Ada \n Lovelace ", "09/03/2025 10:11", "web form"],
        address="Ada@example.org",
        key="ada@example.org",
        name="Ada Lovelace",
        consented_on="2025-03-09",
        basis_words="web form",
    )


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (("", "Ada", "09/03/2025", "form"), Reason.NO_ADDRESS),
        (("\u200b\u00a0", "Ada", "09/03/2025", "form"), Reason.NO_ADDRESS),
        (("ada", "Ada", "09/03/2025", "form"), Reason.UNREADABLE),
        (("ada@", "Ada", "09/03/2025", "form"), Reason.UNREADABLE),
        (("ada@localhost", "Ada", "09/03/2025", "form"), Reason.UNREADABLE),
        (("ada@example.org, ben@example.org", "", "", "form"), Reason.UNREADABLE),
        (("Ada <ada@example.org>", "", "", "form"), Reason.UNREADABLE),
        (("ada\u202e@example.org", "", "", "form"), Reason.UNREADABLE),
        (("ada@exa\u200bmple.org", "", "", "form"), Reason.UNREADABLE),
        (("ada\t@example.org", "", "", "form"), Reason.UNREADABLE),
        (("=HYPERLINK(1)@example.org", "", "", "form"), Reason.UNREADABLE),
        (("adä@example.org", "", "", "form"), Reason.UNREADABLE),
        (("a" * 65 + "@example.org", "", "", "form"), Reason.UNREADABLE),
        (("ada@example.org", "A" * 1_001, "", "form"), Reason.TOO_LONG),
        (("ada@example.org", "Ada", "", "form", "more"), Reason.RAGGED),
        (("ada@example.org", "Ada", "last spring", "form"), Reason.BAD_DATE),
        (("ada@example.org", "Ada", "31/02/2025", "form"), Reason.BAD_DATE),
        (("ada@example.org", "Ada", "24/11/2026", "form"), Reason.BAD_DATE),
        (("ada@example.org", "Ada", "01/01/1970", "form"), Reason.BAD_DATE),
        (("ada@example.org", "Ada", "09/03/2025", ""), Reason.NO_BASIS),
        (("ada@example.org", "Ada", "09/03/2025"), Reason.NO_BASIS),
        (("ada@example.org", "Ada", "09/03/2025", "Unsubscribed"), Reason.SAYS_NO),
        (("ada@example.org", "Ada", "09/03/2025", "soft opt-in"), Reason.SAYS_NO),
        (("ada@example.org", "Ada", "", "form"), None),
        (("ada@example.org", "Ada", "23/11/2026", "form"), None),
        (("\ufeff ada@example.org\u200b ", "", "", "form"), None),
    ],
)  # fmt: skip
def test_every_fault_has_its_own_reason(cells: tuple[str, ...], why: Reason | None) -> None:
    assert reason(*cells) is why


def test_address_of_254_characters_is_taken_and_of_255_is_not() -> None:
    domain = ".".join(["b" * 60] * 3) + ".org"
    longest = "a" * 64 + "@" + "c" * (254 - 65 - len(domain) - 1) + "." + domain

    assert len(longest) == 254
    found = judged(longest, "", "", "form")
    assert isinstance(found, Taken)
    assert found.address == longest
    assert reason(longest.replace("@c", "@cc"), "", "", "form") is Reason.UNREADABLE


def test_international_domain_is_kept_as_mail_servers_know_it() -> None:
    found = judged("zoe@bücher.example.org", "", "", "form")

    assert isinstance(found, Taken)
    assert found.address == "zoe@xn--bcher-kva.example.org"


def test_names_lose_what_could_turn_or_hide_text() -> None:
    found = judged("ada@example.org", "\u202eAda\x07 \u200bL\u2066ovelace\n", "", "form")

    assert isinstance(found, Taken)
    assert found.name == "Ada Lovelace"


@given(st.text(alphabet="aZ9._+-@ xn.orgé\u200b'\"", max_size=40) | st.emails())
@settings(max_examples=150, deadline=None)
def test_short_way_to_read_addresses_agrees_with_the_long_one(typed: str) -> None:
    found = judged(typed.strip(), "", "", "form")
    try:
        expected: str | None = read_email(typed.strip("\u200b \n\t"))
    except EmailProblem:
        expected = None

    if isinstance(found, Taken):
        assert found.address == expected
    elif found.reason is Reason.UNREADABLE and "\u200b" not in typed and " " not in typed.strip():
        assert expected is None


def test_of_the_same_address_the_first_is_taken_whatever_its_case() -> None:
    grid = build_grid([["ada@example.org"], ["ADA@example.org"], ["ben@example.org"], ["ada@EXAMPLE.org"]])

    found = judge(grid, Plan(address=0, width=1, today=TODAY), has_header=False)

    assert [each.reason if isinstance(each, Refusal) else each.address for each in found] == [
        "ada@example.org", Reason.REPEATED, "ben@example.org", Reason.REPEATED,
    ]  # fmt: skip


def test_one_row_that_says_no_bars_every_row_of_that_address() -> None:
    grid = build_grid([["ada@example.org", "subscribed"], ["Ada@example.org", "unsubscribed"]])

    found = judge(grid, Plan(address=0, basis=1, width=2, today=TODAY), has_header=False)

    assert [each.reason for each in found if isinstance(each, Refusal)] == [Reason.SAYS_NO, Reason.SAYS_NO]


@pytest.mark.parametrize(
    ("written", "order", "day"),
    [
        ("2025-03-09", DateOrder.DMY, date(2025, 3, 9)),
        ("2025-03-09T10:11:12Z", DateOrder.MDY, date(2025, 3, 9)),
        ("9/3/2025", DateOrder.DMY, date(2025, 3, 9)),
        ("9.3.2025", DateOrder.MDY, date(2025, 9, 3)),
        ("09/03/25", DateOrder.DMY, None),
        ("45725", DateOrder.DMY, None),
        ("", DateOrder.DMY, None),
    ],
)
def test_days_are_read_in_the_order_that_was_said(written: str, order: DateOrder, day: date | None) -> None:
    assert read_day(written, order) == day


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (["First Name", "E-mail", "OPTIN_TIME"], {Column.NAME: 0, Column.ADDRESS: 1, Column.CONSENTED: 2}),
        (["Email Address", "Name", "Status"], {Column.ADDRESS: 0, Column.NAME: 1, Column.BASIS: 2}),
        (["Wohnort", "Kontakt"], {Column.ADDRESS: 1}),
    ],
)
def test_columns_are_guessed_by_name_and_by_what_stands_in_them(header: list[str], expected: dict[str, int]) -> None:
    address = expected[Column.ADDRESS]
    row = ["x"] * len(header)
    row[address] = "ada@example.org"

    assert guess_columns(build_grid([header, row]), has_header=True) == expected


def test_column_called_email_that_holds_none_loses_to_the_one_that_does() -> None:
    grid = build_grid([["Email", "Contact"], ["yes", "ada@example.org"]])

    assert guess_columns(grid, has_header=True)[Column.ADDRESS] == 1


@pytest.mark.parametrize(
    ("days", "order"),
    [
        (["01/02/2025", "13/02/2025"], DateOrder.DMY),
        (["01/02/2025", "02/13/2025"], DateOrder.MDY),
        (["2025-02-01"], DateOrder.YMD),
        (["01/02/2025"], DateOrder.DMY),
    ],
)
def test_order_of_days_is_guessed_from_the_first_that_tells(days: list[str], order: DateOrder) -> None:
    assert guess_date_order(build_grid([["When"], *[[day] for day in days]]), 0) is order
