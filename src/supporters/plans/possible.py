"""What may be done to a plan at this moment, and in whose words it is said why not. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from supporters.kit.strings import gettext as _
from supporters.plans.models import Actor, ChangeKind, Method, Plan, PlanState

UNDO_FOR = timedelta(hours=24)
TOO_LATE = timedelta(minutes=2)  # a payment that is due by then is on its way: Stripe would not hear us in time
STOPPING = frozenset({ChangeKind.STOP, ChangeKind.ONE_OFF, ChangeKind.UNDO})
_WHILE_STARTING = STOPPING - {ChangeKind.UNDO}
_TO_PAY = frozenset({ChangeKind.METHOD, ChangeKind.TRY_NOW})
_WHILE_FAILING = STOPPING | {
    ChangeKind.METHOD,
    ChangeKind.TRY_NOW,
    ChangeKind.AMOUNT,
    ChangeKind.GO_ON,
    ChangeKind.HOLD,
}
_NEEDS_A_DATE = frozenset({ChangeKind.DATE, ChangeKind.SKIP, ChangeKind.PAUSE})


class Hindrance(StrEnum):
    """Why something cannot be done to a plan now."""

    STOPPED = "stopped"  # It is over.
    BUSY = "busy"  # Another change is being made.
    STARTING = "starting"  # The first payment is still at the bank.
    NOTHING_OPEN = "nothing_open"  # No payment has failed, so none can be tried again.
    FAILING = "failing"  # A payment has failed; that comes first.
    GOES_ON = "goes_on"  # It is neither paused nor stopping.
    STOPPING = "stopping"  # It ends on its next date.
    STOPS_ALREADY = "stops_already"  # The same was asked for before.
    PAUSED = "paused"  # It is paused.
    DISPUTED = "disputed"  # It is held until the bank has decided about a payment.
    TOO_OLD = "too_old"  # Its first day is over.
    NO_FIRST = "no_first"  # It began after something that was given once: there is no first payment to keep or return.
    YEARLY = "yearly"  # Months say nothing of a yearly donation.
    BEING_TAKEN = "being_taken"  # The next payment is on its way.
    STANDING_ORDER = "standing_order"  # The supporter's own bank sends it: only they can change it, there.


class FirstDay(msgspec.Struct, frozen=True):
    """Whether a plan began with a payment of its own, and when that arrived; its first day counts from then."""

    has_payment: bool = True
    paid_at: datetime | None = None


PLAIN = FirstDay()


def why_not(
    plan: Plan,
    kind: ChangeKind,
    *,
    now: datetime,
    has_open: bool = False,
    is_held: bool = False,
    actor: Actor = Actor.SUPPORTER,
    first: FirstDay = PLAIN,
) -> str | None:
    """Why this is not possible now, in words for the person who asked; None when it is.

    `is_held`: for a dispute that is not decided. Then only staff may let it go on, who know what the bank was told.
    """
    found = hindrance(plan, kind, now=now, has_open=has_open, first=first)
    if found is None and is_held and kind is ChangeKind.GO_ON and actor is Actor.SUPPORTER:
        found = Hindrance.DISPUTED
    if found is None:
        return None
    return words_of(found, actor)


def words_of(found: Hindrance, actor: Actor) -> str:
    """What stands in the way, said to the supporter, or to staff about them."""
    return _for_supporter(found) if actor is Actor.SUPPORTER else _for_staff(found)


def hindrance(
    plan: Plan, kind: ChangeKind, *, now: datetime, has_open: bool = False, first: FirstDay = PLAIN
) -> Hindrance | None:
    """What stands in the way of this change now; None when nothing does. `first` counts for ONE_OFF and UNDO."""
    if plan.state == PlanState.STOPPED:
        return Hindrance.STOPPED
    if has_open:
        return Hindrance.BUSY
    if plan.method == Method.STANDING_ORDER:
        return Hindrance.STANDING_ORDER
    return _in_this_state(plan, kind) or _at_this_time(plan, kind, now, first)


def _in_this_state(plan: Plan, kind: ChangeKind) -> Hindrance | None:
    is_refused = plan.failed_invoice_id is not None  # then the first payment can be made another way
    if plan.state == PlanState.STARTING and kind not in _WHILE_STARTING and not (is_refused and kind in _TO_PAY):
        return Hindrance.STARTING
    if kind is ChangeKind.TRY_NOW and plan.failed_invoice_id is None:
        return Hindrance.NOTHING_OPEN
    if plan.state == PlanState.FAILING and kind not in _WHILE_FAILING:
        return Hindrance.FAILING
    if kind is ChangeKind.GO_ON:
        return None if plan.state == PlanState.PAUSED or plan.stops_at else Hindrance.GOES_ON
    if plan.stops_at and kind not in STOPPING | {ChangeKind.TRY_NOW}:
        return Hindrance.STOPPING
    if plan.stops_at and kind is ChangeKind.STOP:
        return Hindrance.STOPS_ALREADY
    if plan.state == PlanState.PAUSED and kind in _NEEDS_A_DATE:
        return Hindrance.PAUSED
    return None


def _at_this_time(plan: Plan, kind: ChangeKind, now: datetime, first: FirstDay) -> Hindrance | None:
    if kind in (ChangeKind.ONE_OFF, ChangeKind.UNDO):
        if not first.has_payment:
            return Hindrance.NO_FIRST
        if not in_first_day(plan, now, first):
            return Hindrance.TOO_OLD
    if kind is ChangeKind.PAUSE and plan.frequency != "monthly":
        return Hindrance.YEARLY
    if kind in _NEEDS_A_DATE and (plan.next_at is None or plan.next_at - now < TOO_LATE):
        return Hindrance.BEING_TAKEN
    return None


def in_first_day(plan: Plan, now: datetime, first: FirstDay) -> bool:
    """Whether the first payment is less than a day old, or has not arrived."""
    return plan.state == PlanState.STARTING or now - (first.paid_at or plan.started_at) < UNDO_FOR


def _for_supporter(found: Hindrance) -> str:
    return {
        Hindrance.STOPPED: _("This donation has stopped. Nothing more is taken. To give again, start a new one."),
        Hindrance.STANDING_ORDER: _(
            "Your bank sends this donation by your standing order. You change or stop it there."
        ),
        Hindrance.BUSY: _("Another change to this donation is being made. Wait a moment, then look again."),
        Hindrance.STARTING: _(
            "Your bank has not confirmed the first payment yet. Until it has, you can only stop this donation."
        ),
        Hindrance.NOTHING_OPEN: _("No payment of this donation is open, so there is nothing to try again."),
        Hindrance.FAILING: _(
            "The last payment could not be taken. Pay it first, or stop the donation; then this is possible again."
        ),
        Hindrance.GOES_ON: _("This donation goes on already."),
        Hindrance.STOPPING: _("This donation ends on its next date. Take the stop back first, then it can be changed."),
        Hindrance.STOPS_ALREADY: _("This donation has been stopped already. Nothing more is taken."),
        Hindrance.PAUSED: _("This donation is paused. Let it go on first, then it can be changed."),
        Hindrance.DISPUTED: _(
            "Your bank is looking at a payment of this donation. Until it has decided, nothing is taken. If that is a "
            "mistake, write to us."
        ),
        Hindrance.TOO_OLD: _(
            "This was possible for 24 hours. You can still stop the donation, so that nothing more is taken."
        ),
        Hindrance.NO_FIRST: _(
            "This donation began after a gift that you made once, and which is not part of it. You can stop it, so that "
            "nothing is taken."
        ),
        Hindrance.YEARLY: _(
            "A yearly donation cannot be paused for months. Move its date, or leave the next payment out."
        ),
        Hindrance.BEING_TAKEN: _("The next payment is being taken just now. Look again in an hour."),
    }[found]


def _for_staff(found: Hindrance) -> str:
    """The same for the desk: about the supporter, not to them."""
    return {
        Hindrance.STANDING_ORDER: _(
            "The supporter's bank sends this donation by standing order. Only the supporter can change or stop it, there."
        ),
        Hindrance.STOPPED: _(
            "This donation has stopped, so there is nothing to change. Only the supporter can begin a new one."
        ),
        Hindrance.STARTING: _(
            "The supporter's bank has not confirmed the first payment yet. Until it has, the donation can only be stopped."
        ),
        Hindrance.FAILING: _(
            "The last payment could not be taken. It must be paid first, by another try or with another card from "
            "the supporter; or stop the donation."
        ),
        Hindrance.STOPPING: _(
            "This donation ends on its next date. Take the stop back first, if the supporter wants it; then it can be "
            "changed."
        ),
        Hindrance.PAUSED: _("This donation is paused. Let it go on first, if the supporter wants it."),
        Hindrance.DISPUTED: _(
            "The supporter's bank is looking at a payment of this donation. Until it has decided, nothing is taken."
        ),
        Hindrance.TOO_OLD: _(
            "This was possible for 24 hours after the start. Stop the donation instead; a payment can be refunded on "
            "its own page."
        ),
        Hindrance.NO_FIRST: _(
            "This donation began after a gift that was made once, and which is not part of it. Stop the donation instead; "
            "that gift can be refunded on its own page."
        ),
    }.get(found) or _for_supporter(found)
