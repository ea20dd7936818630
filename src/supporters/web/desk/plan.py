"""GET /desk/plans/{id}: what is promised, what comes next, what happened, and what can be done for the supporter."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import local_date
from supporters.kit.money import plain_amount
from supporters.kit.strings import gettext as _
from supporters.plans.after_win import answer_by
from supporters.plans.at_bank import bills_at_bank
from supporters.plans.dates import date_range, taken_at
from supporters.plans.desk_story import PlanFacts, plan_facts, plan_history, plan_letters, plan_payments, plan_tasks
from supporters.plans.models import ChangeKind
from supporters.plans.possible import hindrance
from supporters.plans.turns import is_in_the_way
from supporters.plans.unpaid import unpaid_bills
from supporters.staff.models import Role
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.masking import sees_people
from supporters.web.desk.plan_words import (
    change_word,
    failure_words,
    mask_plan,
    method_word,
    plan_tag,
    rhythm_word,
    stop_words,
    tell,
)
from supporters.web.desk.roles import DOES_BOOKS, PLANS_SEE, SUPPORTERS_CHANGE
from supporters.web.desk.words import article_words, code_words, letter_tag, letter_word

FOR_SUPPORT = (
    ChangeKind.AMOUNT,
    ChangeKind.DATE,
    ChangeKind.SKIP,
    ChangeKind.PAUSE,
    ChangeKind.GO_ON,
    ChangeKind.ONE_OFF,
    ChangeKind.STOP,
)
FOR_BOOKS = (ChangeKind.TRY_NOW, ChangeKind.UNDO)  # money moves at once: a payment is taken, or one is returned


class ChangeEntry(msgspec.Struct, frozen=True):
    """The form of a change as somebody filled it in. `problems` are (id of the field, words)."""

    kind: str = ""
    amount: str = ""
    next_on: str = ""
    months: str = ""
    problems: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])


class Possible(msgspec.Struct, frozen=True):
    """What this member of staff may do to the plan now, and between which days its date may be moved."""

    kinds: frozenset[str]
    first_day: date | None
    last_day: date | None

    def has(self, kind: str) -> bool:
        """Whether it may be done."""
        return kind in self.kinds


@get("/desk/plans/{plan_id:str}", opt={"access": PLANS_SEE})
async def show_plan(
    request: Request[Any, Any, Any], plan_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One plan with everything on record about it, as far as the role may see it."""
    return await plan_page(request, reading, plan_id, done=request.query_params.get("done"))


async def plan_page(
    request: AnyRequest,
    session: AsyncSession,
    plan_id: str,
    *,
    entry: ChangeEntry | None = None,
    done: str | None = None,
) -> Response[bytes]:
    """The plan's page; with a form that failed, that form as it was filled in and status 422."""
    house, role = house_of(request), member_of(request).role
    facts = await plan_facts(session, plan_id)
    history = await plan_history(session, plan_id)
    names = await staff_names(session, [each.actor_id for each in history])
    letters = await plan_letters(session, plan_id)
    tasks = await plan_tasks(session, plan_id)
    row = mask_plan(facts.row, role)
    entry = entry or ChangeEntry()
    return await desk_page(
        request,
        session,
        "desk/plan.html",
        here="plans",
        facts=facts,
        row=row,
        tag=plan_tag(row),
        rhythm=rhythm_word(row.frequency),
        method=method_word(row.method),
        comes_next=taken_at(facts.plan),
        answer_by=await answer_by(session, facts.plan),
        failure=failure_words(row) if facts.plan.failed_invoice_id else None,
        owed=await unpaid_bills(session, facts.plan) if facts.plan.failed_invoice_id else [],
        at_bank=(await bills_at_bank(session, [plan_id])).get(plan_id, []),
        stopped=stop_words(row.stop_reason),
        began=_began(facts),
        doing=change_word(facts.open_change.kind) if facts.open_change else None,
        story=[tell(each, names=names, role=role) for each in history],
        letters=[(each, letter_word(each.kind), letter_tag(each.state, is_sent=each.sent_at is not None))
                 for each in letters] if sees_people(role) else [],
        tasks=[(each, code_words(each.code)) for each in tasks],
        payments=await plan_payments(session, plan_id),
        possible=possible_now(facts, role, now=house.clock.now(), zone=house.settings.time_zone),
        plain_amount=plain_amount(row.amount),
        entry=entry,
        problems=entry.problems,
        is_done=done == "asked",
    )  # fmt: skip


def possible_now(facts: PlanFacts, role: Role, *, now: datetime, zone: str) -> Possible:
    """What somebody of this role may do to the plan now."""
    plan, first = facts.plan, facts.first_day
    kinds = (*(FOR_SUPPORT if role in SUPPORTERS_CHANGE else ()), *(FOR_BOOKS if role in DOES_BOOKS else ()))
    doing = facts.open_change.kind if facts.open_change else None
    may = frozenset(
        kind.value
        for kind in kinds
        if hindrance(plan, kind, now=now, has_open=is_in_the_way(doing, kind), first=first) is None
    )
    if plan.next_at is None:
        return Possible(may, None, None)
    place = ZoneInfo(zone)
    return Possible(may, *date_range(plan.next_at.astimezone(place).date(), local_date(now, zone)))


def _began(facts: PlanFacts) -> str:
    """What brought the supporter, in a few words."""
    if facts.article_path:
        return facts.article_title or article_words(facts.article_path)
    if facts.issue:
        return _("Issue %(number)s") % {"number": facts.issue}
    return facts.source or _("Straight to the donation page")


HANDLERS = [show_plan]
