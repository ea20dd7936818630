"""How a change went: done, being done, or not done and why; after a stop, one question that nobody has to answer."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.plans import change_words
from supporters.plans.at_bank import BillAtBank, bills_at_bank
from supporters.plans.change import say_why
from supporters.plans.mine import plan_card, trouble_words
from supporters.plans.models import ChangeKind, ChangeState, PlanChange, PlanState
from supporters.plans.not_changed import failure_words
from supporters.plans.possible import STOPPING
from supporters.plans.unpaid import paid_since
from supporters.plans.words import Words
from supporters.web.common.access import SUPPORTER
from supporters.web.common.house import house_of
from supporters.web.common.shell import page
from supporters.web.common.supporter import PRIVATE, seal_for
from supporters.web.site.giving_way import READ, SEND, Way, at_both, read_way, style_of, way_in

AnyRequest = Request[Any, Any, Any]
PAUSES = (0.2, 0.3, 0.5, 0.5, 0.7, 0.8)  # three seconds in all: most changes are done by then
LOOK_AGAIN_SECONDS = 4
LOOK_AGAIN_FOR = timedelta(minutes=10)
REASON_CHARS = 400
DONE, DOING, FAILED = "done", "doing", "failed"


class CaughtUp(msgspec.Struct, frozen=True):
    """What was owed and is paid now, and the bills that a bank is asked for now."""

    paid: Money | None
    at_bank: Sequence[BillAtBank]


@at_both(READ, "")
async def show_plan(request: AnyRequest, key: FromPath[str], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The plan with every way to change it."""
    way = await way_in(request, key, reading)
    card = await plan_card(reading, way.plan.id)
    assert card, "it was there a moment ago"
    return page(
        request, "site/giving_plan.html", headers=PRIVATE, plan=card, base=way.base, trouble=trouble_words(card)
    )


@at_both(READ, "/change/{change_id:str}")
async def show_change(request: AnyRequest, key: FromPath[str], change_id: FromPath[str]) -> Response[bytes]:
    """Waits a little for the change to be done; if it is not by then, the page looks again by itself."""
    house = house_of(request)
    way, change = await _look(request, key, change_id)
    for seconds in PAUSES:
        if change.state != ChangeState.REQUESTED:
            break
        await asyncio.sleep(seconds)
        way, change = await _look(request, key, change_id)
    state = _state(change)
    headers = dict(PRIVATE)
    if state == DOING and house.clock.now() - change.created_at < LOOK_AGAIN_FOR:
        headers["refresh"] = str(LOOK_AGAIN_SECONDS)
    return page(
        request,
        "site/giving_done.html",
        headers=headers,
        state=state,
        looks_again="refresh" in headers,
        words=await _words(request, way, change) if state == DONE else None,
        why=failure_words(change),
        base=way.base,
        change=change,
        plan=way.plan,
        asks_why=state == DONE and change.kind in STOPPING,
        can_go_on=_can_go_on(way, change),
        caught_up=await _caught_up(request, way, change) if state == DONE else None,
        is_tried=state == DONE and change.kind == ChangeKind.TRY_NOW,
        still_fails=way.plan.failed_invoice_id is not None,
        seal=seal_for(house.settings, way.key),
    )


@at_both(SEND, "/change/{change_id:str}/why")
async def take_why(
    request: AnyRequest, key: FromPath[str], change_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Why they stopped is on file, if they wanted to say."""
    way = await way_in(request, key, session)
    change = await _change(session, way, change_id)
    form = await read_way(request, way, ["reason"])
    words = clean_line(form.get("reason", ""), limit=REASON_CHARS)
    if words:
        house = house_of(request)
        await say_why(session, change.id, words, ids=house.ids, now=house.clock.now())
    return Redirect(f"{way.base}/change/{change.id}", status_code=303)


async def _look(request: AnyRequest, key: str, change_id: str) -> tuple[Way, PlanChange]:
    async with house_of(request).db.reading() as session:
        way = await way_in(request, key, session)
        return way, await _change(session, way, change_id)


async def _change(session: AsyncSession, way: Way, change_id: str) -> PlanChange:
    change = await session.get(PlanChange, change_id) if is_ulid(change_id) else None
    if change is None or change.plan_id != way.plan.id:
        raise NotFound(_("There is no such change of this donation."))
    return change


def _state(change: PlanChange) -> str:
    states = {ChangeState.DONE: DONE, ChangeState.FAILED: FAILED}
    return states.get(ChangeState(change.state), DOING)


def _can_go_on(way: Way, change: PlanChange) -> bool:
    """Whether what was just done can be taken back by one button."""
    is_stopping = change.kind == ChangeKind.STOP and way.plan.stops_at is not None
    is_held = change.kind in (ChangeKind.SKIP, ChangeKind.PAUSE) and way.plan.state == PlanState.PAUSED
    return change.state == ChangeState.DONE and (is_stopping or is_held)


async def _caught_up(request: AnyRequest, way: Way, change: PlanChange) -> CaughtUp:
    """What became of payments that had failed before, where the change was to have them paid."""
    if change.kind not in (ChangeKind.METHOD, ChangeKind.TRY_NOW):
        return CaughtUp(None, [])
    async with house_of(request).db.reading() as session:
        at_bank = (await bills_at_bank(session, [way.plan.id])).get(way.plan.id, [])
        asked = [bill for bill in at_bank if bill.asked_at >= change.created_at]
        return CaughtUp(await paid_since(session, way.plan, change.created_at), asked)


async def _words(request: AnyRequest, way: Way, change: PlanChange) -> Words | None:
    """What the letter says too."""
    if change.kind == ChangeKind.TRY_NOW:
        return None
    settings = house_of(request).settings
    url = f"{settings.base_url}{way.base}"
    async with house_of(request).db.reading() as session:
        asked = (await bills_at_bank(session, [way.plan.id])).get(way.plan.id, [])
    return change_words.changed(way.plan, change, style_of(request), url=url, settings=settings, at_bank=asked)


HANDLERS = [
    # by link, `giving_link` shows the plan itself
    *(handler for handler in show_plan if handler.opt["access"] == SUPPORTER),
    *show_change,
    *take_why,
]
