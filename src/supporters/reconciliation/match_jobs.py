"""The jobs that look for what is certain among new bank lines and new payouts, and learn from what people said."""

from datetime import timedelta
from typing import Any

import structlog

from supporters.jobs.timers import Timer
from supporters.jobs.work import Work
from supporters.reconciliation.automatic import match_certain
from supporters.reconciliation.detect_bank import settle_dealt_with
from supporters.reconciliation.ignoring import set_aside_by_rules
from supporters.reconciliation.learn_rhythm import learn_rhythms
from supporters.reconciliation.learning import learn
from supporters.reconciliation.matches import forget_taken_back, record_matched

MATCH_LINES, LEARN_RULES = "bank.match", "bank.learn"
TIMERS: tuple[Timer, ...] = (
    Timer(MATCH_LINES, every=timedelta(hours=1)),
    Timer(LEARN_RULES, every=timedelta(hours=24)),
)

log = structlog.stdlib.get_logger("matching")


async def match_lines(work: Work, _payload: dict[str, Any]) -> None:
    """Job `bank.match`: every open line that is certainly one payment is in the books, and what rules ignore is set aside."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        found = await match_certain(session, ids=work.ids, now=now)
        if found:
            await record_matched(session, found, now=now)
        aside = await set_aside_by_rules(session)
        await settle_dealt_with(session, now=now)
        await forget_taken_back(session)
        await work.finish(session)
    if found:
        log.info("bank_lines_matched", count=found)
    if aside:
        log.info("bank_lines_set_aside", count=aside)


async def learn_rules(work: Work, _payload: dict[str, Any]) -> None:
    """Job `bank.learn`: what people have said often enough waits as a rule for somebody to look at."""
    async with work.db.unit_of_work() as session:
        new = await learn(session, ids=work.ids, now=work.clock.now())
        new += await learn_rhythms(session, ids=work.ids, now=work.clock.now())
        await work.finish(session)
    if new:
        log.info("bank_rules_proposed", count=new)
