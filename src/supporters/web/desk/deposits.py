"""/desk/other-money/pay-in: cash and cheques go to the bank together, and may be taken back until the bank shows them."""

from datetime import date
from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.deposits import PayingIn, pay_in, undo_pay_in
from supporters.donations.other_models import OtherPayment
from supporters.donations.other_queries import SHOWN
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import AmountProblem, Money, parse_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.other_money import PATH, list_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

TICKS = tuple(f"p{number}" for number in range(SHOWN))
FIELDS = (*TICKS, "counted", "paid_in_on", "reference", "account")
TEXT_CHARS = 60


@post(PATH + "/pay-in", status_code=303, opt={"access": DOES_BOOKS})
async def take_pay_in(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """What was chosen is on its way into the bank, or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, FIELDS)
    typed = {name: clean_line(value, limit=TEXT_CHARS) for name, value in form.items()}
    chosen = [typed[name] for name in TICKS if is_ulid(typed.get(name, ""))]
    problems: list[tuple[str, str]] = []
    if not chosen:
        problems.append(("p0", _("Choose the cash and cheques that go to the bank.")))
    first = await session.get(OtherPayment, chosen[0]) if chosen else None
    counted = _counted(typed.get("counted", ""), first.currency if first else house.settings.currency, problems)
    day = _day(typed.get("paid_in_on", ""), problems)
    if problems or counted is None or day is None:
        return await list_page(request, session, typed, problems)
    now = house.clock.now()
    paying = PayingIn(
        payment_ids=chosen,
        counted=counted,
        paid_in_on=day,
        reference=typed.get("reference", ""),
        bank_account_id=typed.get("account") or None,
    )
    try:
        today = local_date(now, house.settings.time_zone)
        await pay_in(session, paying, actor_id=member.id, today=today, ids=house.ids, now=now)
    except (Refused, Conflict) as error:
        return await list_page(request, session, typed, [("counted", error.message)])
    return Redirect(f"{PATH}#deposits", status_code=303)


@post(PATH + "/deposits/{deposit_id:str}/undo", status_code=303, opt={"access": DOES_BOOKS})
async def take_undo(
    request: Request[Any, Any, Any], deposit_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The deposit is taken back, and its cash and cheques wait again."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await undo_pay_in(session, deposit_id, actor_id=member.id, now=house.clock.now())
    return Redirect(PATH, status_code=303)


def _counted(text: str, currency: str, problems: list[tuple[str, str]]) -> Money | None:
    try:
        return parse_amount(text, currency)
    except AmountProblem:
        problems.append(("counted", _("Write what was counted in figures: 25 or 12.50.")))
        return None


def _day(text: str, problems: list[tuple[str, str]]) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(("paid_in_on", _("Write the day as year, month and day: 2026-11-20.")))
        return None


HANDLERS = [take_pay_in, take_undo]
