"""Everything on record about one plan, for its page at the desk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_of
from supporters.appeals.models import Appeal, Attribution
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation, DonationState
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.mail.models import Letter
from supporters.people.models import EmailAddress, Supporter
from supporters.plans.desk_queries import PlanRow, as_row
from supporters.plans.first import day_of, first_payment
from supporters.plans.models import Instalment, Plan, PlanChange, PlanEvent
from supporters.plans.possible import STOPPING, FirstDay
from supporters.plans.turns import is_open

PAYMENTS_SHOWN = 36
EVENTS_SHOWN = 200


class PlanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One plan as the desk shows it."""

    plan: Plan
    row: PlanRow
    appeal: str
    article_path: str | None
    article_title: str | None
    issue: str | None
    source: str | None
    given: Money  # what came and was not returned
    payments_count: int
    open_change: PlanChange | None
    first_day: FirstDay
    sum_back: Money  # what undoing it would return


class Payment(msgspec.Struct, frozen=True):
    """One payment of the plan."""

    donation_id: str
    reference: str
    state: str
    amount: Money
    returned: Money  # refunded by us, or taken back by a bank
    at: datetime


class LetterLine(msgspec.Struct, frozen=True):
    """A letter about the plan."""

    id: str
    kind: str
    state: str
    recipient: str
    queued_at: datetime
    sent_at: datetime | None


class Happened(msgspec.Struct, frozen=True):
    """One thing of the plan's history. `reason`: in their own words, why it was stopped."""

    kind: str
    at: datetime
    actor: str
    actor_id: str | None
    detail: dict[str, Any]
    reason: str | None = None


async def plan_facts(session: AsyncSession, plan_id: str) -> PlanFacts:
    """The plan with its supporter, what began it, what it has brought, and what is being done. Raises NotFound."""
    unknown = NotFound(_("There is no such monthly or yearly donation."))
    if not is_ulid(plan_id):
        raise unknown
    query = (
        select(Plan, Supporter.name, Appeal.heading, Attribution)
        .join(Supporter, Supporter.id == Plan.supporter_id)
        .join(Appeal, Appeal.id == Plan.appeal_id)
        .join(Attribution, Attribution.id == Plan.attribution_id)
        .where(Plan.id == plan_id)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise unknown
    plan, name, heading, origin = found
    titles = await titles_of(session, [origin.article_id])
    given_minor, count = await _given(session, plan_id)
    first = await first_payment(session, plan)
    return PlanFacts(
        plan=plan,
        row=as_row(plan, name, await _address(session, plan.supporter_id)),
        appeal=heading,
        article_path=origin.article_path,
        article_title=titles.get(origin.article_id or ""),
        issue=origin.issue,
        source=origin.source,
        given=Money(given_minor, plan.currency),
        payments_count=count,
        open_change=await session.scalar(
            select(PlanChange)
            .where(PlanChange.plan_id == plan_id, is_open())
            .order_by(PlanChange.kind.in_(STOPPING).desc(), PlanChange.id)
            .limit(1)
        ),
        first_day=day_of(first),
        sum_back=first.left if first else Money(0, plan.currency),
    )


async def plan_payments(session: AsyncSession, plan_id: str) -> list[Payment]:
    """The plan's payments, the latest first, at most PAYMENTS_SHOWN."""
    at = func.coalesce(Donation.paid_at, Donation.created_at)
    query = (
        select(Donation)
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(Instalment.plan_id == plan_id)
        .order_by(at.desc(), Donation.id.desc())
        .limit(PAYMENTS_SHOWN)
    )
    return [_payment(each) for each in await session.scalars(query)]


async def plan_history(session: AsyncSession, plan_id: str) -> list[Happened]:
    """What happened to the plan, the latest first, at most EVENTS_SHOWN."""
    query = (
        select(PlanEvent, PlanChange.reason)
        .outerjoin(PlanChange, PlanChange.id == PlanEvent.cause)
        .where(PlanEvent.plan_id == plan_id)
        .order_by(PlanEvent.at.desc(), PlanEvent.id.desc())
        .limit(EVENTS_SHOWN)
    )
    return [
        Happened(
            each.kind, each.at, each.actor, each.actor_id, each.detail, reason if each.kind == "said_why" else None
        )
        for each, reason in await session.execute(query)
    ]


async def plan_letters(session: AsyncSession, plan_id: str) -> list[LetterLine]:
    """Every letter about the plan, the latest first."""
    query = select(Letter.id, Letter.kind, Letter.state, Letter.recipient, Letter.queued_at, Letter.sent_at).where(
        Letter.about == plan_id
    )
    return [LetterLine(*row) for row in await session.execute(query.order_by(Letter.id.desc()).limit(EVENTS_SHOWN))]


async def plan_tasks(session: AsyncSession, plan_id: str) -> Sequence[Discrepancy]:
    """What a person must or had to look into about the plan or its payments, disputes among them; open ones first."""
    mine = select(Instalment.donation_id).where(Instalment.plan_id == plan_id)
    changes = select(PlanChange.id).where(PlanChange.plan_id == plan_id)
    about = Discrepancy.donation_id.in_(mine) | (Discrepancy.subject == plan_id) | Discrepancy.subject.in_(changes)
    query = select(Discrepancy).where(about).order_by(Discrepancy.state, Discrepancy.due_on, Discrepancy.id)
    return (await session.scalars(query.limit(EVENTS_SHOWN))).all()


def _payment(donation: Donation) -> Payment:
    return Payment(
        donation.id,
        donation.reference,
        donation.state,
        Money(donation.amount_minor, donation.currency),
        Money(donation.refunded_minor + donation.returned_minor, donation.currency),
        donation.paid_at or donation.created_at,
    )


async def _given(session: AsyncSession, plan_id: str) -> tuple[int, int]:
    query = (
        select(
            func.coalesce(func.sum(Donation.amount_minor - Donation.refunded_minor - Donation.returned_minor), 0),
            func.count(),
        )
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(Instalment.plan_id == plan_id, Donation.state == DonationState.PAID)
    )
    found = (await session.execute(query)).one()
    return int(found[0]), found[1]


async def _address(session: AsyncSession, supporter_id: str) -> str | None:
    query = select(EmailAddress.address).where(EmailAddress.supporter_id == supporter_id)
    return await session.scalar(query.order_by(EmailAddress.retired_at.is_not(None), EmailAddress.id).limit(1))
