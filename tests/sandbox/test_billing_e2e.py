"""Proof that is not ours: the scenarios of `billing-e2e`, a harness for Stripe's test clocks, run against the sandbox."""

import asyncio
from pathlib import Path
from typing import Any

import billing_e2e
import pytest
import stripe
from billing_e2e.runner import Runner, RunResult
from billing_e2e.scenario import Config, load_scenario
from listening import listening

from openapi import ValidatingApp, stripe_document
from supporters.sandbox.config import SandboxConfig
from supporters.sandbox.sandbox import Sandbox

SCENARIOS = Path(billing_e2e.__file__).parent / "scenarios"
KEY = "sk_test_sandbox_of_scenarios"
PLAYED = ("renewal", "failed-renewal", "cancel-at-period-end", "signup-card-problems")
NOT_PLAYED = {"plan-change": "a changed price is prorated there, which donations never are"}


def play(scenario: str, address: str) -> RunResult:
    """How the scenario went against the sandbox at that address, with the SDK as it is."""
    client = stripe.StripeClient(KEY, base_addresses={"api": address})
    params: Any = {"currency": "gbp", "unit_amount": 1000, "recurring": {"interval": "month"}}
    price = client.v1.prices.create({**params, "product_data": {"name": "Monthly donation"}})
    config = Config(stripe_key=KEY, vars={"monthly_price": price.id})
    return Runner(config, client).run(load_scenario(SCENARIOS / f"{scenario}.yml"))


def test_every_scenario_is_played_or_left_out_by_name() -> None:
    """`plan-change` alone is left out: it expects credits for the unused part of a month, and the sandbox refuses every
    change that would be prorated, as the product never makes one."""
    assert {path.stem for path in SCENARIOS.glob("*.yml")} == {*PLAYED, *NOT_PLAYED}


@pytest.mark.parametrize("scenario", PLAYED)
async def test_scenario_of_others_goes_well(scenario: str, record_property: Any) -> None:
    sandbox = Sandbox(SandboxConfig(api_key=KEY, settle_delay_seconds=0))
    app = ValidatingApp(sandbox.api)

    async with listening(app) as [port]:
        result = await asyncio.to_thread(play, scenario, f"http://127.0.0.1:{port}")
    events = sandbox.events()
    await sandbox.close()

    assert not [(step.label, step.detail) for step in result.steps if not step.passed]
    assert result.passed, result.errors
    assert result.steps
    assert events
    for event in events:
        stripe_document().check_event(event)
    app.assert_clean()
    record_property("proof", f"billing-e2e: {scenario}, {len(result.steps)} steps, all well")
