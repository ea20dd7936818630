"""Background work of prompts."""

from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler

TIMERS: tuple[Timer, ...] = ()


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    del backstage
    return {}
