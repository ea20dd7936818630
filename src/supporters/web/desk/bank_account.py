"""/desk/bank/{account}: one account with its lines and files, and the way in for the next file."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.check import check_file, read_apart
from supporters.bank.csv_guess import guess_profile
from supporters.bank.files import Checked, add_file, is_large, set_checked, set_guessed, set_reading
from supporters.bank.gaps import account_gaps, account_missing
from supporters.bank.jobs import READ
from supporters.bank.models import BankAccount, BankLine, LineState
from supporters.bank.parsed import CsvProfile, Unreadable
from supporters.bank.profiles import remembered
from supporters.bank.queries import Standing, Wanted, count_lines, list_bank_files, list_lines, standings
from supporters.bank.read import format_of
from supporters.bank.refusals import of_file
from supporters.jobs.queue import enqueue
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.settings import LARGEST_FILE_MB
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank import PATH, balance_of, found_account
from supporters.web.desk.bank_words import file_tag, format_words, line_states, show_line, step_names, too_large_words
from supporters.web.desk.frame import desk_page
from supporters.web.desk.paging import page_number
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.upload import ENVELOPE, Upload, read_upload

ROWS = 50
SHOWN_FILES = 20
SHOWN_MISSING = 5
MOST_PAGES = 10_000
FIELDS = ("q", "state", "way", "from", "to", "file")


class Looked(msgspec.Struct, frozen=True):
    """Which lines were asked for, as they were typed."""

    wanted: Wanted
    typed: dict[str, str]
    page: int
    problems: list[tuple[str, str]]

    def address(self, path: str, page: int) -> str:
        """The same lines, another page of them."""
        query = urlencode({**self.typed, **({"page": str(page)} if page > 1 else {})})
        return f"{path}?{query}" if query else path


@get(PATH + "/{account_id:str}", opt={"access": DOES_BOOKS})
async def show_account(
    request: Request[Any, Any, Any], account_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The account's lines, its files, and where statements are missing."""
    account = await found_account(reading, account_id)
    return await _page(request, reading, account, read_wanted(request.query_params))


@get(PATH + "/line/{line_id:str}", opt={"access": DOES_BOOKS})
async def show_bank_line(line_id: FromPath[str], reading: NamedDependency[AsyncSession]) -> Redirect:
    """The line among those of its day."""
    line = await reading.get(BankLine, line_id) if is_ulid(line_id) else None
    if line is None:
        raise NotFound(_("There is no such bank line."))
    day = line.booked_on.isoformat()
    return Redirect(f"{PATH}/{line.bank_account_id}?from={day}&to={day}#{line.id}", status_code=303)


@post(
    PATH + "/{account_id:str}/files",
    status_code=303,
    opt={"access": DOES_BOOKS},
    request_max_body_size=LARGEST_FILE_MB * 1024 * 1024 + ENVELOPE,
)
async def take_statement(request: Request[Any, Any, Any], account_id: FromPath[str]) -> Response[Any]:
    """The file waits for its columns, its check or the job that reads it, or the form comes back (422).

    No transaction is held while it is read.
    """
    house, member = house_of(request), member_of(request)
    too_large = too_large_words(house.settings.largest_statement_mb)
    _refuse_too_large(request, too_large)
    upload = await read_upload(request, member, "file", too_large=too_large)
    async with house.db.reading() as session:
        account = await found_account(session, account_id)
    try:
        file_id = await _bring(request, account, upload)
    except (Unreadable, Refused) as problem:
        said = of_file(problem, upload.name).message if upload.name else _("Choose a file first.")
        async with house.db.reading() as session:
            return await _page(request, session, account, read_wanted({}), problems=[("file", said)])
    return Redirect(f"{PATH}/import/{file_id}", status_code=303)


def read_wanted(query: Mapping[str, str]) -> Looked:
    """Which lines the query asks for. What can't be read is left out and named."""
    typed = {name: clean_line(query[name], limit=60) for name in FIELDS if query.get(name)}
    problems: list[tuple[str, str]] = []
    state = typed.get("state", "")
    wanted = Wanted(
        state=state if state in {each.value for each in LineState} else "",
        way=typed.get("way", "") if typed.get("way") in {"in", "out"} else "",
        starts_on=_day(typed, "from", problems),
        ends_on=_day(typed, "to", problems),
        file_id=typed.get("file", "") if is_ulid(typed.get("file", "")) else "",
        words=typed.get("q", ""),
    )
    return Looked(wanted, typed, page_number(query.get("page", ""), most=MOST_PAGES), problems)


def _day(typed: Mapping[str, str], name: str, problems: list[tuple[str, str]]) -> date | None:
    if name not in typed:
        return None
    try:
        return date.fromisoformat(typed[name])
    except ValueError:
        problems.append((f"f-{name}", _("Write the day as year, month and day: 2026-11-22.")))
        return None


def _refuse_too_large(request: AnyRequest, words: str) -> None:
    """Before it is read, where its length is said. Raises PageError 413."""
    stated = request.headers.get("content-length", "")
    most = house_of(request).settings.largest_statement_mb * 1024 * 1024 + ENVELOPE
    if stated.isascii() and stated.isdigit() and int(stated[:12]) > most:
        raise PageError(413, words, headers={"connection": "close"})


async def _bring(request: AnyRequest, account: BankAccount, upload: Upload) -> str:
    """The file waits; returns its id. Raises Unreadable, Refused."""
    house, member = house_of(request), member_of(request)
    if account.closed_at is not None:
        raise Refused(_("This account is closed. Open it again to bring a file."))
    if len(upload.content) > house.settings.largest_statement_mb * 1024 * 1024:
        raise Refused(too_large_words(house.settings.largest_statement_mb))
    form = await asyncio.to_thread(format_of, upload.content)
    guessed = (await asyncio.to_thread(guess_profile, upload.content)).profile if form == "csv" else None
    profile = remembered(account.profile, guessed) if guessed else None
    checked, is_long = None, is_large(upload.content, form)
    try:
        if not is_long and (guessed is None or profile is not None):
            checked = await _check(house, account, upload, profile)
    except Unreadable:
        if guessed is None:
            raise  # else its columns may be others than the last time: they are asked for
    async with house.db.unit_of_work() as session:
        file_id = await add_file(
            session,
            account,
            name=upload.name,
            content=upload.content,
            form=form,
            actor_id=member.id,
            ids=house.ids,
            now=house.clock.now(),
        )
        if checked:
            await set_checked(session, file_id, checked)
        elif is_long and (guessed is None or profile is not None):
            await set_reading(session, file_id, profile)
            await enqueue(session, READ, {"file_id": file_id}, ids=house.ids, now=house.clock.now(), dedupe=file_id)
        elif guessed:
            await set_guessed(session, file_id, profile or guessed)
    return file_id


async def _check(house: House, account: BankAccount, upload: Upload, profile: CsvProfile | None) -> Checked:
    """The file as it was read and held to what is here. Raises Unreadable."""
    settings = house.settings
    parsed = await read_apart(upload.content, upload.name, account=account, profile=profile, settings=settings)
    today = local_date(house.clock.now(), settings.time_zone)
    async with house.db.reading() as session:
        return await check_file(session, account, parsed, profile=profile, settings=settings, today=today)


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    account: BankAccount,
    looked: Looked,
    *,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    path = f"{PATH}/{account.id}"
    counts = await count_lines(session, account.id, looked.wanted)
    lines = await list_lines(session, account.id, looked.wanted, limit=ROWS, offset=(looked.page - 1) * ROWS)
    files = await list_bank_files(session, account.id, limit=SHOWN_FILES)
    standing = (await standings(session)).get(account.id, Standing())
    return await desk_page(
        request,
        session,
        "desk/bank_account.html",
        here="bank",
        account=account,
        standing=standing,
        balance=balance_of(account, standing),
        steps=step_names(),
        largest=house_of(request).settings.largest_statement_mb,
        gaps=[
            (gap, Money(gap.expected_minor, account.currency), Money(gap.opening_minor, account.currency))
            for gap in await account_gaps(session, account.id)
        ],
        missing=(await account_missing(session, account.id))[-SHOWN_MISSING:],
        rows=[show_line(line) for line in lines],
        counts=counts,
        came=Money(counts["in_minor"], account.currency),
        went=Money(counts["out_minor"], account.currency),
        states=line_states(),
        looked=looked,
        newer=looked.address(path, looked.page - 1) if looked.page > 1 else None,
        older=looked.address(path, looked.page + 1) if counts["lines"] > looked.page * ROWS else None,
        files=[(file, file_tag(file), format_words(file.format)) for file in files],
        names=await staff_names(session, [file.taken_by for file in files]),
        file_limit=SHOWN_FILES,
        problems=[*looked.problems, *(problems or [])],
    )


HANDLERS = [show_account, show_bank_line, take_statement]
