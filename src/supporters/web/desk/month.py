"""/desk/months/{month}: what the month came to, what is left to do in it, closing it, and opening it again."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.checks import books_hold
from supporters.discrepancies.codes import Code
from supporters.discrepancies.discuss import is_alone
from supporters.exports.claims import StillClaimed, claims_on, require_unclaimed
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, Refused
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.mapping import find_mapping, read_mapping
from supporters.ledger.models import BankProof
from supporters.ledger.periods import closed_before, month_of, next_month
from supporters.ledger.verdict import last_verdict
from supporters.reconciliation.certify import latest_certificate
from supporters.reconciliation.closing import Checklist, Close, Item, certify_as_it_is, checklist, is_locked
from supporters.reconciliation.fact_days import explained
from supporters.reconciliation.models import CertificateKind, CloseRequest
from supporters.reconciliation.month_queries import (
    Held,
    MonthRow,
    board,
    late_facts,
    stripe_activity,
    trial_balance,
)
from supporters.reconciliation.second_letters import Closing
from supporters.reconciliation.second_person import (
    Closed,
    agree_to_close,
    asked_to_close,
    close_or_ask,
    months_asked,
    needs_second,
    withdraw_close,
)
from supporters.reconciliation.second_request import Deed, Done, MissingAlone, asked_for, withdraw
from supporters.reconciliation.two_deeds import agree_to_open_month, open_month_or_ask
from supporters.reconciliation.waterfall import steps_between
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.month_words import PATH, month_named, month_tag, proofs, read_moment, shown_items
from supporters.web.desk.payout import maker_of
from supporters.web.desk.payout_words import ShownBar, shown_bars, standing_tag
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.second import Waits, awaited_names, show_waiting, tell_colleagues, who_of
from supporters.web.desk.words import Tag, code_words

FIELDS = ("proof", "note", "alone")
LEFT = "left"  # what is said of files that claim the month: they stay as they are
KNOWN_CODES = frozenset(code.value for code in Code)


class AccountLine(msgspec.Struct, frozen=True):
    """One account over the month, as the accountant calls it."""

    code: str
    name: str
    ours: str
    opening: Money
    debit: Money
    credit: Money
    closing: Money


class MonthSheet(msgspec.Struct, frozen=True, kw_only=True):
    """What the month came to."""

    row: MonthRow
    name: str
    tag: Tag
    is_locked: bool
    payouts: list[tuple[Any, Money, Tag]]
    accounts: list[AccountLine]
    falls: list[tuple[str, list[ShownBar]]]  # by currency
    explained: list[tuple[str, int, int, int]]  # what, came up, open, open from earlier months
    late: int


@get(PATH + "/{month:str}", opt={"access": DOES_BOOKS})
async def show_month(
    request: Request[Any, Any, Any], month: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The month's page."""
    done = read_query(request.scope["query_string"], ("done",)).get("done", "")
    return await _page(request, reading, month_named(month), done=done)


@post(PATH + "/{month:str}/close", status_code=303, opt={"access": DOES_BOOKS})
async def take_close(request: Request[Any, Any, Any], month: FromPath[str]) -> Response[Any]:
    """The month is closed and certified, or waits for a second person; or the page says what stands in the way (422)."""
    house = house_of(request)
    form = await read_sealed(request, member_of(request), FIELDS)
    first = month_named(month)
    proof = form.get("proof", "")
    if proof not in set(BankProof):
        said = _("Choose how the bank is proved.")
        async with house.db.reading() as reading:
            return await _page(request, reading, first, form=form, problems=[("proof-statement", said)])
    async with house.db.reading() as reading:  # looked up before a write begins, so that nobody waits for it
        broken = len(await books_hold(reading, now=house.clock.now()))
    wanted = Close(
        month=first,
        bank_proof=BankProof(proof),
        note=form.get("note", ""),
        alone_reason=form.get("alone", ""),
        broken=broken,
    )
    limit = house.settings.second_person_month_above_minor
    try:
        async with house.db.unit_of_work() as session:
            done = await close_or_ask(session, wanted, maker_of(request), second_above_minor=limit)
            if done is Closed.ASKED:
                await tell_colleagues(request, session, Closing.MONTH, f"{PATH}/{month_of(first)}")
    except (Refused, Conflict) as error:
        place = "alone" if isinstance(error, MissingAlone) else "note"
        async with house.db.reading() as reading:
            return await _page(request, reading, first, form=form, broken=broken, problems=[(place, error.message)])
    return Redirect(f"{PATH}/{month_of(first)}?done={done.value}", status_code=303)


@post(PATH + "/{month:str}/agree", status_code=303, opt={"access": DOES_BOOKS})
async def take_agreement(request: Request[Any, Any, Any], month: FromPath[str]) -> Response[Any]:
    """The month is closed as the first person asked, if that is what this page showed; or the page says why not (422)."""
    house = house_of(request)
    form = await read_sealed(request, member_of(request), ("asked",))
    first, seen_at = month_named(month), read_moment(form.get("asked", ""))
    async with house.db.reading() as reading:
        broken = len(await books_hold(reading, now=house.clock.now()))
    try:
        async with house.db.unit_of_work() as session:
            await agree_to_close(session, first, maker_of(request), broken=broken, seen_at=seen_at)
    except (Refused, Conflict) as error:
        async with house.db.reading() as reading:
            return await _page(request, reading, first, broken=broken, problems=[("close", error.message)])
    return Redirect(f"{PATH}/{month_of(first)}?done=closed", status_code=303)


@post(PATH + "/{month:str}/decline", status_code=303, opt={"access": DOES_BOOKS})
async def take_refusal(
    request: Request[Any, Any, Any], month: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Nobody is asked to agree any more; the month stays open."""
    member = member_of(request)
    await read_sealed(request, member, [])
    first = month_named(month)
    with suppress(Conflict):  # pressed twice, or both at once
        await withdraw_close(session, first, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{month_of(first)}?done=declined", status_code=303)


@post(PATH + "/{month:str}/open", status_code=303, opt={"access": DOES_BOOKS})
async def take_open(
    request: Request[Any, Any, Any], month: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The month takes postings again or waits for a second person, or the page says why not (422). Its certificate stays."""
    form = await read_sealed(request, member_of(request), ("reason", "alone", "files"))
    first = month_named(month)
    period, who = month_of(first), who_of(request, alone=form.get("alone", ""))
    limit = house_of(request).settings.second_person_month_above_minor
    try:
        async with session.begin_nested():
            await require_unclaimed(session, period, are_left=form.get("files") == LEFT)
            done = await open_month_or_ask(session, period, form.get("reason", ""), who, second_above_minor=limit)
    except (Refused, Conflict) as error:
        return await _page(request, session, first, form=form, problems=[(_place_of(error), error.message)])
    if done is Done.ASKED:
        await tell_colleagues(request, session, Deed.OPEN_MONTH, f"{PATH}/{period}")
    return Redirect(f"{PATH}/{period}?done={'opened' if done is Done.DONE else 'open-asked'}", status_code=303)


@post(PATH + "/{month:str}/open/agree", status_code=303, opt={"access": DOES_BOOKS})
async def take_open_agreed(
    request: Request[Any, Any, Any], month: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The month takes postings again as the first person asked, if that is what this page showed; or it says why not (422)."""
    form = await read_sealed(request, member_of(request), ("asked",))
    first, seen_at = month_named(month), read_moment(form.get("asked", ""))
    try:
        async with session.begin_nested():
            await agree_to_open_month(session, month_of(first), who_of(request), seen_at=seen_at)
    except (Refused, Conflict) as error:
        return await _page(request, session, first, problems=[("closed", error.message)])
    return Redirect(f"{PATH}/{month_of(first)}?done=opened", status_code=303)


@post(PATH + "/{month:str}/open/decline", status_code=303, opt={"access": DOES_BOOKS})
async def take_open_refused(
    request: Request[Any, Any, Any], month: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Nobody is asked to agree any more; the month stays closed."""
    member = member_of(request)
    await read_sealed(request, member, [])
    first = month_named(month)
    with suppress(Conflict):  # pressed twice, or both at once
        await withdraw(session, Deed.OPEN_MONTH, month_of(first), actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{month_of(first)}?done=open-declined", status_code=303)


@post(PATH + "/{month:str}/certificate", status_code=303, opt={"access": DOES_BOOKS})
async def take_month_certificate(request: Request[Any, Any, Any], month: FromPath[str]) -> Redirect:
    """A certificate of the month as it stands now is kept, with what its checklist says at this moment."""
    house = house_of(request)
    await read_sealed(request, member_of(request), [])
    first = month_named(month)
    async with house.db.reading() as reading:  # looked up before a write begins, so that nobody waits for it
        broken = len(await books_hold(reading, now=house.clock.now()))
    async with house.db.unit_of_work() as session:
        await certify_as_it_is(session, first, maker_of(request), broken=broken)
    return Redirect(f"{PATH}/{month_of(first)}?done=certified", status_code=303)


async def read_sheet(session: AsyncSession, first: date, *, zone: str, today: date) -> MonthSheet:
    """Everything that the month came to."""
    row = (await board(session, [first], zone=zone))[0]
    held = await trial_balance(session, first)
    return MonthSheet(
        row=row,
        name=month_of(first),
        tag=month_tag(row, today=today, is_asked=month_of(first) in await months_asked(session)),
        is_locked=is_locked(row),
        payouts=[(each, Money(each.amount_minor, each.currency), standing_tag(each.standing)) for each in row.payouts],
        accounts=await _accounts(session, held),
        falls=await _falls(session, first, held),
        explained=[
            (
                code_words(each.code) if each.code in KNOWN_CODES else each.code,
                each.opened,
                each.open,
                each.open_before,
            )
            for each in await explained(session, first, zone=zone)
        ],
        late=await late_facts(session, first),
    )


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    first: date,
    *,
    form: Mapping[str, str] | None = None,
    broken: int | None = None,
    problems: list[tuple[str, str]] | None = None,
    done: str = "",
) -> Response[bytes]:
    house = house_of(request)
    now, zone = house.clock.now(), house.settings.time_zone
    if broken is None:
        verdict = await last_verdict(session)
        broken = len(verdict.broken) if verdict else 0
    sheet = await read_sheet(session, first, zone=zone, today=local_date(now, zone))
    asked = None if sheet.is_locked else await asked_to_close(session, first)
    proof = BankProof(asked.bank_proof) if asked else BankProof.STATEMENT
    found = await checklist(session, first, bank_proof=proof, broken=broken, zone=zone, now=now)
    return await desk_page(
        request,
        session,
        "desk/month.html",
        here="months",
        root="/desk",
        sheet=sheet,
        items=[] if sheet.is_locked else _items(found, first),
        is_stopped=found.is_stopped,
        ends_on=next_month(first) if next_month(first) > local_date(now, zone) else None,
        proofs=proofs(),
        typed={**dict.fromkeys((*FIELDS, "reason", "files"), ""), **(form or {})},
        claims=await claims_on(session, sheet.name) if sheet.is_locked else [],
        certificate=await latest_certificate(session, CertificateKind.MONTH, sheet.name),
        done=done,
        problems=problems or [],
        **await _people(request, session, sheet, asked),
    )


async def _people(
    request: AnyRequest, session: AsyncSession, sheet: MonthSheet, asked: CloseRequest | None
) -> dict[str, Any]:
    """Who closes the month, closed it, or opened it again."""
    member, first, period = member_of(request), sheet.row.month, sheet.row.period
    limit = house_of(request).settings.second_person_month_above_minor
    takes_two = await needs_second(session, first, limit)
    before = await closed_before(session, sheet.name)
    told = [each for each in [period, *before] if each]
    ids = [asked.asked_by if asked else None, *(each.locked_by for each in told), *(each.agreed_by for each in told)]
    ids += [*(each.reopened_by for each in told), *(each.reopen_agreed_by for each in told)]
    return {
        "period": period,
        "asked": asked,
        "may_agree": asked is not None and asked.asked_by != member.id,
        "awaited": await awaited_names(session, asked.asked_by) if asked else "",
        "opening": await _opening(request, session, sheet.name) if sheet.is_locked else None,
        "takes_two": takes_two,
        "is_alone": takes_two and await is_alone(session, member.id),
        "before": before,
        "proof_words": {value: words for value, words, _about in proofs()},
        "names": await staff_names(session, ids),
    }


def _place_of(error: Refused | Conflict) -> str:
    """Where in the form for opening it again something is missing."""
    if isinstance(error, StillClaimed):
        return "files"
    return "open-alone" if isinstance(error, MissingAlone) else "reason"


async def _opening(request: AnyRequest, session: AsyncSession, period: str) -> Waits | None:
    """That somebody has asked to open the month again."""
    found = await asked_for(session, Deed.OPEN_MONTH, period)
    facts = [(_("Why"), str(found.wanted.get("reason", "")))] if found else []
    if found:
        files = _("Exported files")  # which claim its balances, and stay as they are
        facts += [(files, each.file_name) for each in await claims_on(session, period)]
    return await show_waiting(request, session, Deed.OPEN_MONTH, period, facts, f"{PATH}/{period}/open")


def _items(found: Checklist, first: date) -> list[Any]:
    items: list[Item] = found.items
    return list(shown_items(items, first=first, last=next_month(first) - timedelta(days=1)))


async def _accounts(session: AsyncSession, held: list[Held]) -> list[AccountLine]:
    mapping = await read_mapping(session)
    lines: list[AccountLine] = []
    for each in held:
        outside = find_mapping(mapping, Account(each.account))
        sums = (each.opening_minor, each.debit_minor, each.credit_minor, each.closing_minor)
        if any(sums):
            lines.append(
                AccountLine(outside.code, outside.name, each.account, *(Money(minor, each.currency) for minor in sums))
            )
    return lines


async def _falls(session: AsyncSession, first: date, held: list[Held]) -> list[tuple[str, list[ShownBar]]]:
    moved = await stripe_activity(session, first)
    return [
        (
            each.currency,
            shown_bars(
                steps_between(each.opening_minor, [one for one in moved if one.currency == each.currency]),
                each.currency,
            ),
        )
        for each in held
        if each.account == Account.STRIPE_BALANCE
    ]


HANDLERS = [
    show_month,
    take_close,
    take_agreement,
    take_refusal,
    take_open,
    take_open_agreed,
    take_open_refused,
    take_month_certificate,
]
