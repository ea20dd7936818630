from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class PlanKind(StrEnum):
    """What the money is, in law and for tax."""

    DONATION = "donation"  # A gift, nothing promised in return.
    SUBSCRIPTION = "subscription"  # The price of a product. Not sold now.
    HYBRID = "hybrid"  # Partly a price, partly a gift. Not sold now.


UNANSWERED = "unanswered"  # of a house's own STOP, in `wanted`: why


class PlanState(StrEnum):
    """Where a plan stands."""

    STARTING = "starting"  # The first payment is at the bank and not there yet.
    ACTIVE = "active"  # It renews by itself.
    FAILING = "failing"  # The last payment failed; Stripe tries again.
    PAUSED = "paused"  # Nothing is taken until it goes on.
    STOPPED = "stopped"  # Over. A new promise is a new plan.


class StopReason(StrEnum):
    """Why a plan is over."""

    SUPPORTER = "supporter"  # The supporter stopped it.
    STAFF = "staff"  # Staff stopped it on the supporter's behalf.
    UNDONE = "undone"  # Undone within a day of its start.
    PAYMENTS_FAILED = "payments_failed"  # The last try failed too.
    NEVER_PAID = "never_paid"  # The first payment never arrived.
    DISPUTE = "dispute"  # The supporter's bank took a payment back.
    UNANSWERED = "unanswered"  # It was held for a dispute that was won, and its supporter did not let it go on.
    NOT_ARRIVED = "not_arrived"  # A standing order of which nothing came three times in a row.
    AT_STRIPE = "at_stripe"  # Ended in Stripe's own dashboard, or by Stripe.


class Method(StrEnum):
    """How the money is taken."""

    CARD = "card"  # A card, also by a wallet.
    BACS_DEBIT = "bacs_debit"  # Direct Debit in the United Kingdom.
    SEPA_DEBIT = "sepa_debit"  # Direct debit in the euro area.
    STANDING_ORDER = "standing_order"  # The supporter's own bank sends it.
    OTHER = "other"  # Another way that Stripe offers.


class ReceiptWish(StrEnum):
    """How often the supporter wants a receipt."""

    EACH = "each"  # One for every payment.
    YEARLY = "yearly"  # One statement a year.


class ChangeKind(StrEnum):
    """What somebody wants done to a plan."""

    AMOUNT = "amount"  # Another amount from the next date on.
    DATE = "date"  # Another day of the month.
    SKIP = "skip"  # Leave the next payment out.
    PAUSE = "pause"  # Take nothing for one to three months.
    HOLD = "hold"  # Take nothing until a dispute is decided.
    GO_ON = "go_on"  # End a pause, or take back a stop that has not come yet.
    METHOD = "method"  # Another card or bank account, from a finished set-up page.
    STOP = "stop"  # Take nothing any more.
    ONE_OFF = "one_off"  # Within a day of the start: keep the first payment, take no other.
    UNDO = "undo"  # Within a day of the start: give the first payment back and take no other.
    TRY_NOW = "try_now"  # Try the payment that failed again.


class ChangeState(StrEnum):
    """How far a wish has come."""

    WAITING = (
        "waiting"  # A page at Stripe is open for it, which keeps nobody from anything; or a stop waits for its turn.
    )
    REQUESTED = "requested"  # On record; Stripe may not know yet.
    DONE = "done"  # Stripe has said yes.
    FAILED = "failed"  # Stripe said no, or was not to be reached for a day, or a stop came first; nothing was changed.


class Actor(StrEnum):
    """Who did it."""

    SUPPORTER = "supporter"  # By a signed-in page or a mailed link.
    STAFF = "staff"  # At the desk, for the supporter.
    STRIPE = "stripe"  # Stripe told us.
    HOUSE = "house"  # The product's own rules.


class Plan(Base):
    """One standing promise. `seen_at` is the time of the newest news of Stripe that it shows: older news changes nothing."""

    __tablename__ = "plan"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reference: Mapped[str] = mapped_column(String(12), unique=True)  # P-7K3F9QXZ, for people
    supporter_id: Mapped[str] = mapped_column(ForeignKey("supporter.id"))
    first_donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    tax_code: Mapped[str] = mapped_column(String(40))
    frequency: Mapped[str] = mapped_column(String(12))  # monthly, quarterly, yearly
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    method: Mapped[str] = mapped_column(String(16))
    method_brand: Mapped[str | None] = mapped_column(String(20))
    method_last4: Mapped[str | None] = mapped_column(String(4))
    method_expires_on: Mapped[date | None]  # the last day of the month printed on the card
    is_updated_by_network: Mapped[bool] = mapped_column(
        Boolean, default=False
    )  # the card's numbers follow by themselves
    fund_id: Mapped[str] = mapped_column(ForeignKey("fund.id"))
    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeal.id"))
    attribution_id: Mapped[str] = mapped_column(
        ForeignKey("attribution.id")
    )  # what began it; renewals are credited there
    state: Mapped[str] = mapped_column(String(12))
    livemode: Mapped[bool] = mapped_column(Boolean)
    receipts: Mapped[str] = mapped_column(String(8))
    locale: Mapped[str] = mapped_column(String(12))
    stripe_subscription_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    stripe_item_id: Mapped[str | None] = mapped_column(String(120))
    stripe_customer_id: Mapped[str | None] = mapped_column(String(120))
    stripe_payment_method_id: Mapped[str | None] = mapped_column(String(120))
    started_at: Mapped[datetime]
    next_at: Mapped[datetime | None]  # when the next payment is due; empty once stopped
    paused_until: Mapped[datetime | None]
    stops_at: Mapped[datetime | None]  # asked to stop; until then it may be taken back
    stopped_at: Mapped[datetime | None]
    stop_reason: Mapped[str | None] = mapped_column(String(20))
    failed_invoice_id: Mapped[str | None] = mapped_column(String(120))
    failure_code: Mapped[str | None] = mapped_column(String(60))
    failed_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, default=0)
    needs_action: Mapped[bool] = mapped_column(Boolean, default=False)  # the bank wants the supporter to confirm
    action_url: Mapped[str | None] = mapped_column(String(2000))  # Stripe's page for that
    revision: Mapped[int] = mapped_column(Integer, default=1)  # counts the changes that were sent to Stripe
    seen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency"),
        CheckConstraint("(state = 'stopped') = (stopped_at IS NOT NULL)", name="stopped_at"),
        Index("ix_plan_supporter_id", "supporter_id"),
        Index("ix_plan_state", "state", "next_at"),
        Index("ix_plan_started_at", "started_at"),
        Index("ix_plan_stopped_at", "stopped_at"),
        Index("ix_plan_method", "stripe_payment_method_id"),
    )


class Instalment(Base):
    """One payment of a plan: which donation it is, and for which stretch of time. The invoice makes it one only once."""

    __tablename__ = "instalment"

    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"), primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"))
    stripe_invoice_id: Mapped[str] = mapped_column(String(120), unique=True)
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_instalment_plan_id", "plan_id"),)


class PlanEvent(Base):
    """One thing that happened to a plan, for its history. (plan, kind, cause) is unique: hearing it twice notes it once."""

    __tablename__ = "plan_event"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))  # started, renewed, failed, changed_amount, paused, stopped ...
    cause: Mapped[str] = mapped_column(String(120))  # the event, invoice or change that brought it about
    actor: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[str | None] = mapped_column(String(26))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("uq_plan_event_cause", "plan_id", "kind", "cause", unique=True),)


class PlanChange(Base):
    """Something wanted of a plan, on record before Stripe hears of it. At most one of a plan is open."""

    __tablename__ = "plan_change"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"))
    kind: Mapped[str] = mapped_column(String(12))
    was: Mapped[dict[str, Any]] = mapped_column(JSON)
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[str | None] = mapped_column(String(26))
    idempotency_key: Mapped[str] = mapped_column(String(120), unique=True)
    stripe_session_id: Mapped[str | None] = mapped_column(String(255), unique=True)  # of METHOD: the set-up page
    failure: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(String(400), info={"personal": "why they stopped, in their own words"})
    created_at: Mapped[datetime]
    called_at: Mapped[datetime | None]  # when Stripe was first asked; empty while it cannot know
    done_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_plan_change_open",
            "plan_id",
            unique=True,
            postgresql_where=text("state = 'requested'"),
            sqlite_where=text("state = 'requested'"),
        ),
        Index("ix_plan_change_plan_id", "plan_id"),
        Index("ix_plan_change_done_at", "kind", "state", "done_at"),
    )
