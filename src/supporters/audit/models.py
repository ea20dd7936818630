from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class AuditEntry(Base):
    """One deed: `digest` covers this row, the digest of its detail and the digest of the entry before it."""

    __tablename__ = "audit_entry"

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(12))  # staff, system, cli
    actor_id: Mapped[str | None] = mapped_column(String(26))
    action: Mapped[str] = mapped_column(String(60))  # "donation.refund"
    record_kind: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[str] = mapped_column(String(60))
    request_id: Mapped[str | None] = mapped_column(String(40))
    detail_digest: Mapped[str] = mapped_column(String(64))
    previous_digest: Mapped[str] = mapped_column(String(64), unique=True)  # unique: the chain cannot fork
    digest: Mapped[str] = mapped_column(String(64), unique=True)

    __table_args__ = (Index("ix_audit_entry_record", "record_kind", "record_id"),)


class AuditDetail(Base):
    """What changed, in words and values; may be erased, the chain stays whole."""

    __tablename__ = "audit_detail"

    seq: Mapped[int] = mapped_column(ForeignKey("audit_entry.seq"), primary_key=True, autoincrement=False)
    detail: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), info={"personal": "may quote addresses or reasons"}
    )
    salt: Mapped[str | None] = mapped_column(
        String(32)
    )  # erased with the detail, so that no guess can be tried on its digest
