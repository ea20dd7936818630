"""Background work of receipts: the statements of a year that is over."""

from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.receipts.yearly import send_portion
from supporters.settings import Settings

SEND = "receipts.statements"
TIMERS: tuple[Timer, ...] = (Timer(SEND, every=timedelta(hours=6)),)

log = structlog.get_logger("receipts")


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {SEND: partial(send_statements, settings=backstage.settings)}


async def send_statements(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `receipts.statements`: whoever wants one statement a year has it, for every year that is over."""
    portions, after = 0, ""
    while True:
        async with work.db.unit_of_work() as session:
            last = await send_portion(session, after=after, ids=work.ids, now=work.clock.now(), settings=settings)
            if last is None:
                await work.finish(session)
        if last is None:
            break
        portions, after = portions + 1, last
    log.info("statements_sent", count=portions)
