from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

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
    asked_reason: Mapped[str | None] = mapped_column(Text)
    asked_fund_id: Mapped[str | None] = mapped_column(String(26))
    asked_by: Mapped[str | None] = mapped_column(String(26))
    asked_at: Mapped[datetime | None]
    resolution: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)
    alone_reason: Mapped[str | None] = mapped_column(Text)  # why nobody else looked at a large one
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
