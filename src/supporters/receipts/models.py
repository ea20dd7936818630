from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class ReceiptCounter(Base):
    """The last number given out in one year. Locked by the update that takes the next."""

    __tablename__ = "receipt_counter"

    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    last: Mapped[int] = mapped_column(Integer)


class Receipt(Base):
    """The numbered proof of one donation: R-2026-0918. The year is that of the book's time zone."""

    __tablename__ = "receipt"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"), unique=True)
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    email: Mapped[str] = mapped_column(String(254), info={"personal": "where it was sent"})
    name: Mapped[str] = mapped_column(String(120), info={"personal": "to whom"})
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    issued_at: Mapped[datetime]
    corrected_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("year", "sequence"),)
