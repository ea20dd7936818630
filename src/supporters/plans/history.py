"""The history of a plan: each thing that happened to it, noted once."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids
from supporters.plans.models import Actor, PlanEvent


async def note(
    session: AsyncSession,
    plan_id: str,
    kind: str,
    *,
    cause: str,
    ids: Ids,
    now: datetime,
    actor: Actor = Actor.STRIPE,
    actor_id: str | None = None,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """The history says so. False when it did before. *Idempotent by* plan, kind and cause."""
    row = {
        "id": ids.ulid(),
        "plan_id": plan_id,
        "at": now,
        "kind": kind,
        "cause": cause,
        "actor": actor,
        "actor_id": actor_id,
        "detail": dict(detail or {}),
    }
    added = await session.execute(insert_for(session, PlanEvent).values(**row).on_conflict_do_nothing())
    return changed_rows(added) == 1
