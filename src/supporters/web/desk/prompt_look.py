"""Looking at a page of the publisher's own site from the desk: is the snippet there, and would its policy let it work?"""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import post
from litestar.connection import Request
from litestar.response import Response

from supporters.kit.outside import OutsideError
from supporters.kit.strings import gettext as _
from supporters.prompts.files import published_prompt
from supporters.prompts.look import Found, look_at
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed

SECONDS = 5.0
LONGEST_ADDRESS = 1_000


class Line(msgspec.Struct, frozen=True):
    """One thing that was looked at: well, or what to do."""

    is_well: bool
    words: str


@post("/desk/prompts/look", status_code=200, opt={"access": EDITS})
async def take_look(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What the page shows at this moment. 422 for an address that is on none of the publisher's sites."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ("address",))
    address = form.get("address", "").strip()
    problems: list[tuple[str, str]] = []
    lines: list[Line] = []
    if not is_own(address, house):
        problems.append(
            (
                "address",
                _("Give the address of a page on one of your sites: %(sites)s")
                % {"sites": ", ".join(house.settings.sites)},
            )
        )
    else:
        lines = await _look(house, address)
    async with house.db.reading() as session:
        return await desk_page(
            request, session, "desk/prompt_look.html", here="prompts", address=address, lines=lines, problems=problems
        )


def is_own(address: str, house: House) -> bool:
    """Whether the address lies on one of the publisher's sites."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    own = {(site.scheme, site.netloc.lower()) for site in map(urlsplit, house.settings.sites)}
    return len(address) <= LONGEST_ADDRESS and (parts.scheme, parts.netloc.lower()) in own


async def _look(house: House, address: str) -> list[Line]:
    try:
        reply = await house.outside.call("GET", address, headers={"accept": "text/html"}, seconds=SECONDS)
    except OutsideError as error:
        return [Line(False, _("The page could not be read: %(why)s.") % {"why": error.message})]
    if not reply.is_ok:
        return [Line(False, _("The page answers with status %(status)s.") % {"status": reply.status})]
    page = reply.body.decode("utf-8", "replace")
    found = look_at(page, reply.headers, address=address, base_url=house.settings.base_url)
    return await _lines(house, found)


async def _lines(house: House, found: Found) -> list[Line]:
    if not found.is_there:
        return [Line(False, _("The snippet is not on this page, or somebody said “no ask” for it."))]
    shown = _("the form") if found.has_form else _("the link")
    lines = [Line(True, _("The snippet is there: %(form)s.") % {"form": shown})]
    if found.placement and found.version:
        async with house.db.reading() as session:
            newest = await published_prompt(session, found.placement)
        is_newest = newest is not None and newest.version == found.version
        words = (
            _("It shows version %(version)s, the newest.")
            if is_newest
            else _("It shows version %(version)s; a newer one is published.")
        )
        lines.append(Line(is_newest, words % {"version": found.version}))
    if found.has_form:
        well, wrong = (
            _("The page’s policy lets the form be sent."),
            _("The page’s policy stops the form: add %(base)s to form-action."),
        )
        lines.append(
            Line(found.allows_form, (well if found.allows_form else wrong) % {"base": house.settings.base_url})
        )
    if found.has_script:
        well, wrong = (
            _("The page’s policy lets the script run."),
            _("The page’s policy stops the script: add %(base)s/p/v1/ to script-src. The form works without it."),
        )
        lines.append(
            Line(found.allows_script, (well if found.allows_script else wrong) % {"base": house.settings.base_url})
        )
        well, wrong = (
            _("The page’s policy lets fresh words arrive."),
            _(
                "The page’s policy lets no fresh words arrive: the script shows those of the page as it was made. "
                "To change that, add %(base)s/p/v1/ to connect-src."
            ),
        )
        lines.append(
            Line(found.allows_file, (well if found.allows_file else wrong) % {"base": house.settings.base_url})
        )
    else:
        lines.append(Line(True, _("The optional script is not on the page. All works without it.")))
    return lines


HANDLERS = [take_look]
