"""/desk/discrepancies/{id}/reopen: a closed discrepancy is opened again, where that takes two people by two."""

from contextlib import suppress
from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.resolve import REASON_LIMIT
from supporters.kit.errors import Conflict
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.reconciliation.second_request import Deed, Done, MissingAlone, withdraw
from supporters.reconciliation.two_deeds import agree_to_open_discrepancy, open_discrepancy_or_ask
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.discrepancy import ONE, Typed, discrepancy_page, find_one, rules_of
from supporters.web.desk.discrepancy_words import PATH
from supporters.web.desk.month_words import read_moment
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.second import tell_colleagues, who_of


@post(ONE + "/reopen", status_code=303, opt={"access": DOES_BOOKS})
async def take_reopening(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """It is open again and what closing it did to the books is reversed, or it waits for a second person; or the form (422)."""
    form = await read_sealed(request, member_of(request), ["reason", "alone"])
    found, reason = await find_one(session, discrepancy_id), clean_line(form.get("reason", ""), limit=REASON_LIMIT)
    typed = Typed(again=reason, alone=clean_line(form.get("alone", ""), limit=REASON_LIMIT))
    if not reason:
        said = _("Write why, for whoever reads this in a year.")
        return await discrepancy_page(request, session, found, typed=typed, problems=[("again", said)])
    rules, who = rules_of(house_of(request)), who_of(request, alone=typed.alone)
    try:
        async with session.begin_nested():
            done = await open_discrepancy_or_ask(session, found.id, reason, who, rules=rules)
    except MissingAlone as missing:
        return await discrepancy_page(request, session, found, typed=typed, problems=[("alone", missing.message)])
    if done is Done.ASKED:
        await tell_colleagues(request, session, Deed.OPEN_DISCREPANCY, f"{PATH}/{found.id}")
    return Redirect(f"{PATH}/{found.id}", status_code=303)


@post(ONE + "/reopen/agree", status_code=303, opt={"access": DOES_BOOKS})
async def take_reopening_agreed(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """It is open again as the first person asked, if that is what this page showed."""
    form = await read_sealed(request, member_of(request), ["asked"])
    found, seen_at = await find_one(session, discrepancy_id), read_moment(form.get("asked", ""))
    rules = rules_of(house_of(request))
    await agree_to_open_discrepancy(session, found.id, who_of(request), rules=rules, seen_at=seen_at)
    return Redirect(f"{PATH}/{found.id}", status_code=303)


@post(ONE + "/reopen/decline", status_code=303, opt={"access": DOES_BOOKS})
async def take_reopening_refused(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """It stays closed, and nobody is asked any more."""
    member = member_of(request)
    await read_sealed(request, member, [])
    found = await find_one(session, discrepancy_id)
    with suppress(Conflict):  # pressed twice, or both at once
        await withdraw(session, Deed.OPEN_DISCREPANCY, found.id, actor_id=member.id, now=house_of(request).clock.now())
    return Redirect(f"{PATH}/{found.id}", status_code=303)


HANDLERS = [take_reopening, take_reopening_agreed, take_reopening_refused]
