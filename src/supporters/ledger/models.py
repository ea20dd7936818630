from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


def _where_there(column: str) -> Index:
    """An index on a dimension that few entries have."""
    is_there = text(f"{column} IS NOT NULL")
    return Index(f"ix_ledger_entry_{column}", column, postgresql_where=is_there, sqlite_where=is_there)


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
    effective_on: Mapped[date | None]  # the fact's own day, where its month was locked and `booked_on` is a later one
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
        # All that is asked of a transaction's entries when the books are checked: they are read in order, and nowhere else.
        Index("ix_ledger_entry_transaction_id", "transaction_id", "currency", "account", "amount_minor"),
        Index("ix_ledger_entry_account", "account", "currency"),
        _where_there("donation_id"),
        _where_there("stripe_payout_id"),
        _where_there("bank_line_id"),
    )


class PeriodState(StrEnum):
    """Whether a month still takes postings."""

    OPEN = "open"  # Facts of this month are posted in it.
    LOCKED = "locked"  # Nothing is posted in it any more; late facts go to the first open month after it.


class BankProof(StrEnum):
    """How it was proved that the month's payouts arrived."""

    STATEMENT = "statement"  # With the bank's statement, loaded here.
    ELSEWHERE = "elsewhere"  # In the accountant's own books.


class Period(Base):
    """One month that was locked at some time; a month without a row is open."""

    __tablename__ = "ledger_period"

    period: Mapped[str] = mapped_column(String(7), primary_key=True)  # 2026-11
    state: Mapped[str] = mapped_column(String(8))
    bank_proof: Mapped[str | None] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(Text, default="", info={"personal": "what a person wrote of the month"})
    locked_at: Mapped[datetime | None]
    locked_by: Mapped[str | None] = mapped_column(String(26))
    agreed_by: Mapped[str | None] = mapped_column(String(26))  # the second person
    alone_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what a person wrote of the month"})
    transactions: Mapped[int | None] = mapped_column(Integer)  # how many stood in the month when it was locked
    reopened_at: Mapped[datetime | None]
    reopened_by: Mapped[str | None] = mapped_column(String(26))
    reopened_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what a person wrote of the month"})
    reopen_agreed_by: Mapped[str | None] = mapped_column(String(26))
    reopen_alone_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what a person wrote of the month"})

    __table_args__ = (CheckConstraint("length(period) = 7", name="month"),)


class ClosedBefore(Base):
    """A month as it was closed once, and why it was opened again: what people wrote stays with the month, not in the log."""

    __tablename__ = "ledger_period_before"

    period: Mapped[str] = mapped_column(String(7), primary_key=True)
    turn: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)  # 1: the first time
    locked_at: Mapped[datetime | None]
    locked_by: Mapped[str | None] = mapped_column(String(26))
    agreed_by: Mapped[str | None] = mapped_column(String(26))
    bank_proof: Mapped[str | None] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(Text, info={"personal": "what a person wrote of the month"})
    alone_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what a person wrote of the month"})
    reopened_at: Mapped[datetime]
    reopened_by: Mapped[str] = mapped_column(String(26))
    reopened_reason: Mapped[str] = mapped_column(Text, info={"personal": "what a person wrote of the month"})
    reopen_agreed_by: Mapped[str | None] = mapped_column(String(26))
    reopen_alone_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what a person wrote of the month"})


class AccountMapping(Base):
    """How the accountant's books call one of our accounts, for all money or for one fund, one kind of income, or both."""

    __tablename__ = "account_mapping"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    account: Mapped[str] = mapped_column(String(8))
    fund_id: Mapped[str] = mapped_column(String(26), default="")  # "": every fund
    kind: Mapped[str] = mapped_column(String(12), default="")  # once, monthly, yearly; "": every kind
    outside_code: Mapped[str] = mapped_column(String(60))
    outside_name: Mapped[str] = mapped_column(String(200))
    tax_code: Mapped[str] = mapped_column(String(60), default="")
    tracking: Mapped[str] = mapped_column(String(120), default="")
    changed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("account", "fund_id", "kind"),)


class BooksStart(Base):
    """The day from which these books are kept, where they began after the first donations. One live row at most."""

    __tablename__ = "books_start"

    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    starts_on: Mapped[date]  # nothing before this day, in the book's time zone, is posted
    starts_at: Mapped[datetime]  # when that day began
    made_by: Mapped[str] = mapped_column(String(26))
    made_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(26))
    withdrawn_at: Mapped[datetime | None]


class BooksVerdict(Base):
    """What one run of the books' checks found: an empty list when they hold."""

    __tablename__ = "books_verdict"

    taken_at: Mapped[datetime] = mapped_column(primary_key=True)
    broken: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # name and rows of each broken check, no personal data
