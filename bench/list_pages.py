"""How long a page of 100 lines of Stripe's balance takes to read: required at most 1 ms. Beside it, the standard library.

The page is what the sandbox answers: every line with the whole charge that made it, some 3 kB each. Measured are the reply's
bytes into Stripe's shapes, and from there into our facts; for comparison the same bytes into plain JSON.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import common  # noqa: F401  # finds src and tests
import msgspec

from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock
from supporters.payments import translate, wire

REQUIRED_MS = 1.0
ROUNDS = 300


async def page() -> bytes:
    """One full page, as Stripe's list answers."""
    world = StripeWorld(FixedClock(datetime(2026, 11, 22, 9, 36, tzinfo=UTC)))
    for number in range(100):
        asked = {"amount": 500 + number, "currency": "gbp", "confirm": True, "payment_method": "pm_card_visa"}
        await world.stripe.v1.payment_intents.create_async({**asked, "return_url": "https://a.example/back"})
    await world.sandbox.settle_now()
    reply = await world.browser.get(
        "/v1/balance_transactions?limit=100&expand[]=data.source", headers={"Authorization": "Bearer sk_test_sandbox"}
    )
    await world.close()
    return reply.content


def timed(work: Callable[[], object]) -> float:
    """Milliseconds that it takes, in the middle of many tries."""
    found: list[float] = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return median(found)


def main() -> None:
    """Prints the figures; fails when one is missed."""
    body = asyncio.run(page())

    def read() -> list[object]:
        return [translate.line_of_entry(entry) for entry in msgspec.json.decode(body, type=wire.BalancePage).data]

    lines = read()
    decoded = timed(lambda: msgspec.json.decode(body, type=wire.BalancePage))
    whole, plain = timed(read), timed(lambda: json.loads(body))
    print(f"one page: {len(lines)} lines, {len(body) / 1024:.0f} KiB")
    print(f"decoded           {decoded:6.3f} ms   required ≤ {REQUIRED_MS} ms")
    print(f"decoded, as facts {whole:6.3f} ms   with our own words for it")
    print(f"json.loads        {plain:6.3f} ms   the floor of the standard library")
    if len(lines) != 100 or decoded > REQUIRED_MS:
        raise SystemExit("the required figure is missed")


if __name__ == "__main__":
    main()
