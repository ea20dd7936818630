"""The job that reads the site's own feed every half hour."""

from datetime import timedelta
from typing import Any

from supporters.appeals.articles import FeedAnswer, Marks, fetch_feed, forget_unnamed, store_feed
from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Work

READ_JOB = "appeals.feed"
TIMER = Timer(READ_JOB, timedelta(minutes=30))


class FeedReader:
    """Reads the feed, and remembers for as long as the process lives what the site said of its version."""

    def __init__(self, backstage: Backstage) -> None:
        self._backstage = backstage
        self._marks = Marks()

    async def __call__(self, work: Work, _payload: dict[str, Any]) -> None:
        """What the feed says is on record, and articles that nobody names any more are gone."""
        answer = await self._fetch()
        async with work.db.unit_of_work() as session:
            if answer is not None:
                await store_feed(session, answer, ids=work.ids, now=work.clock.now())
            await forget_unnamed(session, now=work.clock.now())
            await work.finish(session)
        if answer is not None:
            self._marks = Marks() if answer.problem else answer.marks

    async def _fetch(self) -> FeedAnswer | None:
        """What the site says, or None where no feed is named."""
        settings, outside = self._backstage.settings, self._backstage.outside
        if not settings.feed_url:
            return None
        return await fetch_feed(outside, settings.feed_url, sites=settings.sites, marks=self._marks)
