"""The pure rules: what each kind of line of Stripe's balance does to the ledger."""

import re
from collections import defaultdict
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supporters.ledger.chart import Account
from supporters.ledger.post import Posting, check_posting
from supporters.reconciliation.postings import (
    OWNED_CATEGORIES,
    RECIPES,
    Fee,
    Line,
    NotOurs,
    Ours,
    Owner,
    Unclear,
    is_known,
    make_posting,
)

BEN = Ours("donation_ben", "fund", "appeal")
ADA = Ours("donation_ada", "fund", "appeal", is_recurring=True)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(category: str, gross: int, fee: int = 0, *, tax: int = 0, at: datetime = NOON) -> Line:
    fees = (Fee("stripe_fee", fee - tax), Fee("tax", tax)) if tax else (Fee("stripe_fee", fee),) if fee else ()
    return Line(
        id="txn_1",
        created_at=at,
        category=category,
        currency="GBP",
        gross_minor=gross,
        fee_minor=fee,
        net_minor=gross - fee,
        fees=fees,
    )


def booked(posting: Posting | None) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for entry in posting.entries if posting else ():
        sums[entry.account.value] += entry.amount_minor
    return dict(sums)


@pytest.mark.parametrize(
    ("given_line", "owner", "expected"),
    [
        (line("charge", 2500, 65), BEN, {"1100": 2435, "5000": 65, "4000": -2500}),
        (line("charge", 2500, 78, tax=13), BEN, {"1100": 2422, "5000": 65, "5040": 13, "4000": -2500}),
        (line("charge", 2500, 65), ADA, {"1100": 2435, "5000": 65, "4010": -2500}),
        (line("charge", 2500, 65), NotOurs(), {"1100": 2435, "2010": -2435}),
        (line("charge", 2500, 65), Unclear("d"), {"1100": 2435, "5000": 65, "2000": -2500}),
        (line("charge", 20, 20), BEN, {"5000": 20, "4000": -20}),
        (line("refund", -2500), BEN, {"1100": -2500, "4090": 2500}),
        (line("refund", -2500), ADA, {"1100": -2500, "4090": 2500}),
        (line("refund", -2500), NotOurs(), {"1100": -2500, "2010": 2500}),
        (line("refund", -2500), Unclear(), {"1100": -2500, "2000": 2500}),
        (line("refund_failure", 2500), BEN, {"1100": 2500, "4090": -2500}),
        (line("dispute", -2500, 2000), BEN, {"1100": -4500, "1160": 2500, "5020": 2000}),
        (line("dispute_reversal", 2500, -2000), BEN, {"1100": 4500, "1160": -2500, "5020": -2000}),
        (line("charge_failure", -2500, -65), BEN, {"1100": -2435, "4095": 2500, "5000": -65}),
        (line("partial_capture_reversal", -500), BEN, {"1100": -500, "4000": 500}),
        (line("fee", -200), BEN, {"1100": -200, "5010": 200}),
        (line("network_cost", -30), BEN, {"1100": -30, "5000": 30}),
        (line("tax", -40), BEN, {"1100": -40, "5040": 40}),
        (line("payout", -9000), BEN, {"1100": -9000, "1150": 9000}),
        (line("payout", -9000, 90), BEN, {"1100": -9090, "1150": 9000, "5030": 90}),
        (line("payout_reversal", 9000), BEN, {"1100": 9000, "1150": -9000}),
        (line("topup", 700), BEN, {"1100": 700, "1150": -700}),
        (line("risk_reserved_funds", -300), BEN, {"1100": -300, "1110": 300}),
        (line("partial_capture_reversal", -500), ADA, {"1100": -500, "4010": 500}),
        (line("climate_order_purchase", -300, 7), BEN, {"1100": -307, "5050": 300, "5010": 7}),
        (line("climate_order_refund", 300), BEN, {"1100": 300, "5050": -300}),
        (line("contribution", -300), BEN, {"1100": -300, "5050": 300}),
        (line("payout_minimum_balance_hold", -300), BEN, {"1100": -300, "1110": 300}),
        (line("payout_minimum_balance_release", 300), BEN, {"1100": 300, "1110": -300}),
        (line("connect_reserved_funds", -300), BEN, {"1100": -300, "1110": 300}),
        (line("topup_reversal", -700), BEN, {"1100": -700, "1150": 700}),
        (line("other_adjustment", -300, 7), BEN, {"1100": -307, "2000": 307}),
        (line("transfer", -300), BEN, {"1100": -300, "2000": 300}),
        (line("unreconciled_customer_funds", 300), BEN, {"1100": 300, "2000": -300}),
        (line("something_new", 300), NotOurs(), {"1100": 300, "2000": -300}),
    ],
)
def test_each_category_goes_where_the_chart_says(given_line: Line, owner: Owner, expected: dict[str, int]) -> None:
    posting = make_posting(given_line, owner, time_zone="Europe/London")

    assert booked(posting) == expected


@pytest.mark.parametrize(
    ("given_line", "owner"),
    [(line("charge", 0), BEN), (line("charge", 65, 65), NotOurs()), (line("something_new", 7, 7), BEN)],
)
def test_a_line_that_moves_nothing_posts_nothing(given_line: Line, owner: Owner) -> None:
    assert make_posting(given_line, owner, time_zone="Europe/London") is None


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), "Europe/London", date(2026, 11, 30)),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), "Europe/London", date(2026, 7, 1)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "Europe/Berlin", date(2027, 1, 1)),
        (datetime(2026, 12, 1, 3, 0, tzinfo=UTC), "America/New_York", date(2026, 11, 30)),
    ],
)
def test_the_day_is_that_of_the_books_time_zone(at: datetime, zone: str, day: date) -> None:
    posting = make_posting(line("charge", 2500, 65, at=at), BEN, time_zone=zone)

    assert posting is not None
    assert posting.booked_on == day


def test_entries_of_a_donation_carry_its_fund_appeal_and_donation() -> None:
    posting = make_posting(line("charge", 2500, 65), BEN, time_zone="Europe/London")

    assert posting is not None
    marks = {(entry.donation_id, entry.fund_id, entry.appeal_id) for entry in posting.entries}
    assert marks == {("donation_ben", "fund", "appeal")}


@pytest.mark.parametrize("owner", [NotOurs(), BEN])
def test_entries_that_are_no_donation_carry_none(owner: Owner) -> None:
    category = "charge" if isinstance(owner, NotOurs) else "fee"

    posting = make_posting(line(category, 2500, 65), owner, time_zone="Europe/London")

    assert posting is not None
    assert {(entry.donation_id, entry.fund_id, entry.appeal_id) for entry in posting.entries} == {(None, None, None)}


def test_every_category_that_stripe_lists_has_a_recipe() -> None:
    spec = find_spec("stripe.params.reporting._report_run_create_params")
    assert spec is not None
    assert spec.origin is not None
    listed = re.search(r"reporting_category: NotRequired\[\s*\"Literal\[(.*?)\]", Path(spec.origin).read_text(), re.S)
    assert listed is not None

    categories_of_stripe = set(re.findall(r"'(\w+)'", listed.group(1)))

    assert len(categories_of_stripe) >= 37
    assert categories_of_stripe - RECIPES.keys() == set()


def test_what_is_in_transit_is_named_by_what_was_sent() -> None:
    sent = msgspec.structs.replace(line("payout_reversal", 9000, 5), payout_id="po_later", source_id="po_failed")

    posting = make_posting(sent, BEN, time_zone="Europe/London")

    assert posting is not None
    named = {entry.account.value: entry.stripe_payout_id for entry in posting.entries}
    assert named == {"1150": "po_failed", "1100": "po_later", "5030": "po_later"}


def test_a_payment_in_another_currency_keeps_its_rate_in_the_memo() -> None:
    exchanged = msgspec.structs.replace(line("charge", 790, 40), exchange_rate="0.79")

    posting = make_posting(exchanged, BEN, time_zone="Europe/London")

    assert posting is not None
    assert posting.memo == "charge @ 0.79"
    assert booked(posting) == {"1100": 750, "5000": 40, "4000": -790}


amounts = st.integers(min_value=-99_999_999, max_value=99_999_999)
owners = st.sampled_from([BEN, ADA, NotOurs(), Unclear(), Unclear("donation")])
categories = st.sampled_from([*RECIPES, "something_new", ""])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    gross, fee = draw(amounts), draw(amounts)
    tax = draw(st.integers(min_value=min(fee, 0), max_value=max(fee, 0)))
    return line(draw(categories), gross, fee, tax=tax)


@given(st.sampled_from(sorted(RECIPES)), amounts, amounts, owners)
def test_there_and_back_leaves_nothing(category: str, gross: int, fee: int, owner: Owner) -> None:
    out = booked(make_posting(line(category, gross, fee), owner, time_zone="Europe/London"))
    back = booked(make_posting(line(category, -gross, -fee), owner, time_zone="Europe/London"))

    assert {account: out[account] + back[account] for account in out} == dict.fromkeys(out, 0)


@given(lines(), owners)
def test_every_posting_is_balanced_and_may_be_posted(given_line: Line, owner: Owner) -> None:
    posting = make_posting(given_line, owner, time_zone="Europe/London")

    if posting is not None:
        check_posting(posting)


@given(lines(), owners)
def test_the_stripe_balance_moves_by_exactly_the_net(given_line: Line, owner: Owner) -> None:
    posting = make_posting(given_line, owner, time_zone="Europe/London")

    assert booked(posting).get("1100", 0) == given_line.net_minor


@given(lines(), owners)
def test_income_and_costs_are_touched_only_by_what_is_known(given_line: Line, owner: Owner) -> None:
    posting = make_posting(given_line, owner, time_zone="Europe/London")

    accounts = set(booked(posting))
    if not is_known(given_line.category):
        assert accounts <= {"1100", "2000"}
    elif isinstance(owner, NotOurs) and given_line.category in OWNED_CATEGORIES:
        assert accounts <= {"1100", "2010"}


@given(st.integers(min_value=1, max_value=99_999_999), st.data())
def test_a_charge_is_income_in_full_and_its_fee_a_cost(gross: int, data: st.DataObject) -> None:
    fee = data.draw(st.integers(min_value=0, max_value=gross))
    tax = data.draw(st.integers(min_value=0, max_value=fee))

    sums = booked(make_posting(line("charge", gross, fee, tax=tax), BEN, time_zone="Europe/London"))

    assert sums["4000"] == -gross
    assert sums.get("5000", 0) == fee - tax
    assert sums.get("5040", 0) == tax
    assert Account.SUSPENSE.value not in sums


@given(st.integers(min_value=1, max_value=99_999_999))
def test_a_refund_that_fails_leaves_nothing_behind(amount: int) -> None:
    out = booked(make_posting(line("refund", -amount), BEN, time_zone="Europe/London"))
    back = booked(make_posting(line("refund_failure", amount), BEN, time_zone="Europe/London"))

    assert {account: out[account] + back[account] for account in out} == {"1100": 0, "4090": 0}
