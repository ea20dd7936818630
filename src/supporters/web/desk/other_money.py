"""/desk/other-money: cash, cheques, transfers and promises; what waits to be paid in, and what came of each."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.queries import list_accounts
from supporters.discrepancies.discuss import is_alone
from supporters.donations.models import RefundReason
from supporters.donations.other_models import (
    OtherKind,
    OtherPayment,
    OtherState,
    Promise,
    PromiseState,
    RefundWay,
)
from supporters.donations.other_queries import (
    PaymentRow,
    find_payment,
    list_deposits,
    list_payments,
    list_promises,
    list_waiting,
    paid_back_of,
    sums_by_state,
)
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money, format_money, plain_amount
from supporters.kit.strings import gettext as _
from supporters.ledger.lock import lock_ledger
from supporters.reconciliation.money_back import left_of, refunds_of
from supporters.reconciliation.other_money import LIVE, bounce, void_payment
from supporters.reconciliation.promises_kept import end_promise, record_end
from supporters.reconciliation.second_request import Deed, asked_for
from supporters.reconciliation.two_deeds import wanted_back
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.other_words import (
    deposit_tag,
    frequency_words,
    kind_words,
    payment_tag,
    promise_tag,
    refund_tag,
    way_words,
)
from supporters.web.desk.paging import page_number
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.second import Waits, show_waiting
from supporters.web.desk.words import Tag, reason_word

PATH = "/desk/other-money"
MOST_PAGES = 10_000


class Shown(msgspec.Struct, frozen=True):
    """One payment as lists show it."""

    payment: OtherPayment
    name: str
    reference: str
    amount: Money
    kind: str
    tag: Tag


@get(PATH, opt={"access": DOES_BOOKS})
async def show_other_money(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What waits to be paid in, what is promised, what was paid in, and every payment."""
    return await list_page(request, reading, {}, [])


@get(PATH + "/{payment_id:str}", opt={"access": DOES_BOOKS})
async def show_payment(
    request: Request[Any, Any, Any], payment_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One payment: who, how much, how far it has come, and what may be done about it."""
    return await payment_page(request, reading, payment_id)


@post(PATH + "/{payment_id:str}/void", status_code=303, opt={"access": DOES_BOOKS})
async def take_void(
    request: Request[Any, Any, Any], payment_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """What was a mistake is taken back, or the page again with what is wrong (422)."""
    return await _end(request, session, payment_id, is_bounce=False)


@post(PATH + "/{payment_id:str}/bounce", status_code=303, opt={"access": DOES_BOOKS})
async def take_bounce(
    request: Request[Any, Any, Any], payment_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The cheque bounced; the books, the donation and its receipt say so."""
    return await _end(request, session, payment_id, is_bounce=True)


@post(PATH + "/promise/{promise_id:str}/end", status_code=303, opt={"access": DOES_BOOKS})
async def take_end(
    request: Request[Any, Any, Any], promise_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The promise is not waited for any more; a standing order's plan is over."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await lock_ledger(session)
    wanted = select(Promise).where(Promise.id == promise_id).with_for_update()
    promise = await session.scalar(wanted) if is_ulid(promise_id) else None
    if promise is None:
        raise NotFound(_("There is no such promise."))
    if promise.state not in (PromiseState.OPEN, PromiseState.RUNNING):
        raise Conflict(_("This promise is not waited for any more. Nothing was changed."))
    now = house.clock.now()
    await end_promise(session, promise, now=now)
    await record_end(session, promise, actor_id=member.id, now=now)
    return Redirect(f"{PATH}#promises", status_code=303)


async def list_page(
    request: AnyRequest, session: AsyncSession, typed: dict[str, str], problems: list[tuple[str, str]]
) -> Response[bytes]:
    """The page of lists, with the form for paying in as it was filled in."""
    house = house_of(request)
    page = page_number(request.query_params.get("page", ""), most=MOST_PAGES)
    rows, has_more = await list_payments(session, page=page)
    deposits = await list_deposits(session)
    sums = await sums_by_state(session)
    today = local_date(house.clock.now(), house.settings.time_zone)
    return await desk_page(
        request,
        session,
        "desk/other_money.html",
        here="other_money",
        rows=[shown(row) for row in rows],
        to_pay_in=[shown(row) for row in await list_waiting(session)],
        deposits=[(each, Money(each.counted_minor, each.currency), deposit_tag(each.state)) for each in deposits],
        promises=[
            (each, Money(each.amount_minor, each.currency), promise_tag(each.state), frequency_words(each.frequency))
            for each in await list_promises(session)
        ],
        sums=[
            (payment_tag(state), Money(minor, currency), count)
            for (state, currency), (count, minor) in sorted(sums.items())
            if state in LIVE and state != OtherState.CLEARED
        ],
        accounts=await list_accounts(session, with_closed=False),
        typed={"paid_in_on": today.isoformat()} | typed,
        today=today,
        pages=(page, has_more),
        problems=problems,
    )


def shown(row: PaymentRow) -> Shown:
    """A payment as lists show it."""
    payment, name, reference = row
    amount = Money(payment.amount_minor, payment.currency)
    return Shown(payment, name, reference, amount, kind_words(payment.kind), payment_tag(payment.state))


async def _end(request: AnyRequest, session: AsyncSession, payment_id: str, *, is_bounce: bool) -> Response[Any]:
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["words"])
    verb, field = (bounce, "bounce-words") if is_bounce else (void_payment, "void-words")
    try:
        await verb(
            session,
            payment_id,
            words=form.get("words", ""),
            actor_id=member.id,
            ids=house.ids,
            now=house.clock.now(),
            settings=house.settings,
        )
    except Refused as refused:
        return await payment_page(request, session, payment_id, [(field, refused.message)])
    return Redirect(f"{PATH}/{payment_id}", status_code=303)


async def payment_page(
    request: AnyRequest,
    session: AsyncSession,
    payment_id: str,
    problems: list[tuple[str, str]] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """The page of one payment, with the form for paying it back as it was filled in."""
    house = house_of(request)
    found = await find_payment(session, payment_id) if is_ulid(payment_id) else None
    if found is None:
        raise NotFound(_("There is no such payment."))
    row = shown(found)
    payment = row.payment
    refunds = await refunds_of(session, payment.id)
    people = [payment.recorded_by, payment.ended_by, *(each.recorded_by for each, _refund in refunds)]
    people += [each.agreed_by for each, _refund in refunds]
    today = local_date(house.clock.now(), house.settings.time_zone)
    left = await left_of(session, payment)
    usual = {"back_amount": plain_amount(left), "way": "", "paid_on": today.isoformat(), "reason": ""}
    usual |= {"back_words": "", "alone": ""}
    most = house.settings.second_person_above_minor
    may_take_two = 0 < most < payment.amount_minor
    return await desk_page(
        request,
        session,
        "desk/other_payment.html",
        here="other_money",
        row=row,
        names=await staff_names(session, [each for each in people if each]),
        may_void=payment.state == OtherState.RECORDED,
        may_bounce=payment.kind == OtherKind.CHEQUE and payment.state in LIVE,
        paid_back=Money(await paid_back_of(session, payment.id), payment.currency),
        left=left,
        waits=await _waiting(request, session, payment),
        takes_two=Money(most, payment.currency) if may_take_two else None,
        is_alone=may_take_two and await is_alone(session, member_of(request).id),
        refunds=[
            (each, Money(each.amount_minor, each.currency), refund_tag(each.state), way_words(each.way),
             reason_word(refund.reason), refund.note)
            for each, refund in refunds
        ],
        ways=[(each.value, way_words(each.value)) for each in RefundWay],
        reasons=[(each.value, reason_word(each)) for each in RefundReason],
        typed=usual | dict(typed or {}),
        problems=problems or [],
    )  # fmt: skip


async def _waiting(request: AnyRequest, session: AsyncSession, payment: OtherPayment) -> Waits | None:
    """What somebody has asked to pay back of it."""
    found = await asked_for(session, Deed.MONEY_BACK, payment.id)
    if found is None:
        return None
    back, locale = wanted_back(found), house_of(request).settings.locale
    facts = [
        (_("Amount"), format_money(back.amount, locale)),
        (_("How it was paid back"), way_words(back.way)),
        (_("Paid back on"), back.paid_on.isoformat()),
        (_("Why"), ": ".join(filter(None, [reason_word(back.reason), back.words]))),
    ]
    return await show_waiting(request, session, Deed.MONEY_BACK, payment.id, facts, f"{PATH}/{payment.id}/back")


HANDLERS = [show_other_money, show_payment, take_void, take_bounce, take_end]
