"""Step 2 of a bank's table: what each column means. Guessed, shown with the first lines as they would be read, confirmed."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.check import check_file, read_apart
from supporters.bank.csv_file import PreviewRow, preview
from supporters.bank.csv_guess import Guess, guess_profile
from supporters.bank.files import is_large, set_checked, set_reading
from supporters.bank.jobs import READ
from supporters.bank.models import BankAccount, BankFile, FileState
from supporters.bank.parsed import CsvProfile, Unreadable
from supporters.bank.profiles import as_profile
from supporters.bank.queries import find_bank_file, find_body
from supporters.bank.refusals import of_file
from supporters.jobs.queue import enqueue
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank import PATH, found_account
from supporters.web.desk.bank_column_words import (
    AMOUNT_FIELDS,
    COLUMN_FIELDS,
    FIELDS,
    TEXT_FIELDS,
    field_words,
    mark_words,
    order_words,
)
from supporters.web.desk.bank_words import said_of, step_names
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

IMPORT = PATH + "/import"
MOST_COLUMNS = 100
SHOWN_CHARS = 60
BOOKED_CHARS = 400


class Table(msgspec.Struct, frozen=True):
    """A bank's table as it waits for its columns."""

    file: BankFile
    account: BankAccount
    content: bytes
    guess: Guess
    refusal: str  # why it could not be read by the columns that were said last

    @property
    def names(self) -> list[str]:
        """Of every column; where the file names none, by place."""
        width = max([len(self.guess.profile.header), *(len(row) for row in self.guess.rows)])
        header = self.guess.profile.header
        return [
            (header[at] if at < len(header) else "") or _("Column %(place)s") % {"place": at + 1}
            for at in range(min(width, MOST_COLUMNS))
        ]


@get(IMPORT + "/{file_id:str}/columns", opt={"access": DOES_BOOKS})
async def show_columns(
    request: Request[Any, Any, Any], file_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The first lines of the file as they would be read, and the form that says what the columns mean."""
    table = await _open_table(reading, file_id)
    if table is None:
        return Redirect(f"{IMPORT}/{file_id}", status_code=303)
    profile = as_profile(table.file.profile) or table.guess.profile
    problems = [("date", table.refusal)] if table.refusal else []
    return await _page(request, reading, table, profile, as_typed(profile), problems=problems)


@post(IMPORT + "/{file_id:str}/columns", status_code=303, opt={"access": DOES_BOOKS})
async def take_columns(request: Request[Any, Any, Any], file_id: FromPath[str]) -> Response[Any]:
    """The file can be checked, or the form comes back: 422 with what is wrong, 200 when only a look was asked for."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, [*FIELDS, "look"])
    async with house.db.reading() as session:
        table = await _open_table(session, file_id)
        if table is None:
            return Redirect(f"{IMPORT}/{file_id}", status_code=303)
        typed = {name: form.get(name, "") for name in FIELDS}
        profile, problems = read_profile(typed, table.guess.profile, width=len(table.names))
        if problems or "look" in form:
            return await _page(request, session, table, profile, typed, problems=problems)
        if is_large(table.content, table.file.format):
            return await _read_later(house, file_id, profile)
        try:
            parsed = await read_apart(
                table.content, table.file.name, account=table.account, profile=profile, settings=house.settings
            )
            today = local_date(house.clock.now(), house.settings.time_zone)
            checked = await check_file(
                session, table.account, parsed, profile=profile, settings=house.settings, today=today
            )
        except Unreadable as problem:
            said = of_file(problem, table.file.name).message
            return await _page(request, session, table, profile, typed, problems=[("date", said)])
    async with house.db.unit_of_work() as session:
        await set_checked(session, file_id, checked)
    return Redirect(f"{IMPORT}/{file_id}", status_code=303)


async def _read_later(house: House, file_id: str, profile: CsvProfile) -> Redirect:
    """A job reads the file by these columns; of two who say so at once, the first is heard."""
    async with house.db.unit_of_work() as session:
        if await set_reading(session, file_id, profile):
            await enqueue(session, READ, {"file_id": file_id}, ids=house.ids, now=house.clock.now(), dedupe=file_id)
    return Redirect(f"{IMPORT}/{file_id}", status_code=303)


def read_profile(
    typed: Mapping[str, str], guessed: CsvProfile, *, width: int
) -> tuple[CsvProfile, list[tuple[str, str]]]:
    """What the form says, on top of what was guessed of the file itself; and what is wrong with it, by field."""
    problems: list[tuple[str, str]] = []
    columns: dict[str, int | None] = {}
    for field in (*COLUMN_FIELDS, *TEXT_FIELDS):
        value = typed.get(field, "")
        is_place = value.isascii() and value.isdigit() and len(value) < 4 and int(value) < width
        columns[field] = int(value) if is_place else None
        if value and not is_place:
            problems.append((field, _("Choose a column of the file.")))
    problems += _missing(columns, typed)
    values: dict[str, Any] = {attribute: columns[field] for field, attribute in COLUMN_FIELDS.items()}
    texts = tuple(dict.fromkeys(at for field in TEXT_FIELDS if (at := columns[field]) is not None))
    values |= {
        "date_column": columns["date"] or 0,
        "date_order": typed["order"] if typed.get("order") in order_words() else guessed.date_order,
        "decimal_mark": typed["mark"] if typed.get("mark") in mark_words() else guessed.decimal_mark,
        "is_negated": typed.get("negated") == "yes",
        "text_columns": texts,
        "booked_words": _words_of(typed.get("booked", "")),
    }
    return msgspec.structs.replace(guessed, **values), problems


def _words_of(typed: str) -> tuple[str, ...]:
    """The words between the commas, each once."""
    words = (clean_line(word, limit=SHOWN_CHARS) for word in typed[:BOOKED_CHARS].split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _missing(columns: Mapping[str, int | None], typed: Mapping[str, str]) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    if columns["date"] is None and not typed.get("date"):
        problems.append(("date", _("Choose the column with the day.")))
    chosen = [columns[field] for field in AMOUNT_FIELDS if columns[field] is not None]
    if not chosen:
        problems.append(("amount", _("Choose the column with the amount, or one for money in and one for money out.")))
    elif columns["amount"] is not None and (columns["in"] is not None or columns["out"] is not None):
        problems.append(
            ("amount", _("Choose one column with amounts, or two for money in and out, but not both ways."))
        )
    used = [at for field in ("date", *AMOUNT_FIELDS, "balance", "status") if (at := columns[field]) is not None]
    if len(set(used)) < len(used):
        problems.append(
            ("date", _("Two of these point to the same column. Choose another one for day, amount, balance or status."))
        )
    if typed.get("order") not in order_words():
        problems.append(("order", _("Choose how dates are written.")))
    return problems


def as_typed(profile: CsvProfile) -> dict[str, str]:
    """The profile as the form shows it."""
    places: dict[str, int | None] = {field: getattr(profile, name) for field, name in COLUMN_FIELDS.items()}
    places |= dict(zip(TEXT_FIELDS, (*profile.text_columns, None, None, None), strict=False))
    typed = {field: "" if at is None else str(at) for field, at in places.items()}
    negated = "yes" if profile.is_negated else ""
    typed["booked"] = ", ".join(profile.booked_words)
    return {**typed, "order": profile.date_order, "mark": profile.decimal_mark, "negated": negated}


async def found_file(session: AsyncSession, file_id: str) -> BankFile:
    """The file. Raises NotFound."""
    file = await find_bank_file(session, file_id) if is_ulid(file_id) else None
    if file is None:
        raise NotFound(_("There is no such import."))
    return file


async def _open_table(session: AsyncSession, file_id: str) -> Table | None:
    """The table, as long as its columns may be chosen. Raises NotFound."""
    file = await found_file(session, file_id)
    content, said = await find_body(session, file.id)
    if content is None or file.format != "csv" or file.state not in (FileState.UPLOADED, FileState.READY):
        return None
    account = await found_account(session, file.bank_account_id)
    refusal = said.decode() if said and file.state == FileState.UPLOADED else ""
    return Table(file, account, content, await asyncio.to_thread(guess_profile, content), refusal)


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    table: Table,
    profile: CsvProfile,
    typed: Mapping[str, str],
    *,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    problems = list(problems or [])
    rows: list[PreviewRow] = []
    try:
        rows = await asyncio.to_thread(preview, table.content, profile, currency=table.account.currency)
    except Unreadable as problem:
        problems = problems or [("date", problem.message)]
    return await desk_page(
        request,
        session,
        "desk/bank_columns.html",
        here="bank",
        file=table.file,
        account=table.account,
        steps=step_names(),
        doubts=table.guess.doubts,
        names=[shortened(name) for name in table.names],
        rows=[(row.where, [shortened(cell) for cell in row.cells], _read(row), row.problem) for row in rows],
        choices=[(str(at), f"{at + 1}: {shortened(name)}") for at, name in enumerate(table.names)],
        fields=field_words(),
        orders=list(order_words().items()),
        marks=list(mark_words().items()),
        typed=typed,
        problems=problems,
    )


def shortened(cell: str) -> str:
    """The cell as a table shows it: one line, cut where it is long."""
    cell = clean_line(cell, limit=SHOWN_CHARS + 1)
    return cell if len(cell) <= SHOWN_CHARS else cell[:SHOWN_CHARS] + "…"


def _read(row: PreviewRow) -> tuple[object, Money, str] | None:
    """The row as it would be read: its day, its amount, its words."""
    if row.line is None:
        return None
    line = row.line
    return line.booked_on, Money(line.amount_minor, line.currency), shortened(said_of(line.counterparty, line.text))


HANDLERS = [show_columns, take_columns]
