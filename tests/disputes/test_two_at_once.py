"""Two people, or two windows, change one plan at the same moment: one wish is on record, on both engines."""

import asyncio

from disputes.conftest import BankJourney
from supporters.kit.errors import Conflict
from supporters.plans.change import request_change
from supporters.plans.models import Actor, ChangeKind, PlanChange, PlanState
from supporters.plans.turns import GAVE_WAY


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


async def test_of_four_wishes_at_once_one_is_done(both: BankJourney) -> None:
    plan = await both.begin()
    kinds = (ChangeKind.STOP, ChangeKind.SKIP, ChangeKind.STOP, ChangeKind.SKIP)

    refusals = await asyncio.gather(*(ask(both, plan.id, kind) for kind in kinds))
    await both.hear()

    asked = await both.rows(PlanChange)
    [change] = [each for each in asked if each.failure != GAVE_WAY]
    # Whatever came before a stop makes way for it; else the others are refused.
    assert [each.kind for each in asked if each.failure == GAVE_WAY] in ([], [ChangeKind.SKIP])
    assert change.kind == ChangeKind.STOP or len(asked) == 1
    told = sorted(refusals, key=bool)
    assert told[: len(asked)] == [None] * len(asked)
    assert all("Another change to this donation is being made" in (words or "") for words in told[len(asked) :])
    after = await both.plan(plan.id)
    is_stopping = change.kind == ChangeKind.STOP
    assert (after.stops_at is not None, after.state == PlanState.PAUSED) == (is_stopping, not is_stopping)
