from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class DiscrepancyState(StrEnum):
    """How far a discrepancy is explained."""

    OPEN = "open"  # Nobody has explained it yet.
    RESOLVED = "resolved"  # A person explained it; the reason is on record.


class Discrepancy(Base):
    """One difference. `subject` is the id of what it is about, `detail` plain values for the page."""

    __tablename__ = "discrepancy"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(120))
    donation_id: Mapped[str | None] = mapped_column(String(26))
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(12), default=DiscrepancyState.OPEN)
    opened_at: Mapped[datetime]
    due_on: Mapped[date]
    owner_id: Mapped[str | None] = mapped_column(String(26))
    resolution: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(String(26))
    resolved_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("code", "subject"),
        Index("ix_discrepancy_state", "state", "due_on"),
        Index("ix_discrepancy_donation_id", "donation_id"),
    )
