"""/desk/issues: the printed issues with their short addresses, and the articles that the site's own feed names."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any, cast

import segno
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import (
    articles_of_issue,
    fetch_feeds,
    issues_without_record,
    latest_articles,
    latest_news,
    store_feeds,
)
from supporters.appeals.attribution import article_url, origin_query, origin_signer
from supporters.appeals.issues import (
    FIELDS,
    IssueForm,
    add_issue,
    block_fields,
    change_issue,
    check_issue,
    find_issue,
    list_issues,
    short_url,
)
from supporters.appeals.models import Article, PrintIssue
from supporters.donations.desk_queries import appeal_choices
from supporters.kit.errors import Conflict
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.settings import Settings
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed

PATH = "/desk/issues"
MOST_ISSUES, MOST_ARTICLES, MOST_MISSING = 200, 30, 8
DONE = ("added", "changed", "read")


@get(PATH, opt={"access": EDITS})
async def show_issues(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every issue, issues that only the feed knows, the latest articles, and how the feed fared."""
    settings = house_of(request).settings
    query = read_query(request.scope["query_string"], ["done"])
    return await desk_page(
        request,
        reading,
        "desk/issues.html",
        here="issues",
        issues=await list_issues(reading, limit=MOST_ISSUES),
        missing=await issues_without_record(reading, limit=MOST_MISSING),
        articles=_linked(await latest_articles(reading, limit=MOST_ARTICLES), settings),
        feeds=settings.feed_urls,
        news=await latest_news(reading),
        done=query.get("done") if query.get("done") in DONE else None,
    )


@post(f"{PATH}/feed", opt={"access": EDITS})
async def read_now(request: Request[Any, Any, Any]) -> Response[Any]:
    """The feed is read at once and what it says is on record; the page says what came of it (303).

    It is fetched before the transaction is opened, so that a slow site holds nobody up.
    """
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    settings = house.settings
    if settings.feed_urls:
        answers = await fetch_feeds(house.outside, settings.feed_urls, sites=settings.sites)
        async with house.db.unit_of_work() as session:
            await store_feeds(session, answers, ids=house.ids, now=house.clock.now())
    return Redirect(f"{PATH}?done=read#feed", status_code=303)


@get(f"{PATH}/new", opt={"access": EDITS})
async def new_issue(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """An empty form; a number that the feed named may stand in it."""
    query = read_query(request.scope["query_string"], ["number"])
    return await _form_page(request, reading, {"number": clean_line(query.get("number", ""), limit=20)})


@post(f"{PATH}/new", opt={"access": EDITS}, status_code=303)
async def take_new_issue(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The issue is on record (303), or the form again with what is wrong (422)."""
    house, member = house_of(request), member_of(request)
    fields = dict(await read_sealed(request, member, FIELDS))
    checked = check_issue(fields, sites=house.settings.sites)
    if checked.problems:
        return await _form_page(request, session, fields, problems=checked.problems)
    try:
        issue_id = await add_issue(session, checked.form, actor_id=member.id, ids=house.ids, now=house.clock.now())
    except Conflict as error:
        return await _form_page(request, session, fields, problems=[("number", error.message)])
    return Redirect(f"{PATH}/{issue_id}?done=added", status_code=303)


@get(f"{PATH}/{{issue_id:str}}", opt={"access": EDITS})
async def show_issue(
    request: Request[Any, Any, Any], issue_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The issue with what to print, its articles, and its form."""
    issue = await find_issue(reading, issue_id)
    return await _form_page(request, reading, _fields_of(issue), issue=issue)


@post(f"{PATH}/{{issue_id:str}}", opt={"access": EDITS}, status_code=303)
async def take_issue(
    request: Request[Any, Any, Any], issue_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The issue says what the form says (303), or the form again with what is wrong (422)."""
    house, member = house_of(request), member_of(request)
    fields = dict(await read_sealed(request, member, FIELDS))
    issue = await find_issue(session, issue_id)
    checked = check_issue(fields, sites=house.settings.sites)
    problems = checked.problems
    if not problems:
        problems = await _change(session, issue_id, checked.form, request=request)
    if problems:
        return await _form_page(request, session, fields, issue=issue, problems=problems)
    return Redirect(f"{PATH}/{issue_id}?done=changed", status_code=303)


@get(f"{PATH}/{{issue_id:str}}/qr.svg", opt={"access": EDITS})
async def show_qr(
    request: Request[Any, Any, Any], issue_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The QR code of the issue's short address as an SVG file, sharp at any size."""
    issue = await find_issue(reading, issue_id)
    address = short_url(house_of(request).settings.base_url, issue.number)
    query = read_query(request.scope["query_string"], ["download"])
    headers = {"cache-control": "no-store"}
    if "download" in query:
        headers["content-disposition"] = f'attachment; filename="issue-{_file_part(issue.number)}-qr.svg"'
    return Response(qr_svg(address), media_type="image/svg+xml", headers=headers)


def qr_svg(address: str) -> bytes:
    """The address as a QR code that still reads when a sixth of it is smudged."""
    held = BytesIO()
    code = segno.make_qr(address, error="m")
    code.save(held, kind="svg", scale=8, border=4, dark="#000", light="#fff", title=address, nl=False)
    return held.getvalue()


async def _change(
    session: AsyncSession, issue_id: str, form: IssueForm, *, request: AnyRequest
) -> list[tuple[str, str]]:
    try:
        now = house_of(request).clock.now()
        await change_issue(session, issue_id, form, actor_id=member_of(request).id, now=now)
    except Conflict as error:
        return [("number", error.message)]
    return []


async def _form_page(
    request: AnyRequest,
    session: AsyncSession,
    fields: dict[str, str],
    *,
    issue: PrintIssue | None = None,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    settings = house_of(request).settings
    query = read_query(request.scope["query_string"], ["done"])
    return await desk_page(
        request,
        session,
        "desk/issue.html",
        here="issues",
        issue=issue,
        values={name: clean_line(fields.get(name, ""), limit=1000) for name in FIELDS},
        appeals=await appeal_choices(session),
        problems=problems or [],
        done=query.get("done") if query.get("done") in DONE and not problems else None,
        printed=await _to_print(session, issue, settings) if issue else None,
    )


async def _to_print(session: AsyncSession, issue: PrintIssue, settings: Settings) -> dict[str, object]:
    """What the issue's page shows for print and for the page where its PDF is fetched."""
    address = short_url(settings.base_url, issue.number)
    fields = block_fields(issue.number, appeal=issue.appeal_slug)
    link = f"{settings.base_url}/give?{origin_query(origin_signer(settings.secret_key), fields)}"
    return {
        "short_address": address.partition("://")[2],
        "line": _("Make a donation: %(address)s") % {"address": address.partition("://")[2]},
        "block_link": link,
        "articles": _linked(await articles_of_issue(session, issue.number, limit=MOST_ARTICLES), settings),
    }


def _fields_of(issue: PrintIssue) -> dict[str, str]:
    day = issue.published_on.isoformat() if issue.published_on else ""
    return {
        **{name: cast("str", getattr(issue, name)) for name in FIELDS if name != "published_on"},
        "published_on": day,
    }


def _linked(articles: Sequence[Article], settings: Settings) -> list[tuple[Article, str | None]]:
    """Each article with its address, if that is on one of today's sites."""
    return [(each, article_url(each.site, each.path, sites=settings.sites)) for each in articles]


def _file_part(number: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in number)


HANDLERS = [show_issues, read_now, new_issue, take_new_issue, show_issue, take_issue, show_qr]
