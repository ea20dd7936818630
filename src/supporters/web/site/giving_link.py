"""GET /giving/{token}: one plan, opened by the link in its letters, without signing in. Changing it is a form further on."""

from typing import Any

from litestar import route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import DeadLink
from supporters.kit.strings import gettext as _
from supporters.plans.links import PlanLinks
from supporters.plans.mine import plan_card, trouble_words
from supporters.web.common.access import PUBLIC
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.common.supporter import PRIVATE


@route("/giving/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_giving(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Just that plan with its buttons: no name, no address, no other plan. Changes nothing, however often it is opened."""
    plan_id = plan_of_token(request, token)
    plan = await plan_card(reading, plan_id) if plan_id else None
    if plan is None:
        raise unknown_link()
    return page(
        request,
        "site/giving_link.html",
        headers=PRIVATE,
        plan=plan,
        base=f"/giving/{token}",
        trouble=trouble_words(plan),
    )


def plan_of_token(request: AnyRequest, token: str) -> str | None:
    """The id of the plan that the token opens; None when it is not ours or has run out."""
    house = house_of(request)
    return PlanLinks(house.settings.secret_key, house.settings.base_url).read_plan(token, now=house.clock.now())


def unknown_link() -> DeadLink:
    """What somebody is told whose link opens nothing."""
    return DeadLink(
        _("This link has run out, or not all of it was copied. Sign in with your email address to see what you give."),
        way=(_("Sign in"), "/sign-in"),
    )


HANDLERS = [show_giving]
