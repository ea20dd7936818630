"""Two people, or two windows, change one plan at the same moment: one wish is on record, on both engines."""

import asyncio

from disputes.conftest import BankJourney
from supporters.kit.errors import Conflict
from supporters.plans.change import request_change
from supporters.plans.models import Actor, ChangeKind, PlanChange, PlanState


async def ask(bank: BankJourney, plan_id: str, kind: ChangeKind) -> str | None:
    """The wish in a transaction of its own; the words of a refusal."""
    try:
        async with bank.db.unit_of_work() as session:
            await request_change(
                session,
                plan_id,
                kind=kind,
                wanted={},
                actor=Actor.SUPPORTER,
                actor_id=None,
                ids=bank.ids,
                now=bank.clock.now(),
            )
    except Conflict as conflict:
        return conflict.message
    return None


async def test_of_four_wishes_at_once_one_is_on_record_and_done(both: BankJourney) -> None:
    plan = await both.begin()
    kinds = (ChangeKind.STOP, ChangeKind.SKIP, ChangeKind.STOP, ChangeKind.SKIP)

    refusals = await asyncio.gather(*(ask(both, plan.id, kind) for kind in kinds))
    await both.hear()

    [change] = await both.rows(PlanChange)
    assert sorted(refusals, key=bool)[0] is None
    assert all(
        "Another change to this donation is being made" in (words or "") for words in sorted(refusals, key=bool)[1:]
    )
    after = await both.plan(plan.id)
    is_stopping = change.kind == ChangeKind.STOP
    assert (after.stops_at is not None, after.state == PlanState.PAUSED) == (is_stopping, not is_stopping)
