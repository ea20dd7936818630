"""/desk/accounts: the chart of accounts, and what the accountant's books call each, for all money or for some of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import fund_names
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account, describe, describe_kind, kind_of
from supporters.ledger.mapping import KINDS, Wanted, faults_of, list_mapping, remove_mapping, set_mapping, takes_kind
from supporters.ledger.models import AccountMapping
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

PATH = "/desk/accounts"
WHICH = ("fund", "kind")
FIELDS = (*WHICH, "code", "name", "tax_code", "tracking")
DONE = ("saved", "removed")


class Line(msgspec.Struct, frozen=True):
    """One line of the mapping, and which money it is for in words."""

    row: AccountMapping
    money: str


class AccountView(msgspec.Struct, frozen=True):
    """One account of ours with its words and the lines of the mapping that are for it."""

    account: Account
    name: str
    about: str
    kind: str
    lines: list[Line]


@get(PATH, opt={"access": DOES_BOOKS})
async def show_accounts(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every account with what it is called outside."""
    rows, funds = await list_mapping(reading), await fund_names(reading)
    return await desk_page(
        request,
        reading,
        "desk/accounts.html",
        here="accounts",
        accounts=[account_view(account, rows, funds) for account in Account],
    )


@get(PATH + "/{code:str}", opt={"access": DOES_BOOKS})
async def show_account(
    request: Request[Any, Any, Any], code: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One account, its lines, and the form for a line; the line that the address names is filled in."""
    account = _account(code)
    asked = read_query(request.scope["query_string"], (*WHICH, "done"))
    return await _account_page(request, reading, account, asked=asked)


@post(PATH + "/{code:str}", status_code=303, opt={"access": DOES_BOOKS})
async def take_account(
    request: Request[Any, Any, Any], code: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """This money's account is called so from now on; the form again (422) where something is missing."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, FIELDS)
    wanted = _wanted(_account(code), form)
    problems = [(f"f-{name}", words) for name, words in faults_of(wanted)]
    if wanted.fund_id and wanted.fund_id not in await fund_names(session):
        problems.append(("f-fund", _("There is no such fund.")))
    if problems:
        return await _account_page(request, session, wanted.account, typed=form, problems=problems)
    await set_mapping(session, wanted, actor_id=member.id, ids=house.ids, now=house.clock.now())
    return Redirect(f"{PATH}/{code}?done=saved", status_code=303)


@post(PATH + "/{code:str}/remove", status_code=303, opt={"access": DOES_BOOKS})
async def take_removal(
    request: Request[Any, Any, Any], code: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line is gone; the next more general one counts from now on."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["line"])
    _account(code)
    await remove_mapping(session, form.get("line", ""), actor_id=member.id, now=house.clock.now())
    return Redirect(f"{PATH}/{code}?done=removed", status_code=303)


def _account(code: str) -> Account:
    try:
        return Account(code)
    except ValueError:
        raise NotFound(_("There is no such account.")) from None


def _wanted(account: Account, form: Mapping[str, str]) -> Wanted:
    return Wanted(
        account=account,
        fund_id=form.get("fund", ""),
        kind=form.get("kind", ""),
        code=form.get("code", ""),
        name=form.get("name", ""),
        tax_code=form.get("tax_code", ""),
        tracking=form.get("tracking", ""),
    )


async def _account_page(
    request: AnyRequest,
    session: AsyncSession,
    account: Account,
    *,
    asked: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    problems: Sequence[tuple[str, str]] = (),
) -> Response[bytes]:
    funds = await fund_names(session)
    view = account_view(account, await list_mapping(session), funds)
    asked = asked or {}
    done = asked.get("done", "")
    return await desk_page(
        request,
        session,
        "desk/account.html",
        here="accounts",
        problems=problems,
        view=view,
        typed=dict.fromkeys(FIELDS, "") | dict(typed or _filled(view, asked)),
        funds=sorted(funds.items(), key=lambda each: each[1]),
        kinds=[(kind, _kind_words()[kind]) for kind in KINDS] if takes_kind(account) else [],
        done=done if done in DONE else "",
    )


def _filled(view: AccountView, asked: Mapping[str, str]) -> Mapping[str, str]:
    """The line that was asked for, as the form shows it, or the general one."""
    which = (asked.get("fund", ""), asked.get("kind", ""))
    for line in view.lines:
        row = line.row
        if (row.fund_id, row.kind) == which:
            values = (row.fund_id, row.kind, row.outside_code, row.outside_name, row.tax_code, row.tracking)
            return dict(zip(FIELDS, values, strict=True))
    return dict(zip(WHICH, which, strict=True))


def account_view(account: Account, rows: Sequence[AccountMapping], funds: Mapping[str, str]) -> AccountView:
    """The account in words, with what is said of it."""
    words = describe(account)
    mine = [Line(row, _money(row, funds)) for row in rows if row.account == account.value]
    return AccountView(account, words.name, words.about, describe_kind(kind_of(account)), mine)


def _money(row: AccountMapping, funds: Mapping[str, str]) -> str:
    """Which money a line is for."""
    fund = funds.get(row.fund_id, row.fund_id)
    kind = _kind_words().get(row.kind, row.kind)
    return ", ".join(part for part in (fund, kind) if part) or _("All money")


def _kind_words() -> Mapping[str, str]:
    return {"": "", "once": _("One-off"), "monthly": _("Monthly"), "quarterly": _("Quarterly"), "yearly": _("Yearly")}


HANDLERS = [show_accounts, show_account, take_account, take_removal]
