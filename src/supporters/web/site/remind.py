"""/remind: asking to be asked again in a later month. One letter then, and the address is gone."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from email_validator import EmailNotValidError, validate_email
from litestar import get, post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import article_url, whole_address
from supporters.appeals.rules import clean_claim
from supporters.guard.rules import network_key
from supporters.kit.errors import DeadLink, Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line, is_printable
from supporters.prompts.reminders import (
    ReminderLinks,
    ask_reminder,
    cancel_reminder,
    confirm_reminder,
    months_offered,
    reminder_of,
)
from supporters.prompts.words import month_name
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_body, read_form, read_query
from supporters.web.common.house import House, client_ip, house_of
from supporters.web.common.shell import page

FIELDS = ("email", "month", "article", "issue")  # the issue is sent along by the foot of an article, and not looked at
ARTICLE_CHARS = 1_000
EMAIL_CHARS = 254
ONE_CLICK_BYTES = 16_384  # a mail program sends one field, as a form or in parts
# Not "no-referrer": browsers would then send `Origin: null` with our own forms.
PRIVATE = {"referrer-policy": "same-origin", "x-robots-tag": "noindex"}


class Month(msgspec.Struct, frozen=True):
    """One month that a reader may choose: "2027-01", and how it is called."""

    value: str
    face: str


@route("/remind", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_remind(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The form: an address and a month."""
    return _form(request, read_query(request.scope["query_string"], FIELDS), [])


@post("/remind", status_code=303, opt={"access": PUBLIC, "cross_site": True})
async def take_remind(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """A letter with a button is on its way. Taken from any site: no cookie is read, and only the letter confirms.

    The answer is the same for every address. 422 with the form again, 429 for a network that asks too often.
    """
    house = house_of(request)
    form = await read_form(request, FIELDS)
    problems: list[tuple[str, str]] = []
    email, month = _email_of(form.get("email", ""), problems), _month_of(house, form.get("month", ""), problems)
    if problems or month is None:
        return _form(request, form, problems, status=422)
    try:
        await ask_reminder(
            session,
            email=email,
            month=month,
            network=network_key(client_ip(request)),
            settings=house.settings,
            ids=house.ids,
            now=house.clock.now(),
        )
    except Refused as refused:
        raise PageError(429, refused.message) from refused
    url = _article_url(request, form.get("article", ""))
    return Redirect(f"/remind/asked?{urlencode({'article': url})}" if url else "/remind/asked", status_code=303)


@get("/remind/asked", opt={"access": PUBLIC})
async def show_asked(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Check your inbox: the same for everybody, with the way back to the article where one was told."""
    told = read_query(request.scope["query_string"], ("article",)).get("article", "")[:ARTICLE_CHARS]
    return page(request, "site/remind_asked.html", back_url=_article_url(request, told))


@route("/remind/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_confirm(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The page that the letter leads to: one button. Looking changes nothing."""
    house = house_of(request)
    found = await reminder_of(reading, _read(house, token))
    if found is None:
        raise _gone()
    return page(
        request,
        "site/remind_confirm.html",
        headers=PRIVATE,
        token=token,
        is_set=found.is_confirmed,
        month=month_name(found.month, house.settings.locale),
        cancel_url=_links(house).cancel_url(found.id),
    )


@post("/remind/{token:str}", status_code=303, opt={"access": PUBLIC})
async def take_confirm(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The reminder is set; pressing twice is the same."""
    if not await confirm_reminder(session, _read(house_of(request), token)):
        raise _gone()
    return Redirect(f"/remind/{token}", status_code=303, headers=PRIVATE)


@route("/remind/cancel/{token:str}", http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_cancel(request: Request[Any, Any, Any], token: FromPath[str]) -> Response[bytes]:
    """The page with the button that cancels. The same whatever is left to cancel; looking changes nothing."""
    _read_cancel(house_of(request), token)
    return page(request, "site/remind_cancel.html", headers=PRIVATE, is_done=False)


@post("/remind/cancel/{token:str}", status_code=200, opt={"access": PUBLIC, "cross_site": True})
async def take_cancel(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The reminder is cancelled, now: mail programs post here by themselves (RFC 8058). What the body says makes no
    difference; a second time changes nothing.
    """
    await read_body(request, largest=ONE_CLICK_BYTES)
    await cancel_reminder(session, _read_cancel(house_of(request), token))
    return page(request, "site/remind_cancel.html", headers=PRIVATE, is_done=True)


def _form(
    request: Request[Any, Any, Any], told: dict[str, str], problems: list[tuple[str, str]], *, status: int = 200
) -> Response[bytes]:
    offered = months(house_of(request))
    wished = clean_line(told.get("month", ""), limit=10)
    return page(
        request,
        "site/remind.html",
        status=status,
        months=offered,
        chosen=wished if any(month.value == wished for month in offered) else offered[0].value,
        email=clean_line(told.get("email", ""), limit=EMAIL_CHARS),
        article=told.get("article", "")[:ARTICLE_CHARS],
        problems=problems,
        problem=dict(reversed(problems)),
    )


def _article_url(request: Request[Any, Any, Any], text: str) -> str | None:
    """Only a page on one of our own sites is led back to. A bare path is one of the site that the form was sent from."""
    sites = house_of(request).settings.sites
    address = whole_address(text[:ARTICLE_CHARS], origin=request.headers.get("origin", ""), sites=sites)
    claim = clean_claim({"article": address}, sites=sites)
    return article_url(claim.site, claim.article_path, sites=sites)


def months(house: House) -> list[Month]:
    """The months of the form, counted from today at the publisher's."""
    locale = house.settings.locale
    return [Month(f"{day:%Y-%m}", f"{month_name(day, locale)} {day.year}") for day in months_offered(_today(house))]


def _today(house: House) -> date:
    return house.clock.now().astimezone(ZoneInfo(house.settings.time_zone)).date()


def _month_of(house: House, text: str, problems: list[tuple[str, str]]) -> date | None:
    """The month chosen; the nearest when none was said, as from the foot of an article."""
    offered = months_offered(_today(house))
    if not text.strip():
        return offered[0]
    found = next((day for day in offered if f"{day:%Y-%m}" == text.strip()), None)
    if found is None:
        problems.append(("month", _("Choose one of these months")))
    return found


def _email_of(text: str, problems: list[tuple[str, str]]) -> str:
    typed = text.strip()
    try:
        if len(typed) > EMAIL_CHARS or not all(map(is_printable, typed)):
            raise EmailNotValidError
        return validate_email(typed, check_deliverability=False).normalized
    except EmailNotValidError:
        problems.append(("email", _("Enter an email address in the format name@example.org")))
        return ""


def _read(house: House, token: str) -> str:
    found = _links(house).read(token)
    if found is None:
        raise _gone()
    return found


def _read_cancel(house: House, token: str) -> str:
    found = _links(house).read_cancel(token)
    if found is None:
        raise DeadLink(_("This link is not complete. Copy the whole of it from the email, and try again."))
    return found


def _links(house: House) -> ReminderLinks:
    return ReminderLinks(house.settings.secret_key, house.settings.base_url)


def _gone() -> DeadLink:
    words = _(
        "There is no reminder at this address. It was sent, cancelled, or not confirmed within seven days; "
        "in each case your address is deleted."
    )
    return DeadLink(words, way=(_("Set another reminder"), "/remind"))


HANDLERS = [show_remind, take_remind, show_asked, show_confirm, take_confirm, show_cancel, take_cancel]
