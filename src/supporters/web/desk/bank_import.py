"""/desk/bank/import: one file from its check to its end. It can be left and come back to, and undone as a whole."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.check import glimpse_of, prepare_file
from supporters.bank.files import (
    LARGE_LINES,
    Glimpse,
    body_of,
    drop_file,
    findings_of,
    parsed_of,
    set_ready,
    set_taking,
)
from supporters.bank.fingerprint import Keys
from supporters.bank.jobs import READ, TAKE, Step
from supporters.bank.models import BankAccount, BankFile, FileState
from supporters.bank.parsed import ParsedLine
from supporters.bank.prepare import Findings, Prepared, with_days
from supporters.bank.queries import Standing, find_body, lines_by_id, same_file_before, standings
from supporters.bank.take import take_file
from supporters.bank.undo import count_matched, undo_file
from supporters.jobs.queue import enqueue, is_at_work
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.match_jobs import MATCH_LINES
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import bank_columns
from supporters.web.desk.bank import PATH, found_account
from supporters.web.desk.bank_columns import IMPORT, found_file
from supporters.web.desk.bank_days import FIELDS as DAY_FIELDS
from supporters.web.desk.bank_days import Named, read_days, shown_days
from supporters.web.desk.bank_words import file_tag, format_words, said_of, step_names, work_steps
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

SAYS = frozenset({"same", "other"})  # of lines that may be ones that are here
NEVER = -1  # checked by an older version, which kept nothing to tell whether the account has changed since
LOOK_AGAIN_SECONDS = 6  # not sooner: without scripts, the place and the focus of its reader are lost each time


@get(IMPORT + "/{file_id:str}", opt={"access": DOES_BOOKS})
async def show_file(
    request: Request[Any, Any, Any], file_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """What taking the file would do, or what came of it."""
    file = await found_file(reading, file_id)
    account = await found_account(reading, file.bank_account_id)
    if file.state == FileState.UPLOADED:
        return Redirect(f"{IMPORT}/{file.id}/columns", status_code=303)
    if file.state == FileState.READY:
        return await _check_page(request, reading, file, account)
    if file.state in (FileState.READING, FileState.TAKING):
        return await _work_page(request, reading, file, account)
    return await _file_page(request, reading, file, account)


@post(IMPORT + "/{file_id:str}/take", status_code=303, opt={"access": DOES_BOOKS})
async def take_lines(request: Request[Any, Any, Any], file_id: FromPath[str]) -> Response[Any]:
    """The file's lines are here, as they were looked at, once: whoever presses second sees them here.

    What is certain among them is matched by the worker, at once. The lines of a long file are taken by the worker too.
    """
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["seen", "alike", "reworded", *DAY_FIELDS])
    path = f"{IMPORT}/{file_id}"
    async with house.db.reading() as session:
        file = await found_file(session, file_id)
        account = await found_account(session, file.bank_account_id)
        if file.state != FileState.READY:
            return Redirect(path, status_code=303)
        if account.closed_at is not None:
            raise Refused(_("This account is closed. Open it again to bring a file."))
        named = await read_days(request, session, file, account, form)
        if named.problems:
            return await _check_page(request, session, file, account, problems=named.problems, form=form)
        has_said = form.get("reworded") in SAYS
        if _is_long(file):
            is_stale = file.counts.get("revision") != account.revision
            if not has_said and not is_stale and findings_of(file.counts).reworded:
                return await _ask_again(request, session, file, account, form)
            return await _take_later(house, file, form, named, actor_id=member.id)
        if form.get("seen") != str(account.revision):
            return Redirect(f"{path}?{urlencode({'changed': '1', **named.typed})}", status_code=303)
        takes_alike, joins_reworded = form.get("alike") == "yes", form.get("reworded") == "same"
        prepared = await _prepare(
            house, session, file, account, named.days, takes_alike=takes_alike, joins_reworded=joins_reworded
        )
        if prepared.findings.reworded and not has_said:
            return await _ask_again(request, session, file, account, form)
    keys, now = Keys(house.settings.secret_key), house.clock.now()
    async with house.db.unit_of_work() as session:
        if await take_file(session, file, account, prepared, keys=keys, actor_id=member.id, ids=house.ids, now=now):
            await enqueue(session, MATCH_LINES, {}, ids=house.ids, now=now, dedupe="import")
    return Redirect(path, status_code=303)


@post(IMPORT + "/{file_id:str}/again", status_code=303, opt={"access": DOES_BOOKS})
async def take_again(
    request: Request[Any, Any, Any], file_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Work that was given up begins anew: a file that was read is read again, one that was taken waits for a person again."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    file = await found_file(session, file_id)
    if file.state == FileState.READING and not await is_at_work(session, READ, file.id):
        await _enqueue(session, house, READ, file, {})
    elif file.state == FileState.TAKING and not await is_at_work(session, TAKE, file.id):
        await set_ready(session, file.id)
    return Redirect(f"{IMPORT}/{file.id}", status_code=303)


@post(IMPORT + "/{file_id:str}/drop", status_code=303, opt={"access": DOES_BOOKS})
async def take_drop(
    request: Request[Any, Any, Any], file_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The file is erased and nothing was taken, unless it was taken meanwhile."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    file = await found_file(session, file_id)
    if await drop_file(session, file.id, actor_id=member.id, now=house.clock.now()):
        return Redirect(f"{PATH}/{file.bank_account_id}", status_code=303)
    return Redirect(f"{IMPORT}/{file.id}", status_code=303)


@post(IMPORT + "/{file_id:str}/undo", status_code=303, opt={"access": DOES_BOOKS})
async def take_undo(
    request: Request[Any, Any, Any], file_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The file's lines are taken back, once. Refused while one of them is in the books."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    file = await found_file(session, file_id)
    account = await found_account(session, file.bank_account_id)
    if account.closed_at is not None:
        raise Refused(_("This account is closed. Open it again first; nothing was undone."))
    matched = await count_matched(session, file.id)
    if matched:
        raise Conflict(_("Lines of this file are in the books. Take them out there first; nothing was undone."))
    await undo_file(session, file, account, actor_id=member.id, ids=house.ids, now=house.clock.now())
    return Redirect(f"{IMPORT}/{file.id}", status_code=303)


async def _prepare(
    house: House,
    session: AsyncSession,
    file: BankFile,
    account: BankAccount,
    named: tuple[date, date] | None = None,
    *,
    takes_alike: bool,
    joins_reworded: bool = False,
) -> Prepared:
    _content, body = await find_body(session, file.id)
    if body is None:
        raise NotFound(_("There is no such import."))
    return await prepare_file(
        session,
        account,
        with_days(await asyncio.to_thread(parsed_of, body), named),
        layout=file.layout,
        left_out=int(file.counts.get("left_out", 0)),
        settings=house.settings,
        takes_alike=takes_alike,
        joins_reworded=joins_reworded,
    )


async def _ask_again(
    request: AnyRequest, session: AsyncSession, file: BankFile, account: BankAccount, form: Mapping[str, str]
) -> Response[bytes]:
    """The page of the check, 422: a person must say first whether lines are ones that are here in other words."""
    words = _("Say whether these lines are the ones that are here, in other words. Nothing was taken yet.")
    return await _check_page(request, session, file, account, problems=[("reworded", words)], form=form)


def _is_long(file: BankFile) -> bool:
    return int(file.counts.get("lines", 0)) > LARGE_LINES


async def _take_later(
    house: House, file: BankFile, form: Mapping[str, str], named: Named, *, actor_id: str
) -> Redirect:
    """The worker takes the file, as it was looked at."""
    asked = {"actor_id": actor_id, "takes_alike": form.get("alike") == "yes", "then": MATCH_LINES}
    seen = form.get("seen", "")
    asked["joins_reworded"] = form.get("reworded") == "same"
    asked |= {"seen": int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else -1}
    asked |= {"days": [day.isoformat() for day in named.days]} if named.days else {}
    async with house.db.unit_of_work() as session:
        if await set_taking(session, file):
            await _enqueue(session, house, TAKE, file, asked)
    return Redirect(f"{IMPORT}/{file.id}", status_code=303)


async def _enqueue(session: AsyncSession, house: House, kind: str, file: BankFile, asked: Mapping[str, object]) -> None:
    payload = {"file_id": file.id, **asked}
    await enqueue(session, kind, payload, ids=house.ids, now=house.clock.now(), dedupe=file.id)


async def _work_page(
    request: AnyRequest, session: AsyncSession, file: BankFile, account: BankAccount
) -> Response[bytes]:
    """How far the worker has come; the page looks again by itself until it is done or given up, or its reader stops it."""
    is_taking = file.state == FileState.TAKING
    works = work_steps(is_taking=is_taking)
    is_given_up = not await is_at_work(session, TAKE if is_taking else READ, file.id)
    is_still = is_given_up or "still" in request.query_params
    return await desk_page(
        request,
        session,
        "desk/bank_work.html",
        here="bank",
        file=file,
        account=account,
        steps=step_names(),
        is_taking=is_taking,
        is_given_up=is_given_up,
        look_again=None if is_still else LOOK_AGAIN_SECONDS,
        lines=int(file.counts.get("lines", 0)),
        at=list(works).index(Step(file.counts.get("step", Step.WAITING))) if not is_given_up else -1,
        works=list(works.values()),
    )


async def _looked_at(
    request: AnyRequest, session: AsyncSession, file: BankFile, account: BankAccount
) -> tuple[Findings, Glimpse, int]:
    """What taking the file would do, its first lines, and of which state of the account that is true.

    Of a long file as it was worked out last, of any other as it is now.
    """
    if not _is_long(file):
        prepared = await _prepare(house_of(request), session, file, account, takes_alike=False)
        return prepared.findings, glimpse_of(prepared), account.revision
    _content, body = await find_body(session, file.id)
    glimpse = (await asyncio.to_thread(body_of, body)).glimpse if body else Glimpse()
    return findings_of(file.counts), glimpse, int(file.counts.get("revision", NEVER))


async def _check_page(
    request: AnyRequest,
    session: AsyncSession,
    file: BankFile,
    account: BankAccount,
    *,
    problems: list[tuple[str, str]] | None = None,
    form: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """What taking the file would do; with what was typed, where it can't be so."""
    typed = request.query_params if form is None else form
    found, glimpse, revision = await _looked_at(request, session, file, account)
    is_stale = revision != account.revision
    return await desk_page(
        request,
        session,
        "desk/bank_check.html",
        here="bank",
        file=file,
        form=format_words(file.format),
        account=account,
        steps=step_names(),
        found=found,
        new=[(_row(line), is_whole) for line, is_whole in glimpse.new],
        alike=[_row(line) for line in glimpse.alike],
        reworded=await _pairs(session, glimpse),
        reworded_ways=[
            ("same", _("They are the same payments, worded anew: do not take them again")),
            ("other", _("They are other payments: take them too")),
        ],
        missing=found.missing,
        problems=problems or [],
        sums=_sums(found, account),
        gaps=[
            (gap, Money(gap.expected_minor, account.currency), Money(gap.opening_minor, account.currency))
            for gap in found.gaps
        ],
        before=await same_file_before(session, file),
        seen=revision,
        days=shown_days(file, typed),
        is_ticked=typed.get("alike") == "yes",
        said=typed.get("reworded", ""),
        is_stale=is_stale,
        is_old=revision == NEVER,
        is_changed=request.query_params.get("changed") == "1" or bool(file.counts.get("has_changed")),
    )


async def _file_page(
    request: AnyRequest, session: AsyncSession, file: BankFile, account: BankAccount
) -> Response[bytes]:
    found = findings_of(file.counts)
    _content, said = await find_body(session, file.id)
    actors = [file.taken_by, file.imported_by, file.undone_by]
    return await desk_page(
        request,
        session,
        "desk/bank_file.html",
        here="bank",
        file=file,
        form=format_words(file.format),
        tag=file_tag(file),
        refusal=said.decode() if said and file.state == FileState.REFUSED else "",
        account=account,
        steps=step_names(),
        found=found,
        sums=_sums(found, account),
        matched=await count_matched(session, file.id),
        open_lines=(await standings(session)).get(account.id, Standing()).open_lines,
        names=await staff_names(session, [each for each in actors if each]),
    )


async def _pairs(session: AsyncSession, glimpse: Glimpse) -> list[tuple[ParsedLine, Money, str, str]]:
    """Lines that may be ones that are here, with what those say."""
    here = await lines_by_id(session, [line_id for _line, line_id in glimpse.reworded])
    return [
        (*_row(line), said_of(one.counterparty, one.text) if (one := here.get(line_id)) else "")
        for line, line_id in glimpse.reworded
    ]


def _row(line: ParsedLine) -> tuple[ParsedLine, Money, str]:
    return line, Money(line.amount_minor, line.currency), said_of(line.counterparty, line.text)


def _sums(found: Findings, account: BankAccount) -> dict[str, Money | None]:
    """The sums of the findings in the account's currency."""

    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, account.currency)

    return {
        "came": money(found.in_minor),
        "went": money(found.out_minor),
        "opening": money(found.opening_minor),
        "closing": money(found.closing_minor),
        "pending": money(found.pending_minor),
        "refused": money(found.refused_minor),
        "unknown": money(found.unknown_minor),
        "too_much": money(found.too_much_minor) if found.too_much_minor else None,
    }


HANDLERS = [show_file, take_lines, take_again, take_drop, take_undo, *bank_columns.HANDLERS]
