"""Stripe's exported files: what is read of them, and what is said of those that can't be read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from payouts.conftest import Treasury
from supporters.payments.csv_import import import_reports
from supporters.payments.models import BalanceTransaction
from supporters.payments.reports_csv import Kind, Report, Told, Unreadable

NAMES = "balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id"
LINES = ",".join([*NAMES.split(), "payment_intent_id"])
GOOD = "txn_1,2026-11-22 09:36:00,2026-11-29 00:00:00,gbp,25.00,0.58,24.42,charge,ch_1,pi_1"
HISTORY = "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC),Description,Transfer"
FEES = "balance_transaction_id,incurred_by,amount,tax,currency"


def read(*lines: str, zone: str = "UTC", encoding: str = "utf-8") -> list[Told]:
    content = "\n".join(lines).encode(encoding)
    return list(Report("july.csv", content, livemode=False, time_zone=zone).rows())


def test_a_line_of_activity_is_read_whole() -> None:
    [told] = read("\ufeff" + LINES, GOOD)

    line = told.line
    assert line
    assert (line.id, line.currency, line.gross_minor, line.fee_minor, line.net_minor) == (
        "txn_1",
        "GBP",
        2500,
        58,
        2442,
    )
    assert line.created_at == datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
    assert (line.source_id, line.charge_id, line.payment_intent_id, line.type) == ("ch_1", "ch_1", "pi_1", "")


@pytest.mark.parametrize(
    ("currency", "amounts", "minor"),
    [("jpy", "500,0,500", 500), ("kwd", "1.234,0.034,1.200", 1234), ("gbp", "-0.05,0,-0.05", -5)],
)
def test_amounts_are_in_major_units_of_their_currency(currency: str, amounts: str, minor: int) -> None:
    [told] = read(LINES, f"txn_1,2026-11-22 09:36:00,,{currency},{amounts},charge,ch_1,")

    assert told.line
    assert told.line.gross_minor == minor


def test_semicolons_decimal_commas_and_local_times_are_understood() -> None:
    header = LINES.replace("created_utc", "created").replace(",", ";")
    [told] = read(header, GOOD.replace("2026-11-22 09:36:00", "2026-07-01 00:30:00").replace(",", ";").replace(".", ","),
                  zone="Europe/London")  # fmt: skip

    assert told.line
    assert (told.line.gross_minor, told.line.created_at) == (2500, datetime(2026, 6, 30, 23, 30, tzinfo=UTC))


def test_the_balances_history_tells_payouts_and_leaves_what_may_be_anything() -> None:
    told = read(
        HISTORY,
        "txn_1,charge,ch_1,25.00,0.58,24.42,gbp,2026-11-22 09:36,2026-11-29 00:00,,po_1",
        "txn_2,payout,po_1,-24.42,0.00,-24.42,gbp,2026-11-29 00:01,2026-11-29 00:00,STRIPE PAYOUT,",
        "txn_3,adjustment,du_1,-25.00,20.00,-45.00,gbp,2026-11-29 00:01,2026-11-29 00:00,,",
    )

    lines = [one.line for one in told if one.line]
    assert [(line.id, line.reporting_category, line.payout_id) for line in lines] == [
        ("txn_1", "charge", "po_1"),
        ("txn_2", "payout", "po_1"),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,b", "1,2"], "july.csv is none of Stripe's exports"),
        ([""], "july.csv is none of Stripe's exports"),
        ([LINES + ",net", GOOD + ",1"], "july.csv has the column net twice"),
        ([LINES, GOOD + ",more"], "july.csv, line 2: it has 11 columns, and the first line names 10"),
        ([LINES, GOOD[:60]], "july.csv, line 2: it has"),
        ([LINES, GOOD.replace("25.00", '"1.234,56-"')], "line 2, column gross: 1.234,56- is no amount in GBP"),
        ([LINES, GOOD.replace("25.00", "NaN")], "line 2, column gross: NaN is no amount"),
        ([LINES, GOOD.replace("25.00", "1e99")], "line 2, column gross: 1e99 is no amount"),
        ([LINES, GOOD.replace("25.00", "25.001")], "line 2, column gross: 25.001 is no amount in GBP"),
        ([LINES, GOOD.replace("24.42", "24.43")], "line 2, column net: gross less fee is not net"),
        ([LINES, GOOD, GOOD.replace("2026-11-22", "22/11/2026")], "line 3, column created_utc: 22/11/2026 09:36:00 is no"),
        ([LINES, GOOD.replace("2026-11-22 09:36:00", "")], "line 2, column created_utc: it is empty"),
        ([LINES, GOOD.replace("txn_1", "")], "line 2, column balance_transaction_id: it is empty"),
        ([LINES, GOOD.replace("gbp", "£")], "line 2, column currency"),
        ([LINES, GOOD + "\0"], "july.csv is no text"),
        ([LINES, '"' + "x" * 200_000 + '"' + GOOD], "july.csv, line"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_file_line_and_column(lines: list[str], words: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(*lines)

    assert words in refused.value.message


def test_another_encoding_is_said() -> None:
    with pytest.raises(Unreadable, match=r"july\.csv is no UTF-8 text"):
        read(LINES, GOOD.replace("ch_1", "café"), encoding="latin-1")


async def test_tax_in_fees_comes_from_the_report_of_fees_and_nothing_is_half_imported(
    treasury: Treasury, tmp_path: Path
) -> None:
    lines, fees, broken = tmp_path / "lines.csv", tmp_path / "fees.csv", tmp_path / "broken.csv"
    lines.write_text(f"{LINES}\n{GOOD}\n", "utf-8")
    fees.write_text(f"{FEES}\ntxn_1,ch_1,0.48,0.00,gbp\ntxn_1,ch_1,0.10,0.10,gbp\n", "utf-8")
    broken.write_text(f"{LINES}\n{GOOD}\n{GOOD.replace('25.00', '26.00')}\n", "utf-8")
    told = {"livemode": False, "time_zone": "UTC", "clock": treasury.clock, "ids": treasury.ids}

    with pytest.raises(Unreadable):
        await import_reports(treasury.db, [lines, broken], **told)
    assert await treasury.rows(BalanceTransaction) == []
    imported = await import_reports(treasury.db, [lines, fees], **told)

    [line] = await treasury.rows(BalanceTransaction)
    assert (imported.lines, imported.added) == (1, 1)
    assert line.fee_details == [
        {"type": "stripe_fee", "amount_minor": 48, "currency": "GBP"},
        {"type": "tax", "amount_minor": 10, "currency": "GBP"},
    ]
    assert Report("x", fees.read_bytes(), livemode=False).kind is Kind.FEES
    assert treasury.clock.now() - line.mirrored_at < timedelta(seconds=1)
