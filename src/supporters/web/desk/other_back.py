"""/desk/other-money/{payment}/back: money that never met Stripe was paid back to its giver; or that was a mistake."""

from contextlib import suppress
from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import RefundReason
from supporters.donations.other_models import RefundWay
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.reconciliation.money_back import Back, left_of, take_refund_back
from supporters.reconciliation.other_money import NOTE_CHARS, held_payment
from supporters.reconciliation.second_request import Deed, Done, MissingAlone, withdraw
from supporters.reconciliation.two_deeds import agree_to_pay_back, pay_back_or_ask
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.month_words import read_moment
from supporters.web.desk.other_money import PATH, payment_page
from supporters.web.desk.other_new import read_day, read_money
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.second import tell_colleagues, who_of
from supporters.web.desk.step_up import read_proved

FIELDS = ("back_amount", "way", "paid_on", "reason", "back_words", "alone", "left")


@post(PATH + "/{payment_id:str}/back", status_code=303, opt={"access": DOES_BOOKS, "proof": True})
async def take_back_form(
    request: Request[Any, Any, Any], payment_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The refund is on record and in the books or waits for a second person, or the page comes back with what is wrong (422)."""
    house = house_of(request)
    form = await read_proved(request, FIELDS)
    if isinstance(form, Response):
        return form
    if not is_ulid(payment_id):
        raise NotFound(_("There is no such payment."))
    payment = await held_payment(session, payment_id)
    typed = {name: clean_line(form.get(name, ""), limit=NOTE_CHARS) for name in FIELDS}
    if typed.pop("left") != str((await left_of(session, payment)).minor):
        raise Conflict(_("Something was paid back meanwhile, so nothing was done. Look at the payment again."))
    problems: list[tuple[str, str]] = []
    amount = read_money(
        {"amount": typed["back_amount"], "currency": payment.currency}, house, problems, field="back_amount"
    )
    if typed["way"] not in set(RefundWay):
        problems.append(("way", _("Choose how it was paid back.")))
    paid_on = read_day(typed["paid_on"], problems, field="paid_on")
    if typed["reason"] not in set(RefundReason):
        problems.append(("reason", _("Choose why.")))
    if problems or amount is None or paid_on is None:
        return await payment_page(request, session, payment_id, problems, typed)
    back = Back(
        amount=amount,
        way=RefundWay(typed["way"]),
        paid_on=paid_on,
        reason=RefundReason(typed["reason"]),
        words=typed["back_words"],
    )
    who, most = who_of(request, alone=typed["alone"]), house.settings.second_person_above_minor
    try:
        async with session.begin_nested():
            done = await pay_back_or_ask(
                session, payment_id, back, who, second_above_minor=most, settings=house.settings
            )
    except (Refused, Conflict) as error:
        place = "alone" if isinstance(error, MissingAlone) else "back_amount"
        return await payment_page(request, session, payment_id, [(place, error.message)], typed)
    if done is Done.ASKED:
        await tell_colleagues(request, session, Deed.MONEY_BACK, f"{PATH}/{payment_id}", amount=amount)
    return Redirect(f"{PATH}/{payment_id}#back", status_code=303)


@post(PATH + "/{payment_id:str}/back/agree", status_code=303, opt={"access": DOES_BOOKS, "proof": True})
async def take_back_agreed(
    request: Request[Any, Any, Any], payment_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The refund is on record as the first person asked, if that is what this page showed; or the page says why not (422)."""
    form = await read_proved(request, ("asked",))
    if isinstance(form, Response):
        return form
    if not is_ulid(payment_id):
        raise NotFound(_("There is no such payment."))
    seen_at, settings = read_moment(form.get("asked", "")), house_of(request).settings
    try:
        async with session.begin_nested():
            await agree_to_pay_back(session, payment_id, who_of(request), seen_at=seen_at, settings=settings)
    except (Refused, Conflict) as error:
        return await payment_page(request, session, payment_id, [("back", error.message)])
    return Redirect(f"{PATH}/{payment_id}#back", status_code=303)


@post(PATH + "/{payment_id:str}/back/decline", status_code=303, opt={"access": DOES_BOOKS})
async def take_back_refused(
    request: Request[Any, Any, Any], payment_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """Nothing is paid back, and nobody is asked any more."""
    member = member_of(request)
    await read_sealed(request, member, [])
    with suppress(Conflict):  # pressed twice, or both at once
        await withdraw(session, Deed.MONEY_BACK, payment_id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{payment_id}#back", status_code=303)


@post(PATH + "/refunds/{refund_id:str}/void", status_code=303, opt={"access": DOES_BOOKS})
async def take_refund_void(
    request: Request[Any, Any, Any], refund_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """The refund never was: the books have the opposite entries."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    if not is_ulid(refund_id):
        raise NotFound(_("There is no such refund."))
    payment_id = await take_refund_back(
        session, refund_id, actor_id=member.id, ids=house.ids, now=house.clock.now(), settings=house.settings
    )
    return Redirect(f"{PATH}/{payment_id}#back", status_code=303)


HANDLERS = [take_back_form, take_back_agreed, take_back_refused, take_refund_void]
