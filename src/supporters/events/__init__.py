"""Stripe's facts -> which verbs run, in which order, in one transaction. The only room that knows all of them.

Events come out of the inbox many at a time. What ties a payment to a donation, or a subscription to a plan, runs first;
what needs a tie and has none waits in the inbox until it comes. Every verb may be repeated, so that an event seen twice
changes nothing. `books` is one transaction's worth of facts, `plans` the part of it that knows subscriptions and bills,
`batch` the way out of the inbox, `context` what look-ups and the sweep use.
"""

from supporters.events.batch import apply_batch
from supporters.events.context import Context

__all__ = ["Context", "apply_batch"]
