from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class InboxState(StrEnum):
    """Where an event from outside stands."""

    RECEIVED = "received"  # Stored, not yet looked at.
    WAITING = "waiting"  # Nobody knows yet whose its payment or subscription is; looked at again then.
    HANDLED = "handled"  # Its effects are stored.
    NOT_OURS = "not_ours"  # About a payment that is none of our donations; its payload is erased.
    PARKED = "parked"  # Could not be handled, or is of another account, mode or version; a person must look.


class InboxEvent(Base):
    """One event as it was received. (source, stripe_event_id) is unique; the payload may be erased."""

    __tablename__ = "inbox_event"

    source: Mapped[str] = mapped_column(String(20), primary_key=True)  # stripe
    stripe_event_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    account: Mapped[str | None] = mapped_column(String(120))
    livemode: Mapped[bool] = mapped_column(Boolean)
    api_version: Mapped[str | None] = mapped_column(String(40))
    type: Mapped[str] = mapped_column(String(80))
    object_id: Mapped[str | None] = mapped_column(String(255))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    payload: Mapped[bytes | None] = mapped_column(
        LargeBinary, info={"personal": "names and addresses as Stripe sent them"}
    )
    via: Mapped[str] = mapped_column(String(12))  # webhook, catchup
    state: Mapped[str] = mapped_column(String(12))
    waiting_for: Mapped[str | None] = mapped_column(
        String(255)
    )  # the payment, subscription or bill whose owner is not known yet
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer)
    last_error: Mapped[str | None] = mapped_column(Text)
    handled_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_inbox_event_due",
            "run_at",
            postgresql_where=text("state = 'received'"),
            sqlite_where=text("state = 'received'"),
        ),
        Index(
            "ix_inbox_event_waiting",
            "waiting_for",
            postgresql_where=text("state = 'waiting'"),
            sqlite_where=text("state = 'waiting'"),
        ),
        Index("ix_inbox_event_state", "state", "received_at"),
        Index("ix_inbox_event_object_id", "object_id"),
    )


class Owner(StrEnum):
    """Whose a payment, a subscription or a bill on the Stripe account is."""

    UNKNOWN = "unknown"  # Not asked yet.
    OURS = "ours"  # A checkout or a plan of ours made it.
    NOT_OURS = "not_ours"  # Something else on the same account, such as a shop.


class Ownership(Base):
    """One payment intent, subscription or invoice that was seen, and whose it is. Holds no personal data."""

    __tablename__ = "ownership"

    stripe_id: Mapped[str] = mapped_column(String(120), primary_key=True)  # pi_, sub_, in_
    owner: Mapped[str] = mapped_column(String(12))
    made_by: Mapped[str | None] = mapped_column(String(255))  # the session, subscription or bill that says so
    stripe_charge_id: Mapped[str | None] = mapped_column(String(120))  # of a payment, once its donation knows it
    first_seen_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]  # when Stripe was last asked what made it

    __table_args__ = (
        Index(
            "ix_ownership_unknown",
            "first_seen_at",
            postgresql_where=text("owner = 'unknown'"),
            sqlite_where=text("owner = 'unknown'"),
        ),
    )


class BalanceTransaction(Base):
    """The mirror of one line of Stripe's balance: gross, fee and net in the settlement currency."""

    __tablename__ = "balance_transaction"

    stripe_balance_transaction_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    account: Mapped[str | None] = mapped_column(String(120))
    livemode: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    available_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(12))
    type: Mapped[str] = mapped_column(String(60))
    reporting_category: Mapped[str] = mapped_column(String(60))
    currency: Mapped[str] = mapped_column(String(3))
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    fee_details: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    exchange_rate: Mapped[str | None] = mapped_column(String(40))
    source_id: Mapped[str | None] = mapped_column(String(120))
    stripe_charge_id: Mapped[str | None] = mapped_column(String(120))
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(120))
    stripe_payout_id: Mapped[str | None] = mapped_column(String(120))
    mirrored_at: Mapped[datetime]
    posted_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("net_minor = gross_minor - fee_minor", name="net"),
        Index("ix_balance_transaction_created_at", "created_at"),
        Index("ix_balance_transaction_source_id", "source_id"),
        Index("ix_balance_transaction_payment", "stripe_payment_intent_id"),
        Index(
            "ix_balance_transaction_unposted",
            "created_at",
            postgresql_where=text("posted_at IS NULL"),
            sqlite_where=text("posted_at IS NULL"),
        ),
    )


class SyncMark(Base):
    """How far something that is read from Stripe in windows has been read without a hole."""

    __tablename__ = "sync_mark"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    verified_until: Mapped[datetime]
    run_at: Mapped[datetime]
