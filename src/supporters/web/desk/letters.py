"""/desk/letters/{id}: one letter as it was written, its text on the page and its HTML in a page that may do nothing."""

from typing import Any

import jinja2
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.desk_story import donation_facts
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.mail.desk_queries import find_letter
from supporters.mail.models import Letter
from supporters.mail.render import LetterTooLong, RenderedLetter, render_letter
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest, html
from supporters.web.desk.frame import desk_page
from supporters.web.desk.letter_keys import without_codes, without_keys
from supporters.web.desk.roles import SEES_PEOPLE
from supporters.web.desk.words import letter_tag, letter_word

# A letter carries its styles inline, so that page gets a policy of its own: no script, no form, no frame, no origin.
LETTER_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


@get("/desk/letters/{letter_id:str}", opt={"access": SEES_PEOPLE})
async def show_letter(
    request: Request[Any, Any, Any], letter_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The letter's envelope and text."""
    letter = await _find(reading, letter_id)
    rendered = _render(request, letter)
    return await desk_page(
        request,
        reading,
        "desk/letter.html",
        here="donations",
        letter=letter,
        rendered=rendered,
        word=letter_word(letter.kind),
        tag=letter_tag(letter.state, is_sent=letter.sent_at is not None),
        about=await _about(reading, letter),
    )


@get("/desk/letters/{letter_id:str}/html", opt={"access": SEES_PEOPLE})
async def show_letter_html(
    request: Request[Any, Any, Any], letter_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The letter's HTML as the reader's mail program gets it."""
    rendered = _render(request, await _find(reading, letter_id))
    if rendered is None:
        raise Conflict(_("This letter can't be shown: its template has changed since."))
    return html(rendered.html, headers={"content-security-policy": LETTER_POLICY})


async def _find(session: AsyncSession, letter_id: str) -> Letter:
    if not is_ulid(letter_id):
        raise NotFound(_("There is no such letter."))
    return await find_letter(session, letter_id)


def _render(request: AnyRequest, letter: Letter) -> RenderedLetter | None:
    """None for a letter whose template wants what an older letter did not carry. Keys and codes in it are left out."""
    house = house_of(request)
    shown = Letter(kind=letter.kind, context=without_codes(letter.context))
    try:
        return without_keys(render_letter(house.templates, shown), house.settings.base_url)
    except (jinja2.TemplateError, LetterTooLong):
        return None


async def _about(session: AsyncSession, letter: Letter) -> tuple[str, str] | None:
    """Address and reference of the donation that the letter is about."""
    if letter.about is None:
        return None
    try:
        row = (await donation_facts(session, letter.about)).row
    except NotFound:
        return None
    return f"/desk/donations/{row.id}", row.reference


HANDLERS = [show_letter, show_letter_html]
