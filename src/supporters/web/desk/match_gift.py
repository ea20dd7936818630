"""/desk/match/{line}/gift: a credit is a gift from somebody: donation, receipt, books and match in one act."""

from collections.abc import Mapping
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, published_appeals
from supporters.bank.models import BankLine
from supporters.donations.other_queries import find_giver, known_payers
from supporters.kit.errors import NotFound, Refused
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.gifts import Gift, promises_named, write_gift
from supporters.reconciliation.matches import NOTE_CHARS
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import who
from supporters.web.desk.bank_words import show_line
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match import asked_view
from supporters.web.desk.match_line import ONE, back_to_list, find_open
from supporters.web.desk.match_words import show_named, view_of
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.who import Problems

GIFT = ONE + "/gift"
FIELDS = (*who.FIELDS, "appeal", "note", "view")


@get(GIFT, opt={"access": DOES_BOOKS})
async def show_gift(
    request: Request[Any, Any, Any], line_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The line, a search for its giver, and the form."""
    return await _page(request, reading, await _find_credit(reading, line_id), {"view": asked_view(request).query}, [])


@post(GIFT, status_code=303, opt={"access": DOES_BOOKS})
async def take_gift(
    request: Request[Any, Any, Any], line_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The line is somebody's donation and is matched with it, or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    typed = dict(await read_sealed(request, member, FIELDS))
    line = await _find_credit(session, line_id)
    problems: Problems = []
    giver = await who.read_giver(session, typed, problems, nobody_at=house.clock.now())
    appeals = await published_appeals(session)
    appeal = next((each for each in appeals if each.slug == (typed.get("appeal") or GENERAL)), None)
    if appeal is None:
        problems.append(("appeal", _("Choose what it is for.")))
    if problems or giver is None or appeal is None:
        return await _page(request, session, line, typed, problems)
    now = house.clock.now()
    gift = Gift(giver=giver, appeal_id=appeal.id, note=clean_line(typed.get("note", ""), limit=NOTE_CHARS))
    try:
        async with session.begin_nested():
            await write_gift(
                session, line.id, gift, actor_id=member.id, ids=house.ids, now=now, settings=house.settings
            )
    except (Refused, NotFound) as refused:
        return await _page(request, session, await find_open(session, line_id), typed, [("whose", refused.message)])
    await settle_dealt_with(session, now=now)
    return back_to_list(request, typed.get("view", ""), line)


async def _find_credit(session: AsyncSession, line_id: str) -> BankLine:
    line = await find_open(session, line_id)
    if line.amount_minor <= 0:
        raise NotFound(_("This line is money that went out. It is no gift."))
    return line


async def _page(
    request: AnyRequest, session: AsyncSession, line: BankLine, typed: Mapping[str, str], problems: Problems
) -> Response[bytes]:
    house = house_of(request)
    named = (await promises_named(session, [line])).get(line.id)
    giver = await find_giver(session, named.supporter_id) if named and named.supporter_id else None
    known = await known_payers(session, line.counterparty_hash)
    appeals = await published_appeals(session)
    promised = next((each.slug for each in appeals if named and each.id == named.appeal_id), GENERAL)
    typed = ({"email": named.email} if named and not giver else {}) | dict(typed)
    choice = await who.read_choice(
        request,
        session,
        typed,
        known=[giver, *known] if giver else known,
        may_be_nobody=True,
        name=named.name if named and not giver else line.counterparty,
    )
    return await desk_page(
        request,
        session,
        "desk/match_gift.html",
        here="match",
        row=show_line(line),
        choice=choice,
        view=view_of(typed.get("view", ""), currency=house.settings.currency),
        named=show_named(named),
        appeals=[(each.slug, each.name or each.heading) for each in appeals],
        typed={"appeal": typed.get("appeal", promised), "note": clean_line(typed.get("note", ""), limit=NOTE_CHARS)},
        problems=problems,
    )


HANDLERS = [show_gift, take_gift]
