from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base

NOTHING = text("''")


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
    name: Mapped[str] = mapped_column(String(120), server_default=NOTHING)  # for staff
    heading: Mapped[str] = mapped_column(String(120))
    ask: Mapped[str] = mapped_column(
        Text, server_default=NOTHING
    )  # the why at the foot of an article; else the message
    message: Mapped[str] = mapped_column(Text)
    thanks: Mapped[str] = mapped_column(Text)
    signed_by: Mapped[str] = mapped_column(String(120))
    amounts: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # {"once": [500, ...], "monthly": ..., "yearly": ...}, minor units
    currency: Mapped[str] = mapped_column(String(3))
    goal_minor: Mapped[int | None] = mapped_column(BigInteger)
    goal_people: Mapped[int | None] = mapped_column(Integer)
    has_ticker: Mapped[bool] = mapped_column(Boolean, server_default=false())
    if_more: Mapped[str] = mapped_column(Text, server_default=NOTHING)  # what happens if more or less comes in
    sources: Mapped[list[dict[str, str]] | None] = mapped_column(JSON)  # each claim about money, and where it is from
    letter_subject: Mapped[str] = mapped_column(
        String(150), server_default=NOTHING
    )  # of the receipt's letter; else the usual
    letter_signoff: Mapped[str] = mapped_column(String(300), server_default=NOTHING)
    share_title: Mapped[str] = mapped_column(String(120), server_default=NOTHING)
    share_text: Mapped[str] = mapped_column(String(300), server_default=NOTHING)
    version: Mapped[int] = mapped_column(Integer, server_default="0")  # of the history, that readers see
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    is_published: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]


class AppealVersion(Base):
    """What an appeal said at one saving: a draft, then published at once or at a set time. Never changed, never deleted."""

    __tablename__ = "appeal_version"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeal.id"))
    number: Mapped[int] = mapped_column(Integer)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    saved_by: Mapped[str] = mapped_column(String(26))  # staff
    saved_at: Mapped[datetime]
    publish_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("appeal_id", "number"),
        Index("ix_appeal_version_publish_at", "publish_at"),
    )


class SharePicture(Base):
    """What is shown where a link to the appeal is shared. `digest` (SHA-256 of the bytes) is in its address."""

    __tablename__ = "share_picture"

    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeal.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    media_type: Mapped[str] = mapped_column(String(20))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    alt: Mapped[str] = mapped_column(String(300))
    saved_by: Mapped[str] = mapped_column(String(26))  # staff
    saved_at: Mapped[datetime]


class PrintIssue(Base):
    """One numbered issue of the paper, with its PDF."""

    __tablename__ = "print_issue"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    published_on: Mapped[date | None]
    cover_url: Mapped[str] = mapped_column(String(1000))
    pdf_url: Mapped[str] = mapped_column(String(1000))
    appeal_slug: Mapped[str] = mapped_column(String(60))  # what its short address asks for
    created_at: Mapped[datetime]


class Article(Base):
    """One article of one of the paper's sites. `is_verified`: the site's own feed names it; else only a link said so."""

    __tablename__ = "article"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    site: Mapped[str] = mapped_column(String(200))  # origin, as "https://paper.example"
    path: Mapped[str] = mapped_column(String(500))
    title: Mapped[str] = mapped_column(String(300))
    issue: Mapped[str | None] = mapped_column(String(20))
    tags: Mapped[list[str]] = mapped_column(JSON)
    published_at: Mapped[datetime | None]
    is_verified: Mapped[bool] = mapped_column(Boolean)
    seen_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("site", "path"), Index("ix_article_issue", "issue"))


class Attribution(Base):
    """Where one donation came from, kept from its start. `is_claimed`: only an address says so, nothing of ours signed it."""

    __tablename__ = "attribution"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    article_id: Mapped[str | None] = mapped_column(String(26), index=True)
    site: Mapped[str | None] = mapped_column(String(200))
    article_path: Mapped[str | None] = mapped_column(String(500))
    issue: Mapped[str | None] = mapped_column(String(20))
    appeal_slug: Mapped[str | None] = mapped_column(String(60))
    placement: Mapped[str | None] = mapped_column(String(40))
    variant: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str | None] = mapped_column(String(60))
    utm: Mapped[dict[str, Any]] = mapped_column(JSON)
    referrer_host: Mapped[str | None] = mapped_column(String(253))
    first_touch: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # what brought them to us first
    is_claimed: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
