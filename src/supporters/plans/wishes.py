"""How often a plan's supporter wants a receipt: the one wish about a plan that Stripe need not hear of."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.ids import Ids
from supporters.plans.history import note
from supporters.plans.models import Actor, Plan, ReceiptWish


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
        "changed_receipts",
        cause=ids.ulid(),
        ids=ids,
        now=now,
        actor=Actor.SUPPORTER,
        actor_id=supporter_id,
        detail={"receipts": wish},
    )
