"""Lists, requests to join, subscriptions, and the evidence of consent.

An address lives in one place, `subscriber`; everything else names the subscriber by id. Evidence and wordings are append-only:
the database refuses to change or remove them.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class State(StrEnum):
    """What a subscription is at the moment."""

    CONFIRMED = "confirmed"  # May be written to.
    STOPPED = "stopped"  # The reader, or staff for them, has stopped it.
    SUPPRESSED = "suppressed"  # The mailbox bounced or complained.


class Newsletter(Base):
    """One list: what it is called, how often it comes, who sends it, and the words that readers agree to."""

    __tablename__ = "newsletter"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    how_often: Mapped[str] = mapped_column(String(120))
    sender_name: Mapped[str] = mapped_column(String(120))
    wording: Mapped[str] = mapped_column(String(400))
    wording_id: Mapped[str] = mapped_column(String(26))  # its row in newsletter_wording
    is_double_opt_in: Mapped[bool] = mapped_column(Boolean, default=True)
    is_public: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Wording(Base):
    """Words that readers were shown beside a list. Kept for ever: evidence names them."""

    __tablename__ = "newsletter_wording"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    newsletter_id: Mapped[str] = mapped_column(ForeignKey("newsletter.id"))
    words: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))  # of the words in UTF-8, in hex
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("newsletter_id", "sha256"),)


class Subscriber(Base):
    """An address that asked for a list. Found by the same keyed digest that suppression uses."""

    __tablename__ = "subscriber"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    address_digest: Mapped[str] = mapped_column(
        String(64), unique=True, info={"personal": "keyed digest of the address"}
    )
    address: Mapped[str] = mapped_column(String(254), info={"personal": "address written to"})
    name: Mapped[str | None] = mapped_column(String(120), info={"personal": "name, from an imported list"})
    created_at: Mapped[datetime]


class Signup(Base):
    """A request to join that waits for its confirmation; gone seven days after it was last asked for."""

    __tablename__ = "signup"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(ForeignKey("subscriber.id"), unique=True)
    asked_at: Mapped[datetime]
    letters: Mapped[int] = mapped_column(Integer)  # how many were queued for it, its reminder included
    reminded_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]

    __table_args__ = (Index("ix_signup_expires_at", "expires_at"),)


class SignupChoice(Base):
    """One list that a request asks for, with what the reader saw and where."""

    __tablename__ = "signup_choice"

    signup_id: Mapped[str] = mapped_column(ForeignKey("signup.id"), primary_key=True)
    newsletter_id: Mapped[str] = mapped_column(ForeignKey("newsletter.id"), primary_key=True)
    wording_id: Mapped[str] = mapped_column(ForeignKey("newsletter_wording.id"))
    form: Mapped[str] = mapped_column(String(20))  # news, snippet, give, thanks
    path: Mapped[str] = mapped_column(String(500))  # of the page, without its query
    is_wording_told: Mapped[bool | None] = mapped_column(Boolean)  # by the form; False: assumed; None: our own page
    asked_at: Mapped[datetime]


class Subscription(Base):
    """What an address gets of one list, as its last evidence says."""

    __tablename__ = "subscription"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(ForeignKey("subscriber.id"))
    newsletter_id: Mapped[str] = mapped_column(ForeignKey("newsletter.id"))
    state: Mapped[str] = mapped_column(String(12))
    consent_id: Mapped[str] = mapped_column(String(26))  # the evidence that made it so
    batch_id: Mapped[str | None] = mapped_column(String(26))  # the import that made it, while that is its last evidence
    changed_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter_id"),
        Index("ix_subscription_newsletter_state", "newsletter_id", "state"),
        Index("ix_subscription_batch_id", "batch_id"),
    )


class Consent(Base):
    """One piece of evidence: a consent given or withdrawn. Append-only; no address, the subscriber's row holds it."""

    __tablename__ = "consent"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(String(26))  # no key: evidence outlives the person's row
    newsletter_id: Mapped[str] = mapped_column(ForeignKey("newsletter.id"))
    status: Mapped[str] = mapped_column(String(12))
    basis: Mapped[str] = mapped_column(String(40))  # consent, or what an import names
    method: Mapped[str] = mapped_column(String(30))
    asked_at: Mapped[datetime | None]
    at: Mapped[datetime]  # confirmed, or withdrawn
    wording_id: Mapped[str | None] = mapped_column(ForeignKey("newsletter_wording.id"))
    wording_sha256: Mapped[str | None] = mapped_column(String(64))
    form: Mapped[str] = mapped_column(String(20))
    path: Mapped[str] = mapped_column(String(500))
    batch_id: Mapped[str | None] = mapped_column(String(26))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, info={"personal": "what an import or staff says about it"})

    __table_args__ = (
        Index("ix_consent_subscriber_id", "subscriber_id", "id"),
        Index("ix_consent_newsletter_id", "newsletter_id", "id"),
    )
