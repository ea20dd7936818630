"""/desk/exports: the books in files for the accountant's program: looked at first, made once, taken back as a whole."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.checks import books_hold, look_whole
from supporters.exports.batches import Maker, make_batch, read_totals, reverse_batch
from supporters.exports.gather import Wanted
from supporters.exports.journals import Balance
from supporters.exports.models import BatchState, ExportBatch
from supporters.exports.preview import preview_batch
from supporters.exports.queries import find_batch, list_batches, read_body
from supporters.exports.targets import Mode, Target
from supporters.exports.xero import rate_of_none
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account, describe
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.export_words import batch_tag, mode_words, size_words, target_words
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.step_up import ask_proof, read_proved

PATH = "/desk/exports"
FIELDS = ("target", "mode", "from", "to")
SHOWN_BATCHES = 100
EARLIEST, LATEST = date(1970, 1, 2), date(9998, 12, 30)


class Total(msgspec.Struct, frozen=True):
    """One line of the totals: our account, the accountant's, and both sides."""

    account: str
    name: str
    code: str
    outside: str
    debit: Money
    credit: Money


@get(PATH, opt={"access": DOES_BOOKS})
async def show_exports(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The form that asks for a file, and every batch that was made, the latest first."""
    typed = read_query(request.scope["query_string"], FIELDS)
    return await _start_page(request, reading, typed, [])


@get(PATH + "/new", opt={"access": DOES_BOOKS})
async def show_preview(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What a batch would hold: totals, first journals, and what a person should know first. Or the form again (422)."""
    house = house_of(request)
    typed = read_query(request.scope["query_string"], FIELDS)
    wanted, problems = _read(typed, house)
    if wanted is None:
        return await _start_page(request, reading, typed, problems)
    found = await preview_batch(reading, wanted)
    return await desk_page(
        request,
        reading,
        "desk/export_preview.html",
        here="exports",
        wanted=wanted,
        told=_told(wanted),
        target=target_words(wanted.target),
        mode=mode_words(wanted.mode)[0],
        found=found,
        totals=_totals(found.totals),
        sums=_sums(found.totals),
        broken=await look_whole(reading, now=house.clock.now()),
        no_tax=rate_of_none(wanted.home_currency) if wanted.target is Target.XERO else "",
        money=Money,
    )


@post(PATH, status_code=303, opt={"access": DOES_BOOKS, "proof": True})
async def take_export(request: Request[Any, Any, Any]) -> Response[Any]:
    """The batch is made, once the person was proved and the books hold; or a page says why not."""
    house = house_of(request)
    form = await read_proved(request, FIELDS)
    if isinstance(form, Response):
        return form
    wanted, problems = _read(form, house)
    if wanted is None:
        async with house.db.reading() as reading:
            return await _start_page(request, reading, form, problems)
    maker = await _maker(request)
    async with house.db.unit_of_work() as session:
        batch_id = await make_batch(session, wanted, maker)
    return Redirect(f"{PATH}/{batch_id}?done=made", status_code=303)


@get(PATH + "/{batch_id:str}", opt={"access": DOES_BOOKS})
async def show_batch(
    request: Request[Any, Any, Any], batch_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One batch: its file and hash, its totals, how it is loaded, and how it is taken back."""
    batch = await _batch_of(reading, batch_id)
    totals = read_totals(batch.totals)
    other = batch.reverses_id or batch.reversed_by_batch_id
    return await desk_page(
        request,
        reading,
        "desk/export_batch.html",
        here="exports",
        batch=batch,
        tag=batch_tag(batch),
        target=target_words(Target(batch.target)),
        mode=mode_words(Mode(batch.mode))[0],
        size=size_words(batch.size_bytes),
        totals=_totals(totals),
        sums=_sums(totals),
        other=await find_batch(reading, other) if other else None,
        names=await staff_names(reading, [batch.made_by]),
        may_reverse=batch.state == BatchState.LIVE and not batch.reverses_id,
        done=request.query_params.get("done", ""),
    )


@get(PATH + "/{batch_id:str}/file", opt={"access": DOES_BOOKS, "proof": True})
async def take_file(request: Request[Any, Any, Any], batch_id: FromPath[str]) -> Response[Any]:
    """The batch's file, byte for byte as it was made; the audit says who took it."""
    house = house_of(request)
    needs = await ask_proof(request)
    if needs:
        return needs
    async with house.db.unit_of_work() as session:
        batch = await _batch_of(session, batch_id)
        body = await read_body(session, batch_id)
        await record(
            session,
            actor_kind="staff",
            actor_id=member_of(request).id,
            action="export.download",
            record_kind="export_batch",
            record_id=batch_id,
            detail={"file_name": batch.file_name, "sha256": batch.sha256},
            now=house.clock.now(),
        )
    headers = {"content-disposition": f'attachment; filename="{batch.file_name}"', "cache-control": "no-store"}
    return Response(body, media_type=_media_type(batch.file_name), headers=headers)


@post(PATH + "/{batch_id:str}/back", status_code=303, opt={"access": DOES_BOOKS, "proof": True})
async def take_back(request: Request[Any, Any, Any], batch_id: FromPath[str]) -> Response[Any]:
    """A new batch takes this one back, once the person was proved and the books hold."""
    house = house_of(request)
    form = await read_proved(request, ())
    if isinstance(form, Response):
        return form
    maker = await _maker(request)
    async with house.db.unit_of_work() as session:
        await _batch_of(session, batch_id)
        new_id = await reverse_batch(session, batch_id, home_currency=house.settings.currency, maker=maker)
    return Redirect(f"{PATH}/{new_id}?done=back", status_code=303)


def _read(typed: Mapping[str, str], house: House) -> tuple[Wanted | None, list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    target = typed.get("target", "")
    if target not in set(Target):
        problems.append(("f-target", _("Choose the program that the file is for.")))
    mode = typed.get("mode", "")
    if mode not in set(Mode):
        problems.append(("f-mode-payout", _("Choose how much goes into one journal.")))
    starts_on = _read_day(typed, "from", problems)
    ends_on = _read_day(typed, "to", problems)
    if starts_on and ends_on and ends_on < starts_on:
        problems.append(("f-to", _("The last day is before the first.")))
    if problems or starts_on is None or ends_on is None:
        return None, problems
    home = house.settings.currency
    wanted = Wanted(target=Target(target), mode=Mode(mode), starts_on=starts_on, ends_on=ends_on, home_currency=home)
    return wanted, []


def _read_day(typed: Mapping[str, str], name: str, problems: list[tuple[str, str]]) -> date | None:
    try:
        day = date.fromisoformat(typed.get(name, ""))
    except ValueError:
        problems.append((f"f-{name}", _("Write the day as year, month and day: 2026-11-22.")))
        return None
    if EARLIEST <= day <= LATEST:
        return day
    problems.append((f"f-{name}", _("That day is too far away.")))
    return None


def _told(wanted: Wanted) -> dict[str, str]:
    return {
        "target": wanted.target.value,
        "mode": wanted.mode.value,
        "from": wanted.starts_on.isoformat(),
        "to": wanted.ends_on.isoformat(),
    }


async def _start_page(
    request: AnyRequest, session: AsyncSession, typed: Mapping[str, str], problems: list[tuple[str, str]]
) -> Response[bytes]:
    house = house_of(request)
    batches = await list_batches(session, limit=SHOWN_BATCHES)
    last_day = local_date(house.clock.now(), house.settings.time_zone).replace(day=1) - timedelta(days=1)
    usual = {
        "target": batches[0].target if batches else Target.XERO.value,
        "mode": Mode.PAYOUT.value,
        "from": last_day.replace(day=1).isoformat(),
        "to": last_day.isoformat(),
    }
    return await desk_page(
        request,
        session,
        "desk/exports.html",
        here="exports",
        typed={**usual, **typed},
        targets=[(each.value, target_words(each)) for each in Target],
        modes=[(each.value, *mode_words(each)) for each in Mode],
        rows=[(batch, batch_tag(batch), target_words(Target(batch.target)).name) for batch in batches],
        names=await staff_names(session, [batch.made_by for batch in batches]),
        row_limit=SHOWN_BATCHES,
        problems=problems,
    )


async def _maker(request: AnyRequest) -> Maker:
    """With what does not hold at this moment: looked up before a write begins, so that nobody waits for it."""
    house = house_of(request)
    now = house.clock.now()
    async with house.db.reading() as reading:
        broken = await books_hold(reading, now=now)
    return Maker(
        organisation=house.settings.legal_name or house.settings.publisher_name,
        actor_id=member_of(request).id,
        ids=house.ids,
        now=now,
        broken=[each.name for each in broken],
    )


async def _batch_of(session: AsyncSession, batch_id: str) -> ExportBatch:
    batch = await find_batch(session, batch_id) if is_ulid(batch_id) else None
    if batch is None:
        raise NotFound(_("There is no such batch."))
    return batch


def _totals(balances: Sequence[Balance]) -> list[Total]:
    return [
        Total(
            each.account,
            describe(Account(each.account)).name,
            each.code,
            each.name,
            Money(each.debit_minor, each.currency),
            Money(each.credit_minor, each.currency),
        )
        for each in sorted(balances, key=lambda each: (each.currency, each.account, each.code))
    ]


def _sums(balances: Sequence[Balance]) -> list[tuple[Money, Money]]:
    """Debits and credits of each currency: equal, and shown so that a person sees that they are."""
    currencies = sorted({each.currency for each in balances})
    return [
        (
            Money(sum(each.debit_minor for each in balances if each.currency == currency), currency),
            Money(sum(each.credit_minor for each in balances if each.currency == currency), currency),
        )
        for currency in currencies
    ]


def _media_type(file_name: str) -> str:
    kinds = {"zip": "application/zip", "csv": "text/csv", "json": "application/json"}
    return kinds.get(file_name.rpartition(".")[2], "text/plain; charset=utf-8")


HANDLERS = [show_exports, show_preview, take_export, show_batch, take_file, take_back]
