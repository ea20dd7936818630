"""Background work of plans: looking at Stripe again, reminders, and what supporters and staff want done."""

from datetime import timedelta
from functools import partial

from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler
from supporters.plans.looks import LOOK, Applying, Looking, ask_for_look, look
from supporters.plans.methods import MANDATE_ENDED, tell_of_mandate
from supporters.plans.orders import Closing
from supporters.plans.refused import REFUSED, end_refused
from supporters.plans.tend import TEND, tend

__all__ = ["LOOK", "TIMERS", "Applying", "Looking", "ask_for_look", "handlers", "look"]

TIMERS: tuple[Timer, ...] = (Timer(TEND, every=timedelta(hours=6)),)


def handlers(backstage: Backstage, *, stripe: Closing, books: Applying) -> dict[str, Handler]:
    """The jobs of this room by kind. `stripe` is asked how plans stand, or told; `books` take what it says."""
    return {
        LOOK: partial(look, stripe=stripe, books=books),
        REFUSED: partial(end_refused, stripe=stripe, books=books),
        MANDATE_ENDED: partial(tell_of_mandate, settings=backstage.settings),
        TEND: partial(tend, settings=backstage.settings),
    }
