"""Rows for tests of the books, made without the rooms that make them in life: only what the checks and the poster read."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Attribution, Fund
from supporters.donations.models import Donation
from supporters.mail.models import Letter
from supporters.payments.models import BalanceTransaction, Ownership
from supporters.people.models import Supporter
from supporters.receipts.models import Receipt, ReceiptCounter

NOW = datetime(2026, 11, 22, 9, 36, tzinfo=UTC)
FUND, APPEAL, ATTRIBUTION, SUPPORTER = "F" * 26, "A" * 26, "T" * 26, "S" * 26


async def found(session: AsyncSession) -> None:
    """A fund, an appeal, an attribution and a supporter, which donations need."""
    await session.execute(insert(Fund).values(id=FUND, code="general", name="General"))
    appeal = {
        "id": APPEAL, "slug": "general", "fund_id": FUND, "heading": "h", "message": "m", "thanks": "t", "signed_by": "s",
        "amounts": {}, "currency": "GBP", "is_published": True, "created_at": NOW,
    }  # fmt: skip
    await session.execute(insert(Appeal).values(appeal))
    await session.execute(insert(Attribution).values(id=ATTRIBUTION, utm={}, is_claimed=False, created_at=NOW))
    await session.execute(insert(Supporter).values(id=SUPPORTER, name="Ben", created_at=NOW))


def donation_row(number: int, **changes: Any) -> dict[str, Any]:
    """A paid donation of £25.00 by payment `pi_<number>`."""
    return {
        "id": donation_id(number), "reference": f"D-{number:08d}", "attempt_id": f"{number:026d}",
        "content_digest": "0" * 64, "revision": 1, "kind": "donation", "frequency": "once", "state": "paid",
        "amount_minor": 2500, "refunded_minor": 0, "currency": "GBP", "fund_id": FUND, "appeal_id": APPEAL,
        "attribution_id": ATTRIBUTION, "supporter_id": SUPPORTER, "email": "ben@reader.example", "name": "Ben",
        "wants_newsletter": False, "is_suspicious": False, "locale": "en_GB", "livemode": False,
        "stripe_payment_intent_id": f"pi_{number}", "stripe_charge_id": f"ch_{number}", "created_at": NOW,
        "updated_at": NOW, "paid_at": NOW, **changes,
    }  # fmt: skip


def donation_id(number: int) -> str:
    """The id of donation `number`."""
    return f"D{number:025d}"


def line_row(number: int, **changes: Any) -> dict[str, Any]:
    """The charge of payment `pi_<number>` on Stripe's balance: £25.00 less 65p."""
    row = {
        "stripe_balance_transaction_id": f"txn_{number}", "account": None, "livemode": False, "created_at": NOW,
        "available_at": NOW, "status": "pending", "type": "charge", "reporting_category": "charge", "currency": "GBP",
        "gross_minor": 2500, "fee_minor": 65, "fee_details": [{"type": "stripe_fee", "amount_minor": 65, "currency": "GBP"}],
        "exchange_rate": None, "source_id": f"ch_{number}", "stripe_charge_id": f"ch_{number}",
        "stripe_payment_intent_id": f"pi_{number}", "stripe_payout_id": None, "mirrored_at": NOW, "posted_at": None,
    } | changes  # fmt: skip
    return row | {"net_minor": row["gross_minor"] - row["fee_minor"]}


def refund_line_row(number: int, amount_minor: int, **changes: Any) -> dict[str, Any]:
    """A refund of payment `pi_<number>` on Stripe's balance; its fee stays with Stripe."""
    own = {
        "stripe_balance_transaction_id": f"txn_re_{number}", "type": "refund", "reporting_category": "refund",
        "gross_minor": -amount_minor, "fee_minor": 0, "fee_details": [], "source_id": f"re_{number}",
    }  # fmt: skip
    return line_row(number, **(own | changes))


async def add_donations(session: AsyncSession, numbers: range, *, with_receipts: bool = False) -> None:
    """Paid donations, with their receipts and letters if wanted."""
    await session.execute(insert(Donation), [donation_row(number) for number in numbers])
    if not with_receipts:
        return
    await session.execute(insert(Receipt), [receipt_row(number) for number in numbers])
    await session.execute(insert(ReceiptCounter).values(year=2026, last=len(numbers)))
    await session.execute(insert(Letter), [letter_row(number) for number in numbers])


def receipt_row(number: int, **changes: Any) -> dict[str, Any]:
    """Receipt `number` of 2026, for donation `number`."""
    return {
        "id": f"R{number:025d}", "donation_id": donation_id(number), "year": 2026, "sequence": number,
        "number": f"R-2026-{number:04d}", "email": "ben@reader.example", "name": "Ben", "amount_minor": 2500,
        "currency": "GBP", "issued_at": NOW, **changes,
    }  # fmt: skip


def letter_row(number: int) -> dict[str, Any]:
    """The letter that carries receipt `number`."""
    return {
        "id": f"L{number:025d}", "stream": "service", "kind": "receipt", "recipient": "ben@reader.example",
        "dedupe_key": f"{number}", "message_id": f"<{number}@x>", "context": {}, "about": donation_id(number),
        "queued_at": NOW, "state": "done", "run_at": NOW, "fence": 0, "attempts": 0,
    }  # fmt: skip


async def add_lines(session: AsyncSession, *rows: dict[str, Any]) -> None:
    """Mirrored lines of Stripe's balance."""
    await session.execute(insert(BalanceTransaction), list(rows))


async def add_payment(session: AsyncSession, number: int, owner: str) -> None:
    """Payment `pi_<number>`, with what is known of whose it is."""
    await session.execute(insert(Ownership).values(stripe_id=f"pi_{number}", owner=owner, first_seen_at=NOW))
