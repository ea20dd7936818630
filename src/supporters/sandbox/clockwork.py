"""What clocks bring about: sessions run out, plans renew, charges reach the balance, refunds arrive."""

from collections.abc import Callable, Mapping, Sequence

from supporters.sandbox import (
    balance,
    checkout,
    debiting,
    disputes,
    fraud,
    invoices_pay,
    later,
    mandates,
    payouts,
    refunds,
    reports_api,
    subscriptions_renew,
    topups,
)
from supporters.sandbox.store import Due
from supporters.sandbox.world import Cause, Follower, World

TASKS: dict[str, Callable[[World, Due], None]] = {
    "expire": checkout.run_out,
    "finalize": invoices_pay.finalize_due,
    "retry": invoices_pay.retry_due,
    "renew": subscriptions_renew.renew,
    "upcoming": subscriptions_renew.announce,
    "trial_ending": subscriptions_renew.announce_trial_end,
    "incomplete": subscriptions_renew.run_out,
    "resume": subscriptions_renew.resume,
    "cancel": subscriptions_renew.end_as_set,
    "settle": balance.settle_charge,
    "refund": refunds.finish_refund,
    "debit": debiting.finish_debit,
    "mandate": mandates.answer_mandate,
    "dispute": disputes.begin_dispute,
    "dispute_late": disputes.run_late,
    "verdict": disputes.give_verdict,
    "warning": fraud.warn_later,
    "payouts": payouts.run_daily,
    "payout_leaves": payouts.leave,
    "payout_arrives": payouts.arrive,
    "payout_reconciled": payouts.reconcile,
    "topup_arrives": topups.arrive,
    "report": reports_api.finish,
}
FOLLOWERS: Mapping[str, Sequence[Follower]] = {
    "payment_intent.succeeded": (invoices_pay.follow, later.debit_succeeded),
    "payment_intent.payment_failed": (invoices_pay.follow, later.debit_failed),
    "payment_intent.processing": (invoices_pay.follow,),
    "payment_intent.requires_action": (invoices_pay.follow,),
}
STEPS_AT_ONCE = 200


def run_due(world: World, task: str | None = None, *, at: int | None = None) -> int:
    """All that has fallen due has happened, each at its own moment; gives how many things did.

    `at` looks ahead of the clock: what falls due until then happens now.
    """
    if at is not None:
        return sum(_step(world, due, moment=world.now()) for due in world.store.due(at, task))
    done = 0
    while steps := run_some(world, world.wall(), task=task):
        done += steps
    return done


def run_some(world: World, until: int, timeline: str = "", *, task: str | None = None) -> int:
    """Some of what falls due by `until` has happened, in order of time; gives how much, 0 when nothing is left."""
    done = 0
    with world.atomic():
        while done < STEPS_AT_ONCE and (found := world.store.due(until, task, timeline, limit=1)):
            done += _step(world, found[0], moment=found[0].at)
    return done


def _step(world: World, due: Due, *, moment: int) -> int:
    with world.atomic(), world.caused_by(Cause()), world.at(moment, due.timeline):
        world.store.unschedule(due.seq)
        TASKS[due.task](world, due)
    return 1
