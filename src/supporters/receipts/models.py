from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, UniqueConstraint, text
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


class Wished(StrEnum):
    """What is known of why a payment has no receipt of its own."""

    YEARLY = "yearly"  # Its giver wanted one statement a year when it was paid.
    UNKNOWN = "unknown"  # Paid before wishes were kept, at the very moment at which the wish changed.


class YearStatement(Base):
    """One statement of a year that was sent. A later one of the same year takes its place; both stay on record."""

    __tablename__ = "year_statement"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    supporter_id: Mapped[str] = mapped_column(ForeignKey("supporter.id"))
    year: Mapped[int] = mapped_column(Integer)
    payments: Mapped[int] = mapped_column(Integer)  # how many it lists
    has_letter: Mapped[bool] = mapped_column(Boolean)  # who gave cash may have no address; theirs is the page alone
    made_at: Mapped[datetime]

    __table_args__ = (Index("ix_year_statement_supporter_id", "supporter_id", "year"),)


class StatedPayment(Base):
    """A payment that has no receipt of its own, as its giver wished when it was paid: a year's statement proves it.

    Written in the transaction in which it is paid. Every paid donation without one of these has a receipt.
    """

    __tablename__ = "stated_payment"

    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"), primary_key=True)
    wished: Mapped[str] = mapped_column(String(8))
    statement_id: Mapped[str | None] = mapped_column(ForeignKey("year_statement.id"))  # empty until its year is over
    kept_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "ix_stated_payment_waiting",
            "donation_id",
            postgresql_where=text("statement_id IS NULL"),
            sqlite_where=text("statement_id IS NULL"),
        ),
    )
