from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class Fund(Base):
    """The purpose that money belongs to."""

    __tablename__ = "fund"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(120))


class Appeal(Base):
    """An effort with wording, goal and dates. The one with slug `general` is asked when no other is named."""

    __tablename__ = "appeal"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    fund_id: Mapped[str] = mapped_column(ForeignKey("fund.id"))
    heading: Mapped[str] = mapped_column(String(120))
    message: Mapped[str] = mapped_column(Text)
    thanks: Mapped[str] = mapped_column(Text)
    signed_by: Mapped[str] = mapped_column(String(120))
    amounts: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # {"once": [500, ...], "monthly": ..., "yearly": ...}, minor units
    currency: Mapped[str] = mapped_column(String(3))
    goal_minor: Mapped[int | None] = mapped_column(BigInteger)
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    is_published: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]


class Attribution(Base):
    """Where one donation came from, kept from its start. `is_claimed`: only an address says so, nothing of ours signed it."""

    __tablename__ = "attribution"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    article_path: Mapped[str | None] = mapped_column(String(500))
    issue: Mapped[str | None] = mapped_column(String(20))
    appeal_slug: Mapped[str | None] = mapped_column(String(60))
    placement: Mapped[str | None] = mapped_column(String(40))
    variant: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str | None] = mapped_column(String(60))
    utm: Mapped[dict[str, Any]] = mapped_column(JSON)
    referrer_host: Mapped[str | None] = mapped_column(String(253))
    is_claimed: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
