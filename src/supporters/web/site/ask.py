"""The donation page as an answer: with its token, and for the appeal that an address names."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import Request
from litestar.response import Response

from supporters.appeals.queries import GENERAL, AppealView
from supporters.appeals.rules import appeal_slug
from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.web.common.giving import Question, draw
from supporters.web.common.house import House
from supporters.web.common.shell import html


def show(
    house: House, question: Question, *, status: int = 200, keep: Callable[[tuple[bytes, bytes]], None] | None = None
) -> Response[bytes]:
    """The donation page. `keep` is told its parts when nothing on it is personal but its token."""
    token = house.tokens.issue(question.attempt_id, now=house.clock.now()).encode()
    before, after = _draw(house, question)
    if keep is not None and status == 200 and not question.is_personal:
        keep((before, after))
    return html(before + token + after, status=status)


def _draw(house: House, question: Question) -> tuple[bytes, bytes]:
    """The page before and after the place of its token."""
    mark = house.ids.token()
    before, _mark, after = draw(house, question, token=mark).partition(mark)
    return before.encode(), after.encode()


async def find_ended(house: House, wanted: str) -> AppealView | None:
    """The appeal that is named, if its end has come."""
    slug = appeal_slug(wanted) if wanted else None
    found = await house.appeals.get(slug) if slug and slug != GENERAL else None
    return found if found is not None and found.has_ended(house.clock.now()) else None


async def find_appeal(house: House, wanted: str) -> tuple[AppealView | None, str | None]:
    """The appeal that is named, else the general one with a notice; None when this installation has none at all."""
    slug = appeal_slug(wanted) if wanted else GENERAL
    found = await house.appeals.get(slug) if slug else None
    if found is not None and found.is_open(house.clock.now()):
        return found, None
    general = await house.appeals.get(GENERAL)
    return general, _("That appeal is not open. What you give here goes to the general fund.")


def outside_host(request: Request[Any, Any, Any], settings: Settings) -> str | None:
    """The host that the reader came from, if it is not ours."""
    try:
        host = urlsplit(request.headers.get("referer", "")).hostname
    except ValueError:
        return None
    return host if host and host != urlsplit(settings.base_url).hostname else None
