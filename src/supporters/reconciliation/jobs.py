"""The jobs that keep the books up to date: new lines of Stripe's balance into the mirror, from there into the ledger.

Whose a payment is, is found out elsewhere (`events`, `payments.sweep`): a line waits in the mirror until that is known.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import structlog

from supporters.jobs.work import TryLater, Work
from supporters.kit.strings import gettext as _
from supporters.payments.contents import keep_contents, list_contents, payouts_to_prove
from supporters.payments.gateway import Gateway, GatewayRefused
from supporters.payments.payout_sweep import sweep_payouts
from supporters.payments.snapshots import keep_day
from supporters.payments.sweep import OF_THE_KEY, read_again, sweep_balance
from supporters.reconciliation.disputes import close_disputes
from supporters.reconciliation.drift import find_drift, report_drift, unexplained, when_it_began
from supporters.reconciliation.payout_proof import note_refused, prove_by_balance, prove_content
from supporters.reconciliation.payout_reports import report_payouts
from supporters.reconciliation.poster import BATCH, post_new

PROVED_AT_ONCE = 20  # payouts whose contents are read in one run of the job
SOON = timedelta(seconds=1)
A_DAY = timedelta(days=1)

log = structlog.stdlib.get_logger("reconciliation")


async def pull_and_post(work: Work, _payload: dict[str, Any], *, gateway: Gateway, time_zone: str) -> None:
    """Job `balance.pull`: what Stripe's balance shows is mirrored, and every line whose owner is known is in the ledger.

    What is mirrored already is posted even while Stripe does not answer. Raises the gateway's errors, to be tried again, and
    TryLater where there was too much for one run.
    """
    is_whole = True
    try:
        is_whole = (await sweep_balance(work.db, gateway, clock=work.clock, ids=work.ids)).is_whole
    finally:
        posted = await post_all(work, time_zone=time_zone)
        if posted:
            log.info("balance_posted", count=posted)
    if not is_whole:
        raise TryLater(_("Stripe's balance has more lines than one run reads."), SOON)


async def prove_payouts(work: Work, _payload: dict[str, Any], *, gateway: Gateway) -> None:
    """Job `payouts.prove`: payouts whose list Stripe has finished add up or have a discrepancy, and so have odd ones.

    One whose list Stripe refuses has a discrepancy too, and the others are proved all the same. Raises the gateway's other
    errors, to be tried again, and TryLater where there are more than one run proves.
    """
    async with work.db.reading() as session:
        waiting = await payouts_to_prove(session, now=work.clock.now(), limit=PROVED_AT_ONCE)
    for payout in waiting:
        try:
            lines = await list_contents(gateway, payout.stripe_payout_id)
        except GatewayRefused as refusal:
            if refusal.http_status in OF_THE_KEY:
                raise
            async with work.db.unit_of_work() as session:
                await note_refused(session, payout, refusal.code or "", ids=work.ids, now=work.clock.now())
            log.warning("payout_content_refused", record_id=payout.stripe_payout_id, code=refusal.code)
            continue
        await keep_contents(work.db, payout, lines, clock=work.clock, ids=work.ids)
        async with work.db.unit_of_work() as session:
            proof = await prove_content(session, payout, lines, ids=work.ids, now=work.clock.now())
        if proof.off_minor:
            log.warning("payout_content_off", record_id=proof.payout_id)
    async with work.db.unit_of_work() as session:
        await report_payouts(session, ids=work.ids, now=work.clock.now())
    if len(waiting) == PROVED_AT_ONCE:
        raise TryLater(_("There are more payouts to prove than one run takes."), SOON)


async def follow_payouts(work: Work, payload: dict[str, Any], *, gateway: Gateway) -> None:
    """Job `payouts.sweep`: every payout is mirrored as Stripe shows it, also those of which no event told, and proved."""
    changed = await sweep_payouts(work.db, gateway, clock=work.clock)
    if changed:
        log.info("payouts_swept", count=changed)
    await prove_payouts(work, payload, gateway=gateway)


async def compare_balance(work: Work, _payload: dict[str, Any], *, gateway: Gateway, time_zone: str) -> None:
    """Job `balance.compare`: the ledger agrees with what Stripe says it holds, or a discrepancy is open.

    What Stripe held is kept for its day, and payouts that Stripe does not itemise are proved where both agree. Says nothing
    when Stripe's balance moved while its lines were read: then neither side is wrong, and the next run looks.
    """
    before = await gateway.money.holdings()
    await pull_and_post(work, _payload, gateway=gateway, time_zone=time_zone)
    now = work.clock.now()
    if await gateway.money.holdings() != before:
        return
    held = {currency: each.available_minor + each.pending_minor for currency, each in before.items()}
    async with work.db.unit_of_work() as session:
        await keep_day(session, before, taken_at=now, time_zone=time_zone)
        drifts = await find_drift(session, held)
        began = await when_it_began(session) if unexplained(drifts) else None
    if began and await _read_those_days(work, began, until=now, gateway=gateway, time_zone=time_zone):
        async with work.db.reading() as session:
            drifts = await find_drift(session, held)
    async with work.db.unit_of_work() as session:
        await report_drift(session, drifts, ids=work.ids, now=now)
    await prove_by_balance(work.db, now=now)


async def _read_those_days(
    work: Work, days: tuple[date, date], *, until: datetime, gateway: Gateway, time_zone: str
) -> int:
    """A line that was left out when its days were read is found as soon as the balance shows it; says how many were.

    `until`: when the balance was told; what is newer is no part of it.
    """
    first, last = (datetime.combine(day, time.min, UTC) for day in days)
    began, ended = first - A_DAY, min(last + 2 * A_DAY, until)
    read = await read_again(work.db, gateway, since=began, until=ended, clock=work.clock, ids=work.ids)
    if read.added:
        log.warning("lines_found_late", count=read.added)
        await post_all(work, time_zone=time_zone)
    return read.added


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
