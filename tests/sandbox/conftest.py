"""A sandbox for every test, checked against Stripe's document when the test is over."""

from collections.abc import AsyncIterator

import pytest

from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock


@pytest.fixture
async def world(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    made = StripeWorld(clock)
    yield made
    await made.close()
    made.app.assert_clean()
