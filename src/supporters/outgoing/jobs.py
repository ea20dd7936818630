"""Background work of outgoing."""

from datetime import timedelta
from typing import Any

from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import enqueue
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.kit.sealing import Sealer
from supporters.outgoing.actions import PURPOSE, purge_deliveries
from supporters.outgoing.emit import SEND_JOB
from supporters.outgoing.sending import next_due, send_due

PURGE_JOB = "outgoing.purge"
LONGEST_WAIT = timedelta(minutes=1)  # the timer comes round again by then

TIMERS: tuple[Timer, ...] = (
    Timer(SEND_JOB, every=timedelta(minutes=1)),
    Timer(PURGE_JOB, every=timedelta(hours=24)),
)


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    sealer = Sealer(backstage.settings.secret_key, PURPOSE)

    async def send(work: Work, _payload: dict[str, Any]) -> None:
        await send_due(work.db, backstage.outside, sealer, clock=work.clock)
        async with work.db.unit_of_work() as session:
            now = work.clock.now()
            at = await next_due(session)
            if at is not None and at < now + LONGEST_WAIT:
                key = f"at:{int(max(at, now).timestamp())}"
                await enqueue(session, SEND_JOB, {}, ids=work.ids, now=now, run_at=max(at, now), dedupe=key)
            await work.finish(session)

    return {SEND_JOB: send, PURGE_JOB: _purge}


async def _purge(work: Work, _payload: dict[str, Any]) -> None:
    async with work.db.unit_of_work() as session:
        await purge_deliveries(session, now=work.clock.now())
        await work.finish(session)
