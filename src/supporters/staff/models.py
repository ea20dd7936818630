from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class Role(StrEnum):
    """What a member of staff may do."""

    VIEWER = "viewer"  # Sees donations without names and addresses.
    SUPPORT = "support"  # Helps supporters: sees them, corrects receipts.
    FINANCE = "finance"  # Does the books: refunds, discrepancies, exports.
    EDITOR = "editor"  # Writes appeals; sees sums, never names or money lists.
    ADMIN = "admin"  # Everything, and who else may do what.


class Staff(Base):
    """A person who signs in to the desk."""

    __tablename__ = "staff"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True, info={"personal": "staff sign-in"})
    name: Mapped[str] = mapped_column(String(120), info={"personal": "staff name"})
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(12))
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]


class StaffSession(Base):
    """A signed-in browser. The cookie's token is stored as its hash only."""

    __tablename__ = "staff_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (Index("ix_staff_session_staff_id", "staff_id"),)
