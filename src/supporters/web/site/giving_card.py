"""Another card or account for a plan: on to Stripe's own page, and back to the page that says how it went."""

from typing import Any

from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict
from supporters.kit.strings import gettext as _
from supporters.payments.gateway import GatewayError
from supporters.payments.pages import SetupRequest
from supporters.plans.cards import CardPage, ask_for_card, page_opened
from supporters.plans.models import Actor, ChangeKind
from supporters.plans.possible import why_not
from supporters.plans.unpaid import unpaid_bills
from supporters.web.common.house import House, house_of
from supporters.web.site import giving_asks as asks
from supporters.web.site.giving_way import READ, SEND, Way, at_both, read_way, show_ask, style_of, way_in

AnyRequest = Request[Any, Any, Any]


@at_both(READ, "/payment")
async def show_card(request: AnyRequest, key: FromPath[str], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What happens on Stripe's page, and the way there."""
    way = await way_in(request, key, reading)
    ask = asks.card(way.plan, style_of(request), await unpaid_bills(reading, way.plan))
    why = why_not(way.plan, ChangeKind.METHOD, now=house_of(request).clock.now())
    return show_ask(request, way, asks.not_now(ask.heading, why) if why else ask)


@at_both(SEND, "/payment")
async def take_card(request: AnyRequest, key: FromPath[str]) -> Response[Any]:
    """On to Stripe's page (303); words where that cannot be done (409) or Stripe is away (503). Nothing changes here."""
    house = house_of(request)
    async with house.db.unit_of_work() as session:
        way = await way_in(request, key, session)
        await read_way(request, way)
        now, giver = house.clock.now(), way.plan.supporter_id
        try:
            wanted = await ask_for_card(
                session, way.plan.id, actor=Actor.SUPPORTER, actor_id=giver, ids=house.ids, now=now
            )
        except Conflict as conflict:
            return show_ask(request, way, asks.not_now(_("Nothing was changed"), conflict.message), status=409)
    try:
        url = await _open(house, way, wanted)
    except GatewayError:
        words = _("The page of Stripe could not be opened just now. Nothing was changed; please try again in a moment.")
        return show_ask(request, way, asks.not_now(_("Nothing was changed"), words), status=503)
    return Redirect(url, status_code=303)


async def _open(house: House, way: Way, wanted: CardPage) -> str:
    base = f"{house.settings.base_url}{way.base}"
    asked = SetupRequest(
        customer_id=wanted.customer_id,
        currency=wanted.currency,
        change_id=wanted.change_id,
        success_url=f"{base}/change/{wanted.change_id}",
        cancel_url=f"{base}/payment",
        locale=way.plan.locale,
    )
    opened = await house.gateway.create_setup(asked, idempotency_key=wanted.idempotency_key)
    async with house.db.unit_of_work() as session:
        await page_opened(session, wanted.change_id, stripe_session_id=opened.session_id)
    return opened.url


HANDLERS = [*show_card, *take_card]
