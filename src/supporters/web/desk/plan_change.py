"""POST /desk/plans/{id}/change and /money: asked, looked at once more, then on record for the job that tells Stripe."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict, MoneyError
from supporters.kit.money import Money, check_limits, parse_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.plans.change import MOST_PAUSED, request_change
from supporters.plans.dates import taken_at
from supporters.plans.desk_story import PlanFacts, plan_facts
from supporters.plans.models import Actor, ChangeKind
from supporters.plans.possible import why_not
from supporters.plans.turns import is_in_the_way
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.plan import FOR_BOOKS, FOR_SUPPORT, ChangeEntry, plan_page, possible_now
from supporters.web.desk.plan_words import rhythm_word
from supporters.web.desk.roles import DOES_BOOKS, SUPPORTERS_CHANGE
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.step_up import read_proved

FIELDS = ("kind", "amount", "next_on", "months", "seen", "step")
LONGEST = 40


@post("/desk/plans/{plan_id:str}/change", status_code=200, opt={"access": SUPPORTERS_CHANGE})
async def take_plan_change(
    request: Request[Any, Any, Any], plan_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The page with what is wrong (422), a page that asks once more (200), or the change on record (303)."""
    form = await read_sealed(request, member_of(request), FIELDS)
    return await _take(request, session, plan_id, form, FOR_SUPPORT)


@post("/desk/plans/{plan_id:str}/money", status_code=200, opt={"access": DOES_BOOKS, "proof": True})
async def take_plan_money(
    request: Request[Any, Any, Any], plan_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The same for what moves money at once: a payment is tried again, or the first one is returned."""
    form = await read_proved(request, FIELDS)
    if isinstance(form, Response):
        return form
    return await _take(request, session, plan_id, form, FOR_BOOKS)


def read_change(
    form: Mapping[str, str], facts: PlanFacts, house: House, *, first_day: date | None, last_day: date | None
) -> tuple[ChangeEntry, dict[str, object]]:
    """The form as it was filled in with what is wrong about it, and what is wanted of the plan."""
    entry = ChangeEntry(
        kind=form.get("kind", ""),
        amount=clean_line(form.get("amount", ""), limit=LONGEST),
        next_on=clean_line(form.get("next_on", ""), limit=LONGEST),
        months=clean_line(form.get("months", ""), limit=LONGEST),
    )
    match entry.kind:
        case ChangeKind.AMOUNT:
            return entry, _read_amount(entry, facts, house)
        case ChangeKind.DATE:
            return entry, _read_date(entry, facts, house, first_day, last_day)
        case ChangeKind.PAUSE:
            if entry.months in [str(number) for number in range(1, MOST_PAUSED + 1)]:
                return entry, {"months": int(entry.months)}
            entry.problems.append(("months", _("Choose one, two or three months.")))
            return entry, {}
        case _:
            return entry, {}


async def _take(
    request: AnyRequest,
    session: AsyncSession,
    plan_id: str,
    form: Mapping[str, str],
    kinds: tuple[ChangeKind, ...],
) -> Response[Any]:
    house, member = house_of(request), member_of(request)
    now, zone = house.clock.now(), house.settings.time_zone
    facts = await plan_facts(session, plan_id)
    kind = next((each for each in kinds if each == form.get("kind")), None)
    if kind is None:
        raise Conflict(_("Nothing was chosen, so nothing was done. Open the page again and choose what to change."))
    doing, first = facts.open_change.kind if facts.open_change else None, facts.first_day
    has_open = is_in_the_way(doing, kind)
    why = why_not(facts.plan, kind, now=now, has_open=has_open, actor=Actor.STAFF, first=first)
    if why:
        raise Conflict(why)
    days = possible_now(facts, member.role, now=now, zone=zone)
    entry, wanted = read_change(form, facts, house, first_day=days.first_day, last_day=days.last_day)
    if entry.problems:
        return await plan_page(request, session, plan_id, entry=entry)
    if form.get("step") != "confirm":
        return await _ask_again(request, session, facts, entry, wanted, is_money=kind in FOR_BOOKS)
    if form.get("seen") != _seen(facts):
        raise Conflict(_("The donation was changed meanwhile, so nothing was done. Look at it again."))
    await request_change(
        session,
        plan_id,
        kind=kind,
        wanted=wanted,
        actor=Actor.STAFF,
        actor_id=member.id,
        ids=house.ids,
        now=now,
        zone=ZoneInfo(zone),
    )
    return Redirect(f"/desk/plans/{plan_id}?done=asked", status_code=303)


def _read_amount(entry: ChangeEntry, facts: PlanFacts, house: House) -> dict[str, object]:
    settings = house.settings
    try:
        amount = parse_amount(entry.amount, facts.row.amount.currency)
        check_limits(amount, minimum_minor=settings.minimum_minor, maximum_minor=settings.maximum_minor)
    except MoneyError:
        entry.problems.append(("amount", _("Write an amount in figures that can be given: 25 or 12.50.")))
        return {}
    if amount == facts.row.amount:
        entry.problems.append(("amount", _("That is the amount that is given now.")))
    return {"amount_minor": amount.minor}


def _read_date(
    entry: ChangeEntry, facts: PlanFacts, house: House, first: date | None, last: date | None
) -> dict[str, object]:
    try:
        day = date.fromisoformat(entry.next_on)
    except ValueError:
        entry.problems.append(("next_on", _("Write the day as year, month and day: 2026-11-22.")))
        return {}
    if first is None or last is None or not first <= day <= last:
        words = _("Choose a day from tomorrow to one month after the payment is due.")
        entry.problems.append(("next_on", words))
    elif facts.plan.next_at and facts.plan.next_at.astimezone(ZoneInfo(house.settings.time_zone)).date() == day:
        entry.problems.append(("next_on", _("The next payment is due on that day already.")))
    return {"next_on": day.isoformat()}


def _seen(facts: PlanFacts) -> str:
    """What the page that asks once more has shown; another amount or date, and it must be shown again."""
    plan = facts.plan
    return f"{plan.revision}:{plan.amount_minor}:{plan.next_at.isoformat() if plan.next_at else ''}"


async def _ask_again(
    request: AnyRequest,
    session: AsyncSession,
    facts: PlanFacts,
    entry: ChangeEntry,
    wanted: dict[str, object],
    *,
    is_money: bool,
) -> Response[bytes]:
    minor = wanted.get("amount_minor")
    return await desk_page(
        request,
        session,
        "desk/plan_change.html",
        here="plans",
        facts=facts,
        row=facts.row,
        rhythm=rhythm_word(facts.row.frequency),
        comes_next=taken_at(facts.plan),
        entry=entry,
        new_amount=Money(minor, facts.row.amount.currency) if isinstance(minor, int) else None,
        new_day=date.fromisoformat(str(wanted["next_on"])) if "next_on" in wanted else None,
        seen=_seen(facts),
        action="money" if is_money else "change",
    )


HANDLERS = [take_plan_change, take_plan_money]
