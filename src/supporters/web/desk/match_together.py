"""/desk/match/together: several bank lines that are one payment, chosen in the list."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.kit.errors import NotFound, Refused
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.match_names import references_of
from supporters.reconciliation.match_queries import ExpectedFilter, expected_by_key, find_expected, find_lines
from supporters.reconciliation.matches import Because, Part, confirm
from supporters.reconciliation.models import Side
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank_words import show_line
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match import ROWS, asked_view, places_of, sums_of
from supporters.web.desk.match_words import LONGEST, PATH, show_expected, view_of
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed

TOGETHER = PATH + "/together"
LINES = tuple(f"l{number}" for number in range(ROWS))
SHOWN = 10


@get(TOGETHER, opt={"access": DOES_BOOKS})
async def show_together(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The lines that were ticked, what they come to, and the payments that are worth that."""
    fields = read_query(request.scope["query_string"], LINES)
    return await _page(request, reading, await _ticked(reading, fields))


@post(TOGETHER, status_code=303, opt={"access": DOES_BOOKS})
async def take_together(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The lines are that one payment, or nothing happens: 422 where none was chosen, 409 where one was dealt with."""
    member, house = member_of(request), house_of(request)
    form = await read_sealed(request, member, [*LINES, "payment", "view"])
    lines, now = await _ticked(session, form), house.clock.now()
    side, _colon, ref_id = form.get("payment", "")[:LONGEST].partition(":")
    found = (await expected_by_key(session, [(side, ref_id)])).get((side, ref_id))
    if len(lines) < 2 or found is None:
        said = _("Choose the payment that these lines are. Nothing was matched.")
        return await _page(request, session, lines, problems=[("payment", said)])
    part = Part(Side(found.side), found.ref_id, found.amount_minor)
    ticked = [line.id for line in lines]
    try:
        async with session.begin_nested():
            await confirm(session, ticked, [part], because=Because(), actor_id=member.id, ids=house.ids, now=now)
    except Refused as refused:
        lines = await find_lines(session, ticked)
        return await _page(request, session, lines, problems=[("payment", refused.message)])
    await settle_dealt_with(session, now=now)
    view = view_of(form.get("view", ""), currency=house.settings.currency)
    return Redirect(view.address(done=ticked[0]), status_code=303)


async def _ticked(session: AsyncSession, fields: Mapping[str, str]) -> Sequence[BankLine]:
    """The lines that these fields tick. Raises NotFound where one is no line."""
    ids = {fields[name] for name in LINES if fields.get(name)}
    lines = await find_lines(session, ids)
    if len(lines) < len(ids):
        raise NotFound(_("There is no such bank line."))
    return lines


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    lines: Sequence[BankLine],
    *,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    sums, places = sums_of(lines), places_of(request)
    found = await _worth(session, lines, sums)
    called = await references_of(session, found)
    return await desk_page(
        request,
        session,
        "desk/match_together.html",
        here="match",
        view=asked_view(request),
        ticked=list(zip(LINES, [show_line(line) for line in lines], strict=False)),
        sums=sums,
        payments=[show_expected(each, places=places, references=called) for each in found],
        is_one=len({line.bank_account_id for line in lines}) == 1,
        problems=problems or [],
    )


async def _worth(session: AsyncSession, lines: Sequence[BankLine], sums: Sequence[Money]) -> Sequence[Any]:
    """Expected payments of exactly that amount, those of the nearest days first."""
    if len(sums) != 1 or len(lines) < 2:
        return []
    [total] = sums
    size = abs(total.minor)
    wanted = ExpectedFilter(currency=total.currency, least_minor=size, most_minor=size)
    found = await find_expected(session, wanted, limit=SHOWN, near=lines[0].booked_on)
    return [each for each in found if each.amount_minor == total.minor]


HANDLERS = [show_together, take_together]
