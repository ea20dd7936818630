"""Background work of appeals."""

from supporters.appeals.reader import READ_JOB, TIMER, FeedReader
from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler

TIMERS: tuple[Timer, ...] = (TIMER,)


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {READ_JOB: FeedReader(backstage)}
