"""/other-ways: giving by bank transfer or standing order, without a script and without a card."""

from typing import Any

import msgspec
from litestar import get, post, route
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import published_appeal
from supporters.donations.models import Frequency
from supporters.donations.other_models import GivingAccount, Promise
from supporters.donations.promises import PromiseForm, account_of, make_promise, may_promise
from supporters.kit.errors import Conflict, DeadLink
from supporters.kit.ids import is_ulid
from supporters.kit.money import AmountProblem, Money, Problem, check_limits, parse_amount
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line, is_printable
from supporters.people.matching import EmailProblem, read_email
from supporters.receipts.issue import mail_domain
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_form, read_query
from supporters.web.common.house import House, client_ip, house_of
from supporters.web.common.shell import AnyRequest, page
from supporters.web.site.form import amount_words

PATH = "/other-ways"
FIELDS = ("token", "appeal", "amount", "frequency", "email", "name")
SENT_BY_BANK = (Frequency.ONCE, Frequency.MONTHLY, Frequency.YEARLY)
NAME_CHARS, EMAIL_CHARS, AMOUNT_CHARS, SLUG_CHARS = 120, 254, 40, 80
PRIVATE = {"referrer-policy": "same-origin", "x-robots-tag": "noindex"}


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """The form as it was filled in."""

    amount: str = ""
    frequency: str = ""
    email: str = ""
    name: str = ""
    appeal: str = ""


@route(PATH, http_method=["GET", "HEAD"], opt={"access": PUBLIC})
async def show_ways(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The bank account, and the form that makes a reference."""
    typed = _typed(read_query(request.scope["query_string"], ("amount", "appeal", "frequency")))
    return await _form(request, reading, typed, house_of(request).ids.ulid())


@post(PATH, status_code=303, opt={"access": PUBLIC})
async def take_promise(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The promise is on record and its page shows the reference, or the form comes back (422, 429)."""
    house = house_of(request)
    fields = await read_form(request, FIELDS)
    now, typed = house.clock.now(), _typed(fields)
    token = house.tokens.read(fields.get("token", ""), now=now)
    if token is None:
        renewed = [("amount", _("This page was open for a long time, so it has been renewed. Press the button again"))]
        return await _form(request, session, typed, house.ids.ulid(), renewed)
    checked = _check(fields, typed, house)
    if isinstance(checked, list):
        return await _form(request, session, typed, token.attempt_id, checked)
    digest = house.limits.network_digest(client_ip(request))
    if not await may_promise(session, network_digest=digest, email=checked.email, now=now):
        raise PageError(429, _("There were too many promises from where you are. Please try again in an hour."))
    appeal = await published_appeal(session, typed.appeal) if typed.appeal else None
    try:
        promise = await make_promise(
            session,
            msgspec.structs.replace(
                checked, attempt_id=token.attempt_id, **({"appeal_slug": appeal.slug} if appeal else {})
            ),
            network_digest=digest,
            domain=mail_domain(house.settings),
            ids=house.ids,
            now=now,
            settings=house.settings,
        )
    except Conflict as problem:
        return await _form(request, session, typed, token.attempt_id, [("amount", problem.message)])
    signed = _signer(house).sign(promise.id)
    return Redirect(f"{PATH}/{signed}", status_code=303, headers=PRIVATE)


@get(PATH + "/{token:str}", opt={"access": PUBLIC})
async def show_promise(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """What to tell the bank: account, amount, and the reference. No name or address is shown."""
    promise_id = _signer(house_of(request)).unsign(token)
    promise = await reading.get(Promise, promise_id) if promise_id and is_ulid(promise_id) else None
    if promise is None:
        raise DeadLink(_("This link is not complete. Copy the whole of it, and try again."), way=(_("Give"), "/give"))
    account = await reading.get(GivingAccount, promise.currency)
    return page(
        request,
        "site/other_ways_made.html",
        headers=PRIVATE,
        promise=promise,
        amount=Money(promise.amount_minor, promise.currency),
        account=account,
    )


def _signer(house: House) -> Signer:
    return Signer(house.settings.secret_key, "promise-page")


def _typed(fields: dict[str, str]) -> Typed:
    frequency = fields.get("frequency", "")
    return Typed(
        amount=clean_line(fields.get("amount", ""), limit=AMOUNT_CHARS),
        frequency=frequency if frequency in set(SENT_BY_BANK) else "",
        email=clean_line(fields.get("email", ""), limit=EMAIL_CHARS),
        name=clean_line(fields.get("name", ""), limit=NAME_CHARS),
        appeal=clean_line(fields.get("appeal", ""), limit=SLUG_CHARS),
    )


def _check(fields: dict[str, str], typed: Typed, house: House) -> PromiseForm | list[tuple[str, str]]:
    """The promise that the form makes, or all that is wrong with it, in the order of the page."""
    problems: list[tuple[str, str]] = []
    if not typed.frequency:
        problems.append(("frequency", _("Choose how often you want to give")))
    amount = _amount(fields.get("amount", ""), house, problems)
    email = _email(fields.get("email", ""), problems)
    if not typed.name:
        problems.append(("name", _("Enter your name")))
    elif len(fields.get("name", "").strip()) > NAME_CHARS:
        problems.append(("name", _("A name here has at most 120 characters")))
    if problems or amount is None:
        return problems
    return PromiseForm(attempt_id="", amount=amount, frequency=Frequency(typed.frequency), email=email, name=typed.name)


def _amount(text: str, house: House, problems: list[tuple[str, str]]) -> Money | None:
    settings = house.settings
    try:
        amount = parse_amount(text, settings.currency)
        check_limits(amount, minimum_minor=settings.minimum_minor, maximum_minor=settings.maximum_minor)
    except AmountProblem as error:
        is_empty = error.problem is Problem.EMPTY
        words = _("Enter an amount in numbers, like 12.50") if is_empty else amount_words(error.problem, settings)
        problems.append(("amount", words))
        return None
    return amount


def _email(text: str, problems: list[tuple[str, str]]) -> str:
    try:
        if all(map(is_printable, text.strip())):
            return read_email(text)
    except EmailProblem:
        pass
    empty = _("Enter your email address, so that your reference and receipt find you")
    problems.append(("email", _("Enter an email address in the format name@example.org") if text.strip() else empty))
    return ""


async def _form(
    request: AnyRequest,
    session: AsyncSession,
    typed: Typed,
    attempt_id: str,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    house = house_of(request)
    appeal = await published_appeal(session, typed.appeal) if typed.appeal else None
    return page(
        request,
        "site/other_ways.html",
        status=422 if problems else 200,
        account=await account_of(session, house.settings.currency),
        appeal=appeal,
        typed=typed,
        token=house.tokens.issue(attempt_id, now=house.clock.now()),
        problems=problems or [],
        problem=dict(reversed(problems or [])),
    )


HANDLERS = [show_ways, take_promise, show_promise]
