"""What Stripe's words about a subscription mean for a plan. Pure.

starting -> active -> failing -> active again; paused and active follow each other; every state may end in stopped, and
nothing leaves stopped: a new promise is a new plan.
"""

from datetime import datetime

import msgspec

from supporters.payments.facts import PlanSeen
from supporters.plans.models import Method, PlanState, StopReason

_ENDED = frozenset({"canceled", "incomplete_expired"})
_UNPAID = frozenset({"past_due", "unpaid"})
_METHODS = {"card": Method.CARD, "link": Method.CARD, "bacs_debit": Method.BACS_DEBIT, "sepa_debit": Method.SEPA_DEBIT}
_REASONS = {"payment_failed": StopReason.PAYMENTS_FAILED, "payment_disputed": StopReason.DISPUTE}


BY_ITSELF = frozenset(_REASONS)
"""Stripe's words for ends that nobody asked for."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a plan stands, as far as Stripe says it."""

    state: PlanState
    next_at: datetime | None
    paused_until: datetime | None
    stops_at: datetime | None
    stopped_at: datetime | None
    stop_reason: StopReason | None


def standing(
    fact: PlanSeen, *, was: PlanState, reason: StopReason | None, stopped_at: datetime | None, now: datetime
) -> Standing:
    """Where the plan stands now. `reason` is why we know it stops, from a wish; else Stripe's reason counts."""
    state = _state(fact, was)
    if state is PlanState.STOPPED:
        return Standing(
            state=state,
            next_at=None,
            paused_until=None,
            stops_at=None,
            stopped_at=stopped_at or fact.ended_at or fact.occurred_at or now,
            stop_reason=reason or _reason(fact),
        )
    return Standing(
        state=state,
        next_at=fact.period_end,
        paused_until=fact.held_until if state is PlanState.PAUSED else None,
        stops_at=fact.stops_at,
        stopped_at=None,
        stop_reason=reason if fact.stops_at else None,
    )


def is_over(fact: PlanSeen) -> bool:
    """Whether the subscription has ended."""
    return fact.is_deleted or fact.status in _ENDED


def method_of(kind: str) -> Method:
    """Our word for Stripe's kind of payment method."""
    return _METHODS.get(kind, Method.OTHER)


def interval_of(frequency: str) -> str:
    """Stripe's word for our frequency."""
    return {"monthly": "month", "yearly": "year"}[frequency]


def frequency_of(interval: str) -> str | None:
    """Our word for Stripe's interval; None for one that we do not offer."""
    return {"month": "monthly", "year": "yearly"}.get(interval)


def _state(fact: PlanSeen, was: PlanState) -> PlanState:
    if was is PlanState.STOPPED or is_over(fact):
        return PlanState.STOPPED
    if was is PlanState.STARTING or fact.status == "incomplete":
        return PlanState.STARTING  # it ends with the first bill that is paid
    if fact.is_held or fact.status == "paused":
        return PlanState.PAUSED
    return PlanState.FAILING if fact.status in _UNPAID else PlanState.ACTIVE


def _reason(fact: PlanSeen) -> StopReason:
    if fact.status == "incomplete_expired":
        return StopReason.NEVER_PAID
    return _REASONS.get(fact.end_reason or "", StopReason.AT_STRIPE)
