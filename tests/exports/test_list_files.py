"""Lists of the desk as files: the view that is shown, CSV or XLSX, numbers that add up, and no formula."""

import csv
import io
from datetime import date
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import insert, select

from supporters.audit.models import AuditEntry
from supporters.bank.models import BankAccount, BankFile, BankLine, BankStatement
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.errors import Refused
from supporters.kit.money import Money
from supporters.web.desk import workbook
from supporters.web.desk.workbook import write_workbook
from whole import Whole

BAD = '=HYPERLINK("x","y")'
ACCOUNT = "B" * 26


def sheet_of(content: bytes) -> list[dict[str, Any]]:
    header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    return [dict(zip(header, row, strict=True)) for row in rows]


async def add_lines(site: Whole) -> None:
    now, day = site.clock.now(), date(2026, 11, 20)
    own = {"bank_account_id": ACCOUNT, "bank_file_id": "F" * 26}
    line = own | {
        "bank_statement_id": "T" * 26, "booked_on": day, "currency": "GBP", "counterparty_hash": "", "bank_reference": "0012",
        "counterparty_last4": "", "end_to_end": "", "type_code": "", "is_reversal": False, "layout": "", "occurrence": 0,
    }  # fmt: skip
    ours = {"amount_minor": 123456, "counterparty": "STRIPE", "text": BAD, "is_kept_whole": True, "state": "open"}
    other = {"amount_minor": -90000, "counterparty": "", "text": "", "is_kept_whole": False, "state": "set_aside"}
    rows = [
        line | each | {"id": f"L{place:025d}", "position": place, "fingerprint": f"f{place}"}
        for place, each in enumerate((ours, other))
    ]
    async with site.db.unit_of_work() as session:
        await session.execute(
            insert(BankAccount).values(
                id=ACCOUNT, name="Current", currency="GBP", last4="", account_hash="", also_hashes=[], revision=0,
                created_by="A" * 26, created_at=now,
            )
        )  # fmt: skip
        await session.execute(
            insert(BankFile).values(
                id="F" * 26, bank_account_id=ACCOUNT, state="imported", name="x.csv", sha256="0" * 64, format="csv",
                layout="", size_bytes=1, counts={}, taken_by="A" * 26, taken_at=now,
            )
        )  # fmt: skip
        span = {"position": 0, "number": "", "starts_on": day, "ends_on": day}
        await session.execute(insert(BankStatement).values(id="T" * 26, **own, **span))
        await session.execute(insert(BankLine), rows)


async def test_bank_lines_are_taken_as_shown_and_of_what_is_not_ours_day_and_amount_alone(site: Whole) -> None:
    await add_lines(site)
    desk, path = await site.staff("finance"), f"/desk/bank/{ACCOUNT}"

    page = await desk.get(f"{path}?way=in")
    plain = await desk.get(f"{path}/lines.csv?way=in")
    book = await desk.get(f"{path}/lines.xlsx")
    odd = [await desk.get(f"{path}/lines.csv?from=x"), await desk.get(f"/desk/bank/{'Z' * 26}/lines.csv")]

    assert f'href="{path}/lines.xlsx?way=in"' in page.text
    rows = list(csv.DictReader(io.StringIO(plain.text.removeprefix("\ufeff"))))
    assert [(row["Amount"], row["What they wrote"]) for row in rows] == [("1234.56", f"'{BAD}")]
    told = sheet_of(book.content)
    assert sorted(row["Amount"] for row in told) == [-900.0, 1234.56]
    assert {(row["Who"], row["What they wrote"], row["Bank's reference"]) for row in told} >= {("STRIPE", BAD, "0012")}
    assert [each.status_code for each in odd] == [400, 404]
    async with site.db.reading() as session:
        deeds = (await session.scalars(select(AuditEntry.action).where(AuditEntry.action == "bank_line.export"))).all()
    assert len(deeds) == 2
    log = sheet_of((await desk.get("/desk/audit.xlsx")).content)
    assert [row["What"] for row in log].count("Exported bank lines") == 2
    await desk.aclose()


async def test_discrepancies_can_be_taken_as_a_workbook(site: Whole) -> None:
    async with site.db.unit_of_work() as session:
        facts = {"subject": BAD, "ids": site.ids, "now": site.clock.now(), "amount": Money(-150, "GBP")}
        await open_discrepancy(session, code=Code.BALANCE_DRIFT, **facts)
    desk = await site.staff("finance")

    page = await desk.get("/desk/discrepancies")
    rows = sheet_of((await desk.get("/desk/discrepancies.xlsx")).content)

    assert 'href="/desk/discrepancies.xlsx"' in page.text
    assert [(row["Code"], row["About"], row["Amount"]) for row in rows] == [("BALANCE_DRIFT", BAD, -1.5)]
    await desk.aclose()


async def test_donations_can_be_taken_as_a_workbook_with_numbers_and_no_formula(site: Whole) -> None:
    await site.pay(await site.give(amount="25", name=BAD))
    await site.settle()
    desk = await site.staff("finance")

    file = await desk.get("/desk/donations.xlsx?min=20")

    row = sheet_of(file.content)[0]
    assert (row["Amount"], row["Fee"], row["Net"], row["Name"]) == (25.0, 0.58, 24.42, BAD)
    assert isinstance(row["Reference"], str)
    assert file.headers["content-disposition"].endswith('.xlsx"')
    assert (await desk.get("/desk/donations.xlsx?from=x")).status_code == 400
    await desk.aclose()


async def test_a_workbook_keeps_long_text_and_large_numbers_within_what_a_sheet_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def portions():
        yield [["é" * 40_000, "-1234567890.12", ""]]
        yield [["http://x.example", "7", "0"]]

    content = await write_workbook(["Text", "Amount", "Empty"], portions(), numbers={1, 2})
    monkeypatch.setattr(workbook, "MOST_ROWS", 1)

    first, second = sheet_of(content)
    assert (len(first["Text"]), first["Amount"], first["Empty"]) == (32_767, -1234567890.12, "")
    assert (second["Text"], second["Amount"], second["Empty"]) == ("http://x.example", 7.0, 0.0)
    with pytest.raises(Refused, match="more than a workbook holds"):
        await write_workbook(["Text"], portions())
