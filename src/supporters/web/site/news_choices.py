"""/news/preferences and /news/stop: choosing what comes, and stopping it, by links that only the mailbox holds.

A GET shows a page and changes nothing, since mail scanners open every link; a POST acts at once. The one-click stop follows
RFC 8058: the mail program posts by itself, without a cookie, and is never sent elsewhere.
"""

from typing import Any

from litestar import post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import DeadLink
from supporters.kit.strings import gettext as _
from supporters.newsletters.actions import choose_lists, stop
from supporters.newsletters.links import NewsletterLinks
from supporters.newsletters.queries import Choices, choices_of, named_lists
from supporters.newsletters.rules import masked
from supporters.newsletters.words import in_a_row
from supporters.web.common.access import PUBLIC
from supporters.web.common.forms import read_body, read_form, read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, page

ONE_CLICK_BYTES = 16_384  # a mail program sends one field, as a form or in parts
PRIVATE = {"referrer-policy": "same-origin", "x-robots-tag": "noindex"}


@route("/news/preferences/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_preferences(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Every list, ticked where the address is on it."""
    choices = await _choices(request, reading, token)
    is_saved = "saved" in read_query(request.scope["query_string"], ("saved",))
    return page(
        request,
        "site/news_preferences.html",
        headers=PRIVATE,
        choices=choices,
        address=masked(choices.address),
        is_saved=is_saved,
    )


@post("/news/preferences/{token:str}", status_code=303, opt={"access": PUBLIC})
async def take_preferences(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The address gets what is ticked; or nothing at all, by "stop all"."""
    house = house_of(request)
    choices = await _choices(request, session, token)
    boxes = {f"list-{line.slug}": line.slug for line, _is_on in choices.lists}
    form = await read_form(request, {"turn", "shown", *boxes})
    now = house.clock.now()
    if form.get("turn") == "stop":
        await stop(
            session,
            choices.subscriber_id,
            slugs=None,
            why="stop_all",
            settings=house.settings,
            ids=house.ids,
            now=now,
        )
    else:
        shown = set(form.get("shown", "").split(",")) & set(boxes.values())
        await choose_lists(
            session,
            choices.subscriber_id,
            shown=shown,
            wanted={slug for box, slug in boxes.items() if box in form},
            settings=house.settings,
            ids=house.ids,
            now=now,
        )
    return Redirect(f"/news/preferences/{token}?saved=yes", status_code=303)


@route("/news/stop/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_stop(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The page with the button, for whoever opens the link."""
    choices, slugs = await _stop_of(request, reading, token)
    names = in_a_row([each.name for each in await named_lists(reading, slugs)])
    return page(
        request,
        "site/news_stop.html",
        headers=PRIVATE,
        is_done=False,
        names=names,
        address=masked(choices.address),
        preferences_url=_links(request).preferences_url(choices.subscriber_id),
    )


@post("/news/stop/{token:str}", status_code=200, opt={"access": PUBLIC, "cross_site": True})
async def take_stop(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The lists are stopped, now. What the body says makes no difference; a second time changes nothing."""
    house = house_of(request)
    await read_body(request, largest=ONE_CLICK_BYTES)
    choices, slugs = await _stop_of(request, session, token)
    await stop(
        session,
        choices.subscriber_id,
        slugs=list(slugs),
        why="one_click",
        settings=house.settings,
        ids=house.ids,
        now=house.clock.now(),
    )
    names = in_a_row([each.name for each in await named_lists(session, slugs)])
    return page(
        request,
        "site/news_stop.html",
        headers=PRIVATE,
        is_done=True,
        names=names,
        address=masked(choices.address),
        preferences_url=_links(request).preferences_url(choices.subscriber_id),
    )


async def _choices(request: AnyRequest, session: AsyncSession, token: str) -> Choices:
    subscriber_id = _links(request).read_preferences(token)
    choices = await choices_of(session, subscriber_id) if subscriber_id else None
    if choices is None:
        raise _unknown()
    return choices


async def _stop_of(request: AnyRequest, session: AsyncSession, token: str) -> tuple[Choices, list[str]]:
    found = _links(request).read_stop(token)
    choices = await choices_of(session, found[0]) if found else None
    if found is None or choices is None:
        raise _unknown()
    return choices, list(found[1])


def _links(request: AnyRequest) -> NewsletterLinks:
    settings = house_of(request).settings
    return NewsletterLinks(settings.secret_key, settings.base_url)


def _unknown() -> DeadLink:
    words = _("This link is not complete, or we no longer have the address. If letters still come, write to us.")
    return DeadLink(words, way=(_("Newsletters to sign up for"), "/news"))


HANDLERS = [show_preferences, take_preferences, show_stop, take_stop]
