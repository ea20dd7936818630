"""GET and POST /give, and GET /g/{appeal}: from an open form to the payment page."""

from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import post, route
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Response
from litestar.types import Method

from supporters.appeals.queries import AppealView
from supporters.donations.checkout import begin_checkout
from supporters.donations.forms import AlreadyGiven, GiveForm, GoTo, NotCharged
from supporters.donations.give import Visitor
from supporters.guard.switches import GIVING
from supporters.kit.errors import Conflict, DatabaseBusy, Refused
from supporters.kit.strings import gettext as _
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_form, read_query
from supporters.web.common.giving import Entry, Question, back_to, bar_of
from supporters.web.common.house import House, client_ip, house_of
from supporters.web.common.shell import page
from supporters.web.common.ways import Ways, ways_of
from supporters.web.site.ask import find_appeal, find_ended, outside_host, show
from supporters.web.site.form import LINK_FIELDS, SENT_FIELDS, as_chosen, check_form, choose_amount, read_entry
from supporters.web.site.offered import offered_newsletter
from supporters.web.site.raised import raised_of
from supporters.web.site.resume import entry_of_attempt
from supporters.web.site.second import ask_about_second
from supporters.web.site.shortcut import Shortcut, keep_page

AnyRequest = Request[Any, Any, Any]
PUBLIC_ROUTE = {"access": PUBLIC}
READ: tuple[Method, ...] = ("GET", "HEAD")


@route("/give", http_method=READ, opt=PUBLIC_ROUTE, middleware=[Shortcut()])
async def show_give(request: AnyRequest) -> Response[bytes]:
    """The donation page for the general fund, or for the appeal that the address names."""
    fields = as_chosen(read_query(request.scope["query_string"], LINK_FIELDS))
    return await _show_form(request, fields)


@route("/g/{slug:str}", http_method=READ, opt=PUBLIC_ROUTE, middleware=[Shortcut()])
async def show_appeal(request: AnyRequest, slug: FromPath[str]) -> Response[bytes]:
    """The donation page of one appeal; 404 with the general fund's page when there is none of that name."""
    fields = as_chosen(read_query(request.scope["query_string"], LINK_FIELDS))
    return await _show_form(request, {**fields, "appeal": slug}, status_if_unknown=404)


@post("/give", status_code=200, opt=PUBLIC_ROUTE)
async def give(request: AnyRequest) -> Response[Any]:
    """On to the payment page (303), or the form again with what was wrong with it (422, 429, 503)."""
    house = house_of(request)
    fields = await read_form(request, SENT_FIELDS)
    closed = await _closed(request, house)
    if closed is not None:
        return closed
    entry = read_entry(fields)
    appeal, notice = await _appeal(house, entry)
    token = house.tokens.read(fields.get("token", ""), now=house.clock.now())
    attempt_id = token.attempt_id if token else house.ids.ulid()
    ways = await ways_of(house)
    checked = check_form(fields, appeal, settings=house.settings, ways=ways, entry=entry)
    question = Question(
        appeal=appeal,
        entry=entry,
        attempt_id=attempt_id,
        ways=ways,
        raised=await raised_of(house, appeal),
        newsletter=await offered_newsletter(house),
        problems=checked.problems,
    )
    if notice is not None:
        fresh = msgspec.structs.replace(question, entry=_to_general(entry), notices=[notice, _once_more()])
        return show(house, fresh, status=422)
    if token is None:
        too_old = _("This page was open for a long time, so it has been renewed. Check it and press the button again.")
        return show(house, msgspec.structs.replace(question, notices=[too_old]), status=422)
    if checked.form is None:
        await _count_invalid(request, house)
        return show(house, question, status=422)
    asked = await ask_about_second(request, house, fields, checked.form)
    if asked is not None:
        return asked
    visitor = Visitor(client_ip(request), is_suspicious=token.is_too_young)
    return await _begin(request, house, question, checked.form, visitor)


async def _count_invalid(request: AnyRequest, house: House) -> None:
    """A machine that guesses at the form weighs on its network; when the database is busy nobody counts."""
    with suppress(DatabaseBusy):
        async with house.db.unit_of_work() as session:
            network = client_ip(request)
            await house.limits.count_failure(session, network=network, email=None, now=house.clock.now())


async def _begin(
    request: AnyRequest, house: House, question: Question, form: GiveForm, visitor: Visitor
) -> Response[Any]:
    """Asks for the payment page. Whatever stands in the way, the reader keeps what was typed."""
    try:
        outcome = await begin_checkout(
            house.db,
            house.gateway,
            form,
            attempt_id=question.attempt_id,
            visitor=visitor,
            limits=house.limits,
            settings=house.settings,
            ids=house.ids,
            clock=house.clock,
        )
    except Refused as error:
        return await _refused(request, house, error)
    except Conflict as error:
        house.switches.forget()
        now = msgspec.structs.replace(question, not_charged=error.message, ways=await ways_of(house))
        return show(house, now, status=409)
    except DatabaseBusy:
        words = _(
            "We could not note your donation just now, so your card was not charged. Please try again in a moment."
        )
        return show(house, msgspec.structs.replace(question, not_charged=words), status=503)
    match outcome:
        case GoTo(url):
            return Response(b"", status_code=303, headers={"location": url, "cache-control": "no-store"})
        case AlreadyGiven(_donation_id, thanks_url):
            return page(request, "site/already.html", status=409, thanks_url=thanks_url)
        case NotCharged(words):
            return show(house, msgspec.structs.replace(question, not_charged=words), status=503)


async def _show_form(request: AnyRequest, fields: dict[str, str], *, status_if_unknown: int = 200) -> Response[bytes]:
    house = house_of(request)
    closed = await _closed(request, house)
    if closed is not None:
        return closed
    if fields.get("attempt"):
        return await _show_again(house, fields["attempt"])
    entry = _with_referrer(read_entry(fields), outside_host(request, house.settings))
    ended = await find_ended(house, entry.appeal)
    if ended is not None:
        return await _show_ended(request, house, ended, entry)
    appeal, notice = await _appeal(house, entry)
    ways = await ways_of(house)
    entry, notices = _from_link(house, entry, fields, appeal, ways)
    status = 400 if notices and not _is_readable(fields) else 200
    if notice is not None:
        entry, notices, status = _to_general(entry), [notice, *notices], max(status, status_if_unknown)
    question = Question(
        appeal=appeal,
        entry=entry,
        attempt_id=house.ids.ulid(),
        ways=ways,
        raised=await raised_of(house, appeal),
        newsletter=await offered_newsletter(house),
        notices=notices,
    )
    return show(house, question, status=status, keep=partial(keep_page, house, request.scope))


async def _show_ended(request: AnyRequest, house: House, appeal: AppealView, entry: Entry) -> Response[bytes]:
    """Thanks to those who gave, what came together if it was shown before, and the way to give all the same."""
    raised = await raised_of(house, appeal)
    query = urlencode({name: value for name, value in entry.carried.items() if name in LINK_FIELDS})
    return page(
        request,
        "site/ended.html",
        appeal=appeal,
        bar=bar_of(appeal, raised, house.settings, is_over=True),
        back=back_to(entry, house.settings),
        general_url=f"/give?{query}" if query else "/give",
    )


async def _show_again(house: House, signed: str) -> Response[bytes]:
    """The form of an attempt that was left on the payment page, as it was sent."""
    found = await entry_of_attempt(house, signed)
    entry = found.entry if found else Entry()
    appeal, _notice = await _appeal(house, entry)
    back = _("Nothing was paid and your card was not charged. What you filled in is still here.")
    gone = _("That page is no longer here. Nothing was charged; you can start again.")
    question = Question(
        appeal=appeal,
        entry=entry,
        attempt_id=found.attempt_id if found else house.ids.ulid(),
        ways=await ways_of(house),
        raised=await raised_of(house, appeal),
        newsletter=await offered_newsletter(house),
        notices=[back if found else gone],
    )
    return show(house, question)


def _from_link(
    house: House, entry: Entry, fields: dict[str, str], appeal: AppealView, ways: Ways
) -> tuple[Entry, list[str]]:
    """What an address chose for the reader, and what has to be said about it."""
    notices: list[str] = []
    wanted = fields.get("frequency", "")
    if wanted and not entry.frequency:
        notices.append(_("The link named a frequency that we do not know. Choose one here."))
    if entry.frequency in {"monthly", "yearly"} and not ways.is_recurring:
        entry = msgspec.structs.replace(entry, frequency="once", ladder="", other="")
        if ways.offers_recurring:
            notices.append(_("Monthly and yearly donations are not possible at the moment. You can give once."))
    elif fields.get("amount"):
        entry, words = choose_amount(entry, fields["amount"], appeal, house.settings)
        notices += [words] if words else []
    elif entry.ladder and entry.ladder != "other":
        entry, words = choose_amount(entry, entry.ladder, appeal, house.settings)
        notices += [words] if words else []
    return entry, notices


def _is_readable(fields: dict[str, str]) -> bool:
    """Whether an address says only things that a form of ours could say. A wrong one still gets the page, as a 400."""
    return fields.get("frequency", "") in {"", "once", "monthly", "yearly"} and not _garbled(fields.get("amount", ""))


def _garbled(amount: str) -> bool:
    return bool(amount) and not any(char.isdigit() for char in amount)


async def _appeal(house: House, entry: Entry) -> tuple[AppealView, str | None]:
    appeal, notice = await find_appeal(house, entry.appeal)
    if appeal is None:
        raise PageError(503, _("There is nothing to give to here yet. No money has been taken."))
    return appeal, notice


async def _closed(request: AnyRequest, house: House) -> Response[bytes] | None:
    """The page with the staff's words while giving is switched off."""
    try:
        switch = await house.switches.get(GIVING)
    except DatabaseBusy:
        return None  # the attempt itself asks again, in its own transaction
    if not switch.is_off:
        return None
    words = switch.words or _("Giving is switched off at the moment. No money has been taken.")
    return page(request, "site/closed.html", status=503, words=words)


async def _refused(request: AnyRequest, house: House, error: Refused) -> Response[bytes]:
    house.switches.forget()
    closed = await _closed(request, house)
    return closed or page(request, "site/refused.html", status=429, words=error.message, headers={"retry-after": "600"})


def _with_referrer(entry: Entry, host: str | None) -> Entry:
    return msgspec.structs.replace(entry, carried={**entry.carried, "referrer": host}) if host else entry


def _to_general(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, appeal="")


def _once_more() -> str:
    return _("No money has been taken. If that is what you want, press the button again.")
