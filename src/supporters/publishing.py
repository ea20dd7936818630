"""What article pages show, worked out across the rooms: appeals and their tickers, newsletters, placements, vetoes.

The rooms do not know one another; this page does, as `events.py` does for Stripe's facts.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.history import publish_due
from supporters.guard.switches import RECURRING, read_switches
from supporters.jobs.work import Work
from supporters.kit.ids import Ids
from supporters.newsletters.queries import signup_lines
from supporters.newsletters.rules import form_value
from supporters.prompts.publish import NewsletterLine, TickerLine, republish
from supporters.reports.tickers import ticker_lines
from supporters.settings import Settings


async def publish_all(session: AsyncSession, *, settings: Settings, ids: Ids, now: datetime) -> list[str]:
    """Every placement's file says what holds now; returns the codes of the placements that changed."""
    lines = {
        slug: NewsletterLine(slug, name, wording, how_often, form_value(slug, wording))
        for slug, (name, wording, how_often) in (await signup_lines(session)).items()
    }
    tickers = {
        slug: TickerLine(line.raised_minor, line.people, line.currency, line.as_of)
        for slug, line in (await ticker_lines(session, now=now)).items()
    }
    offered = await _as_switched(session, settings)
    return await republish(session, lines=lines, tickers=tickers, settings=offered, ids=ids, now=now)


async def publish_now_due(work: Work, _payload: dict[str, object], *, settings: Settings) -> None:
    """Appeals whose time has come are public, and the files of every placement are at most a minute old."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        await publish_due(session, now=now, ids=work.ids)
        await publish_all(session, settings=settings, ids=work.ids, now=now)
        await work.finish(session)


async def _as_switched(session: AsyncSession, settings: Settings) -> Settings:
    """What staff have switched off is not offered on article pages either."""
    is_off = (await read_switches(session))[RECURRING].is_off
    return replace(settings, recurring_enabled=False) if is_off else settings
