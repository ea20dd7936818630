"""Payouts that have arrived and the bank lines that show them, as rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount, BankFile, BankLine, BankStatement
from supporters.payments.models import Payout

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ARRIVED = date(2026, 11, 3)
ACCOUNT, FILE, STATEMENT = "A" * 26, "F" * 26, "S" * 26


def payout_id(number: int) -> str:
    return f"po_{number:020d}"


def bank_line_id(number: int) -> str:
    return f"0B{number:024d}"


def trace_of(number: int) -> str:
    return f"{10**11 + number * 7_919:d}"


def payout_row(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "stripe_payout_id": payout_id(number),
        "livemode": False,
        "created_at": NOW,
        "arrival_on": ARRIVED,
        "amount_minor": 121_548,
        "currency": "GBP",
        "is_automatic": True,
        "method": "standard",
        "status": "paid",
        "paid_at": NOW,
        "reconciliation_status": "completed",
        "trace_id": trace_of(number),
        "content": "verified",
        "mirrored_at": NOW,
        "changed_at": NOW,
    }
    return row | changes


def bank_line_row(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": bank_line_id(number),
        "bank_account_id": ACCOUNT,
        "bank_file_id": FILE,
        "bank_statement_id": STATEMENT,
        "position": number,
        "booked_on": ARRIVED,
        "amount_minor": 121_548,
        "currency": "GBP",
        "counterparty": "STRIPE PAYMENTS UK LTD",
        "counterparty_hash": "",
        "counterparty_last4": "",
        "text": f"STRIPE {trace_of(number)}",
        "bank_reference": "",
        "end_to_end": "",
        "type_code": "",
        "is_reversal": False,
        "fingerprint": f"{number:043d}",
        "layout": "x",
        "occurrence": 0,
        "is_kept_whole": True,
        "state": "open",
    }
    return row | changes


async def found_bank(session: AsyncSession) -> None:
    """One account with one statement, which is empty so far."""
    account = {"id": ACCOUNT, "name": "Unity Trust", "currency": "GBP", "last4": "1204", "account_hash": ""}
    await session.execute(insert(BankAccount), [account | {"also_hashes": [], "created_by": "dana", "created_at": NOW}])
    file = {
        "id": FILE,
        "bank_account_id": ACCOUNT,
        "state": "imported",
        "name": "nov.csv",
        "sha256": "x",
        "format": "csv",
    }
    more = {"layout": "x", "size_bytes": 1, "counts": {}, "taken_by": "dana", "taken_at": NOW, "imported_at": NOW}
    await session.execute(insert(BankFile), [file | more])
    days = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 1, 1) + timedelta(days=364)}
    statement = {"id": STATEMENT, "bank_file_id": FILE, "bank_account_id": ACCOUNT, "position": 0, "number": "1"}
    await session.execute(insert(BankStatement), [statement | days])


async def arrive(session: AsyncSession, payouts: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
    """These payouts and bank lines are there."""
    if payouts:
        await session.execute(insert(Payout), payouts)
    if lines:
        await session.execute(insert(BankLine), lines)
