from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class Kind(StrEnum):
    """What the money is, in law and for tax."""

    DONATION = "donation"  # A gift, nothing promised in return.


class Frequency(StrEnum):
    """How often the reader chose to give."""

    ONCE = "once"  # One payment.
    MONTHLY = "monthly"  # Every month until stopped.
    QUARTERLY = "quarterly"  # Every third month: only banks send it so, nobody is asked for it.
    YEARLY = "yearly"  # Every year until stopped.


ASKED_FOR = (Frequency.ONCE, Frequency.MONTHLY, Frequency.YEARLY)  # what forms offer


class DonationState(StrEnum):
    """How far a donation has come."""

    STARTED = "started"  # The form was sent; nothing is paid.
    PROCESSING = "processing"  # The bank was asked and has not answered yet.
    PAID = "paid"  # Stripe says that the money was taken.
    EXPIRED = "expired"  # The payment page ran out unused; nothing was taken.


class OfferState(StrEnum):
    """What came of the offer to go on monthly."""

    WANTED = "wanted"  # Asked for; Stripe may not know yet.
    TAKEN = "taken"  # The plan is on file.
    DECLINED = "declined"  # Not wanted; the card is forgotten at once.
    FAILED = "failed"  # Stripe said no; nothing was begun.


class RefundState(StrEnum):
    """How far a refund has come."""

    REQUESTED = "requested"  # Asked for at the desk; Stripe does not know yet.
    PENDING = "pending"  # Stripe has it and waits for the bank or for balance.
    SUCCEEDED = "succeeded"  # On its way to the supporter.
    FAILED = "failed"  # The bank refused it; the money is back in our balance.
    CANCELED = "canceled"  # Withdrawn before it went out.


class DisputeState(StrEnum):
    """How far a dispute has come. Where its money is, the balance alone says."""

    INQUIRY = "inquiry"  # The bank asks; no money has moved.
    NEEDS_ANSWER = "needs_answer"  # The bank has taken the money; evidence may be sent until a day.
    UNDER_REVIEW = "under_review"  # Evidence is with the bank.
    WON = "won"  # Decided for us: the money comes back.
    LOST = "lost"  # Decided for the supporter, or a debit that the bank has returned.
    CLOSED = "closed"  # An inquiry that came to nothing.


class RefundReason(StrEnum):
    """Why money is returned, for the books."""

    SUPPORTER_ASKED = "supporter_asked"  # The supporter asked for it.
    DUPLICATE = "duplicate"  # Given twice by mistake.
    FRAUD = "fraud"  # Not given by the owner of the card.
    OTHER = "other"  # Something else; the note says what.


SUMMED = (
    "state",
    "currency",
    "frequency",
    "is_renewal",
    "paid_at",
    "amount_minor",
    "refunded_minor",
    "returned_minor",
    "fee_minor",
    "attribution_id",
)
WENT_BACK = "refunded_minor > 0 OR returned_minor > 0"  # some of it; these are few
LARGE = "amount_minor >= 10000"  # a hundred of most currencies; these are few too


class Donation(Base):
    """One payment, from attempt to paid. Name and email stay on the attempt; the supporter is matched when it is paid."""

    __tablename__ = "donation"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reference: Mapped[str] = mapped_column(String(12), unique=True)  # D-7K3F9QXZ, for people
    attempt_id: Mapped[str] = mapped_column(String(26), unique=True)  # from the page
    content_digest: Mapped[str] = mapped_column(String(64))  # of what was sent, to tell a resend from a change
    revision: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(12))
    frequency: Mapped[str] = mapped_column(String(12))
    is_renewal: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )  # a later payment of a plan, which nobody filled in a form for
    state: Mapped[str] = mapped_column(String(12))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # of refunds that succeeded
    returned_minor: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default=text("0")
    )  # taken back by a bank: of disputes that are lost, or not decided yet
    fee_minor: Mapped[int | None] = mapped_column(
        BigInteger
    )  # what the ledger has of fees in the donation's own currency, so that lists need not add it up; empty until it is there
    currency: Mapped[str] = mapped_column(String(3))
    fund_id: Mapped[str] = mapped_column(ForeignKey("fund.id"))
    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeal.id"))
    attribution_id: Mapped[str] = mapped_column(ForeignKey("attribution.id"))
    supporter_id: Mapped[str | None] = mapped_column(ForeignKey("supporter.id"))
    email: Mapped[str] = mapped_column(String(254), info={"personal": "typed on the form"})
    name: Mapped[str] = mapped_column(String(120), info={"personal": "typed on the form"})
    wants_newsletter: Mapped[bool] = mapped_column(Boolean)
    is_suspicious: Mapped[bool] = mapped_column(Boolean, default=False)  # the form came back faster than people type
    network_digest: Mapped[str | None] = mapped_column(
        String(43), info={"personal": "keyed digest of the network that the form came from; erased after two days"}
    )
    locale: Mapped[str] = mapped_column(String(12))
    livemode: Mapped[bool] = mapped_column(Boolean)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    stripe_charge_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    card_brand: Mapped[str | None] = mapped_column(String(20))
    card_last4: Mapped[str | None] = mapped_column(String(4))
    failure_code: Mapped[str | None] = mapped_column(String(60))  # of the last refusal by the bank
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="refunded"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
        CheckConstraint("state <> 'paid' OR paid_at IS NOT NULL", name="paid_at"),
        Index("ix_donation_created_at", "created_at"),
        Index("ix_donation_state", "state", "created_at"),
        Index("ix_donation_supporter_id", "supporter_id"),
        Index("ix_donation_appeal_id", "appeal_id"),
        Index("ix_donation_network", "network_digest", "created_at"),
        Index("ix_donation_paid_at", "paid_at"),
        Index("ix_donation_giver", "email", "name"),
        Index("ix_donation_sums", *SUMMED),  # all that the desk adds up, so that no row has to be opened for it
        Index("ix_donation_gone", "paid_at", postgresql_where=text(WENT_BACK), sqlite_where=text(WENT_BACK)),
        Index("ix_donation_large", "amount_minor", postgresql_where=text(LARGE), sqlite_where=text(LARGE)),
    )


class DonationTally(Base):
    """What the donations of one day (UTC; paid, else begun) add up to, by state: kept by the database itself, see `tally.py`."""

    __tablename__ = "donation_tally"

    since: Mapped[datetime] = mapped_column(primary_key=True)  # the first moment of the day
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)  # who keeps it; 0: folded
    donations: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    fees_known: Mapped[int] = mapped_column(BigInteger)  # how many have a fee_minor
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    refunds: Mapped[int] = mapped_column(BigInteger)  # how many have something refunded
    refunded_minor: Mapped[int] = mapped_column(BigInteger)
    returns: Mapped[int] = mapped_column(BigInteger)  # how many have something taken back by a bank
    returned_minor: Mapped[int] = mapped_column(BigInteger)


class Checkout(Base):
    """One hosted payment page made for one revision of an attempt. Written before Stripe is called."""

    __tablename__ = "checkout"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"))
    revision: Mapped[int] = mapped_column(Integer)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    idempotency_key: Mapped[str] = mapped_column(String(120), unique=True)
    stripe_session_id: Mapped[str | None] = mapped_column(String(255), unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    url: Mapped[str | None] = mapped_column(String(2000))
    calls: Mapped[int] = mapped_column(Integer, default=0)  # how often Stripe was asked with this key
    called_at: Mapped[datetime | None]  # when the last of these calls began
    failed_at: Mapped[datetime | None]  # when it failed; empty again when the next begins
    is_over: Mapped[bool] = mapped_column(Boolean, default=False)  # paid, expired or replaced
    excluded_methods: Mapped[str] = mapped_column(
        String(120), default="", server_default=text("''")
    )  # by comma, when asked
    saves_method: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    forget_method_at: Mapped[
        datetime | None
    ]  # when Stripe must not keep the card any more; empty: it keeps none for us
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("uq_checkout_donation_revision", "donation_id", "revision", unique=True),
        Index("ix_checkout_expires_at", "expires_at"),
        Index("ix_checkout_forget_method_at", "forget_method_at"),
    )


class MonthlyOffer(Base):
    """What came of offering monthly after a one-off. Made once somebody answers, and before Stripe hears of it."""

    __tablename__ = "monthly_offer"

    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    plan_id: Mapped[str | None] = mapped_column(String(26))  # that the plan has, or would have had
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    first_at: Mapped[datetime | None]  # when its first payment is taken
    failure: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount"),)


class DonationEvent(Base):
    """One thing that happened to a donation, for the timeline. `cause` says what told us; (donation, kind, cause) is unique."""

    __tablename__ = "donation_event"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))  # started, refused, paid, refund_requested ...
    cause: Mapped[str] = mapped_column(String(120))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("uq_donation_event_cause", "donation_id", "kind", "cause", unique=True),)


class Refund(Base):
    """Money returned, wholly or partly. Written before Stripe is called; `origin` tells the desk's from Stripe's own."""

    __tablename__ = "refund"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(400), info={"personal": "free words of staff"})
    state: Mapped[str] = mapped_column(String(12))
    origin: Mapped[str] = mapped_column(String(12))  # desk, external
    requested_by: Mapped[str | None] = mapped_column(String(26))
    idempotency_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    stripe_refund_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    failure_reason: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_refund_donation_id", "donation_id"),
    )


class Dispute(Base):
    """A payment that a bank questions or has taken back. `seen_at` is the time of the newest news that it shows."""

    __tablename__ = "dispute"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"))
    stripe_dispute_id: Mapped[str] = mapped_column(String(120), unique=True)
    stripe_payment_intent_id: Mapped[str] = mapped_column(String(120))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(60))  # Stripe's word
    due_at: Mapped[datetime | None]  # until when evidence may be sent
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]  # when the books had nothing more to do for it
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(state IN ('won', 'lost', 'closed')) = (closed_at IS NOT NULL)", name="closed_at"),
        Index("ix_dispute_donation_id", "donation_id"),
        Index("ix_dispute_state", "state", "due_at"),
    )
