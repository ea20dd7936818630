"""/desk/appeals/{id}/preview: the draft as readers would see it, by the templates that readers get; and a letter to try.

A preview is shown in a frame of the editor, so it alone may be framed, by our own pages; nothing in it can be sent.
What stands in the editor's form is drawn too, on its way to being saved: the editor's script asks for it while somebody types.
"""

from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.content import Content, read_content
from supporters.appeals.history import note, view_of
from supporters.appeals.queries import AppealView
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.mail.models import Letter, Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.render import render_letter
from supporters.newsletters.queries import first_list
from supporters.prompts.content import Quiet, Spot, TickerLine, build
from supporters.prompts.publish import render_snippet
from supporters.prompts.script import prompt_script
from supporters.receipts.issue import KIND, mail_domain
from supporters.receipts.letters import sample_letter
from supporters.reports.tickers import Ticker, raised_by
from supporters.staff.sessions import Member
from supporters.web.common.access import member_of
from supporters.web.common.giving import Entry, Question, draw
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import html
from supporters.web.desk.appeal_form import LARGEST, SENT, Standing, standing_of
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed

AnyRequest = Request[Any, Any, Any]
HERE = "/desk/appeals/{appeal_id:str}"
SPOT = "article-foot"
POLICY = (
    "default-src 'none'; style-src 'self'{inline}; img-src 'self' data:; script-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
DARK, PREFERS_DARK = "dark", "(prefers-color-scheme: dark)"


@get(f"{HERE}/preview/{{what:str}}", opt={"access": EDITS})
async def show_preview(
    request: AnyRequest, appeal_id: FromPath[str], what: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The words saved last, as page, block or letter; `?scheme=dark` for the dark page."""
    standing = await standing_of(reading, house_of(request), appeal_id)
    return await _drawn(request, reading, _view(standing, request), what)


@post(f"{HERE}/preview/{{what:str}}", status_code=200, opt={"access": EDITS}, request_max_body_size=LARGEST)
async def draw_preview(
    request: AnyRequest, appeal_id: FromPath[str], what: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The words as typed, drawn and nowhere kept; or one line on what stands in the way of drawing them (422)."""
    house = house_of(request)
    fields = await read_sealed(request, member_of(request), SENT, largest=LARGEST)
    standing = await standing_of(reading, house, appeal_id)
    saved = _view(standing, request)
    written = read_content({**fields, "slug": fields.get("slug") or saved.slug}, standing.terms)
    if written.content is None:
        words = _("The preview goes on once this is put right: %(problem)s.") % {"problem": written.problems[0][1]}
        return Response(words.encode(), media_type="text/plain; charset=utf-8", status_code=422)
    return await _drawn(request, reading, _as_typed(standing, saved, written.content), what)


@post(f"{HERE}/test", status_code=303, opt={"access": EDITS})
async def send_test(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The letter of the words saved last goes to whoever asked, at their own address and nobody else's (303)."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    view = _view(await standing_of(session, house, appeal_id), request)
    now = house.clock.now()
    await queue_letter(
        session,
        kind=KIND,
        stream=Stream.SERVICE,
        recipient=member.email,
        dedupe_key=house.ids.ulid(),  # every time is wanted: a person asked
        context=sample_letter(view, name=member.name, now=now, settings=house.settings),
        about=None,
        ids=house.ids,
        now=now,
        domain=mail_domain(house.settings),
    )
    await note(session, "send_test", appeal_id, {"version": view.version}, actor_id=member.id, now=now)
    return Redirect(f"/desk/appeals/{appeal_id}?done=sent", status_code=303)


def in_scheme(page: str, scheme: str) -> str:
    """The page in that scheme, whatever the screen prefers."""
    return page.replace("<html ", f'<html data-scheme="{scheme}" ', 1)


def letter_in_scheme(letter: str, scheme: str) -> str:
    """The letter as a mail program in that scheme shows it."""
    return letter.replace(PREFERS_DARK, "all" if scheme == DARK else "not all")


def _view(standing: Standing, request: AnyRequest) -> AppealView:
    """The appeal in the words saved last, or in those of the version that the address names. Raises NotFound."""
    asked = request.query_params.get("version", "")
    version = standing.version(int(asked[:9])) if asked.isdecimal() else standing.newest
    if standing.appeal is None or version is None:
        raise NotFound(_("There is no such version of this appeal."))
    return view_of(standing.appeal, version)


def _as_typed(standing: Standing, saved: AppealView, content: Content) -> AppealView:
    assert standing.appeal is not None
    assert standing.newest is not None
    view = view_of(standing.appeal, msgspec.structs.replace(standing.newest, content=content))
    return msgspec.structs.replace(view, fund_id=view.fund_id or saved.fund_id)  # a new fund is made when it is saved


async def _drawn(request: AnyRequest, session: AsyncSession, view: AppealView, what: str) -> Response[bytes]:
    """The view as page, block or letter, in the scheme that the address asks for. Raises NotFound."""
    house = house_of(request)
    scheme = DARK if request.query_params.get("scheme") == DARK else "light"
    if what == "letter":
        return _framed(letter_in_scheme(_letter(house, view, member_of(request)), scheme), inline=" 'unsafe-inline'")
    raised = (await raised_by(session, [view.id], now=house.clock.now())).get(view.slug) if view.has_ticker else None
    if what == "page":
        offered = await first_list(session)
        return _framed(in_scheme(_page(house, view, raised, offered.wording if offered else ""), scheme))
    if what == "block":
        return _framed(in_scheme(_block(house, view, raised), scheme))
    raise NotFound(_("There is no such preview."))


def _page(house: House, view: AppealView, raised: Ticker | None, newsletter: str) -> str:
    question = Question(appeal=view, entry=Entry(), attempt_id="", raised=raised, newsletter=newsletter)
    return draw(house, question, token="")


def _block(house: House, view: AppealView, raised: Ticker | None) -> str:
    line = TickerLine(raised.raised_minor, raised.people, raised.currency, raised.as_of) if raised else None
    spot = Spot(code=SPOT, heading="", is_on=True, appeal=view, newsletter=None, ticker=line, quiet=Quiet())
    now = house.clock.now()
    code = prompt_script()
    script = {"src": f"/p/v1/{code.name}", "integrity": code.integrity}
    content = build(spot, settings=house.settings, script=script, now=now)
    published = now.isoformat(timespec="seconds")
    mark = house.ids.token()  # the snippet is HTML already, and templates escape what they are given
    snippet = render_snippet({"version": view.version, "published_at": published, **content})
    page = house.templates.render("desk/appeal_block.html", snippet=mark, script=script)
    return page.replace(mark, snippet, 1)


def _letter(house: House, view: AppealView, member: Member) -> str:
    context = sample_letter(view, name=member.name, now=house.clock.now(), settings=house.settings)
    return render_letter(house.templates, Letter(kind=KIND, context=context)).html


def _framed(page: str, *, inline: str = "") -> Response[bytes]:
    headers = {"content-security-policy": POLICY.format(inline=inline), "x-frame-options": "SAMEORIGIN"}
    return html(page, headers=headers)


HANDLERS = [show_preview, draw_preview, send_test]
