"""The two ways to a plan's own pages: signed in at /me/giving/ID, or by the link in a letter at /giving/TOKEN.

Both have the same pages. A link opens its one plan and nothing else; a supporter opens their own plans.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from litestar import route
from litestar.connection import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.types import Method
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.plans.models import Plan
from supporters.plans.words import Style
from supporters.web.common.access import PUBLIC, SUPPORTER
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.common.supporter import PRIVATE, read_sealed, seal_for, supporter_of
from supporters.web.site.giving_link import plan_of_token, unknown_link

READ: tuple[Method, ...] = ("GET", "HEAD")
SEND: tuple[Method, ...] = ("POST",)


class Way(msgspec.Struct, frozen=True):
    """Whoever is here, and the plan that they may change. `base` is where its pages lie, `key` what seals its forms."""

    plan: Plan
    base: str
    key: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One question about a plan: its words, the form's one field if it has one, and both answers."""

    heading: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    action: str = ""  # under the plan's own address; empty where nothing can be done here now
    button: str = ""
    keep: str = ""
    back: str = ""  # where `keep` leads, under the plan's own address
    field: str = ""  # amount, date, months
    value: str = ""
    least: str = ""  # of a date
    most: str = ""
    hint: str = ""
    sign: str = ""
    hidden: dict[str, str] = {}
    instead: tuple[tuple[str, str], ...] = ()  # other ways, as (page, words)
    problem: str = ""
    told: str = ""


def at_both(method: tuple[Method, ...], path: str) -> Callable[[Callable[..., Any]], list[HTTPRouteHandler]]:
    """The handler answers under both ways in: for supporters who are signed in, and for whoever has the plan's link."""

    def doors(handler: Callable[..., Any]) -> list[HTTPRouteHandler]:
        ways = ((f"/me/giving/{{key:str}}{path}", SUPPORTER), (f"/giving/{{key:str}}{path}", PUBLIC))
        return [
            route(address, http_method=method, status_code=200, opt={"access": access})(handler)
            for address, access in ways
        ]

    return doors


async def way_in(request: AnyRequest, key: str, session: AsyncSession) -> Way:
    """The plan that this address opens for whoever asks. Raises NotFound, DeadLink."""
    if request.url.path.startswith("/me/"):
        supporter = supporter_of(request)
        plan = await session.get(Plan, key) if is_ulid(key) else None
        if plan is None or plan.supporter_id != supporter.supporter_id:
            raise NotFound(_("There is no such donation of yours."))
        return Way(plan, f"/me/giving/{key}", supporter.session_hash)
    plan_id = plan_of_token(request, key)
    plan = await session.get(Plan, plan_id) if plan_id else None
    if plan is None:
        raise unknown_link()
    return Way(plan, f"/giving/{key}", key)


async def read_way(request: Request[Any, Any, Any], way: Way, fields: Collection[str] = ()) -> Mapping[str, str]:
    """The fields of a form of this plan's pages. Raises PageError."""
    return await read_sealed(request, way.key, fields)


def style_of(request: AnyRequest) -> Style:
    """How sums and days are said here, now."""
    house = house_of(request)
    return Style(house.settings, house.clock.now())


def show_ask(request: AnyRequest, way: Way, ask: Ask, *, status: int = 200) -> Response[bytes]:
    """The question as a page."""
    seal = seal_for(house_of(request).settings, way.key)
    return page(
        request,
        "site/giving_ask.html",
        status=status,
        headers=PRIVATE,
        ask=ask,
        base=way.base,
        seal=seal,
        plan=way.plan,
    )
