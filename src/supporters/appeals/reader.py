"""The job that reads the sites' own feeds every half hour."""

from datetime import timedelta
from typing import Any

from supporters.appeals.articles import FeedAnswer, Marks, fetch_feeds, forget_unnamed, store_feeds
from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Work

READ_JOB = "appeals.feed"
TIMER = Timer(READ_JOB, timedelta(minutes=30))


class FeedReader:
    """Reads the feeds, and remembers for as long as the process lives what each site said of its version."""

    def __init__(self, backstage: Backstage) -> None:
        self._backstage = backstage
        self._marks: dict[str, Marks] = {}

    async def __call__(self, work: Work, _payload: dict[str, Any]) -> None:
        """What the feeds say is on record, and articles that nobody names any more are gone."""
        answers = await self._fetch()
        async with work.db.unit_of_work() as session:
            if answers:
                await store_feeds(session, answers, ids=work.ids, now=work.clock.now())
            await forget_unnamed(session, now=work.clock.now())
            await work.finish(session)
        self._marks = {address: answer.marks for address, answer in answers.items() if not answer.problem}

    async def _fetch(self) -> dict[str, FeedAnswer]:
        """What the sites say, by the feed's address; nothing where no feed is named."""
        settings, outside = self._backstage.settings, self._backstage.outside
        return await fetch_feeds(outside, settings.feed_urls, sites=settings.sites, marks=self._marks)
