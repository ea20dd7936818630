"""A plan's own pages: each GET asks, each POST puts the wish on record and leads on to the page that says how it went."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict
from supporters.kit.money import AmountProblem, Money, Problem, check_limits, format_money, parse_amount
from supporters.kit.strings import gettext as _
from supporters.plans.change import has_open_change, request_change
from supporters.plans.held import pause_under, waits_for_bank
from supporters.plans.models import Actor, ChangeKind, PlanState
from supporters.plans.possible import why_not
from supporters.plans.unpaid import unpaid_bills
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.site import giving_asks as asks
from supporters.web.site.form import amount_words
from supporters.web.site.giving_way import READ, SEND, Ask, Way, at_both, read_way, show_ask, style_of, way_in

Any_ = Request[Any, Any, Any]
Session = NamedDependency[AsyncSession]
AMOUNT_CHARS = 40


@at_both(READ, "/amount")
async def show_amount(request: Any_, key: FromPath[str], reading: Session) -> Response[bytes]:
    """How much is given from the next payment on."""
    way = await way_in(request, key, reading)
    ask = asks.amount(way.plan, style_of(request), sign=_sign(request, way))
    return await _show(request, way, ask, ChangeKind.AMOUNT, reading)


@at_both(SEND, "/amount")
async def take_amount(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """A lower amount is on record at once; a higher one is shown with the old one first, and asked for once more."""
    way = await way_in(request, key, session)
    form = await read_way(request, way, ["amount", "confirmed"])
    style, typed = style_of(request), form.get("amount", "")[:AMOUNT_CHARS]
    try:
        amount = _amount(typed, way, house_of(request))
    except AmountProblem as error:
        words = _amount_words(error.problem, house_of(request))
        ask = asks.amount(way.plan, style, sign=_sign(request, way), value=typed, problem=words)
        return show_ask(request, way, ask, status=422)
    if amount.minor > way.plan.amount_minor and form.get("confirmed") != typed:
        return await _show(request, way, asks.more(way.plan, amount, style), ChangeKind.AMOUNT, session)
    return await _take(request, way, ChangeKind.AMOUNT, session, {"amount_minor": amount.minor})


@at_both(READ, "/date")
async def show_date(request: Any_, key: FromPath[str], reading: Session) -> Response[bytes]:
    """On which day the next payment is taken."""
    way = await way_in(request, key, reading)
    why = await _why_not(request, way, ChangeKind.DATE, reading)
    if why:
        return show_ask(request, way, asks.not_now(_("Change the date"), why))
    return show_ask(request, way, _day_ask(request, way))


@at_both(SEND, "/date")
async def take_date(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """The day is shown with what follows from it, and on record once it was confirmed."""
    way = await way_in(request, key, session)
    form = await read_way(request, way, ["next_on", "confirmed"])
    why = await _why_not(request, way, ChangeKind.DATE, session)
    if why:
        return show_ask(request, way, asks.not_now(_("Change the date"), why), status=409)
    typed = form.get("next_on", "")[:AMOUNT_CHARS]
    ask = _day_ask(request, way)
    try:
        chosen = date.fromisoformat(typed)
        if chosen.isoformat() != typed:  # other ways of writing a day are not what the field says
            raise ValueError(typed)
    except ValueError:
        return show_ask(request, way, _day_ask(request, way, typed, _("Enter a date like 2026-12-31")), status=422)
    if not ask.least <= chosen.isoformat() <= ask.most or chosen.isoformat() == ask.value:
        words = _("Choose another day than now, within the days named here")
        return show_ask(request, way, _day_ask(request, way, typed, words), status=422)
    if form.get("confirmed") != typed:
        return show_ask(request, way, asks.new_day(way.plan, chosen, style_of(request)))
    return await _take(request, way, ChangeKind.DATE, session, {"next_on": chosen.isoformat()})


@at_both(READ, "/skip")
async def show_skip(request: Any_, key: FromPath[str], reading: Session) -> Response[bytes]:
    """Whether the next payment is left out."""
    way = await way_in(request, key, reading)
    return await _show(request, way, asks.skip(way.plan, style_of(request)), ChangeKind.SKIP, reading)


@at_both(SEND, "/skip")
async def take_skip(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """That the next payment is left out is on record."""
    return await _take_plain(request, key, ChangeKind.SKIP, session)


@at_both(READ, "/pause")
async def show_pause(request: Any_, key: FromPath[str], reading: Session) -> Response[bytes]:
    """For how long nothing is taken; of a paused plan, whether it goes on."""
    way = await way_in(request, key, reading)
    style = style_of(request)
    if way.plan.state == PlanState.PAUSED:
        under = (await pause_under(reading, way.plan, now=house_of(request).clock.now())).get("until")
        ask = asks.go_on(way.plan, style, pause_under=str(under) if under else None)
        return await _show(request, way, ask, ChangeKind.GO_ON, reading)
    return await _show(request, way, asks.pause(way.plan, style), ChangeKind.PAUSE, reading)


@at_both(SEND, "/pause")
async def take_pause(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """The pause of one to three months is on record."""
    way = await way_in(request, key, session)
    months = (await read_way(request, way, ["months"])).get("months", "")
    if months not in {"1", "2", "3"}:
        ask = asks.pause(way.plan, style_of(request), problem=_("Choose one, two or three months"))
        return show_ask(request, way, ask, status=422)
    return await _take(request, way, ChangeKind.PAUSE, session, {"months": int(months)})


@at_both(SEND, "/go-on")
async def take_go_on(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """That a pause or a stop is taken back is on record."""
    return await _take_plain(request, key, ChangeKind.GO_ON, session)


@at_both(READ, "/try")
async def show_try(request: Any_, key: FromPath[str], reading: Session) -> Response[bytes]:
    """Whether the payment that failed is tried again now."""
    way = await way_in(request, key, reading)
    ask = asks.try_now(way.plan, style_of(request), await unpaid_bills(reading, way.plan))
    return await _show(request, way, ask, ChangeKind.TRY_NOW, reading)


@at_both(SEND, "/try")
async def take_try(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """That it is tried again is on record."""
    return await _take_plain(request, key, ChangeKind.TRY_NOW, session)


@at_both(READ, "/stop")
async def show_stop(request: Any_, key: FromPath[str], reading: Session) -> Response[bytes]:
    """Whether nothing more is taken; of a plan that ends, whether it goes on after all."""
    way = await way_in(request, key, reading)
    style = style_of(request)
    if way.plan.stops_at:
        return await _show(request, way, asks.go_on(way.plan, style), ChangeKind.GO_ON, reading)
    return await _show(request, way, asks.stop(way.plan, style), ChangeKind.STOP, reading)


@at_both(SEND, "/stop")
async def take_stop(request: Any_, key: FromPath[str], session: Session) -> Response[Any]:
    """That nothing more is taken is on record."""
    return await _take_plain(request, key, ChangeKind.STOP, session)


async def _take_plain(request: Any_, key: str, kind: ChangeKind, session: AsyncSession) -> Response[Any]:
    way = await way_in(request, key, session)
    await read_way(request, way)
    return await _take(request, way, kind, session, {})


async def _take(
    request: Any_, way: Way, kind: ChangeKind, session: AsyncSession, wanted: Mapping[str, object]
) -> Response[Any]:
    """On to the page that says how it went (303), or words why it cannot be done now (409)."""
    house = house_of(request)
    try:
        change_id = await request_change(
            session,
            way.plan.id,
            kind=kind,
            wanted=wanted,
            actor=Actor.SUPPORTER,
            actor_id=way.plan.supporter_id,
            ids=house.ids,
            now=house.clock.now(),
            zone=ZoneInfo(house.settings.time_zone),
        )
    except Conflict as conflict:
        return show_ask(request, way, asks.not_now(_("Nothing was changed"), conflict.message), status=409)
    return Redirect(f"{way.base}/change/{change_id}", status_code=303)


async def _show(request: Any_, way: Way, ask: Ask, kind: ChangeKind, session: AsyncSession) -> Response[bytes]:
    """The question, or why it cannot be asked now."""
    why = await _why_not(request, way, kind, session)
    return show_ask(request, way, asks.not_now(ask.heading, why) if why else ask)


async def _why_not(request: Any_, way: Way, kind: ChangeKind, session: AsyncSession) -> str | None:
    has_open, is_held = await has_open_change(session, way.plan.id, kind), await waits_for_bank(session, way.plan)
    return why_not(way.plan, kind, now=house_of(request).clock.now(), has_open=has_open, is_held=is_held)


def _amount(typed: str, way: Way, house: House) -> Money:
    settings = house.settings
    amount = parse_amount(typed, way.plan.currency)
    check_limits(amount, minimum_minor=settings.minimum_minor, maximum_minor=settings.maximum_minor)
    if amount.minor == way.plan.amount_minor:
        raise AmountProblem(Problem.EMPTY)
    return amount


def _amount_words(problem: Problem, house: House) -> str:
    if problem is Problem.EMPTY:
        return _("Enter another amount than the one you give now")
    return amount_words(problem, house.settings)


def _day_ask(request: AnyRequest, way: Way, value: str = "", problem: str = "") -> Ask:
    house = house_of(request)
    now, zone = house.clock.now(), ZoneInfo(house.settings.time_zone)
    return asks.day(way.plan, style_of(request), now, zone, value=value, problem=problem)


def _sign(request: AnyRequest, way: Way) -> str:
    zero = format_money(Money(0, way.plan.currency), house_of(request).settings.locale, trim=True)
    return zero.replace("0", "").strip() or way.plan.currency


HANDLERS = [
    handler
    for both in (
        show_amount, take_amount, show_date, take_date, show_skip, take_skip, show_pause, take_pause,
        take_go_on, show_try, take_try, show_stop, take_stop,
    )
    for handler in both
]  # fmt: skip
