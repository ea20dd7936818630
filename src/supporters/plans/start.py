"""A completed payment page becomes a plan, whose first payment is the attempt that led there."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Checkout, Donation, DonationState
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.payments.facts import CheckoutCompleted
from supporters.people.actions import find_or_add
from supporters.plans.history import note
from supporters.plans.looks import ask_for_look
from supporters.plans.models import Instalment, Method, Plan, PlanKind, PlanState, ReceiptWish
from supporters.settings import Settings

TAX_CODE = "txcd_00000000"  # nothing taxable: a gift


async def start_plan(
    session: AsyncSession, fact: CheckoutCompleted, *, ids: Ids, now: datetime, settings: Settings
) -> str | None:
    """The plan is on file with its first instalment, active or waiting for the bank. None when it was so before.

    What the page does not say (dates, card, item) is asked for; with that the letter goes out, once the first payment is
    there. *Idempotent by* the subscription. *Writes* plan, instalment, history, job.
    """
    assert fact.subscription_id, "a page that starts a plan names it"
    wanted = select(Donation).join(Checkout, Checkout.donation_id == Donation.id)
    found = await session.scalars(
        wanted.where(Checkout.stripe_session_id == fact.session_id).execution_options(populate_existing=True)
    )
    donation = found.one()
    known = await plan_of(session, fact.subscription_id)
    if known:
        known.started_at = min(known.started_at, fact.occurred_at or known.started_at)
        await session.flush()
        return None
    plan = await _plan(session, donation, fact, ids=ids, now=now)
    session.add(plan)
    await session.flush()
    if fact.invoice_id:
        await add_instalment(session, plan.id, donation.id, fact.invoice_id, now=now)
    told = {"amount_minor": plan.amount_minor, "currency": plan.currency, "frequency": plan.frequency}
    await note(session, plan.id, "started", cause=fact.session_id, ids=ids, now=plan.started_at, detail=told)
    await ask_for_look(session, plan.id, ids=ids, now=now)
    return plan.id


async def add_instalment(
    session: AsyncSession,
    plan_id: str,
    donation_id: str,
    stripe_invoice_id: str,
    *,
    now: datetime,
    period_start: datetime | None = None,
    period_end: datetime | None = None,
) -> None:
    """The donation is the plan's payment of this bill."""
    row = {
        "donation_id": donation_id,
        "plan_id": plan_id,
        "stripe_invoice_id": stripe_invoice_id,
        "period_start": period_start,
        "period_end": period_end,
        "created_at": now,
    }
    await session.execute(insert_for(session, Instalment).values(**row).on_conflict_do_nothing())


async def plan_of(session: AsyncSession, subscription_id: str | None) -> Plan | None:
    """The plan of that subscription, held until the transaction ends."""
    wanted = select(Plan).where(Plan.stripe_subscription_id == subscription_id).with_for_update()
    return await session.scalar(wanted.execution_options(populate_existing=True))


async def _plan(session: AsyncSession, donation: Donation, fact: CheckoutCompleted, *, ids: Ids, now: datetime) -> Plan:
    supporter = await find_or_add(session, donation.email, donation.name, ids=ids, now=now)
    is_paid = donation.state == DonationState.PAID
    return Plan(
        id=ids.ulid(),
        reference=ids.reference("P"),
        supporter_id=supporter.supporter_id,
        first_donation_id=donation.id,
        kind=PlanKind.DONATION,
        tax_code=TAX_CODE,
        frequency=donation.frequency,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        method=Method.CARD,
        fund_id=donation.fund_id,
        appeal_id=donation.appeal_id,
        attribution_id=donation.attribution_id,
        state=PlanState.ACTIVE if is_paid else PlanState.STARTING,
        livemode=donation.livemode,
        receipts=ReceiptWish.EACH,
        locale=donation.locale,
        stripe_subscription_id=fact.subscription_id,
        stripe_customer_id=fact.customer_id,
        started_at=fact.occurred_at or donation.paid_at or now,
        created_at=now,
        updated_at=now,
    )
