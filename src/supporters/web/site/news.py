"""/news: signing up for the newsletter, from our own page or from any article, and confirming it.

A form on another site may post here: no cookie is read, the numbers are limited, and only a mailed button confirms.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import article_url, whole_address
from supporters.appeals.rules import ORIGIN_FIELDS, clean_claim, origin_of
from supporters.kit.errors import DeadLink, Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import is_printable
from supporters.newsletters.actions import confirm_signup
from supporters.newsletters.links import NewsletterLinks
from supporters.newsletters.queries import ListLine, pending_signup, public_lists
from supporters.newsletters.rules import read_form_value
from supporters.newsletters.signup import request_signup
from supporters.newsletters.words import in_a_row
from supporters.people.matching import EmailProblem, read_email
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_form, read_query
from supporters.web.common.house import client_ip, house_of
from supporters.web.common.shell import AnyRequest, error_page, page
from supporters.web.site import news_choices

PATH = "/news"
ARTICLE_CHARS = 1_000
FORMS = frozenset({"news", "snippet", "thanks"})
# The snippet sends along where the reader came from, as with a donation; of that, only the article matters here.
FIELDS = frozenset({"email", "list", "form", "referrer", *ORIGIN_FIELDS})
# Not "no-referrer": browsers would then send `Origin: null` with our own forms.
PRIVATE = {"referrer-policy": "same-origin", "x-robots-tag": "noindex"}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The form as it was sent or opened: `article` as the page named it, `chosen` short names of lists."""

    email: str = ""
    article: str = ""
    form: str = "news"
    chosen: Sequence[str] = ()
    marks: Mapping[str, str] = {}  # of the words that the form was made with, by short name


class Article(msgspec.Struct, frozen=True):
    """The page that the reader came from: its path for the evidence, its address for the way back."""

    path: str
    url: str | None


@route(PATH, http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_news(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The public lists and one field."""
    lists = await public_lists(reading)
    asked = read_query(request.scope["query_string"], ("list", "article"))
    chosen = [asked["list"]] if any(each.slug == asked.get("list") for each in lists) else []
    return _form(request, lists, Entry(article=asked.get("article", "")[:ARTICLE_CHARS], chosen=chosen), [])


@post(PATH, status_code=200, opt={"access": PUBLIC, "cross_site": True})
async def take_news(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[bytes]:
    """If the address can receive it, a letter is on its way: the same answer for every address.

    422 with the form again for what is no address or no list, 429 for a network that asks too often.
    """
    house = house_of(request)
    lists = await public_lists(session)
    boxes = {f"list-{each.slug}": each.slug for each in lists}
    form = await read_form(request, FIELDS | boxes.keys())
    entry = _entry(request, form, boxes)
    problems: list[tuple[str, str]] = []
    email = _email(form.get("email", ""), problems)
    slugs = _slugs(entry, lists, problems)
    if problems:
        return _form(request, lists, entry, problems)
    article = _article(request, entry.article)
    try:
        await request_signup(
            session,
            slugs=slugs,
            email=email,
            form=entry.form,
            path=article.path,
            network=client_ip(request),
            marks=entry.marks,
            settings=house.settings,
            ids=house.ids,
            now=house.clock.now(),
        )
    except Refused as refused:
        return error_page(request, 429, refused.message, retry_after=3600)
    return page(request, "site/news_sent.html", headers=PRIVATE, back_url=article.url)


@route("/news/confirm/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_confirm(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """What will come and how often, with the one button; once it was pressed, that it worked."""
    house = house_of(request)
    signup_id = _links(request).read_confirm(token)
    found = await pending_signup(reading, signup_id, now=house.clock.now()) if signup_id else None
    if found is None:
        raise _unknown()
    return page(
        request,
        "site/news_confirm.html",
        headers=PRIVATE,
        found=found,
        names=in_a_row([each.name for each in found.lists]),
        slugs=",".join(each.slug for each in found.lists),
        preferences_url=_links(request).preferences_url(found.subscriber_id),
    )


@post("/news/confirm/{token:str}", status_code=303, opt={"access": PUBLIC})
async def take_confirm(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The lists that the page named are confirmed; a second press changes nothing."""
    house = house_of(request)
    signup_id = _links(request).read_confirm(token)
    if signup_id is None:
        raise _unknown()
    form = await read_form(request, ("lists",))
    await confirm_signup(
        session,
        signup_id,
        slugs=form.get("lists", "").split(","),
        settings=house.settings,
        ids=house.ids,
        now=house.clock.now(),
    )
    return Redirect(f"/news/confirm/{token}", status_code=303)


def _entry(request: AnyRequest, form: dict[str, str], boxes: dict[str, str]) -> Entry:
    named = form.get("form", "")
    is_foreign = "placement" in form or request.headers.get("sec-fetch-site", "") == "cross-site"
    kind = named if named in FORMS else "snippet" if is_foreign else "news"
    told = [(slug, read_form_value(form[box])[1]) for box, slug in boxes.items() if box in form]
    if form.get("list"):
        told.append(read_form_value(form["list"]))
    return Entry(
        email=form.get("email", "").strip()[:254],
        article=form.get("article", "")[:ARTICLE_CHARS],
        form=kind,
        chosen=[slug for slug, _mark in told],
        # a page of our own is as new as the words; what lies in a page elsewhere must say so
        marks={slug: mark for slug, mark in told if mark or kind == "snippet"},
    )


def _email(text: str, problems: list[tuple[str, str]]) -> str:
    try:
        if not all(map(is_printable, text)):
            raise PageError(422, "")
        return read_email(text)
    except EmailProblem as problem:
        is_empty = problem.fault == "empty"
    except PageError:
        is_empty = False
    words = _("Enter your email address") if is_empty else _("Enter an email address in the format name@example.org")
    problems.append(("email", words))
    return ""


def _slugs(entry: Entry, lists: Sequence[ListLine], problems: list[tuple[str, str]]) -> list[str]:
    """The lists asked for. The only one there is need not be named."""
    known = [each.slug for each in lists]
    chosen = [slug for slug in known if slug in entry.chosen]
    if chosen:
        return chosen
    if len(known) == 1 and not entry.chosen:
        return known
    problems.append(("list", _("Choose what you want to get")))
    return []


def _article(request: AnyRequest, text: str) -> Article:
    """Only a page on one of our own sites counts: another address leads nowhere, and is no evidence."""
    sites = house_of(request).settings.sites
    address = whole_address(text, origin=request.headers.get("origin", ""), sites=sites)
    claim = clean_claim({"article": address}, sites=sites)
    came_from = origin_of(request.headers.get("origin", ""))
    site = claim.site or (came_from if came_from in {origin_of(each) for each in sites} else None)
    return Article(claim.article_path or PATH, article_url(site, claim.article_path, sites=sites))


def _form(
    request: AnyRequest, lists: Sequence[ListLine], entry: Entry, problems: list[tuple[str, str]]
) -> Response[bytes]:
    if not lists:
        raise PageError(404, _("There is no newsletter to sign up for at the moment."))
    return page(
        request,
        "site/news.html",
        status=422 if problems else 200,
        lists=lists,
        entry=entry,
        problems=problems,
        problem=dict(problems),
    )


def _links(request: AnyRequest) -> NewsletterLinks:
    settings = house_of(request).settings
    return NewsletterLinks(settings.secret_key, settings.base_url)


def _unknown() -> DeadLink:
    words = _("This link has run out, or not all of it was copied. Sign up again, and a new letter comes.")
    return DeadLink(words, way=(_("Sign up again"), PATH))


HANDLERS = [show_news, take_news, show_confirm, take_confirm, *news_choices.HANDLERS]
