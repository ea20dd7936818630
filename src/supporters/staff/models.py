from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String, false
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
    totp_sealed: Mapped[str | None] = mapped_column(String(300))  # the second factor's secret; none without one
    totp_step: Mapped[int | None] = mapped_column(BigInteger)  # of the last code that was used: none is taken twice
    totp_at: Mapped[datetime | None]
    likes_compact: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # lists with less room
    no_money_letter_at: Mapped[datetime | None]  # since when the weekly letter about the books is not wanted


class StaffSession(Base):
    """A signed-in browser. The cookie's token is stored as its hash only, and changes while the id stays."""

    __tablename__ = "staff_session"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    browser: Mapped[str] = mapped_column(String(60), info={"personal": "which browser somebody uses"})
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    proved_at: Mapped[datetime]  # when password and code were last given
    has_second: Mapped[bool] = mapped_column(Boolean)  # whether a code was given too

    __table_args__ = (Index("ix_staff_session_staff_id", "staff_id"),)


class RecoveryCode(Base):
    """Stands in for a code of the app, once. Only its keyed digest is stored."""

    __tablename__ = "staff_recovery_code"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_staff_recovery_code_staff_id", "staff_id"),)


class Invitation(Base):
    """Somebody was asked to join. The mailed token is stored as its hash only."""

    __tablename__ = "staff_invitation"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254), info={"personal": "who is invited"})
    name: Mapped[str] = mapped_column(String(120), info={"personal": "who is invited"})
    role: Mapped[str] = mapped_column(String(12))
    invited_by: Mapped[str] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
