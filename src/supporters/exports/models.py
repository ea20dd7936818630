from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from supporters.kit.db import Base


class BatchState(StrEnum):
    """Whether what the batch holds still counts as gone out."""

    LIVE = "live"  # What it holds has gone out, and goes out in no other batch.
    REVERSED = "reversed"  # A later batch takes all of it back; what it held may go out again.


class ExportBatch(Base):
    """One file for one program, made once and never changed. Names no person."""

    __tablename__ = "export_batch"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    target: Mapped[str] = mapped_column(String(12))
    mode: Mapped[str] = mapped_column(String(8))
    starts_on: Mapped[date]
    ends_on: Mapped[date]  # inclusive
    claims_until: Mapped[date | None]  # the last month's end at which it says what every account held; None: at none
    file_name: Mapped[str] = mapped_column(String(120))
    body: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))  # what is downloaded
    journals: Mapped[bytes] = deferred(
        mapped_column(LargeBinary, nullable=False)
    )  # what was put into it, to mirror; compressed JSON
    sha256: Mapped[str] = mapped_column(String(64))  # of `body`
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    transactions: Mapped[int] = mapped_column(Integer)
    journal_count: Mapped[int] = mapped_column(Integer)
    line_count: Mapped[int] = mapped_column(Integer)
    # Debits and credits in minor units by account and currency: [account, outside code, name, currency, debit, credit].
    totals: Mapped[list[list[str | int]]] = mapped_column(JSON)
    made_by: Mapped[str] = mapped_column(String(26))
    made_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(8), default=BatchState.LIVE)
    reverses_id: Mapped[str | None] = mapped_column(ForeignKey("export_batch.id"), unique=True)
    reversed_by_batch_id: Mapped[str | None] = mapped_column(String(26), unique=True)

    __table_args__ = (
        CheckConstraint("starts_on <= ends_on", name="days"),
        CheckConstraint("(state = 'reversed') = (reversed_by_batch_id IS NOT NULL)", name="reversed"),
        Index("ix_export_batch_made_at", "made_at"),
    )


class ExportItem(Base):
    """One ledger transaction that went out in one batch. For each program it is in one live batch at most."""

    __tablename__ = "export_item"

    # Deferred: what goes out is claimed first, and the batch is written once its file is made of just that.
    batch_id: Mapped[str] = mapped_column(
        ForeignKey("export_batch.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    ledger_transaction_id: Mapped[str] = mapped_column(ForeignKey("ledger_transaction.id"), primary_key=True)
    target: Mapped[str] = mapped_column(String(12))
    is_live: Mapped[bool] = mapped_column(Boolean)

    __table_args__ = (
        Index(
            "ux_export_item_live",
            "target",
            "ledger_transaction_id",
            unique=True,
            sqlite_where=text("is_live"),
            postgresql_where=text("is_live"),
        ),
        Index("ix_export_item_ledger_transaction_id", "ledger_transaction_id"),
    )
