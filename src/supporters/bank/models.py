from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    false,
)
from sqlalchemy import text as words
from sqlalchemy.orm import Mapped, deferred, mapped_column

from supporters.kit.db import Base


class FileState(StrEnum):
    """How far a file from the bank has come."""

    UPLOADED = "uploaded"  # A table of which nobody has said yet what its columns mean.
    READING = "reading"  # A long one: a job reads and checks it.
    REFUSED = "refused"  # It could not be read; only the words that say why are kept, for a week.
    READY = "ready"  # Read and checked; its page waits for a person.
    TAKING = "taking"  # A job takes its lines, all at once.
    IMPORTED = "imported"  # Its lines are here.
    UNDONE = "undone"  # Its lines were taken back.
    ABANDONED = "abandoned"  # Left before it was imported; nothing of it was kept.


class LineState(StrEnum):
    """What is known about a line."""

    OPEN = "open"  # Nobody has said yet what it is.
    SPLIT = "split"  # Booked by the bank as one; its single payments are lines of their own and stand for it.
    MATCHED = "matched"  # It is in the books.
    SET_ASIDE = "set_aside"  # None of our business here: it is not in these books.
    UNDONE = "undone"  # Taken back with its file.


class BankAccount(Base):
    """One account at a bank. Its number is never stored: four digits to know it by, and keyed digests to know it again."""

    __tablename__ = "bank_account"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    currency: Mapped[str] = mapped_column(String(3))
    last4: Mapped[str] = mapped_column(String(4))
    account_hash: Mapped[str] = mapped_column(String(43))  # of the whole number; empty where none was given
    also_hashes: Mapped[list[str]] = mapped_column(JSON)  # of the forms in which banks write the same number
    profile: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # how this bank writes its CSV, as a person confirmed
    revision: Mapped[int] = mapped_column(Integer, default=0)  # grows with every import and undo: two at once are seen
    starts_on: Mapped[date | None]  # from then on its months want a statement; empty: from its first statement
    created_by: Mapped[str] = mapped_column(String(26))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class BankFile(Base):
    """One file as it was brought in, imported and undone as one. Its body is erased as soon as it is dealt with."""

    __tablename__ = "bank_file"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_account.id"))
    state: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(200), info={"personal": "may name a person"})
    sha256: Mapped[str] = mapped_column(String(64))
    format: Mapped[str] = mapped_column(String(8))  # csv, xero, camt, ofx, mt940, qif
    layout: Mapped[str] = mapped_column(String(43))  # format and columns: lines of another one are worded otherwise
    size_bytes: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes | None] = deferred(mapped_column(LargeBinary, info={"personal": "the statement itself"}))
    parsed: Mapped[bytes | None] = deferred(
        mapped_column(LargeBinary, info={"personal": "the statement, read, or why not"})
    )
    profile: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # how this file is read, if it is a table
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)  # what was found in it: numbers, days and sums only
    taken_by: Mapped[str] = mapped_column(String(26))
    taken_at: Mapped[datetime]
    imported_by: Mapped[str | None] = mapped_column(String(26))
    imported_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(26))
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_bank_file_bank_account_id", "bank_account_id", "taken_at"),
        Index("ix_bank_file_sha256", "sha256"),
        Index(
            "ix_bank_file_waiting",
            "taken_at",
            postgresql_where=words("state IN ('uploaded', 'ready')"),
            sqlite_where=words("state IN ('uploaded', 'ready')"),
        ),
    )


class BankStatement(Base):
    """One statement of a file. Opening plus lines is closing, where the bank gives both. It counts while its file does."""

    __tablename__ = "bank_statement"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    bank_file_id: Mapped[str] = mapped_column(ForeignKey("bank_file.id"))
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_account.id"))
    position: Mapped[int] = mapped_column(Integer)  # in its file, from 0
    number: Mapped[str] = mapped_column(String(60))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    opening_minor: Mapped[int | None] = mapped_column(BigInteger)
    closing_minor: Mapped[int | None] = mapped_column(BigInteger)
    is_opening_derived: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )  # the bank gave none: worked out from closing balance and lines

    __table_args__ = (
        CheckConstraint("starts_on <= ends_on", name="days"),
        Index("ix_bank_statement_bank_file_id", "bank_file_id"),
        Index("ix_bank_statement_bank_account_id", "bank_account_id", "starts_on"),
    )


class BankLine(Base):
    """One line that the bank wrote. *Money*: signed, money in is positive.

    Kept whole when it brings money or concerns us; of every other line its day, its amount and a keyed digest. The parts
    of a line that the bank booked as one have it as their parent: they stand for it, and it counts only for balances.
    """

    __tablename__ = "bank_line"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_account.id"))
    bank_file_id: Mapped[str] = mapped_column(ForeignKey("bank_file.id"))
    bank_statement_id: Mapped[str] = mapped_column(ForeignKey("bank_statement.id"))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("bank_line.id"))
    position: Mapped[int] = mapped_column(Integer)  # in its statement, from 0; of a part, in its line
    booked_on: Mapped[date]
    value_on: Mapped[date | None]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    counterparty: Mapped[str] = mapped_column(String(200), info={"personal": "who paid or was paid"})
    counterparty_hash: Mapped[str] = mapped_column(String(43), info={"personal": "whose account, as a keyed digest"})
    counterparty_last4: Mapped[str] = mapped_column(String(4), info={"personal": "the end of their account's number"})
    text: Mapped[str] = mapped_column(Text, info={"personal": "what the payer wrote"})
    bank_reference: Mapped[str] = mapped_column(String(120))
    end_to_end: Mapped[str] = mapped_column(String(120), info={"personal": "a reference that the payer chose"})
    type_code: Mapped[str] = mapped_column(String(60))
    is_reversal: Mapped[bool] = mapped_column(Boolean)
    fingerprint: Mapped[str] = mapped_column(String(43))
    occurrence: Mapped[int] = mapped_column(Integer)  # among lines that are alike on one day, from 0
    layout: Mapped[str] = mapped_column(String(43))  # of the file that brought it first: what it was worded by
    is_kept_whole: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(12))
    state_note: Mapped[str | None] = mapped_column(Text, info={"personal": "why it stands so, in words of the staff"})

    __table_args__ = (
        Index(
            "uq_bank_line_live",
            "bank_account_id",
            "fingerprint",
            "occurrence",
            unique=True,
            postgresql_where=words("state <> 'undone'"),
            sqlite_where=words("state <> 'undone'"),
        ),
        Index("ix_bank_line_booked_on", "bank_account_id", "booked_on"),
        Index("ix_bank_line_bank_file_id", "bank_file_id"),
        Index(
            "ix_bank_line_parent_id",
            "parent_id",
            postgresql_where=words("parent_id IS NOT NULL"),
            sqlite_where=words("parent_id IS NOT NULL"),
        ),
        Index(
            "ix_bank_line_open",
            "amount_minor",
            "booked_on",
            postgresql_where=words("state = 'open'"),
            sqlite_where=words("state = 'open'"),
        ),
        Index(
            "ix_bank_line_payer",
            "counterparty_hash",
            "booked_on",
            postgresql_where=words("counterparty_hash <> ''"),
            sqlite_where=words("counterparty_hash <> ''"),
        ),
    )


class BankSighting(Base):
    """A line that was here already when another statement listed it too: should its file be undone, it stays for the other."""

    __tablename__ = "bank_sighting"

    bank_line_id: Mapped[str] = mapped_column(ForeignKey("bank_line.id"), primary_key=True)
    bank_statement_id: Mapped[str] = mapped_column(ForeignKey("bank_statement.id"), primary_key=True)
    bank_file_id: Mapped[str] = mapped_column(ForeignKey("bank_file.id"))

    __table_args__ = (
        Index("ix_bank_sighting_bank_file_id", "bank_file_id"),
        Index("ix_bank_sighting_bank_statement_id", "bank_statement_id"),
    )
