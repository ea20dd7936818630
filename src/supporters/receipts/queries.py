"""Receipts on file."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.receipts.models import Receipt, StatedPayment


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


async def receipt_words(session: AsyncSession, donation_id: str, receipt: ReceiptView | None) -> str | None:
    """What proves the donation: the number of its receipt, or the statement of its year. None where nothing does."""
    if receipt:
        return receipt.number
    stated = await session.get(StatedPayment, donation_id)
    if stated is None:
        return None
    return (
        _("In the statement of its year, sent")
        if stated.statement_id
        else _("In the statement of its year, in January")
    )


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
