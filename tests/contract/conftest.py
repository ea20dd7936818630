"""Whom the contract tests speak to: the sandbox in this process, or Stripe's own test mode.

`make real-stripe STRIPE_TEST_KEY=sk_test_...` chooses Stripe. That key alone decides; a live key is refused. The tests
themselves cannot tell the difference: they go through the unmodified SDK and the public API only.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from stripe_in_process import StripeWorld
from supporters.kit.clock import SystemClock

stripe.enable_telemetry = False
ENDIVE = "2026-10-28.endive"


@dataclass
class Target:
    """A Stripe to speak to."""

    client: stripe.StripeClient
    is_real: bool
    run: str = field(default_factory=lambda: secrets.token_hex(6))

    def key(self, name: str) -> Any:
        """Options with an idempotency key that no earlier run has used."""
        return {"idempotency_key": f"contract:{self.run}:{name}"}

    def now(self) -> int:
        """Epoch seconds."""
        return int(datetime.now(UTC).timestamp())

    async def settled(self, charge_id: str) -> Any:
        """The charge once its balance transaction is known, expanded."""
        for _ in range(40):
            charge = await self.client.v1.charges.retrieve_async(charge_id, {"expand": ["balance_transaction"]})
            if charge.balance_transaction:
                return charge
            await asyncio.sleep(0.5 if self.is_real else 0)
        raise AssertionError(f"{charge_id} did not reach the balance")


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    key = os.environ.get("STRIPE_TEST_KEY")
    if key:
        if not key.startswith(("sk_test_", "rk_test_")):
            pytest.exit("STRIPE_TEST_KEY must be a test key: it starts with sk_test_ or rk_test_", returncode=2)
        http = stripe.HTTPXClient(timeout=30)
        yield Target(stripe.StripeClient(key, stripe_version=ENDIVE, http_client=http), is_real=True)
        await http.close_async()
        return
    world = StripeWorld(SystemClock(), settle_delay_seconds=0, webhook_url=None)
    yield Target(world.stripe, is_real=False)
    await world.close()
    world.app.errors = [error for error in world.app.errors if not error.startswith("request")]
    world.app.assert_clean()
