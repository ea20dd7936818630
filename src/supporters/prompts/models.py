from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class Placement(Base):
    """A spot on the publisher's site, by the code that its templates use. Empty words mean the usual ones."""

    __tablename__ = "placement"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    title: Mapped[str] = mapped_column(String(120))  # for staff
    appeal_slug: Mapped[str] = mapped_column(String(60))
    newsletter_slug: Mapped[str | None] = mapped_column(String(60))
    heading: Mapped[str] = mapped_column(String(120))  # else "Make a donation to <paper>"
    is_on: Mapped[bool] = mapped_column(Boolean)
    changed_at: Mapped[datetime]


class PromptFile(Base):
    """What was published for a placement. A version's words never change; a ticker's figures alone are written over."""

    __tablename__ = "prompt_file"

    placement: Mapped[str] = mapped_column(ForeignKey("placement.code"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    json: Mapped[bytes] = mapped_column(LargeBinary)
    html: Mapped[bytes] = mapped_column(LargeBinary)
    words_digest: Mapped[str] = mapped_column(String(64))  # of everything but version, time and ticker
    etag: Mapped[str] = mapped_column(String(40))
    published_at: Mapped[datetime]


class PromptScript(Base):
    """A script that published files have named. Pages pasted then go on asking for it, so that it is never deleted."""

    __tablename__ = "prompt_script"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    first_at: Mapped[datetime]


class AskVeto(Base):
    """Editors asked that nothing is asked for: on one path, under one tag, or on some days. Never deleted, but lifted."""

    __tablename__ = "ask_veto"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    path: Mapped[str | None] = mapped_column(String(500))
    tag: Mapped[str | None] = mapped_column(String(100))
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)  # that day included
    reason: Mapped[str] = mapped_column(String(300))
    made_by: Mapped[str] = mapped_column(String(26))  # staff
    made_at: Mapped[datetime]
    lifted_by: Mapped[str | None] = mapped_column(String(26))
    lifted_at: Mapped[datetime | None]


class Reminder(Base):
    """A reader's wish to be asked once, in a later month. The row is deleted when the letter is queued."""

    __tablename__ = "reminder"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), info={"personal": "address to remind once"})
    month: Mapped[date] = mapped_column(Date)  # its first day
    is_confirmed: Mapped[bool] = mapped_column(Boolean)
    letters: Mapped[int] = mapped_column(Integer)  # that asked to confirm it; none while everybody's limit is reached
    asked_at: Mapped[datetime]  # or when the first such letter was queued, if it had to wait

    __table_args__ = (Index("ix_reminder_month", "month"),)


class SiteSeen(Base):
    """Which version of a placement one of the publisher's sites took last, and in which form it shows it."""

    __tablename__ = "site_seen"

    site: Mapped[str] = mapped_column(String(253), primary_key=True)  # host, with its port where that is not the usual
    placement: Mapped[str] = mapped_column(String(40), primary_key=True)
    form: Mapped[str] = mapped_column(String(12), primary_key=True)  # jinja, wordpress, plain
    version: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
