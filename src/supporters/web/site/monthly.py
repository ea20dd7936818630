"""POST /thanks/{token}/...: from once to monthly, and within the first day from monthly back to once, or to nothing.

The thank-you page's own address is the key: only who paid has it. It changes nothing by being looked at.
"""

from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.gate import recurring_is_off
from supporters.donations.queries import DonationView, donation_page
from supporters.guard.switches import RECURRING, read_switches
from supporters.kit.errors import Conflict, DeadLink
from supporters.kit.money import AmountProblem, Money, check_limits, parse_amount
from supporters.kit.strings import gettext as _
from supporters.plans.begun import BegunView, begun_by
from supporters.plans.change import request_change
from supporters.plans.links import PlanLinks
from supporters.plans.mine import plans_of
from supporters.plans.models import Actor, ChangeKind, PlanState
from supporters.plans.offered import AnswerView, OfferView, decline, offer_after, want_monthly
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_form
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import page
from supporters.web.common.supporter import PRIVATE, signed_in
from supporters.web.common.ways import ways_of

AnyRequest = Request[Any, Any, Any]
PUBLIC_ROUTE = {"access": PUBLIC}


@post("/thanks/{token:str}/monthly", status_code=303, opt=PUBLIC_ROUTE)
async def take_offer(
    request: AnyRequest, token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Monthly from a month ahead is asked for, with the same card. Pressed twice, it is asked for once (303)."""
    house = house_of(request)
    donation_id = _donation_id(house, token)
    fields = await read_form(request, ["amount"])
    switch = (await read_switches(session))[RECURRING]
    if switch.is_off:
        raise Conflict(recurring_is_off(switch))
    amount = _amount(fields.get("amount", ""), house)
    await want_monthly(session, donation_id, amount, ids=house.ids, now=house.clock.now(), settings=house.settings)
    return Redirect(f"/thanks/{token}", status_code=303)


@post("/thanks/{token:str}/once", status_code=303, opt=PUBLIC_ROUTE)
async def decline_offer(
    request: AnyRequest, token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The offer is not made again, and Stripe forgets the card now (303)."""
    house = house_of(request)
    donation_id = _donation_id(house, token)
    await read_form(request, [])
    if await donation_page(session, donation_id) is None:
        raise _unknown()
    await decline(session, donation_id, ids=house.ids, now=house.clock.now())
    return Redirect(f"/thanks/{token}", status_code=303)


@post("/thanks/{token:str}/one-off", status_code=303, opt=PUBLIC_ROUTE)
async def make_one_off(
    request: AnyRequest, token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The first payment is kept and no other is taken: a job sees to it (303). 409 with words when it is too late."""
    return await _undo(request, token, session, ChangeKind.ONE_OFF)


@get("/thanks/{token:str}/undo", opt=PUBLIC_ROUTE)
async def ask_undo(
    request: AnyRequest, token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """What undoing all of it means, and the button that does it."""
    house = house_of(request)
    begun = await _begun(reading, house, token)
    if not begun.may_undo(house.clock.now()):
        raise PageError(409, _("This can't be undone here any more. Nothing was changed."))
    return page(request, "site/undo.html", headers=PRIVATE, begun=begun, token=token)


@post("/thanks/{token:str}/undo", status_code=303, opt=PUBLIC_ROUTE)
async def undo_all(request: AnyRequest, token: FromPath[str], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The first payment goes back and no other is taken: a job sees to both (303). 409 with words when it is too late."""
    return await _undo(request, token, session, ChangeKind.UNDO)


async def monthly_offer(request: AnyRequest, house: House, donation: DonationView) -> OfferView | AnswerView | None:
    """What the page of a one-off offers, or what came of it. Not made to a signed-in supporter who gives by plan."""
    async with house.db.reading() as session:
        found = await offer_after(session, donation.id, now=house.clock.now(), settings=house.settings)
        if not isinstance(found, OfferView):
            return found
        supporter_id = await signed_in(request)
        plans = await plans_of(session, supporter_id) if supporter_id else []
    gives = any(plan.state is not PlanState.STOPPED for plan in plans)
    return found if (await ways_of(house)).is_recurring and not gives else None


def plan_url(house: House, begun: BegunView, now: datetime) -> str:
    """Where the plan is changed or stopped: by its own link on its first day, later by signing in."""
    if not begun.is_fresh(now):
        return "/me"
    return PlanLinks(house.settings.secret_key, house.settings.base_url).plan_url(begun.plan_id, now=now)


async def _undo(request: AnyRequest, token: str, session: AsyncSession, kind: ChangeKind) -> Response[Any]:
    house = house_of(request)
    await read_form(request, [])
    begun = await _begun(session, house, token)
    now = house.clock.now()
    may = begun.may_make_one_off(now) if kind is ChangeKind.ONE_OFF else begun.may_undo(now)
    if begun.undoing is not kind or may:  # a second press finds it done or under way
        await request_change(
            session,
            begun.plan_id,
            kind=kind,
            wanted={},
            actor=Actor.SUPPORTER,
            actor_id=begun.supporter_id,
            ids=house.ids,
            now=house.clock.now(),
        )
    return Redirect(f"/thanks/{token}", status_code=303)


async def _begun(session: AsyncSession, house: House, token: str) -> BegunView:
    donation_id = _donation_id(house, token)
    donation = await donation_page(session, donation_id)
    begun = await begun_by(session, donation_id) if donation and donation.frequency != "once" else None
    if begun is None:
        raise _unknown()
    return begun


def _donation_id(house: House, token: str) -> str:
    donation_id = house.links.read_thanks(token)
    if donation_id is None:
        raise _unknown()
    return donation_id


def _amount(text: str, house: House) -> Money:
    settings = house.settings
    try:
        amount = parse_amount(text, settings.currency)
        check_limits(amount, minimum_minor=settings.minimum_minor, maximum_minor=settings.maximum_minor)
    except AmountProblem as error:
        words = _("The form carried an amount that can't be given monthly, so nothing was done.")
        raise PageError(400, words) from error
    return amount


def _unknown() -> DeadLink:
    return DeadLink(_("There is no donation at this address. Check that the whole link was copied."))


HANDLERS = [take_offer, decline_offer, make_one_off, ask_undo, undo_all]
