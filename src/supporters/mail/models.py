from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.jobs.models import Claimable
from supporters.kit.db import Base


class Stream(StrEnum):
    """What kind of mail a letter is."""

    SERVICE = "service"  # Answers something the reader did: receipts, refunds, sign-in.
    MARKETING = "marketing"  # Sent by our own wish: needs consent and one-click unsubscribe.


class Letter(Claimable):
    """One letter to one address. `kind` names its templates in templates/mail/, `context` holds plain values for them."""

    __tablename__ = "letter"

    stream: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(254), info={"personal": "address written to"})
    dedupe_key: Mapped[str] = mapped_column(String(120))
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    context: Mapped[dict[str, Any]] = mapped_column(JSON, info={"personal": "name and amounts in the letter"})
    about: Mapped[str | None] = mapped_column(String(26))  # the donation, plan or supporter that it is about
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("kind", "recipient", "dedupe_key"),
        Index("ix_letter_about", "about"),
        Index(
            "ix_letter_ready", "run_at", postgresql_where=text("state = 'ready'"), sqlite_where=text("state = 'ready'")
        ),
        Index(
            "ix_letter_running",
            "lease_until",
            postgresql_where=text("state = 'running'"),
            sqlite_where=text("state = 'running'"),
        ),
    )


class Suppression(Base):
    """An address that we must not write to. Kept as a keyed digest, so that it outlives erasure."""

    __tablename__ = "suppression"

    address_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    scope: Mapped[str] = mapped_column(String(12), primary_key=True)  # marketing, all
    reason: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]


class BounceKind(StrEnum):
    """What came back."""

    HARD = "hard"  # The mailbox does not exist, or will never take our letters.
    SOFT = "soft"  # Not this time: mailbox full, server away. Three within seven days are a hard one.
    COMPLAINT = "complaint"  # The reader called it spam.


class Bounce(Base):
    """One report about an address, known by its keyed digest. `cause` names the report, so that it counts once."""

    __tablename__ = "bounce"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    cause: Mapped[str] = mapped_column(String(64), unique=True)
    address_digest: Mapped[str] = mapped_column(String(64))
    letter_id: Mapped[str | None] = mapped_column(String(26))
    kind: Mapped[str] = mapped_column(String(12))
    code: Mapped[str] = mapped_column(String(12))  # 5.1.1 and its like (RFC 3463), if one was given
    source: Mapped[str] = mapped_column(String(12))  # dsn, hook
    at: Mapped[datetime]

    __table_args__ = (Index("ix_bounce_address", "address_digest", "at"),)
