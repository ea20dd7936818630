"""The job that keeps the books up to date: new lines of Stripe's balance into the mirror, from there into the ledger.

Whose a payment is, is found out elsewhere (`events`, `payments.sweep`): a line waits in the mirror until that is known.
"""

from typing import Any

import structlog

from supporters.jobs.work import Work
from supporters.payments.gateway import Gateway
from supporters.payments.sweep import sweep_balance
from supporters.reconciliation.disputes import close_disputes
from supporters.reconciliation.drift import find_drift, report_drift
from supporters.reconciliation.poster import BATCH, post_new

log = structlog.stdlib.get_logger("reconciliation")


async def pull_and_post(work: Work, _payload: dict[str, Any], *, gateway: Gateway, time_zone: str) -> None:
    """Job `balance.pull`: what Stripe's balance shows is mirrored, and every line whose owner is known is in the ledger.

    What is mirrored already is posted even while Stripe does not answer. Raises the gateway's errors, to be tried again.
    """
    try:
        await sweep_balance(work.db, gateway, clock=work.clock, ids=work.ids)
    finally:
        posted = await post_all(work, time_zone=time_zone)
        if posted:
            log.info("balance_posted", count=posted)


async def compare_balance(work: Work, _payload: dict[str, Any], *, gateway: Gateway, time_zone: str) -> None:
    """Job `balance.compare`: the ledger agrees with what Stripe says it holds, or a discrepancy is open.

    Says nothing when Stripe's balance moved while its lines were read: then neither side is wrong, and the next run looks.
    """
    before = await gateway.balance()
    await pull_and_post(work, _payload, gateway=gateway, time_zone=time_zone)
    if await gateway.balance() != before:
        return
    async with work.db.unit_of_work() as session:
        drifts = await find_drift(session, before)
        await report_drift(session, drifts, ids=work.ids, now=work.clock.now())


async def post_all(work: Work, *, time_zone: str) -> int:
    """Every mirrored line whose owner is known is in the ledger, and so is every dispute's end; says how many are new."""
    posted = 0
    while True:
        async with work.db.unit_of_work() as session:
            count = await post_new(session, ids=work.ids, now=work.clock.now(), time_zone=time_zone)
        posted += count
        if count < BATCH:
            break
    async with work.db.unit_of_work() as session:
        posted += await close_disputes(session, ids=work.ids, now=work.clock.now(), time_zone=time_zone)
    return posted
