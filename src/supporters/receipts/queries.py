"""Receipts on file."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.money import Money
from supporters.receipts.models import Receipt


class ReceiptView(msgspec.Struct, frozen=True):
    """One receipt, as pages show it."""

    id: str
    donation_id: str
    number: str
    email: str
    name: str
    amount: Money
    issued_at: datetime
    corrected_at: datetime | None
    voided_at: datetime | None


async def receipt_of(session: AsyncSession, donation_id: str) -> ReceiptView | None:
    """The receipt of a donation, once it was paid."""
    found = await session.scalar(select(Receipt).where(Receipt.donation_id == donation_id))
    return _view(found) if found else None


async def receipt_view(session: AsyncSession, receipt_id: str) -> ReceiptView | None:
    """The receipt with that id."""
    found = await session.scalar(select(Receipt).where(Receipt.id == receipt_id))
    return _view(found) if found else None


def _view(receipt: Receipt) -> ReceiptView:
    return ReceiptView(
        id=receipt.id,
        donation_id=receipt.donation_id,
        number=receipt.number,
        email=receipt.email,
        name=receipt.name,
        amount=Money(receipt.amount_minor, receipt.currency),
        issued_at=receipt.issued_at,
        corrected_at=receipt.corrected_at,
        voided_at=receipt.voided_at,
    )
