"""How fast the sandbox's clock goes: renewals a second while many plans live through a year.

    .venv/bin/python bench/sandbox_clock.py --plans 200 --months 12

All in memory and in this process; every event is drawn up and addressed to a receiver, none is sent. The tests of a
whole year and the campaigns stand on this figure: the aim is 300 renewals a second.
"""

import argparse
import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from common import machine  # makes tests/ importable

from planning import price
from stripe_in_process import StripeWorld
from supporters.kit.clock import FixedClock

AIM = 300
START = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
MONTH = timedelta(days=31)  # of which a year holds twelve and no thirteenth renewal


async def begin(world: StripeWorld, plans: int) -> None:
    """So many customers with a card and a monthly plan."""
    listed = await price(world)
    card: Any = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    for _ in range(plans):
        customer = await world.stripe.v1.customers.create_async(card)
        params: Any = {"customer": customer.id, "items": [{"price": listed.id}]}
        await world.stripe.v1.subscriptions.create_async(params)


async def run(plans: int, months: int) -> None:
    """Lives through the months, and says how fast."""
    world = StripeWorld(FixedClock(START))
    await begin(world, plans)
    started, busy = time.perf_counter(), time.process_time()
    for month in range(1, months + 1):
        await world.sandbox.advance(MONTH)
        print(f"  month {month:>2}: {renewals(world):,} renewals", flush=True)
    took, busy = time.perf_counter() - started, time.process_time() - busy
    done, told = renewals(world), Counter(event["type"] for event in world.sandbox.events())
    assert done == plans * months == told["invoice.paid"] - plans, "every plan has renewed every month"
    await world.close()
    print(f"{done / took:,.0f} renewals/s, {done / busy:,.0f} per second of processor time; aim {AIM}")


def renewals(world: StripeWorld) -> int:
    """How many invoices of later periods have been paid."""
    where = "json_extract(json, '$.billing_reason') = 'subscription_cycle' and json_extract(json, '$.status') = 'paid'"
    return world.sandbox.world.store.db.execute(
        f"select count(*) from object where kind = 'invoice' and {where}"
    ).fetchone()[0]


def main() -> None:
    """Prints the figure beside the aim."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--plans", type=int, default=200)
    asked.add_argument("--months", type=int, default=12)
    told = asked.parse_args()
    print(machine())
    asyncio.run(run(told.plans, told.months))


if __name__ == "__main__":
    main()
