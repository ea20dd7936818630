"""Files as people send them: every encoding, separator and trick that a list comes with."""

import datetime
import zipfile
from io import BytesIO

import pytest
import xlsxwriter

from supporters.imports.files import kind_of, read_file
from supporters.imports.grid import MOST_BYTES, FileFault, FileProblem, Grid, Notice

PEOPLE = [["Email", "Name"], ["ada@example.org", "Ada Lovelace"], ["zoe@example.org", "Zoë Ñandú"]]


def as_csv(rows: list[list[str]], separator: str = ",") -> str:
    return "\r\n".join(separator.join(row) for row in rows) + "\r\n"


def as_xlsx(rows: list[list[object]], *, more_sheets: bool = False) -> bytes:
    held = BytesIO()
    book = xlsxwriter.Workbook(held, {"default_date_format": "dd/mm/yyyy"})
    if more_sheets:
        book.add_worksheet("Notes").hide()
    sheet = book.add_worksheet("People")
    if more_sheets:
        sheet.activate()
        book.add_worksheet("More")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return held.getvalue()


def cells(grid: Grid) -> list[list[str]]:
    return [row.cells for row in grid.rows]


def fault_of(content: bytes) -> FileProblem:
    with pytest.raises(FileProblem) as raised:
        read_file(content)
    return raised.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_encoding_and_separator_gives_the_same_rows(encoding: str, separator: str) -> None:
    grid = read_file(as_csv(PEOPLE, separator).encode(encoding))

    assert cells(grid) == PEOPLE
    assert grid.notices == ()
    assert grid.width == 2


def test_old_windows_files_are_read_and_said_to_be_guessed() -> None:
    grid = read_file(as_csv(PEOPLE).encode("cp1252"))

    assert cells(grid) == PEOPLE
    assert grid.notices == (Notice.GUESSED_ENCODING,)


def test_separator_that_the_file_names_wins() -> None:
    grid = read_file(b"sep=;\r\nEmail;Name, first\r\nada@example.org;Ada, Lady\r\n")

    assert cells(grid) == [["Email", "Name, first"], ["ada@example.org", "Ada, Lady"]]


def test_one_column_without_a_header_is_a_list_too() -> None:
    grid = read_file(b"ada@example.org\nben@example.org")

    assert not grid.looks_like_header()
    assert cells(grid) == [["ada@example.org"], ["ben@example.org"]]


def test_quotes_hold_separators_lines_and_quotes() -> None:
    grid = read_file(b'Email,Name\nada@example.org,"Ada ""Countess""\nLovelace, Lady"\n')

    assert grid.rows[1].cells == ["ada@example.org", 'Ada "Countess"\nLovelace, Lady']


def test_blank_lines_are_left_out_and_row_numbers_stay_those_of_the_spreadsheet() -> None:
    grid = read_file(b"\n,,\nEmail,Name\n\n  ,\nada@example.org,Ada\n\n")

    assert [(row.number, row.cells) for row in grid.rows] == [(3, ["Email", "Name"]), (6, ["ada@example.org", "Ada"])]


def test_quote_that_we_put_before_formulas_is_taken_off_and_others_stay() -> None:
    grid = read_file(b"Email,Name\nada@example.org,'=1+1\nben@example.org,'Ben\n'+44@example.org,=2\n")

    assert [row.cells for row in grid.rows[1:]] == [
        ["ada@example.org", "=1+1"], ["ben@example.org", "'Ben"], ["+44@example.org", "=2"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", FileFault.EMPTY),
        (b"\n\n ,,\n", FileFault.EMPTY),
        (b"\xef\xbb\xbf", FileFault.EMPTY),
        (b"Email,Name\n", FileFault.HEADER_ONLY),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", FileFault.PDF),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, FileFault.OLD_OR_LOCKED),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), FileFault.NOT_TEXT),
        (bytes(range(256)) * 20, FileFault.NOT_TEXT),
        (b"Email\nada@example.org\0\n", FileFault.NOT_TEXT),
        (b'Email,Name\nada@example.org,"Ada\nben@example.org,Ben\n', FileFault.QUOTES),
        (b'Email,Name\nada@example.org,"Ada"x\n', FileFault.QUOTES),
        (b"Email" + b",x" * 50 + b"\nada@example.org", FileFault.TOO_MANY_COLUMNS),
        (b"PK\x03\x04 and then nothing of a zip", FileFault.BROKEN),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_with_its_reason(content: bytes, fault: FileFault) -> None:
    assert fault_of(content).fault is fault


def test_a_hundred_thousand_people_below_a_header_are_taken_and_one_more_is_not() -> None:
    people = b"a@b.org\n" * 100_000

    assert len(read_file(b"Email\n" + people).rows) == 100_001
    assert fault_of(b"Email\n" + people + b"a@b.org\n").fault is FileFault.TOO_MANY_ROWS


def test_a_file_may_have_five_megabytes_and_not_one_byte_more() -> None:
    line = b"ada@example.org," + b"x" * 984 + b"\n"
    full = (line * (MOST_BYTES // len(line) + 1))[:MOST_BYTES]

    assert len(read_file(full).rows) > 5_000
    assert fault_of(full + b"x").fault is FileFault.TOO_LARGE


def test_line_of_a_wrong_quote_is_said() -> None:
    problem = fault_of(b'Email,Name\nada@example.org,Ada\nben@example.org,"Ben"x\n')

    assert problem.line == 3


def test_workbook_gives_values_of_formulas_days_as_days_and_whole_numbers() -> None:
    held = BytesIO()
    book = xlsxwriter.Workbook(held)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Email", "When", "Number", "Yes", "Text"])
    sheet.write_formula(1, 0, '="ada"&"@example.org"', value="ada@example.org")
    sheet.write_datetime(1, 1, datetime.date(2025, 3, 9), day)
    sheet.write(1, 2, 42)
    sheet.write(1, 3, True)
    sheet.write_string(1, 4, "=1+1")
    book.close()

    grid = read_file(held.getvalue())

    assert grid.rows[1].cells == ["ada@example.org", "2025-03-09", "42", "true", "=1+1"]


def test_first_visible_sheet_is_read_and_others_are_said() -> None:
    grid = read_file(as_xlsx([[*row] for row in PEOPLE], more_sheets=True))

    assert cells(grid) == PEOPLE
    assert grid.notices == (Notice.MORE_SHEETS,)


def test_bytes_decide_what_a_file_is_and_not_its_name() -> None:
    assert kind_of(as_xlsx([["a@b.org"]])) == "xlsx"
    assert kind_of(b"a@b.org") == "csv"


def zipped(**entries: bytes) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in entries.items():
            packed.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return held.getvalue()


def test_zip_that_is_no_workbook_is_refused() -> None:
    assert fault_of(zipped(word__document_xml=b"<x/>")).fault is FileFault.NOT_A_WORKBOOK


def test_broken_workbook_is_refused() -> None:
    assert fault_of(zipped(xl__workbook_xml=b"<not xml")).fault is FileFault.BROKEN
    whole = as_xlsx([["ada@example.org"]])
    assert fault_of(whole[: len(whole) // 2]).fault is FileFault.BROKEN


def test_bombs_are_refused_before_they_unpack() -> None:
    dense = zipped(xl__workbook_xml=b"<x/>", xl__a_xml=b" " * 11 * 1024 * 1024)
    many = zipped(xl__workbook_xml=b"<x/>", **{f"xl__{number}_xml": b"x" for number in range(1_001)})

    assert fault_of(dense).fault is FileFault.BOMB
    assert fault_of(many).fault is FileFault.BOMB


def test_two_cells_in_opposite_corners_end_the_reader_and_not_the_house() -> None:
    held = BytesIO()
    book = xlsxwriter.Workbook(held)
    sheet = book.add_worksheet()
    sheet.write(0, 0, "ada@example.org")
    sheet.write(1_048_575, 16_383, "x")
    book.close()

    assert len(held.getvalue()) < 10_000
    assert fault_of(held.getvalue()).fault is FileFault.BOMB


def test_one_long_text_in_very_many_cells_is_refused() -> None:
    held = BytesIO()
    book = xlsxwriter.Workbook(held)
    sheet = book.add_worksheet()
    for number in range(1_300):
        sheet.write_row(number, 0, ["x" * 1_000] * 48)
    book.close()

    assert len(held.getvalue()) < MOST_BYTES
    assert fault_of(held.getvalue()).fault is FileFault.BOMB


def test_entities_in_a_workbook_are_not_expanded() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "%s">%s]><x>&j;</x>' % (
        b"a" * 100,
        b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)),
    )

    assert fault_of(zipped(xl__workbook_xml=bomb)).fault in {FileFault.BROKEN, FileFault.EMPTY}
