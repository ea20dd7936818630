"""/me: a supporter's plans, payments, newsletters and ways out. Works without JavaScript."""

from typing import Any

from litestar import post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.newsletters.actions import choose_lists, stop
from supporters.newsletters.own import own_lists
from supporters.newsletters.signup import find_subscriber
from supporters.people.details import person
from supporters.people.sessions import close_session, close_sessions
from supporters.plans.mine import plan_card, plans_of, trouble_words
from supporters.plans.models import ReceiptWish
from supporters.plans.wishes import choose_receipts
from supporters.receipts.mine import payments_of, period_of, sums_of, years_of
from supporters.web.common.access import SUPPORTER
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import page
from supporters.web.common.supporter import PRIVATE, SESSION, read_sealed, seal_for, spent, supporter_of

DONE = ("newsletters", "receipts", "name", "address")


@route("/me", http_method=["GET", "HEAD"], opt={"access": SUPPORTER})
async def show_me(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Everything at one look: plans, the payments of the newest year that has some, newsletters, details."""
    house, supporter = house_of(request), supporter_of(request)
    now, zone = house.clock.now(), house.settings.time_zone
    me = await person(reading, supporter.supporter_id, supporter.address_id, now=now)
    plans = await plans_of(reading, supporter.supporter_id)
    years = await years_of(reading, supporter.supporter_id, now=now, zone=zone)
    this_year = local_date(now, zone).year
    year = str(years[0] if years else this_year)
    period = period_of(year, now=now, zone=zone)
    payments = await payments_of(reading, supporter.supporter_id, period) if period else []
    done = read_query(request.scope["query_string"], ["done"]).get("done", "")
    return page(
        request,
        "site/me.html",
        headers=PRIVATE,
        seal=seal_for(house.settings, supporter.session_hash),
        me=me,
        plans=plans,
        troubles={plan.id: trouble_words(plan) for plan in plans},
        payments=payments,
        sums=sums_of(payments),
        year=year,
        years=years if this_year in years else [this_year, *years],
        own=await own_lists(reading, me.address, settings=house.settings),
        done=done if done in DONE else "",
    )


@post("/me/newsletters", status_code=303, opt={"access": SUPPORTER})
async def take_newsletters(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The address gets what is ticked, or nothing at all by "stop all"."""
    house, supporter = house_of(request), supporter_of(request)
    settings, ids, now = house.settings, house.ids, house.clock.now()
    me = await person(session, supporter.supporter_id, supporter.address_id, now=now)
    own = await own_lists(session, me.address, settings=settings)
    boxes = {f"list-{line.slug}": line.slug for line, _is_on in own.lists}
    form = await read_sealed(request, supporter.session_hash, {"turn", "shown", *boxes})
    if form.get("turn") not in {"save", "stop"}:
        raise PageError(400, _("The form did not say what to do, so nothing was done."))
    subscriber_id = await find_subscriber(session, me.address, settings=settings, ids=ids, now=now)
    if form["turn"] == "stop":
        await stop(session, subscriber_id, slugs=None, why="preferences", settings=settings, ids=ids, now=now)
    else:
        wanted = [slug for box, slug in boxes.items() if box in form]
        shown = form.get("shown", "").split(",")
        await choose_lists(session, subscriber_id, shown=shown, wanted=wanted, settings=settings, ids=ids, now=now)
    return Redirect("/me?done=newsletters#emails", status_code=303)


@post("/me/receipts/{plan_id:str}", status_code=303, opt={"access": SUPPORTER})
async def take_receipts(
    request: Request[Any, Any, Any], plan_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """From the next payment on, the plan's receipts come for each payment, or once a year."""
    house, supporter = house_of(request), supporter_of(request)
    form = await read_sealed(request, supporter.session_hash, ["wish"])
    plan = await plan_card(session, plan_id, supporter.supporter_id) if is_ulid(plan_id) else None
    if plan is None:
        raise NotFound(_("There is no such donation of yours."))
    if form.get("wish") not in set(ReceiptWish):
        raise PageError(422, _("Choose a receipt for each payment, or one statement a year. Nothing was changed."))
    wish = ReceiptWish(form["wish"])
    await choose_receipts(
        session, plan.id, wish, supporter_id=supporter.supporter_id, ids=house.ids, now=house.clock.now()
    )
    return Redirect("/me?done=receipts", status_code=303)


@post("/me/sign-out", status_code=303, opt={"access": SUPPORTER})
async def take_sign_out(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The session is gone, here and in the database; with "everywhere", so are the supporter's others."""
    supporter = supporter_of(request)
    form = await read_sealed(request, supporter.session_hash, ["everywhere"])
    if "everywhere" in form:
        await close_sessions(session, supporter.supporter_id)
    else:
        await close_session(session, supporter.session_hash)
    response = Redirect("/sign-in", status_code=303)
    response.set_cookie(spent(house_of(request).settings, SESSION))
    return response


HANDLERS = [show_me, take_newsletters, take_receipts, take_sign_out]
