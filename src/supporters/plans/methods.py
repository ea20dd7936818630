"""How plans are paid: cards and accounts as Stripe shows them, mandates, and new ones from a set-up page."""

from calendar import monthrange
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.payments.facts import MandateSeen, MethodSeen
from supporters.plans import letters
from supporters.plans.history import note
from supporters.plans.lifecycle import method_of
from supporters.plans.models import Plan, PlanState
from supporters.settings import Settings


async def take_method(session: AsyncSession, plan: Plan, seen: MethodSeen, *, ids: Ids, now: datetime) -> bool:
    """The plan shows this card or account as what it is paid with. False when it did."""
    values: dict[str, object] = {
        "method": method_of(seen.kind),
        "method_brand": seen.brand,
        "method_last4": seen.last4,
        "method_expires_on": _last_day(seen.expires),
        "stripe_payment_method_id": seen.payment_method_id,
        "is_updated_by_network": plan.is_updated_by_network or seen.is_automatic,
    }
    differing = {name: value for name, value in values.items() if getattr(plan, name) != value}
    for name, value in differing.items():
        setattr(plan, name, value)
    await session.flush()
    if seen.is_automatic and differing:
        cause = f"{seen.payment_method_id}:{seen.last4}:{seen.expires}"
        await note(session, plan.id, "card_updated", cause=cause, ids=ids, now=now, detail={"last4": seen.last4})
    return bool(differing)


async def see_method(session: AsyncSession, seen: MethodSeen, *, ids: Ids, now: datetime) -> bool:
    """Every plan that is paid with this card or account shows it as it is now. False when no plan is."""
    wanted = select(Plan).where(Plan.stripe_payment_method_id == seen.payment_method_id).with_for_update()
    plans = (await session.scalars(wanted.execution_options(populate_existing=True))).all()
    for plan in plans:
        await take_method(session, plan, seen, ids=ids, now=now)
    return bool(plans)


async def see_mandate(session: AsyncSession, seen: MandateSeen, *, ids: Ids, now: datetime, settings: Settings) -> bool:
    """Who pays from a bank account that may not be debited any more hears of it once. False when it is of no plan."""
    wanted = select(Plan).where(
        Plan.stripe_payment_method_id == seen.payment_method_id, Plan.state != PlanState.STOPPED
    )
    plans = (await session.scalars(wanted)).all()
    for plan in plans if seen.status == "inactive" else ():
        if await note(session, plan.id, "mandate_ended", cause=seen.mandate_id, ids=ids, now=now):
            once = f"{plan.id}:{seen.mandate_id}"
            await letters.tell_mandate_ended(session, plan, cause=once, ids=ids, now=now, settings=settings)
    return bool(plans)


def _last_day(expires: tuple[int, int] | None) -> date | None:
    if expires is None:
        return None
    year, month = expires
    return date(year, month, monthrange(year, month)[1])
