"""The pure rules of a donation's and a refund's life."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.donations.lifecycle import (
    content_digest,
    may_become,
    refund_may_become,
    refund_state_of,
    refundable_minor,
    refunded_change,
    states_before,
)
from supporters.donations.models import DonationState, RefundState


@pytest.mark.parametrize("wanted", list(DonationState))
def test_paid_never_becomes_anything_else(wanted: DonationState) -> None:
    assert not may_become(DonationState.PAID, wanted)


def test_every_unpaid_state_may_be_paid() -> None:
    assert set(states_before(DonationState.PAID)) == set(DonationState) - {DonationState.PAID}


@given(st.lists(st.sampled_from(list(DonationState)), max_size=12))
def test_once_paid_whatever_comes_in_any_order_it_stays_paid(news: list[DonationState]) -> None:
    state = DonationState.STARTED
    was_paid = False
    for wanted in news:
        if may_become(state, wanted):
            state = wanted
        was_paid = was_paid or wanted is DonationState.PAID
    assert (state is DonationState.PAID) == was_paid


@given(st.lists(st.sampled_from(list(RefundState)), max_size=12), st.integers(1, 10**8))
def test_refunded_sum_is_the_amount_while_succeeded_and_else_nothing(news: list[RefundState], amount: int) -> None:
    state, refunded = RefundState.REQUESTED, 0
    for wanted in news:
        if refund_may_become(state, wanted):
            refunded += refunded_change(state, wanted, amount)
            state = wanted
    assert refunded == (amount if state is RefundState.SUCCEEDED else 0)


@pytest.mark.parametrize("ended", [DonationState.EXPIRED, DonationState.PAID])
def test_news_that_the_bank_was_asked_is_older_than_any_end(ended: DonationState) -> None:
    assert not may_become(ended, DonationState.PROCESSING)


def test_refund_given_up_here_is_what_stripe_says() -> None:
    held = {wanted for wanted in RefundState if refund_may_become(RefundState.FAILED, wanted, is_at_stripe=False)}

    assert {RefundState.PENDING, RefundState.SUCCEEDED} <= held
    assert not refund_may_become(RefundState.SUCCEEDED, RefundState.PENDING, is_at_stripe=False)


def test_failed_refund_never_comes_back() -> None:
    assert not any(refund_may_become(RefundState.FAILED, wanted) for wanted in RefundState)
    assert refund_may_become(RefundState.SUCCEEDED, RefundState.FAILED)


@pytest.mark.parametrize(
    ("status", "state"),
    [("succeeded", "succeeded"), ("failed", "failed"), ("canceled", "canceled"), ("requires_action", "pending")],
)
def test_stripes_words_for_refunds(status: str, state: str) -> None:
    assert refund_state_of(status) == state
    assert refund_state_of("something_new") == "pending"


@given(st.integers(1, 10**8), st.integers(0, 10**8), st.integers(0, 10**8))
def test_refundable_is_never_negative_nor_more_than_is_left(amount: int, refunded: int, held: int) -> None:
    left = refundable_minor(amount_minor=amount, refunded_minor=refunded, held_minor=held)

    assert left >= 0
    assert left == 0 or left + refunded + held == amount


def test_digest_tells_contents_apart() -> None:
    contents = [("once", 2500, "GBP"), ("once", 250, "0GBP"), ("once2500", "GBP"), ("once", 2500, "EUR")]

    assert all(content_digest(*one) != content_digest(*other) for one, other in itertools.combinations(contents, 2))
