from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from supporters.kit.db import Base


class DiscrepancyState(StrEnum):
    """How far a discrepancy is explained."""

    OPEN = "open"  # Nobody has explained it yet.
    RESOLVED = "resolved"  # A person explained it; the reason is on record.


class Discrepancy(Base):
    """One difference. `subject` is the id of what it is about, `detail` plain values for the page.

    The fingerprint is what the difference looked like: a resolved one opens again only when that is another one. While
    `asked_by` is set, a second person has to agree to what the first one asked for.
    """

    __tablename__ = "discrepancy"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(120))
    donation_id: Mapped[str | None] = mapped_column(String(26))
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str | None] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(12), default=DiscrepancyState.OPEN)
    opened_at: Mapped[datetime]
    reopened_at: Mapped[datetime | None]
    due_on: Mapped[date]
    owner_id: Mapped[str | None] = mapped_column(String(26))
    asked_resolution: Mapped[str | None] = mapped_column(String(40))
    asked_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what staff wrote"})
    asked_fund_id: Mapped[str | None] = mapped_column(String(26))
    asked_by: Mapped[str | None] = mapped_column(String(26))
    asked_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text, info={"personal": "what staff wrote"})
    alone_reason: Mapped[str | None] = mapped_column(
        Text, info={"personal": "what staff wrote"}
    )  # why nobody else looked at a large one
    resolved_by: Mapped[str | None] = mapped_column(String(26))
    agreed_by: Mapped[str | None] = mapped_column(String(26))  # the second person
    resolved_at: Mapped[datetime | None]
    postings: Mapped[int | None] = mapped_column(Integer)  # how often its resolutions went into the books

    __table_args__ = (
        UniqueConstraint("code", "subject"),
        Index("ix_discrepancy_state", "state", "due_on"),
        Index("ix_discrepancy_donation_id", "donation_id"),
    )


class Comment(Base):
    """What a member of staff wrote about a discrepancy, for the others who look at it."""

    __tablename__ = "discrepancy_comment"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    discrepancy_id: Mapped[str] = mapped_column(ForeignKey("discrepancy.id"))
    words: Mapped[str] = mapped_column(Text, info={"personal": "what staff wrote"})
    written_by: Mapped[str] = mapped_column(String(26))
    written_at: Mapped[datetime]

    __table_args__ = (Index("ix_discrepancy_comment_discrepancy_id", "discrepancy_id"),)


class Reason(Base):
    """Why somebody closed a discrepancy, asked for it, or opened it again. The audit has a digest of the words, not the words.

    Erased, words and salt are gone: the deed stays, and no guess can be tried on its digest.
    """

    __tablename__ = "discrepancy_reason"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    discrepancy_id: Mapped[str] = mapped_column(ForeignKey("discrepancy.id"))
    words: Mapped[str | None] = mapped_column(Text, info={"personal": "what staff wrote"})
    salt: Mapped[str | None] = mapped_column(String(32))
    written_at: Mapped[datetime]

    __table_args__ = (Index("ix_discrepancy_reason_discrepancy_id", "discrepancy_id"),)


class Mention(Base):
    """A comment names a colleague, who was told by letter and finds the discrepancy among their own."""

    __tablename__ = "discrepancy_mention"

    comment_id: Mapped[str] = mapped_column(ForeignKey("discrepancy_comment.id"), primary_key=True)
    staff_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    discrepancy_id: Mapped[str] = mapped_column(ForeignKey("discrepancy.id"))

    __table_args__ = (Index("ix_discrepancy_mention_staff_id", "staff_id", "discrepancy_id"),)


class Evidence(Base):
    """A file that a colleague brought to explain a discrepancy. Erased, its name and body are gone; that it was there stays."""

    __tablename__ = "discrepancy_evidence"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    discrepancy_id: Mapped[str] = mapped_column(ForeignKey("discrepancy.id"))
    name: Mapped[str | None] = mapped_column(String(120), info={"personal": "what staff called a file"})
    kind: Mapped[str] = mapped_column(String(8))
    size_bytes: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary, info={"personal": "the file itself"}))
    added_by: Mapped[str] = mapped_column(String(26))
    added_at: Mapped[datetime]
    erased_by: Mapped[str | None] = mapped_column(String(26))
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_discrepancy_evidence_file",
            "discrepancy_id",
            "sha256",
            unique=True,
            sqlite_where=text("erased_at IS NULL"),
            postgresql_where=text("erased_at IS NULL"),
        ),
    )
