"""Background work of people: letters that let them in, and forgetting what need not be kept."""

from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.people import details, sign_in
from supporters.people.sessions import purge_sessions
from supporters.settings import Settings

TEND = "people.tend"
TIMERS: tuple[Timer, ...] = (Timer(TEND, every=timedelta(hours=1)),)

log = structlog.get_logger("people")


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {
        TEND: tend,
        sign_in.SEND: partial(send_sign_in, settings=backstage.settings),
        details.SEND: partial(send_question, settings=backstage.settings),
    }


async def send_sign_in(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """Whoever asked to be let in has a letter waiting, if we know the address."""
    asked = str(payload["sign_in_id"])
    async with work.db.unit_of_work() as session:
        await sign_in.send_sign_in(session, asked, settings=settings, ids=work.ids, now=work.clock.now())
        await work.finish(session)


async def send_question(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """A new address has been asked whether it is theirs."""
    asked = str(payload["change_id"])
    async with work.db.unit_of_work() as session:
        await details.send_question(session, asked, settings=settings, ids=work.ids, now=work.clock.now())
        await work.finish(session)


async def tend(work: Work, _payload: dict[str, Any]) -> None:
    """Requests, questions and sessions that are over are gone."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        purged = await sign_in.purge_sign_ins(session, now=now) + await details.purge_changes(session, now=now)
        purged += await purge_sessions(session, now=now)
        await work.finish(session)
    log.info("people_tended", count=purged)
