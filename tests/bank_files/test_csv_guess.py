"""The columns of a bank's CSV are found, shown, remembered; what is unclear is said."""

from datetime import date
from random import Random

import msgspec
import pytest

from statements import CSV, some_lines, write
from supporters.bank.csv_file import preview, read_csv
from supporters.bank.csv_guess import guess_profile
from supporters.bank.parsed import CsvProfile, NotBooked, ParsedLine, Unreadable
from supporters.bank.read import read_statements


def lines_of(
    text: str, currency: str = "GBP", encoding: str = "utf-8", profile: CsvProfile | None = None
) -> list[ParsedLine]:
    content = text.encode(encoding)
    file = read_csv(content, profile or guess_profile(content).profile, currency=currency)
    return [line for statement in file.statements for line in statement.lines]


def amounts_of(text: str, currency: str = "GBP") -> list[int]:
    return [line.amount_minor for line in lines_of(text, currency)]


def refusal(text: str, profile: CsvProfile | None = None) -> str:
    with pytest.raises(Unreadable) as caught:
        lines_of(text, profile=profile)
    return caught.value.message


def test_amounts_with_a_minus_behind_and_commas_are_read():
    text = "Datum;Text;Betrag\n13.10.2026;Miete;1.234,56-\n14.10.2026;Spende;2.000,00\n"

    assert amounts_of(text, "EUR") == [-123_456, 200_000]


def test_a_lone_comma_in_a_file_of_semicolons_stands_before_the_decimals():
    assert amounts_of("Datum;Betrag;Text\n13.10.2026;12,50;a\n14.10.2026;7,00;b\n", "EUR") == [1_250, 700]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
def test_names_survive_every_encoding(encoding: str):
    (line,) = lines_of("Date,Amount,Payee\n13/10/2026,5.00,Zoë Müller\n", encoding=encoding)

    assert line.counterparty == "Zoë Müller"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_every_separator_is_found_beside_a_decimal_comma(mark: str):
    rows = [["Date", "Payee", "Amount"], ["13/10/2026", "A, B; C", "5,00" if mark != "," else "5.00"]]
    text = "\n".join(mark.join(f'"{cell}"' for cell in row) for row in rows) + "\n"

    assert amounts_of(text) == [500]


def test_lines_before_the_names_and_totals_after_the_lines_are_left_out():
    text = (
        "The Paper Ltd\nAccount,12345678\n\n"
        "Date,Details,Paid in,Paid out,Balance\n"
        "01/10/2026,Balance brought forward,,,100.00\n"
        "13/10/2026,Gift,5.00,,105.00\n14/10/2026,Fee,,2.50,102.50\n\n"
        "Total,,5.00,2.50,\nGenerated on,14/10/2026 10:00,,,\n"
    )
    content = text.encode()
    file = read_csv(content, guess_profile(content).profile, currency="GBP")

    assert [line.amount_minor for line in file.statements[0].lines] == [500, -250]


def test_the_newest_line_first_is_turned_round_and_the_balance_runs():
    text = "Date,Details,Amount,Balance\n14/10/2026,B,-2.50,102.50\n13/10/2026,A,5.00,105.00\n"
    content = text.encode()
    (statement,) = read_csv(content, guess_profile(content).profile, currency="GBP").statements

    assert [line.text for line in statement.lines] == ["A", "B"]
    assert (statement.opening_minor, statement.closing_minor) == (10_000, 10_250)


def test_balances_at_the_end_of_each_day_alone_give_the_opening_one_where_they_agree():
    days = [
        "11/10/2026,A,5.00,",
        "11/10/2026,B,1.00,16.00",
        "12/10/2026,C,-2.50,13.50",
        "13/10/2026,D,4.00,",
        "13/10/2026,E,1.00,18.50",
    ]
    head = "Date,Details,Amount,Balance"

    def balances(rows: list[str]) -> tuple[list[str], int | None, int | None]:
        content = "\n".join([head, *rows, ""]).encode()
        (statement,) = read_csv(content, guess_profile(content).profile, currency="GBP").statements
        return [line.text for line in statement.lines], statement.opening_minor, statement.closing_minor

    assert balances(days) == balances(days[::-1]) == (list("ABCDE"), 1_000, 1_850)
    assert balances([*days[:2], *days[3:]]) == (list("ABDE"), None, None)  # they do not agree, so nothing is said


def test_a_line_left_out_of_a_running_balance_is_named_with_the_difference():
    rows = write("csv", some_lines(Random(3), 12), opening=5_000).decode().splitlines(keepends=True)
    del rows[6]

    words = refusal("".join(rows))

    assert words.startswith("line 7, balance: ")
    assert "is missing" in words


BANKS = {
    "dutch": (
        '"Datum";"Naam / Omschrijving";"Rekening";"Tegenrekening";"Code";"Af Bij";"Bedrag (EUR)";"Mededelingen"\n'
        '"20261013";"Stripe";"NL1";"NL00X";"OV";"Bij";"5,00";"x"\n"20261014";"Huur";"NL1";"NL00X";"GT";"Af";"1.250,00";"y"\n'
    ),
    "german": (
        '"Auftragskonto";"Buchungstag";"Valutadatum";"Verwendungszweck";"Beguenstigter/Zahlungspflichtiger";"Betrag"\n'
        '"DE1";"13.10.26";"13.10.26";"Spende";"Jo";"5,00"\n"DE1";"14.10.26";"14.10.26";"Miete";"Haus";"-1.250,00"\n'
    ),
    "newest first, two columns": (
        "Transaction Date,Transaction Type,Sort Code,Transaction Description,Debit Amount,Credit Amount,Balance\n"
        "14/10/2026,DEB,'30-00-00,RENT,1250.00,,102.50\n13/10/2026,FPI,'30-00-00,STRIPE,,5.00,1352.50\n"
    ),
    "american": (
        "Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #\n"
        "CREDIT,10/13/2026,STRIPE,5.00,ACH_CREDIT,1255.00,\nDEBIT,10/14/2026,RENT,-1250.00,ACH_DEBIT,5.00,\n"
    ),
    "many amounts": (
        "Transaction ID,Date,Time,Name,Amount,Currency,Local amount,Local currency,Description,Money Out,Money In\n"
        "tx_1,13/10/2026,10:31:00,Stripe,5.00,EUR,5.00,EUR,X1,,5.00\ntx_2,14/10/2026,10:31:00,Rent,-1250.00,EUR,-1,EUR,y,-1,\n"
    ),
    "a space after each comma": (
        'Date, Type, Description, Value, Balance\n13/10/2026,BAC,"STRIPE , X1",5.00,105.00\n'
        "14/10/2026,D/D,RENT,-1250.00,-1145.00\n"
    ),
}


@pytest.mark.parametrize("bank", BANKS)
def test_the_columns_of_banks_are_found_without_a_doubt(bank: str):
    assert amounts_of(BANKS[bank], "EUR") == [500, -125_000]
    assert guess_profile(BANKS[bank].encode()).doubts == ()


def test_columns_without_names_are_found_by_the_balance_that_runs():
    text = "13/10/2026,one,5.00,105.00\n14/10/2026,two,2.00,107.00\n15/10/2026,three,-7.00,100.00\n"
    guess = guess_profile(text.encode())

    assert (guess.profile.has_header, guess.profile.amount_column, guess.profile.balance_column) == (False, 2, 3)
    assert guess.profile.text_columns == (1,)
    assert amounts_of(text) == [500, 200, -700]


def test_money_out_written_with_a_minus_is_still_money_out():
    text = "Date,Credit,Debit,Text\n13/10/2026,5.00,,a\n14/10/2026,,-2.00,b\n15/10/2026,,-3.00,c\n"

    assert amounts_of(text) == [500, -200, -300]


def test_a_column_that_says_credit_or_debit_gives_the_sign():
    assert amounts_of("Date,Amount,Type\n13/10/2026,5.00,Credit\n14/10/2026,2.00,Debit\n") == [500, -200]


def test_amounts_without_any_sign_are_doubted():
    assert "No line is money out" in guess_profile(b"Date,Amount,Text\n13/10/2026,1.00,a\n").doubts[0]


def test_days_that_fit_both_ways_are_doubted_and_run_in_time():
    guess = guess_profile(b"Date,Amount,Text\n10/11/2026,-1.00,a\n11/11/2026,2.00,b\n12/11/2026,3.00,c\n")
    american = guess_profile(b"Date,Amount,Text\n10/01/2026,-1.00,a\n10/09/2026,2.00,b\n11/02/2026,3.00,c\n")

    assert (guess.profile.date_order, len(guess.doubts)) == ("dmy", 1)
    assert (american.profile.date_order, len(american.doubts)) == ("mdy", 1)


def test_a_day_over_twelve_leaves_no_doubt():
    guess = guess_profile(b"Date,Amount,Text\n10/13/2026,-1.00,a\n11/02/2026,2.00,b\n")

    assert (guess.profile.date_order, guess.doubts) == ("mdy", ())


def test_two_columns_of_one_name_are_doubted():
    guess = guess_profile(b"Date,Amount,Amount,Text\n13/10/2026,1.00,9.00,a\n14/10/2026,2.00,9.00,b\n")

    assert guess.profile.amount_column == 1
    assert "more than one column is called" in guess.doubts[0].lower()


def test_a_quoted_cell_may_go_on_in_the_next_line_and_lines_keep_their_numbers():
    text = 'Date,Amount,Text\n13/10/2026,5.00,"one\ntwo"\n14/10/2026,x5,three\n'

    words = refusal(text, profile=CsvProfile(header=("Date", "Amount", "Text"), amount_column=1, text_columns=(2,)))

    assert words.startswith("Line 4, Amount: “x5” is not an amount")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("32/10/2026,5.00,a", "Line 3, Date: “32/10/2026” is a day that does not exist"),
        ("14/10/2026,5.005,a", "Line 3, Amount: “5.005” is finer than its currency"),
        ("14/10/2026,€5,a", "is in another currency"),
        ("14/10/2026,,a", "Line 3: there is a day but no amount in Amount"),
        (",5.00,a", "Line 3, Date: “” is empty"),
        ('14/10/2026,5.00,"a', "Line 3: a quotation mark has no end"),
    ],
)
def test_a_broken_line_is_named_with_its_column(row: str, words: str):
    profile = CsvProfile(header=("Date", "Amount", "Text"), amount_column=1, text_columns=(2,))

    assert words in refusal(f"Date,Amount,Text\n13/10/2026,5.00,a\n{row}\n", profile)


def test_another_banks_file_is_not_read_with_remembered_columns():
    profile = guess_profile(write("csv", some_lines(Random(1), 3))).profile

    with pytest.raises(Unreadable, match=r"other\.csv: No line of this file has the columns Date, Description"):
        read_statements(write("csv-marks", some_lines(Random(1), 3)), "other.csv", currency="GBP", profile=profile)


@pytest.mark.parametrize("form", CSV)
def test_remembered_columns_read_the_banks_next_file(form: str):
    profile = msgspec.json.decode(
        msgspec.json.encode(guess_profile(write(form, some_lines(Random(1), 20))).profile), type=CsvProfile
    )
    later = some_lines(Random(2), 5, start=date(2026, 11, 1))
    currency = {"csv-german": "EUR", "csv-us": "USD"}.get(form, "GBP")

    (statement,) = read_csv(write(form, later, currency=currency), profile, currency=currency).statements

    assert [line.amount_minor for line in statement.lines] == [line.amount for line in later]


def test_lines_of_several_currencies_become_several_statements():
    text = "Date,Amount,Currency,Text\n13/10/2026,5.00,GBP,a\n14/10/2026,7.00,EUR,b\n15/10/2026,1.00,GBP,c\n"

    assert [(line.currency, line.amount_minor) for line in lines_of(text)] == [("GBP", 500), ("GBP", 100), ("EUR", 700)]


def test_the_preview_shows_the_row_and_what_it_would_be_or_why_not():
    content = b"Date,Amount,Text\n13/10/2026,5.00,a\n14/10/2026,huge,b\n"
    profile = guess_profile(b"Date,Amount,Text\n13/10/2026,5.00,a\n").profile

    first, second = preview(content, profile)

    assert first.line
    assert (first.where, first.cells, first.line.amount_minor) == ("line 2", ("13/10/2026", "5.00", "a"), 500)
    assert (second.line, second.problem[:15]) == (None, "Line 3, Amount:")


@pytest.mark.parametrize(
    "rows",
    [
        "13/10/2026,5.00,a14/10/2026,6.00,b\n",
        '13/10/2026,5.00,"a\n14/10/2026,6.00,b\n15/10/2026,6.00,"\n',
        "13/10/2026,5.00,a,b",
    ],
)
def test_two_lines_that_became_one_are_not_taken_for_one(rows: str):
    profile = CsvProfile(header=("Date", "Amount", "Text"), amount_column=1, text_columns=(2,))

    assert refusal(f"Date,Amount,Text\n12/10/2026,5.00,a\n{rows}", profile).startswith("Line 3")


def test_formulas_in_cells_stay_text():
    (line,) = lines_of('Date,Amount,Payee\n13/10/2026,5.00,"=HYPERLINK(""http://x"")"\n')

    assert line.counterparty == '=HYPERLINK("http://x")'


REVOLUT = (
    "Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance\n"
    "TOPUP,Current,2026-11-02 10:00:00,2026-11-02 10:00:01,Jo,50.00,0.00,GBP,COMPLETED,150.00\n"
    "CARD,Current,2026-11-03 10:00:00,2026-11-03 11:00:00,Train,-20.00,0.00,GBP,COMPLETED,130.00\n"
    "TOPUP,Current,2026-11-03 12:00:00,2026-11-03 12:00:00,Ada,500.00,0.00,GBP,REVERTED,\n"
    "TOPUP,Current,2026-11-04 12:00:00,,Max,200.00,0.00,GBP,PENDING,\n"
)


def test_only_what_the_bank_has_booked_is_money_and_the_rest_is_counted():
    content = REVOLUT.encode()
    guess = guess_profile(content)
    (statement,) = read_statements(content, "November.csv", currency="GBP", profile=guess.profile).statements

    assert [line.amount_minor for line in statement.lines] == [5_000, -2_000]
    assert statement.not_booked == NotBooked(pending=1, pending_minor=20_000, refused=1, refused_minor=50_000)
    assert (statement.opening_minor, statement.closing_minor) == (10_000, 13_000)
    assert guess.profile.header[guess.profile.date_column] == "Completed Date"
    assert ["left out" in row.problem for row in preview(content, guess.profile)] == [False, False, True, True]


def test_a_status_that_nobody_knows_is_left_out_until_a_person_says_that_it_means_booked():
    content = b"Date,Description,Status,Amount\n03/11/2026,Jo,Completed,5.00\n04/11/2026,Ada,Landed,7.00\n"
    guess = guess_profile(content)
    explained = msgspec.structs.replace(guess.profile, booked_words=("landed",))

    (left_out,), (taken,) = (read_csv(content, each, currency="GBP").statements for each in (guess.profile, explained))

    assert "“Landed”" in " ".join(guess.doubts)
    assert left_out.not_booked == NotBooked(unknown=1, unknown_minor=700)
    assert [line.amount_minor for line in taken.lines] == [500, 700]


def test_pending_in_the_place_of_the_day_is_pending():
    (statement,) = read_csv(
        content := b"Pending,Stripe payout,250.00\n01/11/2026,Jo,5.00\n02/11/2026,Ada,-6.00\n",
        guess_profile(content).profile,
        currency="GBP",
    ).statements

    assert statement.not_booked == NotBooked(pending=1, pending_minor=25_000)
    assert len(statement.lines) == 2


@pytest.mark.parametrize("head", ["", "Date,Text,Amount\n", "Account,12345678,\nDate,Text,Amount\n", "My account\n"])
@pytest.mark.parametrize(
    "row", ["31/11/2026,Stripe payout,250.00", "01/11/2026,Stripe payout,2x0.00", ",Stripe,250.00"]
)
def test_a_first_line_that_is_broken_is_not_taken_for_the_names_of_the_columns(head: str, row: str):
    text = f"{head}{row}\n01/11/2026,Jo,5.00\n02/11/2026,Ada,-6.00\n03/11/2026,Max,-7.00\n"

    assert f"Line {head.count(chr(10)) + 1}" in refusal(text)


@pytest.mark.parametrize("balances", ["105.00,99.00,93.00", "105.00,,99.00", "105.00,100.00,92.00"])
def test_a_balance_that_does_not_run_in_a_short_file_is_doubted(balances: str):
    rows = zip(("01/11/2026,Jo,5.00", "02/11/2026,Ada,-6.00", "03/11/2026,Max,-7.00"), balances.split(","), strict=True)
    text = "Date,Text,Amount,Balance\n" + "".join(f"{row},{balance}\n" for row, balance in rows)
    (statement,) = read_csv(text.encode(), guess_profile(text.encode()).profile, currency="GBP").statements

    assert statement.opening_minor is None
    assert "balance" in statement.balance_problem
