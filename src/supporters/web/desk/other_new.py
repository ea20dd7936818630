"""/desk/other-money/new: writing down money that came; and the account that readers are asked to pay into."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from babel.numbers import list_currencies
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, AppealView, published_appeals
from supporters.donations.giving_accounts import set_giving_account
from supporters.donations.other_models import OtherKind, OtherPayment
from supporters.donations.other_queries import Namesake, find_namesakes, find_written, list_giving_accounts
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import AmountProblem, Money, parse_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.people.matching import EmailProblem, read_email
from supporters.reconciliation.other_money import Giver, NewPayment, record_payment
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.other_money import PATH
from supporters.web.desk.other_words import kind_words
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.step_up import read_proved

FIELDS = (
    "kind", "amount", "currency", "received_on", "name", "email", "appeal", "cheque_number", "note", "whose",
    "attempt",
)  # fmt: skip
ACCOUNT_FIELDS = ("currency", "holder", "numbers", "shown")
KINDS = (OtherKind.CASH, OtherKind.CHEQUE, OtherKind.TRANSFER)
NAME_CHARS, EMAIL_CHARS, NOTE_CHARS, NUMBERS_CHARS = 120, 254, 400, 400
SOMEBODY_NEW = "new"


@get(PATH + "/new", opt={"access": DOES_BOOKS})
async def show_new(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The form in which staff write money down."""
    return await _page(request, reading, {}, [])


@post(PATH + "/new", status_code=303, opt={"access": DOES_BOOKS})
async def take_new(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The money is written down, or the form comes back (422); so it does once where somebody of that name is on file."""
    house, member = house_of(request), member_of(request)
    typed = dict(await read_sealed(request, member, FIELDS))
    problems: list[tuple[str, str]] = []
    appeals = await published_appeals(session)
    new = _read(typed, appeals, house, problems)
    if new and await _is_written(session, new):
        return Redirect(f"{PATH}/{new.payment_id}", status_code=303)
    namesakes = await find_namesakes(session, new.giver.name) if new and not new.giver.email else []
    if new and namesakes and not _is_chosen(typed.get("whose", ""), namesakes):
        problems.append(("whose", _("Somebody of this name is on file. Say whether it is the same person.")))
    if problems or new is None:
        return await _page(request, session, typed, problems, namesakes)
    if await session.get(OtherPayment, new.payment_id):  # the form, changed after it was sent, is another payment
        new = msgspec.structs.replace(new, payment_id=None)
    now = house.clock.now()
    try:
        recorded = await record_payment(
            session, new, actor_id=member.id, ids=house.ids, now=now, settings=house.settings
        )
    except (Refused, NotFound) as error:
        return await _page(request, session, typed, [("received_on", error.message)], namesakes)
    return Redirect(f"{PATH}/{recorded.payment_id}", status_code=303)


@get(PATH + "/account", opt={"access": DOES_BOOKS})
async def show_giving_account(
    request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """What readers see who want to pay by bank."""
    return await _account_page(request, reading, {}, [])


@post(PATH + "/account", status_code=303, opt={"access": DOES_BOOKS, "proof": True})
async def take_giving_account(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """Readers see these details from now on. Whoever could change them unseen could have the money."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, ACCOUNT_FIELDS)
    if isinstance(form, Response):
        return form
    typed = {"shown": ""} | dict(form)
    currency = typed.get("currency", "").strip().upper()
    if currency not in list_currencies():
        wrong = ("currency", _("Write the currency as three letters, such as GBP."))
        return await _account_page(request, session, typed, [wrong])
    try:
        await set_giving_account(
            session,
            currency=currency,
            holder=typed.get("holder", ""),
            numbers=typed.get("numbers", ""),
            is_shown=typed["shown"] == "yes",
            actor_id=member.id,
            now=house.clock.now(),
        )
    except Refused as error:
        return await _account_page(request, session, typed, [("numbers", error.message)])
    return Redirect(PATH + "/account", status_code=303)


def _read(
    typed: Mapping[str, str], appeals: Sequence[AppealView], house: House, problems: list[tuple[str, str]]
) -> NewPayment | None:
    """What the form says, or None with all that is wrong with it, in the order of the page."""
    if typed.get("kind") not in {each.value for each in KINDS}:
        problems.append(("kind", _("Choose how the money came.")))
    amount = read_money(typed, house, problems)
    received_on = read_day(typed.get("received_on", ""), problems)
    name = clean_line(typed.get("name", ""), limit=NAME_CHARS)
    if not name:
        problems.append(
            ("name", _("Write who gave it. If nobody can know, write where it was found: “Collection box”."))
        )
    email = _email(typed.get("email", ""), problems)
    slug = typed.get("appeal") or GENERAL
    appeal = next((each for each in appeals if each.slug == slug), None)
    if appeal is None:
        problems.append(("appeal", _("Choose what it is for.")))
    if problems or amount is None or received_on is None or appeal is None:
        return None
    whose = typed.get("whose", "")
    return NewPayment(
        giver=Giver(supporter_id=whose if not email and is_ulid(whose) else None, name=name, email=email),
        kind=OtherKind(typed["kind"]),
        amount=amount,
        received_on=received_on,
        appeal_id=appeal.id,
        locale=house.settings.locale,
        livemode=not house.settings.is_test_mode,
        cheque_number=typed.get("cheque_number", ""),
        note=typed.get("note", "")[:NOTE_CHARS],
        payment_id=_attempt(typed, house),
    )


def _attempt(typed: Mapping[str, str], house: House) -> str:
    """The id that the form came with; a form without one gets one."""
    attempt = typed.get("attempt", "")
    return attempt if is_ulid(attempt) else house.ids.ulid()


async def _is_written(session: AsyncSession, new: NewPayment) -> bool:
    written = await find_written(
        session,
        new.payment_id or "",
        kind=new.kind.value,
        amount=new.amount,
        received_on=new.received_on,
        name=new.giver.name,
    )
    return written is not None


def _is_chosen(whose: str, namesakes: Sequence[Namesake]) -> bool:
    return whose == SOMEBODY_NEW or any(each.id == whose for each in namesakes)


def read_money(
    typed: Mapping[str, str], house: House, problems: list[tuple[str, str]], field: str = "amount"
) -> Money | None:
    """The amount and currency that were typed, more than nothing; None with what is wrong."""
    currency = (typed.get("currency") or house.settings.currency).strip().upper()
    if currency not in list_currencies():
        problems.append(("currency", _("Write the currency as three letters, such as GBP.")))
        return None
    try:
        amount = parse_amount(typed.get("amount", ""), currency)
    except AmountProblem:
        problems.append((field, _("Write an amount in figures: 25 or 12.50.")))
        return None
    if amount.minor <= 0:
        problems.append((field, _("The amount must be more than nothing.")))
        return None
    return amount


def read_day(text: str, problems: list[tuple[str, str]], field: str = "received_on") -> date | None:
    """The day that was typed; None with what is wrong."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        problems.append((field, _("Write the day as year, month and day: 2026-11-20.")))
        return None


def _email(text: str, problems: list[tuple[str, str]]) -> str:
    try:
        return read_email(text) if text.strip() else ""
    except EmailProblem:
        problems.append(("email", _("Enter an email address in the format name@example.org")))
        return ""


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    typed: Mapping[str, str],
    problems: list[tuple[str, str]],
    namesakes: Sequence[Namesake] = (),
) -> Response[bytes]:
    house = house_of(request)
    today = local_date(house.clock.now(), house.settings.time_zone)
    usual = dict.fromkeys(FIELDS, "") | {"currency": house.settings.currency, "received_on": today.isoformat()}
    cleaned = {name: clean_line(value, limit=NOTE_CHARS) for name, value in typed.items()}
    cleaned["attempt"] = _attempt(typed, house)
    return await desk_page(
        request,
        session,
        "desk/other_new.html",
        here="other_money",
        typed=usual | cleaned,
        kinds=[(each.value, kind_words(each.value)) for each in KINDS],
        appeals=[(each.slug, each.name or each.heading) for each in await published_appeals(session)],
        namesakes=namesakes,
        today=today,
        problems=problems,
    )


async def _account_page(
    request: AnyRequest, session: AsyncSession, typed: Mapping[str, str], problems: list[tuple[str, str]]
) -> Response[bytes]:
    known = await list_giving_accounts(session)
    currency = house_of(request).settings.currency
    mine = next((each for each in known if each.currency == currency), None)
    usual = {"currency": currency, "holder": "", "numbers": "", "shown": ""}
    if mine:
        usual |= {"holder": mine.holder, "numbers": mine.numbers, "shown": "yes" if mine.is_shown else ""}
    cleaned = {name: value.strip()[:NUMBERS_CHARS] for name, value in typed.items()}
    return await desk_page(
        request,
        session,
        "desk/giving_account.html",
        here="other_money",
        accounts=known,
        typed=usual | cleaned,
        problems=problems,
    )


HANDLERS = [show_new, take_new, show_giving_account, take_giving_account]
