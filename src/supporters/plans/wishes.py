"""How often a plan's supporter wants a receipt: the one wish about a plan that Stripe need not hear of."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.ids import Ids
from supporters.plans.history import note
from supporters.plans.models import Actor, Plan, PlanEvent, ReceiptWish

CHANGED = "changed_receipts"


async def wish_at(session: AsyncSession, plan: Plan, at: datetime) -> ReceiptWish:
    """What the plan's supporter wished at that moment: a payment is held to the wish that stood when it was paid."""
    later = (PlanEvent.plan_id == plan.id) & (PlanEvent.kind == CHANGED) & (PlanEvent.at > at)
    changes = await session.scalar(select(func.count()).select_from(PlanEvent).where(later)) or 0
    now = ReceiptWish(plan.receipts)
    if changes % 2 == 0:  # there are two wishes, and each change is from one to the other
        return now
    return ReceiptWish.YEARLY if now == ReceiptWish.EACH else ReceiptWish.EACH


async def choose_receipts(
    session: AsyncSession, plan_id: str, wish: ReceiptWish, *, supporter_id: str, ids: Ids, now: datetime
) -> bool:
    """From the next payment on, the plan's receipts come so. False when they did, or when the plan is not the supporter's."""
    mine = (Plan.id == plan_id) & (Plan.supporter_id == supporter_id) & (Plan.receipts != wish)
    changed = update(Plan).where(mine).values(receipts=wish, updated_at=now)
    if changed_rows(await session.execute(changed, execution_options={"synchronize_session": False})) != 1:
        return False
    return await note(
        session,
        plan_id,
        CHANGED,
        cause=ids.ulid(),
        ids=ids,
        now=now,
        actor=Actor.SUPPORTER,
        actor_id=supporter_id,
        detail={"receipts": wish},
    )
