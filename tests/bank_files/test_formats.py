"""Every format gives the same statement, and what is wrong with a file is said in words."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import pytest

from statements import ACCOUNT, CAMT, CSV, FORMATS, Line, some_lines, write, zip_of
from supporters.bank.formats import format_of, read_plainly
from supporters.bank.limits import DEFAULT, Limits
from supporters.bank.parsed import ParsedFile, ParsedLine, Unreadable
from supporters.bank.read import read_statements

LINES = some_lines(Random(7), 25)
CURRENCIES = {"csv-german": "EUR", "csv-us": "USD"}
KNOWS_NO_CLOSING = {"csv-german", "csv-us", "csv-marks", "xero", "qif"}


@dataclass(frozen=True)
class Seen:
    """What must be equal in every format."""

    day: date
    amount: int
    currency: str


def read(content: bytes, currency: str = "GBP", limits: Limits = DEFAULT) -> ParsedFile:
    return read_plainly(content, currency=currency, profile=None, limits=limits)


def refusal(content: bytes, currency: str = "GBP", limits: Limits = DEFAULT) -> str:
    with pytest.raises(Unreadable) as caught:
        read(content, currency, limits=limits)
    return caught.value.message


def one_line(content: bytes, currency: str = "GBP") -> ParsedLine:
    (line,) = read(content, currency).statements[0].lines
    return line


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_lines_come_out_of_every_format(form: str):
    currency = CURRENCIES.get(form, "GBP")
    content = write(form, LINES, opening=1_000_000, currency=currency)

    file = read(content, currency)

    (statement,) = file.statements
    assert file.format == {"zip": "camt"}.get(format_of(content), format_of(content))
    assert [Seen(line.booked_on, line.amount_minor, line.currency) for line in statement.lines] == [
        Seen(line.day, line.amount, currency) for line in LINES
    ]
    if form != "csv-us":  # has one column for all words
        assert [(line.counterparty, line.text) for line in statement.lines] == [
            (line.name, line.text) for line in LINES
        ]
    assert statement.opening_minor == (None if form in KNOWS_NO_CLOSING else 1_000_000)
    assert statement.closing_minor == (None if form in KNOWS_NO_CLOSING else 1_000_000 + sum(x.amount for x in LINES))
    assert (statement.starts_on, statement.ends_on) == (LINES[0].day, LINES[-1].day)


@pytest.mark.parametrize("form", [*CAMT, "ofx1", "ofx2", "mt940"])
def test_the_account_is_read_where_the_format_has_it(form: str):
    assert read(write(form, LINES)).statements[0].account == ACCOUNT


@pytest.mark.parametrize("form", ["camt.04", "camt.zip", "mt940"])
def test_a_statement_that_does_not_add_up_is_refused_with_the_difference(form: str):
    words = refusal(write(form, LINES[:3], opening=0, closing=sum(line.amount for line in LINES[:3]) + 150))

    assert "£1.50 is missing" in words


@pytest.mark.parametrize("form", [*CAMT, "camt.zip", "ofx1", "ofx2", "mt940", "qif"])
def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(form: str):
    content = write(form, LINES[:4])
    last = len(content.rstrip(b"\r\n-^")) - 1

    for at in (last, last - 30, len(content) // 2):
        assert refusal(content[:at])


@pytest.mark.parametrize("form", [*CSV, "xero"])
def test_no_cut_of_a_csv_gives_another_amount(form: str):
    content = write(form, LINES[:6], opening=100)
    currency = CURRENCIES.get(form, "GBP")
    whole = [(line.booked_on, line.amount_minor) for line in read(content, currency).statements[0].lines]

    for at in range(2 * len(content) // 3, len(content)):  # two lines, and all lines are alike
        try:
            cut = read(content[:at], currency)
        except Unreadable:
            continue
        found = [(line.booked_on, line.amount_minor) for line in cut.statements[0].lines]
        assert found == whole[: len(found)]


def test_payments_that_the_bank_booked_as_one_are_split_and_add_up():
    day = LINES[0].day
    parts = (Line(day, 1_000, "A Giver", "gift", end_to_end="E1"), Line(day, 2_500, "B Giver", "DON-7K3F-9Q"))
    content = write("camt.08", [Line(day, 3_500, "Batch", parts=parts)])

    line = one_line(content)

    assert [(part.counterparty, part.amount_minor, part.text) for part in line.parts] == [
        ("A Giver", 1_000, "gift"),
        ("B Giver", 2_500, "DON-7K3F-9Q"),
    ]
    assert "entry 1: its 2 payments make £35.00, but the entry is £36.00: £1.00 is missing" in refusal(
        content.replace(b'"GBP">35.00', b'"GBP">36.00')
    )


def test_charges_within_a_batch_are_a_part_of_their_own():
    day = LINES[0].day
    parts = (Line(day, 1_000, "A"), Line(day, 2_500, "B"))
    content = write("camt.04", [Line(day, 3_400, "Batch", parts=parts)])
    content = content.replace(b"<NtryDtls>", b'<Chrgs><Rcrd><Amt Ccy="GBP">1.00</Amt></Rcrd></Chrgs><NtryDtls>')

    assert [part.amount_minor for part in one_line(content).parts] == [1_000, 2_500, -100]


@pytest.mark.parametrize("form", ["camt.02", "camt.13", "mt940"])
def test_a_reversal_has_the_sign_that_the_bank_writes(form: str):
    lines = [Line(LINES[0].day, 5_000, "A"), Line(LINES[0].day, -5_000, "A", "taken back", is_reversal=True)]

    statement = read(write(form, lines, opening=10)).statements[0]

    assert [(line.amount_minor, line.is_reversal) for line in statement.lines] == [(5_000, False), (-5_000, True)]


def test_a_bank_that_keeps_the_sign_of_what_it_reverses_is_understood_by_its_balances():
    lines = [Line(LINES[0].day, 5_000, "A"), Line(LINES[0].day, 5_000, "A", is_reversal=True)]

    statement = read(write("camt.02", lines, opening=10, closing=10)).statements[0]

    assert [line.amount_minor for line in statement.lines] == [5_000, -5_000]


def test_a_line_that_is_not_booked_yet_is_marked_and_does_not_count():
    lines = [Line(LINES[0].day, 5_000, "A"), Line(LINES[0].day, 700, "B", is_booked=False)]

    statement = read(write("camt.08", lines, opening=0)).statements[0]

    assert [line.is_booked for line in statement.lines] == [True, False]
    assert statement.closing_minor == 5_000


def test_several_statements_in_one_file_stay_apart():
    one, two = write("mt940", LINES[:2], opening=5), write("mt940", LINES[2:5], opening=900)

    assert [len(each.lines) for each in read(one + two).statements] == [2, 3]


def test_a_zip_may_hold_many_days_and_one_of_them_twice():
    days = {f"{n}.xml": write("camt.08", LINES[n : n + 1], opening=n) for n in range(3)}
    file = read(zip_of({**days, "again.xml": days["0.xml"], "__MACOSX/._0.xml": b"junk"}))

    assert [len(each.lines) for each in file.statements] == [1, 1, 1]
    assert "2.xml: " in refusal(zip_of({**days, "2.xml": days["2.xml"][:-40]}))


def test_ofx_with_empty_tags_left_open_keeps_its_fields():
    content = write("ofx1", LINES[:2]).replace(b"<MEMO>" + LINES[0].text.encode(), b"<MEMO><CHECKNUM>17<NAME>")

    first, second = read(content).statements[0].lines

    assert (first.text, first.amount_minor) == ("17", LINES[0].amount)
    assert (second.text, second.amount_minor) == (LINES[1].text, LINES[1].amount)


@pytest.mark.parametrize("end", [b"</STMTTRN>", b"</STMTRS>"])
def test_ofx_that_forgets_an_end_loses_no_line_silently(end: bytes):
    content = write("ofx1", LINES[:3])

    assert refusal(content.replace(end, b""))
    assert refusal(content + content.replace(end, b"", 1))


def test_an_ofx_balance_of_a_later_day_is_not_the_closing_balance():
    content = write("ofx2", LINES[:2]).replace(b"<DTASOF>2026", b"<DTASOF>2027")

    assert read(content).statements[0].closing_minor is None


def test_qif_that_forgets_an_end_loses_no_line_silently():
    content = write("qif", LINES[:3])

    assert "the record that begins in line 2 has no end" in refusal(content.replace(b"^\n", b"", 1))


def test_opening_balance_of_ofx_is_worked_out_where_its_closing_one_is_of_the_last_day():
    sound = write("ofx1", LINES, opening=50_000)
    last = max(line.day for line in LINES)
    of_another_day = sound.replace(
        f"<DTASOF>{last:%Y%m%d}".encode(), f"<DTASOF>{last + timedelta(days=1):%Y%m%d}".encode()
    )
    of_a_card = sound.replace(b"BANKACCTFROM", b"CCACCTFROM")
    before_last = sound.replace(
        f"<DTASOF>{last:%Y%m%d}".encode(), f"<DTASOF>{min(line.day for line in LINES):%Y%m%d}".encode()
    )

    told = [read(each, "GBP").statements[0] for each in (sound, of_another_day, of_a_card, before_last)]

    assert [(each.opening_minor, each.is_opening_derived) for each in told] == [(50_000, True), *[(None, False)] * 3]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            b"!Account\nNSavings\n^\n!Type:Bank\nD02/11/2026\nT99.00\n^\n",
            "a second account, Savings, after those of Giro",
        ),
        (b"!Type:CCard\nD02/11/2026\nT99.00\n^\n", "a second account"),
        (b"!Type:Bank\nD01/11/2026\nT99.00\nPOpening Balance\n^\n", "a second opening balance"),
        (b"!Account\nNGiro\n^\n!Type:Bank\nD02/11/2026\nT99.00\n^\n", ""),
    ],
)
def test_qif_of_two_accounts_is_refused_and_of_one_in_two_pieces_is_read(second: bytes, words: str):
    first = (
        b"!Option:AutoSwitch\n!Account\nNGiro\nTBank\n^\nNSavings\nTBank\n^\n!Clear:AutoSwitch\n!Account\nNGiro\n^\n"
    )
    first += b"!Type:Bank\nD01/11/2026\nT1.00\nPOpening Balance\n^\nD01/11/2026\nT12.00\n^\n"

    if words:
        assert words in refusal(first + second)
    else:
        assert [line.amount_minor for line in read(first + second).statements[0].lines] == [1_200, 9_900]


def test_a_cell_beyond_every_size_is_called_so():
    assert "more than 131072 characters" in refusal(b"Date,Amount,Text\n01/10/2026,1.00," + b"x" * 140_000)


def test_qif_with_an_apostrophe_in_its_days_and_an_opening_balance_is_read():
    content = b"!Type:Bank\nD10/ 1'26\nT100.00\nPOpening Balance\nL[Paper]\n^\nD10/13'26\nT-1,250.50\nPRent\n^\n"

    statement = read(content, "USD").statements[0]

    assert statement.opening_minor == 10_000
    assert [(line.booked_on, line.amount_minor) for line in statement.lines] == [(date(2026, 10, 13), -125_050)]


ODS = b"application/vnd.oasis.opendocument.spreadsheet"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "This is a PDF"),
        (b"\xd0\xcf\x11\xe0....", "workbook"),
        (b"<!DOCTYPE html><html><body>Sign in", "web page"),
        (b"<?xml version='1.0'?><rss/>", "no bank statement (camt.053)"),
        (write("camt.08", LINES[:1]).replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn"), "notification"),
        (b"Name,Email\nA,a@example.org\n", "both a day and an amount"),
        (b"\x00\x01\x02\x03" * 50, "no text"),
        (b"!Type:Invst\nD1/1/26\n^\n", "not the lines of a bank account"),
        (b"\x89PNG....", "picture"),
        (zip_of({"xl/workbook.xml": b"<a/>"}), "save the sheet with the statement as CSV"),
        (zip_of({"xl/workbook.xml": b'<sheet name="Nov &amp; Dec" sheetId="1"/>'}), "its sheet “Nov & Dec” as CSV"),
        (
            zip_of({"xl/workbook.xml": b'<sheet name="A"/><x:sheet sheetId="2" name="B"/>'}),
            "the sheets “A”, “B”. Open it",
        ),
        (zip_of({"mimetype": ODS, "content.xml": b'<table:table table:name="Konto"><a/>'}), "its sheet “Konto” as CSV"),
        (zip_of({"a.csv": write("csv", LINES)}), "Only statements in CAMT"),
        (write("camt.08", LINES[:1]).replace(b"2026-10", b"2026-13"), "a day that does not exist"),
        (write("camt.08", LINES[:1]).replace(b"CRDT", b"UP").replace(b"DBIT", b"UP"), "neither CRDT nor DBIT"),
        (write("ofx1", LINES[:1]).replace(b"<TRNAMT>", b"<TRNAMT>1.2.3"), "entry 1, TRNAMT"),
        (write("mt940", LINES[:1]).replace(b":61:", b":61:X"), "Line 5, field 61"),
        (write("qif", LINES[:2]).replace(b"\nT", b"\nTx"), "Line 2, amount (T)"),
    ],
)
def test_what_is_no_statement_is_named_with_what_to_do(content: bytes, words: str):
    assert words in refusal(content)


def test_more_lines_than_the_limit_are_refused():
    assert "more than 10 lines" in refusal(write("qif", LINES), limits=Limits(lines=10))


@pytest.mark.parametrize("form", ["camt.08", "qif"])
def test_the_door_reads_small_text_here_and_all_else_apart_with_one_result(form: str):
    content = write(form, LINES, opening=7)

    assert read_statements(content, "november.dat", currency="GBP") == read(content)


@pytest.mark.parametrize(
    ("content", "limits", "words"),
    [
        (write("camt.08", LINES)[:-40], DEFAULT, "Line 28: the XML is broken or cut off"),
        (write("qif", LINES)[:-40], DEFAULT, "the last record has no end"),
        (write("qif", LINES), Limits(bytes=500), "more than 1 MB"),
        (write("camt.08", some_lines(Random(1), 3_000)), Limits(memory=32 * 1024 * 1024), "time or memory"),
    ],
)
def test_the_door_names_the_file_and_what_is_wrong(content: bytes, limits: Limits, words: str):
    with pytest.raises(Unreadable) as caught:
        read_statements(content, "../up/november.dat", currency="GBP", limits=limits)

    assert caught.value.message.startswith("november.dat: ")
    assert words in caught.value.message
