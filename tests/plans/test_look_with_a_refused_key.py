"""A key that Stripe refuses says nothing of a plan: the look is made later."""

from datetime import timedelta

import pytest

from plans.conftest import PlanJourney
from supporters.jobs.models import Job, WorkState
from supporters.payments.gateway import GatewayRefused
from supporters.payments.gateway_plans import PlanCalls
from supporters.plans.looks import LOOK, LOOK_AFTER, UNCLEAR, ask_for_look


async def looks_ahead(journey: PlanJourney) -> int:
    return sum(row.kind == LOOK and row.state == WorkState.READY for row in await journey.rows(Job))


async def test_look_with_a_refused_key_is_made_later(journey: PlanJourney, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = await journey.begin()
    async with journey.db.unit_of_work() as session:
        await ask_for_look(session, plan.id, ids=journey.ids, now=journey.clock.now())
    journey.clock.advance(LOOK_AFTER)

    async def refused(*_args: object, **_more: object) -> None:
        raise GatewayRefused("Invalid API Key provided", code="api_key_expired", http_status=401)

    with monkeypatch.context() as patch:
        patch.setattr(PlanCalls, "plan", refused)
        await journey.run_looks()
    waiting = await looks_ahead(journey)
    journey.clock.advance(UNCLEAR + timedelta(seconds=1))
    await journey.run_looks()

    assert (waiting, await looks_ahead(journey)) == (1, 0)
