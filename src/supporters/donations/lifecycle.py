"""Which state may follow which. Pure.

started -> processing -> paid; started or processing -> expired; expired -> paid when the money came after all, but never
back to processing: such news is older than the end that it comes after. Paid is the end: refunds are rows of their own,
and a donation that was paid stays paid.
"""

import hashlib
from datetime import datetime

import msgspec

from supporters.donations.models import DisputeState, RefundState
from supporters.donations.models import DonationState as State

FOLLOWS: dict[State, frozenset[State]] = {
    State.STARTED: frozenset({State.PROCESSING, State.PAID, State.EXPIRED}),
    State.PROCESSING: frozenset({State.PAID, State.EXPIRED}),
    State.EXPIRED: frozenset({State.PAID, State.STARTED}),  # started again: a new payment page
    State.PAID: frozenset(),
}

# `succeeded` may become `failed`: banks return refunds days later. A refund that failed at Stripe never comes back to life.
REFUND_FOLLOWS: dict[RefundState, frozenset[RefundState]] = {
    RefundState.REQUESTED: frozenset(
        {RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED, RefundState.CANCELED}
    ),
    RefundState.PENDING: frozenset({RefundState.SUCCEEDED, RefundState.FAILED, RefundState.CANCELED}),
    RefundState.SUCCEEDED: frozenset({RefundState.FAILED}),
    RefundState.FAILED: frozenset(),
    RefundState.CANCELED: frozenset(),
}
REFUND_HOLDS = frozenset({RefundState.REQUESTED, RefundState.PENDING})  # money that is promised, not yet gone

DISPUTE_ENDS = frozenset({DisputeState.WON, DisputeState.LOST, DisputeState.CLOSED})
DISPUTE_TAKES = frozenset({DisputeState.NEEDS_ANSWER, DisputeState.UNDER_REVIEW, DisputeState.LOST})  # money is gone
_DISPUTE_WORDS = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.CLOSED,
    "prevented": DisputeState.CLOSED,
    "under_review": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
_DISPUTE_RANKS = {
    DisputeState.INQUIRY: 0,
    DisputeState.CLOSED: 1,
    DisputeState.NEEDS_ANSWER: 2,
    DisputeState.UNDER_REVIEW: 3,
    DisputeState.WON: 4,
    DisputeState.LOST: 4,
}
# Why banks return debits. Source: docs.stripe.com/disputes/categories, read 2026-11-22.
DEBIT_REASONS = frozenset(
    [
        "bank_cannot_process",
        "check_returned",
        "customer_initiated",
        "debit_not_authorized",
        "incorrect_account_details",
        "insufficient_funds",
    ]
)


def may_become(state: str, wanted: State) -> bool:
    """Whether a donation in `state` may take the state `wanted`."""
    return wanted in FOLLOWS[State(state)]


def states_before(wanted: State) -> list[State]:
    """The states from which `wanted` may be reached."""
    return [state for state, following in FOLLOWS.items() if wanted in following]


def refund_may_become(state: str, wanted: RefundState, *, is_at_stripe: bool = True) -> bool:
    """Whether a refund in `state` may take the state `wanted`.

    One that we gave up before we knew it at Stripe (`is_at_stripe` false) is what Stripe says: our word was a guess.
    """
    was = RefundState(state)
    if was is RefundState.FAILED and not is_at_stripe:
        return wanted is not RefundState.FAILED
    return wanted in REFUND_FOLLOWS[was]


def refund_state_of(stripe_status: str) -> RefundState:
    """Our word for Stripe's status of a refund. One that waits for the reader or that is new to us is still pending."""
    known = {"succeeded": RefundState.SUCCEEDED, "failed": RefundState.FAILED, "canceled": RefundState.CANCELED}
    return known.get(stripe_status, RefundState.PENDING)


def refunded_change(before: str | None, after: RefundState, amount_minor: int) -> int:
    """By how much the refunded sum of a donation grows (or shrinks) when a refund moves from `before` to `after`."""
    was = before == RefundState.SUCCEEDED
    is_now = after is RefundState.SUCCEEDED
    return (int(is_now) - int(was)) * amount_minor


def refundable_minor(*, amount_minor: int, refunded_minor: int, held_minor: int) -> int:
    """What may still be returned: the amount less what went back and what is promised."""
    return max(amount_minor - refunded_minor - held_minor, 0)


def dispute_state_of(stripe_status: str) -> DisputeState:
    """Our word for Stripe's status of a dispute. One that is new to us wants an answer, so that a person looks."""
    return _DISPUTE_WORDS.get(stripe_status, DisputeState.NEEDS_ANSWER)


def dispute_follows(
    state: str, wanted: DisputeState, *, seen_at: datetime | None, occurred_at: datetime | None
) -> bool:
    """Whether news of a dispute is news: newer than what is known, or of the same second and further along.

    What was looked up (`occurred_at` None) is the newest that there is.
    """
    if occurred_at is None or seen_at is None:
        return True
    if occurred_at == seen_at:
        return _DISPUTE_RANKS[wanted] > _DISPUTE_RANKS[DisputeState(state)]
    return occurred_at > seen_at


def is_returned_debit(reason: str) -> bool:
    """Whether Stripe's reason of a dispute says that a bank has returned a debit: final, and nobody can contest it."""
    return reason in DEBIT_REASONS


def content_digest(*content: object) -> str:
    """The digest of what a form said, to tell a resend from a change."""
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()
