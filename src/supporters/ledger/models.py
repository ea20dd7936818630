from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class LedgerTransaction(Base):
    """A balanced set of entries, made from one fact. The same fact, purpose and revision posts once."""

    __tablename__ = "ledger_transaction"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    source_kind: Mapped[str] = mapped_column(String(40))  # balance_transaction, bank_line, reversal ...
    source_id: Mapped[str] = mapped_column(String(120))
    purpose: Mapped[str] = mapped_column(String(40))
    revision: Mapped[int] = mapped_column(Integer, default=0)
    booked_on: Mapped[date]  # in the book's time zone
    period: Mapped[str] = mapped_column(String(7))  # 2026-11
    memo: Mapped[str] = mapped_column(String(200))
    reverses_id: Mapped[str | None] = mapped_column(ForeignKey("ledger_transaction.id"), unique=True)
    posted_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("source_kind", "source_id", "purpose", "revision"),
        Index("ix_ledger_transaction_period", "period"),
    )


class LedgerEntry(Base):
    """One signed line: debit positive, credit negative, in minor units."""

    __tablename__ = "ledger_entry"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    transaction_id: Mapped[str] = mapped_column(
        ForeignKey("ledger_transaction.id", deferrable=True, initially="DEFERRED")
    )
    account: Mapped[str] = mapped_column(String(8))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    fund_id: Mapped[str | None] = mapped_column(String(26))
    appeal_id: Mapped[str | None] = mapped_column(String(26))
    donation_id: Mapped[str | None] = mapped_column(String(26))
    stripe_payout_id: Mapped[str | None] = mapped_column(String(120))
    bank_line_id: Mapped[str | None] = mapped_column(String(26))

    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="not_zero"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
        Index("ix_ledger_entry_transaction_id", "transaction_id"),
        Index("ix_ledger_entry_account", "account", "currency"),
        Index("ix_ledger_entry_donation_id", "donation_id"),
    )
