from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class Supporter(Base):
    """Anyone on file."""

    __tablename__ = "supporter"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), info={"personal": "name"})
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("supporter.id"))
    created_at: Mapped[datetime]


class EmailAddress(Base):
    """An address of a supporter. `normalised` is unique: one address, one person."""

    __tablename__ = "email_address"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    supporter_id: Mapped[str] = mapped_column(ForeignKey("supporter.id"))
    address: Mapped[str] = mapped_column(String(254), info={"personal": "address as typed"})
    normalised: Mapped[str] = mapped_column(String(254), unique=True, info={"personal": "address"})
    verified_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_email_address_supporter_id", "supporter_id"),)
