"""What the house writes as a spreadsheet file it reads back as it was, and no program finds a formula in it."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supporters.donations.desk_queries import DonationRow
from supporters.imports.csv_file import read_csv
from supporters.imports.models import ImportFault
from supporters.imports.rows import Reason
from supporters.kit.money import Money
from supporters.web.desk import sheet
from supporters.web.desk.import_sheet import header, lines

PAYLOADS = [
    "=1+1", "+44 20 7946 0000", "-1", "@SUM(A1)", '=HYPERLINK("http://x.example","x")', "\t=1", "\r=1", "=1+1",
    "+1", "－1", "＠x", "'tis", "a,b;c|d\te", 'she said "no"', "two\nlines", "שלום", "Zoë", "0", "'", "''",
]  # fmt: skip
STARTS = "=+-@\t\r＝＋－＠"


def written(rows: list[list[str]]) -> str:
    faults = [
        ImportFault(batch_id="x", row_number=n, reason=Reason.UNREADABLE, cells=row) for n, row in enumerate(rows, 2)
    ]
    return header() + lines(faults)


def read_back(text: str) -> list[list[str]]:
    return [row.cells[2:] for row in read_csv(text.encode()).rows[1:]]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_that_we_write_begins_as_a_formula_and_each_comes_back_as_it_was(payload: str) -> None:
    text = written([[payload, "x"], ["x", payload]])

    cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in STARTS and cell]
    assert read_back(text) == [[payload, "x"], ["x", payload]]


PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40).map(str.strip)


@given(st.lists(st.lists(PLAIN, min_size=1, max_size=4), min_size=1, max_size=5))
@settings(max_examples=80, deadline=None)
def test_any_rows_come_back_as_they_were(rows: list[list[str]]) -> None:
    rows = [[*row, "end"] for row in rows]  # empty cells at the end of a row are no cells

    assert read_back(written(rows)) == rows


def test_list_of_donations_comes_back_as_it_was_written() -> None:
    amount, nothing = Money(2_550, "GBP"), Money(0, "GBP")
    row = DonationRow(
        id="x",
        reference="D-7K3F9QXZ",
        name="=cmd|' /C calc'!A0",
        email="+ada@example.org",
        state="paid",
        frequency="once",
        amount=amount,
        refunded=nothing,
        returned=nothing,
        fee=Money(58, "GBP"),
        payout_id=None,
        failure_code=None,
        at=datetime(2026, 11, 22, 9, 36, tzinfo=UTC),
        appeal="@general",
        article_path="/a,b",
        issue=None,
        source=None,
    )

    text = "".join(sheet.line(cells) for cells in [sheet.donation_header(), *sheet.donation_cells([row])])
    found = read_csv((sheet.BYTE_ORDER_MARK + text).encode())

    cells = found.rows[1].cells
    assert "'=cmd" in text
    assert {row.reference, row.name, row.email, row.appeal, "25.50", "0.58", "24.92"} < set(cells)
