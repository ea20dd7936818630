"""What a payout is made of: every category of Stripe's is one kind of line, and the payout's own line is none of them."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.payout_lines import LineFilter, LineKind, kinds_of, lines_of
from supporters.reconciliation.payout_queries import GONE, PayoutRow
from supporters.web.desk.payout_words import age_of

PAYOUT = "po_1"
CATEGORIES = {
    "charge": 5000,
    "refund": -700,
    "refund_failure": 700,
    "dispute": -300,
    "dispute_reversal": 300,
    "charge_failure": -200,
    "fee": -50,
    "tax": -10,
    "topup": 1000,
    "payout": -5740,
}


async def lay_lines(db: Database, clock: FixedClock) -> None:
    now = clock.now()
    same = {"livemode": False, "created_at": now, "available_at": now, "mirrored_at": now, "status": "available"}
    rows: list[dict[str, Any]] = [
        {
            **same,
            "stripe_balance_transaction_id": f"txn_{category}",
            "type": category,
            "reporting_category": category,
            "currency": "GBP",
            "gross_minor": minor,
            "fee_minor": 0,
            "net_minor": minor,
            "fee_details": [],
            "source_id": PAYOUT if category == "payout" else None,
            "stripe_payout_id": PAYOUT,
        }
        for category, minor in CATEGORIES.items()
    ]
    async with db.unit_of_work() as session:
        await session.execute(insert(BalanceTransaction), rows)


async def test_each_category_is_one_kind_and_the_sums_of_all_kinds_are_the_payout(
    db: Database, clock: FixedClock
) -> None:
    await lay_lines(db, clock)

    async with db.reading() as session:
        kinds = await kinds_of(session, PAYOUT, LineFilter())
        fees = await lines_of(session, PAYOUT, limit=10, wanted=LineFilter(kind=LineKind.FEE))

    assert {part.category: (part.lines, part.net_minor) for part in kinds} == {
        "payment": (1, 5000),
        "refund": (2, 0),
        "dispute": (2, 0),
        "unpaid": (1, -200),
        "fee": (2, -60),
        "other": (1, 1000),
    }
    assert sum(part.net_minor for part in kinds) == -CATEGORIES["payout"]
    assert [(each.line.reporting_category, each.kind, each.donation_id) for each in fees] == [
        ("fee", "fee", None),
        ("tax", "fee", None),
    ]


@pytest.mark.parametrize(
    ("status", "bank_on", "today", "said"),
    [
        ("paid", None, date(2026, 10, 22), "1 day on its way"),
        ("paid", None, date(2026, 10, 23), "2 days on its way"),
        ("paid", None, date(2026, 10, 27), "due 4 days ago, no statement yet"),
        ("paid", None, date(2026, 10, 29), "6 days late"),
        ("paid", date(2026, 10, 24), date(2026, 11, 29), "took 3 days"),
        (GONE[0], None, date(2026, 11, 29), None),
    ],
)
def test_a_payout_says_how_long_it_took_or_has_not_come(
    clock: FixedClock, status: str, bank_on: date | None, today: date, said: str | None
) -> None:
    clock.set(clock.now().replace(year=2026, month=10, day=21))
    row = PayoutRow(
        id=PAYOUT,
        created_at=clock.now(),
        arrival_on=date(2026, 10, 23),
        amount_minor=5740,
        currency="GBP",
        is_automatic=True,
        method="standard",
        status=status,
        content="verified",
        content_off_minor=None,
        verified_at=None,
        trace_id=None,
        failure_code=None,
        bank_minor=5740 if bank_on else None,
    )

    age = age_of(row, bank_on, today=today, seen={"GBP": today - timedelta(days=1)}, zone="Europe/London")

    assert (age.words if age else None) == said
