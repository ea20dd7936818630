"""Where a plan stands by Stripe's words, also by words that are new to us."""

from datetime import UTC, datetime

import msgspec
import pytest

from supporters.payments.facts import PlanSeen
from supporters.plans.lifecycle import frequency_of, method_of, standing
from supporters.plans.models import Method, PlanState, StopReason

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
SEEN = PlanSeen(
    subscription_id="sub_1",
    status="active",
    customer_id=None,
    item_id="si_1",
    amount_minor=1000,
    currency="GBP",
    interval="month",
    period_start=None,
    period_end=NOW,
    stops_at=None,
    ended_at=None,
    end_reason=None,
    is_held=False,
    held_until=None,
    payment_method_id=None,
    method=None,
    latest_invoice_id=None,
    livemode=False,
    is_deleted=False,
    occurred_at=None,
)


@pytest.mark.parametrize(
    ("was", "seen", "state"),
    [
        (PlanState.ACTIVE, {"status": "past_due"}, PlanState.FAILING),
        (PlanState.ACTIVE, {"status": "unpaid"}, PlanState.FAILING),
        (PlanState.FAILING, {"status": "active"}, PlanState.ACTIVE),
        (PlanState.ACTIVE, {"is_held": True, "held_until": NOW}, PlanState.PAUSED),
        (PlanState.ACTIVE, {"status": "paused"}, PlanState.PAUSED),
        (PlanState.PAUSED, {}, PlanState.ACTIVE),
        (PlanState.STARTING, {}, PlanState.STARTING),
        (PlanState.STARTING, {"status": "incomplete_expired"}, PlanState.STOPPED),
        (PlanState.STOPPED, {}, PlanState.STOPPED),
        (PlanState.ACTIVE, {"status": "canceled"}, PlanState.STOPPED),
        (PlanState.ACTIVE, {"is_deleted": True}, PlanState.STOPPED),
        (PlanState.ACTIVE, {"status": "trialing"}, PlanState.ACTIVE),
        (PlanState.ACTIVE, {"status": "a_word_of_tomorrow"}, PlanState.ACTIVE),
    ],
)
def test_state_follows_stripes_status(was: PlanState, seen: dict[str, object], state: PlanState) -> None:
    fact = msgspec.structs.replace(SEEN, **seen)

    found = standing(fact, was=was, reason=None, stopped_at=None, now=NOW)

    assert found.state is state
    assert (found.stopped_at is None) == (state is not PlanState.STOPPED)
    assert (found.next_at is None) == (state is PlanState.STOPPED)


@pytest.mark.parametrize(
    ("said", "reason", "found"),
    [
        ("payment_failed", None, StopReason.PAYMENTS_FAILED),
        ("payment_disputed", None, StopReason.DISPUTE),
        ("cancellation_requested", None, StopReason.AT_STRIPE),
        ("a_word_of_tomorrow", None, StopReason.AT_STRIPE),
        ("cancellation_requested", StopReason.SUPPORTER, StopReason.SUPPORTER),
    ],
)
def test_end_has_the_reason_that_is_known_best(said: str, reason: StopReason | None, found: StopReason) -> None:
    fact = msgspec.structs.replace(SEEN, is_deleted=True, end_reason=said)

    assert standing(fact, was=PlanState.ACTIVE, reason=reason, stopped_at=None, now=NOW).stop_reason is found


def test_words_that_are_new_to_us_are_no_faults() -> None:
    assert method_of("pay_by_thought") is Method.OTHER
    assert frequency_of("week") is None
