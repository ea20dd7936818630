"""Background work of the bank."""

from datetime import timedelta
from typing import Any

from supporters.bank.purge import purge_files
from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work

PURGE = "bank.purge"
TIMERS: tuple[Timer, ...] = (Timer(PURGE, every=timedelta(hours=24)),)


def handlers(_backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {PURGE: purge}


async def purge(work: Work, _payload: dict[str, Any]) -> None:
    """No file of a statement waits for longer than a week."""
    async with work.db.unit_of_work() as session:
        await purge_files(session, now=work.clock.now())
        await work.finish(session)
