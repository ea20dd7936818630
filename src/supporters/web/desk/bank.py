"""/desk/bank: the publisher's accounts at banks, their statements and lines."""

from datetime import date
from typing import Any

from babel.numbers import list_currencies
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.accounts import add_account, close_account, number_of, reopen_account, set_begin
from supporters.bank.fingerprint import Keys
from supporters.bank.models import BankAccount
from supporters.bank.queries import Standing, find_account, list_accounts, standings
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.web.common.access import member_of
from supporters.web.common.errors import PageError
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

PATH = "/desk/bank"
FIELDS = ("name", "currency", "number")


@get(PATH, opt={"access": DOES_BOOKS})
async def show_bank(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every account with what is known of it, and the form for another one."""
    return await _page(request, reading, {})


@post(PATH, status_code=303, opt={"access": DOES_BOOKS})
async def take_account(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The account is known, or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, FIELDS)
    currency = form.get("currency", "").strip().upper()
    if currency not in list_currencies():
        return await _page(request, session, form, ("currency", _("Write the currency as three letters, such as GBP.")))
    try:
        number = number_of(form.get("number", ""), keys=Keys(house.settings.secret_key))
    except Refused as error:
        return await _page(request, session, form, ("number", error.message))
    try:
        account_id = await add_account(
            session,
            name=form.get("name", ""),
            currency=currency,
            number=number,
            actor_id=member.id,
            ids=house.ids,
            now=house.clock.now(),
        )
    except (Refused, Conflict) as error:
        return await _page(request, session, form, ("name", error.message))
    return Redirect(f"{PATH}/{account_id}", status_code=303)


@post(PATH + "/{account_id:str}/close", status_code=303, opt={"access": DOES_BOOKS})
async def take_close(
    request: Request[Any, Any, Any], account_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The account takes no more files; what is here stays."""
    member = member_of(request)
    await read_sealed(request, member, [])
    account = await found_account(session, account_id)
    await close_account(session, account.id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{account.id}", status_code=303)


@post(PATH + "/{account_id:str}/open", status_code=303, opt={"access": DOES_BOOKS})
async def take_open(
    request: Request[Any, Any, Any], account_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The account takes files again."""
    member = member_of(request)
    await read_sealed(request, member, [])
    account = await found_account(session, account_id)
    await reopen_account(session, account.id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{account.id}", status_code=303)


@post(PATH + "/{account_id:str}/begin", status_code=303, opt={"access": DOES_BOOKS})
async def take_begin(
    request: Request[Any, Any, Any], account_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """From that day on the account's months want statements; where it is empty, from its first statement. Raises PageError."""
    house, member = house_of(request), member_of(request)
    now = house.clock.now()
    form = await read_sealed(request, member, ["starts_on"])
    account = await found_account(session, account_id)
    try:
        starts_on = date.fromisoformat(form["starts_on"].strip()) if form.get("starts_on", "").strip() else None
    except ValueError:
        raise PageError(422, _("Write the day as year, month and day: 2026-11-22. Nothing was changed.")) from None
    if starts_on and starts_on > local_date(now, house.settings.time_zone):
        raise PageError(
            422, _("This day has not come yet: until then no month would want a statement. Nothing was changed.")
        )
    await set_begin(session, account.id, starts_on, actor_id=member.id, now=now)
    return Redirect(f"{PATH}/{account.id}#begin", status_code=303)


async def found_account(session: AsyncSession, account_id: str) -> BankAccount:
    """The account. Raises NotFound."""
    account = await find_account(session, account_id) if is_ulid(account_id) else None
    if account is None:
        raise NotFound(_("There is no such account."))
    return account


def balance_of(account: BankAccount, standing: Standing) -> Money | None:
    """How much the account held at the end of its last statement, where the bank said so."""
    return None if standing.closing_minor is None else Money(standing.closing_minor, account.currency)


async def read_accounts(session: AsyncSession) -> list[tuple[BankAccount, Standing, Money | None]]:
    """Every account with how it stands and what it held."""
    known = await standings(session)
    return [
        (account, standing, balance_of(account, standing))
        for account in await list_accounts(session)
        for standing in [known.get(account.id, Standing())]
    ]


async def _page(
    request: AnyRequest, session: AsyncSession, form: Any, problem: tuple[str, str] | None = None
) -> Response[bytes]:
    rows = await read_accounts(session)
    typed = {name: str(form.get(name, "")) for name in FIELDS}
    typed["currency"] = typed["currency"] or house_of(request).settings.currency
    typed["number"] = ""  # never sent back: it may be read over a shoulder
    problems = [problem] if problem else []
    return await desk_page(request, session, "desk/bank.html", here="bank", rows=rows, typed=typed, problems=problems)


HANDLERS = [show_bank, take_account, take_close, take_open, take_begin]
