"""The written-down rules of each format, held to the files themselves; no database."""

import csv
import io
import subprocess
import zipfile
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.exports.formats import write
from supporters.exports.journals import (
    File,
    Heading,
    Journal,
    Line,
    NotBalanced,
    check_balanced,
    mirror,
    parts_of,
    sum_up,
)
from supporters.exports.ledgers import name_of
from supporters.exports.plain import FORMAT
from supporters.exports.quickbooks import BYTES, NUMBER_CHARS, ROWS, write_quickbooks
from supporters.exports.targets import Target
from supporters.exports.xero import JOURNAL_HEADER, JOURNAL_LINES, STATEMENT_HEADER, STATEMENT_LINES, write_xero

HEADING = Heading(
    batch_id="01K" + "A" * 17 + "BCDEFG", organisation="The Paper", starts_on=date(2026, 11, 1),
    ends_on=date(2026, 11, 30), home_currency="GBP",
)  # fmt: skip
NASTY = ('=HYPERLINK("x")', "+1", "-1+1", "@SUM(A1)", "\tx", 'Ada, "the" reader', "naïve £ – ok")


def line(account: str, minor: int, **more: str) -> Line:
    return Line(
        **{"account": account, "code": account, "name": f"Name {account}", "text": "x", **more}, amount_minor=minor
    )


def journal(number: int = 1, *lines: Line, **more: Any) -> Journal:
    usual = lines or (line("1100", 2435), line("5000", 65), line("4000", -2500))
    facts = {
        "number": f"S1-{number}", "booked_on": date(2026, 11, 1 + number % 28), "currency": "GBP",
        "text": f"Stripe payout po_{number % 7}", "reference": f"po_{number % 7}",
    }  # fmt: skip
    return Journal(**{**facts, **more}, lines=usual)


def rows_of(file: File) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))


def test_xero_journals_keep_every_rule_of_its_import() -> None:
    journals = [journal(number) for number in range(1, 700)]

    files = [file for file in write_xero(journals, HEADING) if file.name.startswith("manual")]

    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    places: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for file in files:
        assert not file.content.startswith(b"\xef\xbb\xbf")
        assert tuple(file.content.decode().splitlines()[0].split(",")) == JOURNAL_HEADER
        rows = rows_of(file)
        assert 0 < len(rows) <= JOURNAL_LINES
        for row in rows:
            assert all(row[name] for name in JOURNAL_HEADER if name.startswith("*"))
            datetime.strptime(row["*Date"], "%d %b %Y")  # noqa: DTZ007 - a day
            key = row["*Narration"], row["*Date"]
            sums[key] += Decimal(row["*Amount"])
            places[key].add(file.name)
    assert len(sums) == 699  # no two journals share narration and date, or Xero would make them one
    assert set(sums.values()) == {Decimal(0)}
    assert all(len(names) == 1 for names in places.values())


def test_xero_statement_is_the_stripe_balance_line_by_line_and_ends_the_clearing_account_at_nothing() -> None:
    journals = [journal(number) for number in range(1, 1200)]
    journals.append(journal(1200, line("1150", 2_000_00), line("1100", -2_000_00)))

    files = write_xero(journals, HEADING)

    statement = [row for file in files if file.name.startswith("stripe") for row in rows_of(file)]
    parts = [rows_of(file) for file in files if file.name.startswith("stripe")]
    assert [len(part) for part in parts] == [STATEMENT_LINES, 200]
    assert set(statement[0]) == set(STATEMENT_HEADER)
    cleared = sum(
        Decimal(row["*Amount"])
        for file in files
        if file.name.startswith("manual")
        for row in rows_of(file)
        if row["*AccountCode"] == "1100"
    )
    assert sum(Decimal(row["*Amount"]) for row in statement) == cleared == 1199 * Decimal("24.35") - 2000
    assert Decimal(statement[-1]["*Amount"]) == Decimal("-2000.00")
    assert all(row["Payee"] == "Stripe" and date.fromisoformat(row["*Date"]) for row in statement)


def test_xero_lines_carry_tax_rate_and_tracking_category_of_the_mapping() -> None:
    mapped = line("4000", -2500, code="200", tax="Exempt Income", tracking="Region: North; Desk: Local")

    rows = rows_of(write_xero([journal(1, line("1100", 2500), mapped)], HEADING)[0])

    assert [row["*TaxRate"] for row in rows] == ["No VAT", "Exempt Income"]
    assert rows[1]["*AccountCode"] == "200"
    assert [rows[1][name] for name in JOURNAL_HEADER[6:]] == ["Region", "North", "Desk", "Local"]
    assert [rows[0][name] for name in JOURNAL_HEADER[6:]] == ["", "", "", ""]


@pytest.mark.parametrize(("count", "parts"), [(300, 1), (301, 2), (900, 4)])
def test_a_journal_of_more_lines_than_xero_takes_becomes_several_that_each_balance(count: int, parts: int) -> None:
    lines = [line("4000", -(n % 7 + 1), text=f"fund {n}") for n in range(count - 1)]
    whole = journal(1, *lines[:5], line("1100", -sum(each.amount_minor for each in lines)), *lines[5:])

    files = write_xero([whole, journal(2)], HEADING)

    sums: defaultdict[str, list[Decimal]] = defaultdict(list)
    for file in files:
        rows = rows_of(file)
        assert len(rows) <= JOURNAL_LINES
        for row in rows if file.name.startswith("manual") else []:
            sums[row["*Narration"]].append(Decimal(row["*Amount"]))
    named = [f"Stripe payout po_1 [S1-1, {n} of {parts}]" for n in range(1, parts + 1)]
    assert [*sums] == [*(named if parts > 1 else ["Stripe payout po_1 [S1-1]"]), "Stripe payout po_2 [S1-2]"]
    assert {sum(each) for each in sums.values()} == {Decimal(0)}
    assert sum_up(parts_of(whole, JOURNAL_LINES))[1] == sum_up([whole])[1]
    balances = [sum_up(each)[0].net_minor for each in (parts_of(whole, JOURNAL_LINES), [whole])]
    assert balances[0] == balances[1]
    [statement] = [rows_of(file) for file in files if file.name.startswith("stripe")]
    assert Decimal(statement[0]["*Amount"]) * 100 == -sum(each.amount_minor for each in lines)


@given(st.lists(st.integers(-9, 9).filter(bool), min_size=2, max_size=40), st.integers(2, 6))
def test_parts_of_a_journal_balance_and_lose_nothing(amounts: list[int], most: int) -> None:
    rest = [-sum(amounts)] if sum(amounts) else []
    whole = journal(1, *(line(f"{n % 3}100", minor) for n, minor in enumerate([*amounts, *rest])))

    parts = parts_of(whole, most)

    check_balanced(parts)
    assert max(len(part.lines) for part in parts) <= most
    assert len({part.number for part in parts}) == len(parts)
    net = [{each.account: each.net_minor for each in sum_up(some) if each.net_minor} for some in (parts, [whole])]
    assert net[0] == net[1]


def test_quickbooks_numbers_the_parts_of_a_journal_that_is_too_long() -> None:
    lines = [line("4000", -1) for _each in range(ROWS)]

    rows = [
        row for file in write_quickbooks([journal(1, line("1100", ROWS), *lines)], HEADING) for row in rows_of(file)
    ]

    assert {row["Journal No"] for row in rows} == {"S1-1.1", "S1-1.2"}


def test_quickbooks_entries_keep_every_rule_of_its_import() -> None:
    sub = line("4000", -2500, name="Donations:One-off")
    journals = [journal(number, line("1100", 2435), line("5000", 65), sub) for number in range(1, 500)]
    journals.append(journal(500, currency="EUR"))

    files = write_quickbooks(journals, HEADING)

    assert [file.name for file in files] == ["journals-gbp-1.csv", "journals-gbp-2.csv", "journals-eur-1.csv"]
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    places: defaultdict[str, set[str]] = defaultdict(set)
    for file in files:
        rows = rows_of(file)
        assert len(file.content) <= BYTES
        assert len(rows) <= ROWS
        assert list(rows[0]) == ["Journal No", "Journal Date", "Account Name", "Description", "Debits", "Credits"]
        for row in rows:
            assert len(row["Journal No"]) <= NUMBER_CHARS
            assert bool(row["Debits"]) is not bool(row["Credits"])
            datetime.strptime(row["Journal Date"], "%d/%m/%Y")  # noqa: DTZ007 - a day
            sums[row["Journal No"]] += Decimal(row["Debits"] or 0) - Decimal(row["Credits"] or 0)
            places[row["Journal No"]].add(file.name)
    assert len(sums) == 500
    assert set(sums.values()) == {Decimal(0)}
    assert all(len(names) == 1 for names in places.values())
    assert rows_of(files[0])[2]["Account Name"] == "Donations:One-off"


def test_quickbooks_days_are_american_where_the_dollar_is_at_home() -> None:
    american = msgspec.structs.replace(HEADING, home_currency="USD")

    row = rows_of(write_quickbooks([journal(20, currency="USD")], american)[0])[0]

    assert row["Journal Date"] == "11/21/2026"


@pytest.mark.parametrize("target", [Target.XERO, Target.QUICKBOOKS, Target.CSV])
def test_no_cell_is_a_formula_and_negative_amounts_stay_numbers(target: Target) -> None:
    lines = [line("1100", 100 * len(NASTY), text=NASTY[0])]
    lines += [
        line("4000", -100, code=each, name=each, text=each, tax=each, tracking=f"{each}:{each}") for each in NASTY
    ]

    file = write(target, [journal(1, *lines, text=NASTY[0], reference=NASTY[1])], HEADING)

    for content in unpacked(file):
        for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
            for cell in row:
                assert cell[:1] not in "=+@\t" or not cell, cell
                assert not cell.startswith("-") or Decimal(cell) < 0


def test_generic_csv_opens_in_excel_and_json_holds_the_same() -> None:
    journals = [journal(1), journal(2, currency="JPY"), journal(3, currency="KWD")]

    rows = rows_of(write(Target.CSV, journals, HEADING))
    told = msgspec.json.decode(write(Target.JSON, journals, HEADING).content)

    assert write(Target.CSV, journals, HEADING).content.startswith(b"\xef\xbb\xbf")
    assert [row["amount"] for row in rows] == [
        "24.35", "0.65", "-25.00", "2435", "65", "-2500", "2.435", "0.065", "-2.500",
    ]  # fmt: skip
    assert (told["format"], told["version"]) == (FORMAT, 1)
    flat = [one for each in told["journals"] for one in each["lines"]]
    assert [one["amount"] for one in flat] == [row["amount"] for row in rows]
    assert sum(one["amount_minor"] for one in flat) == 0


@pytest.mark.parametrize("target", Target)
def test_journals_that_came_to_nothing_make_a_file_without_lines(target: Target) -> None:
    file = write(target, [], HEADING)

    assert file.content
    assert not file.name.endswith(".zip")


def test_the_same_journals_give_the_same_bytes() -> None:
    journals = [journal(number) for number in range(1, 5)]

    assert all(write(each, journals, HEADING) == write(each, journals, HEADING) for each in Target)


def test_what_does_not_balance_makes_no_file() -> None:
    wrong = journal(1, line("1100", 2500), line("4000", -2499))

    with pytest.raises(NotBalanced, match="S1-1 does not balance"):
        write(Target.CSV, [journal(2), wrong], HEADING)


def test_names_for_plain_text_books_are_plain_and_apart() -> None:
    assert name_of(line("4000", 1, code="200", name="Spenden:Für Ärzte & Co")) == "Income:Spenden:200-Fur-Arzte-Co"
    assert name_of(line("1100", 1, code="090", name="Assets:Stripe:Clearing")) == "Assets:Stripe:Clearing"
    assert name_of(line("1100", 1, code="x", name="募金")) == "Assets:X"


def test_accounts_without_a_plain_letter_keep_our_code() -> None:
    assert name_of(line("1100", 1, code="募", name="金")) == "Assets:1100"
    assert name_of(line("4010", 1, code="-", name="寄付:…")) == "Income:4010"


def test_hledger_takes_no_words_of_a_fund_for_a_date(tmp_path: Path) -> None:
    funds = ("Up to date: news", "Winter (2026-01)", "[2026/13/45]", "date:2026-13-45", "date2:x", "2026-13-45 (x")
    pairs = [(line("1100", 100, text=fund), line("4000", -100, text=f"Donations, {fund}")) for fund in funds]
    made = [journal(place, *pair, text=funds[place], reference=funds[place]) for place, pair in enumerate(pairs)]
    journals = tmp_path / "journals.journal"
    journals.write_bytes(write(Target.HLEDGER, made, HEADING).content)

    told = subprocess.run(["hledger", "-f", journals, "check", "--strict"], capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stderr


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=5), min_size=1, max_size=8))
def test_mirrored_journals_balance_and_leave_nothing(amounts: list[list[int]]) -> None:
    journals = [
        journal(place, *(line(f"4{n:03d}", minor) for n, minor in enumerate(each)), line("1100", -sum(each)))
        for place, each in enumerate(amounts)
    ]

    back = mirror(journals, number="S2", text="Taken back:")

    check_balanced(back)
    assert all(each.debit_minor == each.credit_minor for each in sum_up([*journals, *back]))


def unpacked(file: File) -> list[bytes]:
    if not file.name.endswith(".zip"):
        return [file.content]
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        return [archive.read(name) for name in archive.namelist()]
