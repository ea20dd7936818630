from datetime import date, datetime
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
            "ix_balance_transaction_top_up",
            "created_at",
            postgresql_where=text("reporting_category IN ('topup', 'topup_reversal')"),
            sqlite_where=text("reporting_category IN ('topup', 'topup_reversal')"),
        ),
        Index(
            "ix_balance_transaction_payout",
            "stripe_payout_id",
            postgresql_where=text("stripe_payout_id IS NOT NULL"),
            sqlite_where=text("stripe_payout_id IS NOT NULL"),
        ),
        Index(
            "ix_balance_transaction_unposted",
            "created_at",
            postgresql_where=text("posted_at IS NULL"),
            sqlite_where=text("posted_at IS NULL"),
        ),
    )


class PayoutState(StrEnum):
    """Where a payout stands, as Stripe says."""

    PENDING = "pending"  # It has left the balance and not Stripe.
    IN_TRANSIT = "in_transit"  # It is with the banks.
    PAID = "paid"  # Stripe expects it in the bank account; within five working days it may still fail.
    FAILED = "failed"  # The bank sent it back: its money is in the balance again.
    CANCELED = "canceled"  # It was called off before it left.


class Content(StrEnum):
    """Whether it is proved what a payout is made of."""

    UNKNOWN = "unknown"  # Stripe has not finished saying what is in it.
    COLLECTING = "collecting"  # Stripe has finished, and its lines are being read.
    VERIFIED = "verified"  # Its lines add up to what was paid out, to the penny.
    OFF = "off"  # Its lines do not add up to what was paid out; a discrepancy says by how much.
    NOT_APPLICABLE = (
        "not_applicable"  # Made by hand or at once: Stripe does not say what is in it; the balance proves it.
    )


class Payout(Base):
    """The mirror of one payout: money on its way from Stripe's balance to the bank, or called in from there.

    `amount_minor` is what the bank account gets; negative when Stripe takes money from it.
    """

    __tablename__ = "payout"

    stripe_payout_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    account: Mapped[str | None] = mapped_column(String(120))
    livemode: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    arrival_on: Mapped[date]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    is_automatic: Mapped[bool] = mapped_column(Boolean)
    method: Mapped[str] = mapped_column(String(20))  # standard, instant
    status: Mapped[str] = mapped_column(String(12))
    paid_at: Mapped[datetime | None]  # when it was first seen paid; kept when it fails afterwards
    reconciliation_status: Mapped[str] = mapped_column(String(20))  # completed, in_progress, not_applicable
    line_id: Mapped[str | None] = mapped_column(String(120))  # its own line of the balance
    failure_line_id: Mapped[str | None] = mapped_column(String(120))  # the line that put its money back
    failure_code: Mapped[str | None] = mapped_column(String(80))
    original_payout_id: Mapped[str | None] = mapped_column(String(120))  # the payout that this one reverses
    reversed_by_id: Mapped[str | None] = mapped_column(String(120))
    trace_id: Mapped[str | None] = mapped_column(String(255))  # what banks call it; may come days after the money
    descriptor: Mapped[str | None] = mapped_column(String(255))
    content: Mapped[str] = mapped_column(String(16))
    content_off_minor: Mapped[int | None] = mapped_column(BigInteger)  # its lines less its amount, while `off`
    content_read_at: Mapped[datetime | None]  # when its lines were last listed
    verified_at: Mapped[datetime | None]  # when its contents added up; of one that Stripe does not itemise, the balance
    mirrored_at: Mapped[datetime]
    changed_at: Mapped[datetime]  # when Stripe last said something new of it

    __table_args__ = (
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
        Index("ix_payout_created_at", "created_at"),
        Index("ix_payout_arrival_on", "arrival_on"),
        Index("ix_payout_amount", "currency", "amount_minor"),
        Index(
            "ix_payout_unproved",
            "created_at",
            postgresql_where=text("content IN ('unknown', 'collecting', 'off')"),
            sqlite_where=text("content IN ('unknown', 'collecting', 'off')"),
        ),
    )


class BalanceDay(Base):
    """What Stripe said that it held when a day ended, or as soon after as it was asked. *Money*: minor units."""

    __tablename__ = "balance_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    available_minor: Mapped[int] = mapped_column(BigInteger)
    pending_minor: Mapped[int] = mapped_column(BigInteger)
    reserved_minor: Mapped[int] = mapped_column(BigInteger)
    taken_at: Mapped[datetime]


class SyncMark(Base):
    """How far something that is read from Stripe in windows has been read without a hole."""

    __tablename__ = "sync_mark"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    verified_until: Mapped[datetime]
    run_at: Mapped[datetime]
