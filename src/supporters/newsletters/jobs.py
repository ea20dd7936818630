"""Background work of newsletters: reminders, forgetting what need not be kept, and wishes from other forms."""

from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.mail.bounces import forget_bounces
from supporters.newsletters.imported import forget_undone, undone_strangers
from supporters.newsletters.signup import purge_unconfirmed, remind_waiting
from supporters.newsletters.wish import WISH, take_wish
from supporters.settings import Settings

TEND = "newsletters.tend"
PORTION = 200
TIMERS: tuple[Timer, ...] = (Timer(TEND, every=timedelta(minutes=30)),)

log = structlog.get_logger("newsletters")


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {
        TEND: partial(tend, settings=backstage.settings),
        WISH: partial(take_wish, settings=backstage.settings),
    }


async def tend(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """Requests that ran out are gone, and those two days old were reminded once. In portions, so that nobody waits.

    Gone too: whom only an undone import had brought, and reports of bounces older than 90 days.
    """
    purged = await _purge(work) + await _forget_undone(work)
    reminded = await _remind(work, settings)
    async with work.db.unit_of_work() as session:
        purged += await forget_bounces(session, now=work.clock.now())
        await work.finish(session)
    log.info("newsletters_tended", count=purged + reminded)


async def _purge(work: Work) -> int:
    gone = 0
    while True:
        async with work.db.unit_of_work() as session:
            portion = await purge_unconfirmed(session, limit=PORTION, now=work.clock.now())
        gone += portion
        if portion < PORTION:
            return gone


async def _forget_undone(work: Work) -> int:
    """They are looked for outside a write transaction: that reads every subscriber."""
    gone = 0
    while True:
        now = work.clock.now()
        async with work.db.reading() as session:
            found = await undone_strangers(session, now=now)
        if not found:
            return gone
        async with work.db.unit_of_work() as session:
            portion = await forget_undone(session, found, now=now)
        gone += portion
        if not portion:  # all of them are just coming back
            return gone


async def _remind(work: Work, settings: Settings) -> int:
    async with work.db.unit_of_work() as session:
        return await remind_waiting(session, limit=PORTION, settings=settings, ids=work.ids, now=work.clock.now())
