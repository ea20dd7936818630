"""Plans as their supporters see them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation, DonationState, Frequency
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.plans.after_win import answer_by
from supporters.plans.at_bank import BillAtBank, bills_at_bank
from supporters.plans.dates import taken_at
from supporters.plans.held import waits_for_bank
from supporters.plans.models import (
    ChangeKind,
    ChangeState,
    Instalment,
    Method,
    Plan,
    PlanChange,
    PlanState,
    ReceiptWish,
)
from supporters.plans.unpaid import UnpaidBill, unpaid_of
from supporters.plans.words import reason_words


class PlanCard(msgspec.Struct, frozen=True, kw_only=True):
    """One plan: what, how, since when, what comes next, and what is wrong with it, if anything is."""

    id: str
    reference: str
    supporter_id: str
    amount: Money
    frequency: Frequency
    state: PlanState
    method: Method
    method_last4: str | None
    receipts: ReceiptWish
    started_at: datetime
    next_at: datetime | None
    taken_at: datetime | None  # when money is next taken, after any pause
    waits_for_bank: bool  # held for a dispute that is not decided
    answer_by: datetime | None  # held for one that was won: when it ends if nobody lets it go on
    paused_until: datetime | None
    stops_at: datetime | None
    stopped_at: datetime | None
    failure_code: str | None
    failed_at: datetime | None
    next_try_at: datetime | None
    owed: Money | None  # the bill that failed first
    at_bank: Sequence[BillAtBank]
    action_url: str | None  # the bank's page, when it wants the supporter to confirm
    waits_for: ChangeKind | None  # a change that Stripe has not answered yet
    given: Money  # what came and was not returned
    payments: int


def trouble_words(plan: PlanCard) -> str | None:
    """Why a payment of a plan did not come, for its supporter; None when nothing is owed."""
    if plan.at_bank:  # what had failed is asked for again: that is what counts now
        return None
    if plan.action_url:
        return _("Your bank wants you to confirm this payment.")
    is_owed = plan.failed_at is not None and plan.state is not PlanState.STOPPED
    return reason_words(plan.failure_code) if is_owed or plan.state is PlanState.FAILING else None


async def plans_of(session: AsyncSession, supporter_id: str) -> list[PlanCard]:
    """Every plan of the supporter: those that go on first, then the newest."""
    is_over = case((Plan.state == PlanState.STOPPED, 1), else_=0)
    wanted = _wanted().where(Plan.supporter_id == supporter_id).order_by(is_over, Plan.id.desc())
    return await _cards(session, wanted)


async def plan_card(session: AsyncSession, plan_id: str, supporter_id: str | None = None) -> PlanCard | None:
    """The plan with that id. None when there is none, or when it is not that supporter's."""
    wanted = _wanted().where(Plan.id == plan_id)
    if supporter_id is not None:
        wanted = wanted.where(Plan.supporter_id == supporter_id)
    found = await _cards(session, wanted)
    return found[0] if found else None


async def _cards(session: AsyncSession, wanted: Select[Plan, str, int, int]) -> list[PlanCard]:
    rows = (await session.execute(wanted)).all()
    at_bank = await bills_at_bank(session, [plan.id for plan, *_ in rows])
    unpaid = await unpaid_of(session, [plan for plan, *_ in rows if plan.failed_invoice_id])
    return [
        _card(
            *row,
            at_bank=at_bank.get(row[0].id, ()),
            unpaid=unpaid.get(row[0].id, ()),
            is_held=await waits_for_bank(session, row[0]),
            ends_on=await answer_by(session, row[0]),
        )
        for row in rows
    ]


def _wanted() -> Select[Plan, str, int, int]:
    """Plans with the kind of their open change, what was given by them, and in how many payments."""
    came = (
        select(Donation.id)
        .join(Instalment, Instalment.donation_id == Donation.id)
        .where(Instalment.plan_id == Plan.id, Donation.state == DonationState.PAID)
        .correlate(Plan)
    )
    kept = func.coalesce(func.sum(Donation.amount_minor - Donation.refunded_minor - Donation.returned_minor), 0)
    is_open = (PlanChange.plan_id == Plan.id) & (PlanChange.state == ChangeState.REQUESTED)
    return select(
        Plan,
        PlanChange.kind,
        came.with_only_columns(kept).scalar_subquery(),
        came.with_only_columns(func.count()).scalar_subquery(),
    ).outerjoin(PlanChange, is_open)


def _card(
    plan: Plan,
    waits_for: str | None,
    given_minor: int,
    payments: int,
    *,
    at_bank: Sequence[BillAtBank],
    unpaid: Sequence[UnpaidBill],
    is_held: bool,
    ends_on: datetime | None,
) -> PlanCard:
    return PlanCard(
        id=plan.id,
        reference=plan.reference,
        supporter_id=plan.supporter_id,
        amount=Money(plan.amount_minor, plan.currency),
        frequency=Frequency(plan.frequency),
        state=PlanState(plan.state),
        method=Method(plan.method),
        method_last4=plan.method_last4,
        receipts=ReceiptWish(plan.receipts),
        started_at=plan.started_at,
        next_at=plan.next_at,
        taken_at=taken_at(plan),
        waits_for_bank=is_held,
        answer_by=ends_on,
        paused_until=plan.paused_until,
        stops_at=plan.stops_at,
        stopped_at=plan.stopped_at,
        failure_code=plan.failure_code,
        failed_at=plan.failed_at,
        next_try_at=plan.next_try_at,
        owed=unpaid[0].amount if unpaid else None,
        at_bank=at_bank,
        action_url=plan.action_url if plan.needs_action else None,
        waits_for=ChangeKind(waits_for) if waits_for else None,
        given=Money(int(given_minor), plan.currency),
        payments=payments,
    )
