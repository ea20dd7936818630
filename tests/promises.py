"""Rows of plans and their settled payments, made without the rooms that make them in life, for reports and their bench."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from books import APPEAL, ATTRIBUTION, FUND, NOW, SUPPORTER, donation_id, donation_row, line_row
from supporters.donations.models import Donation
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.models import BalanceTransaction
from supporters.plans.models import Instalment, Plan

PAYMENTS = 100  # numbers of donations that a plan may use: plan 3 has 300 to 399


def plan_id(number: int) -> str:
    """The id of plan `number`."""
    return f"P{number:025d}"


def plan_row(number: int, **changes: Any) -> dict[str, Any]:
    """An active plan of £10 a month by card, begun now."""
    return {
        "id": plan_id(number), "reference": f"P-{number:08d}", "supporter_id": SUPPORTER,
        "first_donation_id": donation_id(number * PAYMENTS), "kind": "donation", "tax_code": "txcd_00000000",
        "frequency": "monthly", "amount_minor": 1000, "currency": "GBP", "method": "card", "method_brand": "visa",
        "method_last4": "4242", "is_updated_by_network": False, "fund_id": FUND, "appeal_id": APPEAL,
        "attribution_id": ATTRIBUTION, "state": "active", "livemode": False, "receipts": "each", "locale": "en_GB",
        "stripe_subscription_id": f"sub_{number}", "started_at": NOW, "next_at": NOW, "paused_until": None,
        "stops_at": None, "stopped_at": None, "stop_reason": None, "failed_invoice_id": None, "failure_code": None,
        "failed_at": None, "next_try_at": None, "tries": 0, "needs_action": False, "revision": 1, "created_at": NOW,
        "updated_at": NOW, **changes,
    }  # fmt: skip


def payment_row(plan: int, nth: int, paid_at: datetime, **changes: Any) -> dict[str, Any]:
    """The plan's payment `nth`, from 0: a donation."""
    own = {
        "frequency": "monthly",
        "amount_minor": 1000,
        "paid_at": paid_at,
        "created_at": paid_at,
        "is_renewal": nth > 0,
    }
    return donation_row(plan * PAYMENTS + nth, **(own | changes))


def instalment_row(plan: int, nth: int) -> dict[str, Any]:
    """What makes that donation a payment of the plan."""
    number = plan * PAYMENTS + nth
    row = {"donation_id": donation_id(number), "plan_id": plan_id(plan), "stripe_invoice_id": f"in_{number}"}
    return row | {"created_at": NOW}


def settled_rows(plan: int, nth: int, account: str = "4010", minor: int = 1000) -> tuple[Any, Any, list[Any]]:
    """The payment's posted line of Stripe's balance, and the ledger's transaction and entries for it."""
    number = plan * PAYMENTS + nth
    line = line_row(number, gross_minor=minor, fee_minor=35, posted_at=NOW)
    key = f"L{number:025d}"
    booked = {
        "id": key, "source_kind": "balance_transaction", "source_id": f"txn_{number}", "purpose": "settle", "revision": 0,
        "booked_on": NOW.date(), "period": "2026-11", "memo": "charge", "posted_at": NOW,
    }  # fmt: skip
    amounts = {"1100": minor - 35, "5000": 35, account: -minor}
    entries = [
        {"id": f"{each}{number:022d}", "transaction_id": key, "account": each, "currency": "GBP", "amount_minor": amount,
         "donation_id": donation_id(number)}
        for each, amount in amounts.items()
    ]  # fmt: skip
    return line, booked, entries


async def add_plan(
    session: AsyncSession, number: int, paid_on: list[datetime], *, settled: int | None = None, **changes: Any
) -> None:
    """A plan with those payments, the first `settled` of them (all, unless told) in the books."""
    minor = changes.get("amount_minor", 1000)
    frequency = changes.get("frequency", "monthly")
    own = {"amount_minor": minor, "frequency": frequency, "currency": changes.get("currency", "GBP")}
    origin = {"attribution_id": changes.get("attribution_id", ATTRIBUTION)}
    donations = [payment_row(number, nth, at, **own, **origin) for nth, at in enumerate(paid_on)]
    await session.execute(insert(Donation), donations)
    await session.execute(insert(Plan), [plan_row(number, **({"started_at": paid_on[0]} | changes))])
    await session.execute(insert(Instalment), [instalment_row(number, nth) for nth in range(len(paid_on))])
    for nth in range(len(paid_on) if settled is None else settled):
        await settle(session, number, nth, minor=minor)


async def settle(session: AsyncSession, plan: int, nth: int, account: str = "4010", minor: int = 1000) -> None:
    """That payment of the plan is in the books, as income of that account."""
    line, transaction, entries = settled_rows(plan, nth, account, minor)
    await session.execute(insert(BalanceTransaction), [line])
    await book(session, transaction, entries)


async def book(session: AsyncSession, transaction: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    """The ledger holds that transaction. Entries go in first: the database looks at a transaction once it comes."""
    await session.execute(insert(LedgerEntry), entries)
    await session.execute(insert(LedgerTransaction), [transaction])
