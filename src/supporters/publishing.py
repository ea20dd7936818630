"""What article pages show, worked out across the rooms: appeals and their tickers, newsletters, placements, vetoes.

The rooms do not know one another; this page does, as `events.py` does for Stripe's facts.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.history import publish_due
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
    return await republish(session, lines=lines, tickers=tickers, settings=settings, ids=ids, now=now)


async def publish_now_due(work: Work, _payload: dict[str, object], *, settings: Settings) -> None:
    """Appeals whose time has come are public, and the files of every placement are at most a minute old."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        await publish_due(session, now=now, ids=work.ids)
        await publish_all(session, settings=settings, ids=work.ids, now=now)
        await work.finish(session)
