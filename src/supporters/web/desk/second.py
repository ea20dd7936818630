"""What a page shows of a deed that waits for a second person, and the letter that asks for one."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.ledger.periods import say_month
from supporters.reconciliation.models import CloseRequest, SecondRequest
from supporters.reconciliation.second_letters import Closing, awaited, tell_asked
from supporters.reconciliation.second_request import Deed, all_waiting, asked_for
from supporters.reconciliation.two_deeds import Who
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest

MONTHS, DISCREPANCIES = "/desk/months", "/desk/discrepancies"


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """A deed that waits: who asked, who is awaited, and what it is, as facts."""

    by: str
    at: datetime
    may_agree: bool
    awaited: str  # empty: nobody else does the books any more
    facts: Sequence[tuple[str, str]]
    action: str  # the address that agrees; declining is beside it


def who_of(request: AnyRequest, *, alone: str = "") -> Who:
    """The member, at this moment."""
    house = house_of(request)
    return Who(actor_id=member_of(request).id, ids=house.ids, now=house.clock.now(), alone=alone)


async def show_waiting(
    request: AnyRequest, session: AsyncSession, deed: Deed, subject: str, facts: Sequence[tuple[str, str]], action: str
) -> Waits | None:
    """What waits about this, for the page; None where nothing does."""
    found = await asked_for(session, deed, subject)
    if found is None:
        return None
    names = await staff_names(session, [found.asked_by])
    return Waits(
        by=names.get(found.asked_by, ""),
        at=found.asked_at,
        may_agree=found.asked_by != member_of(request).id,
        awaited=await awaited_names(session, found.asked_by),
        facts=facts,
        action=action,
    )


async def awaited_names(session: AsyncSession, asked_by: str) -> str:
    """Everybody who may agree, one after the other."""
    return ", ".join((await awaited(session, asked_by)).values())


async def tell_colleagues(
    request: AnyRequest, session: AsyncSession, what: Deed | Closing, path: str, *, amount: Money | None = None
) -> None:
    """Whoever may agree gets a letter, if the transaction commits."""
    house, member = house_of(request), member_of(request)
    await tell_asked(
        session,
        what,
        path,
        by=member.id,
        by_name=member.name,
        amount=amount,
        settings=house.settings,
        ids=house.ids,
        now=house.clock.now(),
    )


async def to_agree(session: AsyncSession, member_id: str) -> list[tuple[str, str]]:
    """Everything that waits for this person to agree: in words, and where."""
    found = [(_words_of(Deed(each.kind)), _path_of(each)) for each in await all_waiting(session, but=member_id)]
    mine = CloseRequest.asked_by != member_id
    for period in await session.scalars(select(CloseRequest.period).where(mine).order_by(CloseRequest.period)):
        found.append(
            (_("%(month)s: a colleague asks to close it") % {"month": say_month(period)}, f"{MONTHS}/{period}")
        )
    d = Discrepancy
    asked = select(func.count()).select_from(d).where(d.state == DiscrepancyState.OPEN.value, d.asked_by != member_id)
    if count := await session.scalar(asked):
        words = ngettext(
            "%(count)s discrepancy: a colleague asks to close it",
            "%(count)s discrepancies: colleagues ask to close them",
            count,
        )
        found.append((words % {"count": count}, f"{DISCREPANCIES}?view=second"))
    return found


def _words_of(deed: Deed) -> str:
    return {
        Deed.MONEY_BACK: _("A colleague asks to pay money back to its giver"),
        Deed.BANK_LINE: _("A colleague asks to book a bank line on an account"),
        Deed.OPEN_MONTH: _("A colleague asks to open a closed month again"),
        Deed.OPEN_DISCREPANCY: _("A colleague asks to open a closed discrepancy again"),
    }[deed]


def _path_of(found: SecondRequest) -> str:
    places = {
        Deed.MONEY_BACK: "/desk/other-money/{}#back",
        Deed.BANK_LINE: "/desk/match/{}",
        Deed.OPEN_MONTH: MONTHS + "/{}",
        Deed.OPEN_DISCREPANCY: DISCREPANCIES + "/{}",
    }
    return places[Deed(found.kind)].format(found.subject)
