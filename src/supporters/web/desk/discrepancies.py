"""/desk/discrepancies: differences that a person must explain, each with its way to be closed."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Resolution, describe_resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.queries import count_open, find_discrepancy, list_discrepancies
from supporters.discrepancies.resolve import REASON_LIMIT, resolve_discrepancy
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.words import code_words

ROWS = 200


class Shown(msgspec.Struct, frozen=True):
    """One discrepancy as pages show it."""

    id: str
    code: str
    sentence: str
    subject: str
    donation_id: str | None
    amount: Money | None
    record: Discrepancy

    @property
    def dispute_id(self) -> str | None:
        """The dispute that it is a task of."""
        found = self.record.detail.get("dispute")
        return found if isinstance(found, str) else None

    @property
    def is_open(self) -> bool:
        """Whether nobody has explained it yet."""
        return self.record.state == DiscrepancyState.OPEN


@get("/desk/discrepancies", opt={"access": DOES_BOOKS})
async def show_discrepancies(
    request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Open ones with the nearest due date first, or those that were closed."""
    closed = request.query_params.get("state") == "resolved"
    state = DiscrepancyState.RESOLVED if closed else DiscrepancyState.OPEN
    found = await list_discrepancies(reading, state=state, limit=ROWS)
    house = house_of(request)
    return await desk_page(
        request,
        reading,
        "desk/discrepancies.html",
        here="discrepancies",
        closed=closed,
        rows=[_shown(each) for each in found],
        open_count=await count_open(reading),
        today=local_date(house.clock.now(), house.settings.time_zone),
        names=await staff_names(reading, [each.resolved_by for each in found]),
        ways={each.value: describe_resolution(each) for each in Resolution},
        row_limit=ROWS,
    )


@get("/desk/discrepancies/{discrepancy_id:str}", opt={"access": DOES_BOOKS})
async def show_discrepancy(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One discrepancy, what is known about it, and the form that closes it."""
    return await _page(request, reading, discrepancy_id)


@post("/desk/discrepancies/{discrepancy_id:str}", status_code=303, opt={"access": DOES_BOOKS})
async def take_resolution(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The discrepancy is closed, or the form comes back (422)."""
    member = member_of(request)
    form = await read_sealed(request, member, ["way", "reason"])
    way, reason = form.get("way", ""), clean_line(form.get("reason", ""), limit=REASON_LIMIT)
    problems: list[tuple[str, str]] = []
    if way not in {each.value for each in Resolution}:
        problems.append((f"way-{Resolution.EXPLAINED.value}", _("Choose how it is closed.")))
    if not reason:
        problems.append(("reason", _("Write why, for whoever reads this in a year.")))
    if problems:
        return await _page(request, session, discrepancy_id, way=way, reason=reason, problems=problems)
    _check_id(discrepancy_id)
    await resolve_discrepancy(
        session,
        discrepancy_id,
        resolution=Resolution(way),
        reason=reason,
        actor_id=member.id,
        now=house_of(request).clock.now(),
    )
    return Redirect("/desk/discrepancies", status_code=303)


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    discrepancy_id: str,
    *,
    way: str = "",
    reason: str = "",
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    _check_id(discrepancy_id)
    found = await find_discrepancy(session, discrepancy_id)
    if found is None:
        raise NotFound(_("There is no such discrepancy."))
    house = house_of(request)
    return await desk_page(
        request,
        session,
        "desk/discrepancy.html",
        here="discrepancies",
        it=_shown(found),
        names=await staff_names(session, [found.resolved_by]),
        today=local_date(house.clock.now(), house.settings.time_zone),
        ways=[(each.value, describe_resolution(each)) for each in Resolution],
        way=way,
        reason=reason,
        problems=problems or [],
    )


def _check_id(discrepancy_id: str) -> None:
    if not is_ulid(discrepancy_id):
        raise NotFound(_("There is no such discrepancy."))


def _shown(found: Discrepancy) -> Shown:
    has_amount = found.amount_minor is not None and found.currency is not None
    return Shown(
        id=found.id,
        code=found.code,
        sentence=code_words(found.code),
        subject=found.subject,
        donation_id=found.donation_id,
        amount=Money(found.amount_minor or 0, found.currency or "") if has_amount else None,
        record=found,
    )


HANDLERS = [show_discrepancies, show_discrepancy, take_resolution]
