"""/desk/other-money/promise: what somebody says on the phone that they will give by bank, taken down by staff."""

from collections.abc import Mapping
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, published_appeals
from supporters.donations.models import Frequency
from supporters.donations.other_models import GivingAccount, Promise
from supporters.donations.promises import PromiseForm, account_of, make_promise
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.receipts.issue import mail_domain
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import who
from supporters.web.desk.frame import desk_page
from supporters.web.desk.other_money import PATH
from supporters.web.desk.other_new import read_money
from supporters.web.desk.other_words import frequency_words, promise_tag
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.who import Problems

HERE = PATH + "/promise"
FIELDS = (*who.FIELDS, "attempt", "amount", "frequency", "appeal")
OFTEN = (Frequency.ONCE, Frequency.MONTHLY, Frequency.YEARLY)
TEXT_CHARS = 120


@get(HERE, opt={"access": DOES_BOOKS})
async def show_promise_form(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """A search for the giver, and the form; with `supporter` in the address, they are chosen."""
    return await _page(request, reading, {}, [])


@post(HERE, status_code=303, opt={"access": DOES_BOOKS})
async def take_promise_form(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The promise is on record and its letter waits, or the form comes back (422). Sent twice, it is one promise."""
    house, member = house_of(request), member_of(request)
    typed = dict(await read_sealed(request, member, FIELDS))
    problems: Problems = []
    giver = await who.read_giver(session, typed, problems)
    amount = read_money({"amount": typed.get("amount", "")}, house, problems)
    if typed.get("frequency") not in set(OFTEN):
        problems.append(("frequency", _("Choose how often they want to give.")))
    slug = typed.get("appeal") or GENERAL
    if slug not in {each.slug for each in await published_appeals(session)}:
        problems.append(("appeal", _("Choose what it is for.")))
    if problems or giver is None or amount is None or not is_ulid(typed.get("attempt", "")):
        return await _page(request, session, typed, problems or [("amount", _("Please send the form once more."))])
    form = PromiseForm(
        attempt_id=typed["attempt"],
        amount=amount,
        frequency=Frequency(typed["frequency"]),
        email=giver.email,
        name=giver.name,
        appeal_slug=slug,
    )
    try:
        promise = await make_promise(
            session,
            form,
            actor_id=member.id,
            supporter_id=giver.supporter_id,
            domain=mail_domain(house.settings),
            ids=house.ids,
            now=house.clock.now(),
            settings=house.settings,
        )
    except Conflict as error:
        return await _page(request, session, typed, [("amount", error.message)])
    return Redirect(f"{HERE}/{promise.id}", status_code=303)


@get(HERE + "/{promise_id:str}", opt={"access": DOES_BOOKS})
async def show_promise_made(
    request: Request[Any, Any, Any], promise_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One promise: its reference and the account, to be read out or printed, and what came of it."""
    promise = await reading.get(Promise, promise_id) if is_ulid(promise_id) else None
    if promise is None:
        raise NotFound(_("There is no such promise."))
    return await desk_page(
        request,
        reading,
        "desk/other_promise_made.html",
        here="other_money",
        promise=promise,
        amount=Money(promise.amount_minor, promise.currency),
        often=frequency_words(promise.frequency),
        tag=promise_tag(promise.state),
        account=await reading.get(GivingAccount, promise.currency),
        names=await staff_names(reading, [promise.made_by] if promise.made_by else []),
    )


async def _page(
    request: AnyRequest, session: AsyncSession, typed: Mapping[str, str], problems: Problems
) -> Response[bytes]:
    house = house_of(request)
    attempt = typed.get("attempt", "")
    return await desk_page(
        request,
        session,
        "desk/other_promise.html",
        here="other_money",
        choice=await who.read_choice(request, session, typed),
        account=await account_of(session, house.settings.currency),
        currency=house.settings.currency,
        often=[(each.value, frequency_words(each.value)) for each in OFTEN],
        appeals=[(each.slug, each.name or each.heading) for each in await published_appeals(session)],
        typed={
            "attempt": attempt if is_ulid(attempt) else house.ids.ulid(),
            "amount": clean_line(typed.get("amount", ""), limit=TEXT_CHARS),
            "frequency": typed.get("frequency", ""),
            "appeal": typed.get("appeal", GENERAL),
        },
        problems=problems,
    )


HANDLERS = [show_promise_form, take_promise_form, show_promise_made]
