from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class OtherKind(StrEnum):
    """How money came that never met Stripe."""

    CASH = "cash"  # Notes and coins.
    CHEQUE = "cheque"  # A cheque, good once the giver's bank has paid it.
    TRANSFER = "transfer"  # A bank transfer, straight into our account.
    STANDING_ORDER = "standing_order"  # A transfer that the giver's bank repeats by itself.


class OtherState(StrEnum):
    """How far the money has come."""

    RECORDED = "recorded"  # Staff wrote it down; it is in the drawer, or on its way to the bank.
    DEPOSITED = "deposited"  # Paid in at the bank with others; the bank has not shown it yet.
    CLEARED = "cleared"  # The bank statement shows it.
    BOUNCED = "bounced"  # The giver's bank did not pay the cheque.
    VOID = "void"  # Written down by mistake, or taken back; the books have the opposite entries.


class DepositState(StrEnum):
    """How far cash and cheques have come that are paid in together."""

    PAID_IN = "paid_in"  # Counted and brought to the bank; the bank has not shown it yet.
    CLEARED = "cleared"  # The bank statement shows it.
    UNDONE = "undone"  # Taken back before the bank showed it; its cash and cheques wait again.


class RefundWay(StrEnum):
    """How money that never met Stripe was paid back."""

    CASH = "cash"  # Out of what waits to be paid in.
    TRANSFER = "transfer"  # By our bank, which shows it as paid out.
    CHEQUE = "cheque"  # By a cheque of ours; the bank shows it once the giver has paid it in.


class OtherRefundState(StrEnum):
    """How far money that went back has come."""

    PAID = "paid"  # Given back; no statement shows it yet, or none ever will.
    CLEARED = "cleared"  # The bank statement shows it.
    VOID = "void"  # Written down by mistake; the books have the opposite entries.


class PromiseState(StrEnum):
    """What came of a promise to pay by bank."""

    OPEN = "open"  # Nothing has arrived yet.
    RUNNING = "running"  # A standing order that arrives month by month, or year by year.
    KEPT = "kept"  # The one payment arrived.
    LAPSED = "lapsed"  # Nothing came for a long time.
    ENDED = "ended"  # Withdrawn, or the standing order is over.


class OtherPayment(Base):
    """Money for one donation that never met Stripe. *Money*: positive, minor units; the donation has the same.

    The ledger has it on "undeposited" from the day it was received until the bank shows it.
    """

    __tablename__ = "other_payment"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donation.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    received_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(12))
    deposit_id: Mapped[str | None] = mapped_column(ForeignKey("deposit.id"))
    promise_id: Mapped[str | None] = mapped_column(ForeignKey("promise.id"))
    promise_turn: Mapped[int | None] = mapped_column(Integer)  # which of the promise's payments it was
    bank_line_id: Mapped[str | None] = mapped_column(String(26))  # written down from this line: it goes with its match
    cheque_number: Mapped[str] = mapped_column(String(40))  # empty where there is none
    note: Mapped[str | None] = mapped_column(String(400), info={"personal": "free words of staff"})
    recorded_by: Mapped[str | None] = mapped_column(String(26))  # None: the house, from the bank statement
    recorded_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(26))  # who said that it bounced, or took it back
    ended_at: Mapped[datetime | None]
    end_note: Mapped[str | None] = mapped_column(String(400), info={"personal": "free words of staff"})

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(state IN ('bounced', 'void')) = (ended_at IS NOT NULL)", name="ended_at"),
        Index("ix_other_payment_state", "state", "received_on"),
        Index("ix_other_payment_received_on", "received_on", "id"),
        Index("ix_other_payment_deposit_id", "deposit_id"),
        Index("uq_other_payment_promise_turn", "promise_id", "promise_turn", unique=True),
    )


class OtherRefund(Base):
    """How a refund was paid back that never met Stripe; the amount is the refund's. `paid_on` is when it left our hands."""

    __tablename__ = "other_refund"

    id: Mapped[str] = mapped_column(ForeignKey("refund.id"), primary_key=True)
    other_payment_id: Mapped[str] = mapped_column(ForeignKey("other_payment.id"))
    way: Mapped[str] = mapped_column(String(12))
    paid_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(12))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    recorded_by: Mapped[str] = mapped_column(String(26))
    recorded_at: Mapped[datetime]
    agreed_by: Mapped[str | None] = mapped_column(String(26))  # the second person, where it took two
    alone_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "why nobody else looked at a large one"})
    ended_by: Mapped[str | None] = mapped_column(String(26))  # who said that it was a mistake
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(state = 'void') = (ended_at IS NOT NULL)", name="ended_at"),
        Index("ix_other_refund_other_payment_id", "other_payment_id"),
        Index("ix_other_refund_state", "state", "paid_on"),
    )


class Deposit(Base):
    """Cash and cheques that go to the bank together, counted before. *Money*: what was counted, minor units."""

    __tablename__ = "deposit"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    reference: Mapped[str] = mapped_column(String(40), unique=True)  # for the paying-in slip
    bank_account_id: Mapped[str | None] = mapped_column(ForeignKey("bank_account.id"))
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[str] = mapped_column(String(12))
    counted_minor: Mapped[int] = mapped_column(BigInteger)
    paid_in_on: Mapped[date]
    made_by: Mapped[str] = mapped_column(String(26))
    made_at: Mapped[datetime]
    undone_by: Mapped[str | None] = mapped_column(String(26))
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("counted_minor > 0", name="counted"),
        CheckConstraint("(state = 'undone') = (undone_at IS NOT NULL)", name="undone_at"),
        Index("ix_deposit_state", "state", "paid_in_on"),
    )


class Promise(Base):
    """What a reader said they would pay by bank, and under which reference. Name and email stay here until money came.

    `turn` counts the payments that were expected so far: each is expected, matched and taken back under its own number.
    """

    __tablename__ = "promise"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    attempt_id: Mapped[str] = mapped_column(String(26), unique=True)  # from the page: sent twice, it is one promise
    reference: Mapped[str] = mapped_column(String(16), unique=True)  # DON-7K3F-9Q, for the bank's line
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    frequency: Mapped[str] = mapped_column(String(12))  # once, monthly, quarterly, yearly
    email: Mapped[str] = mapped_column(String(254), info={"personal": "typed on the form"})
    name: Mapped[str] = mapped_column(String(120), info={"personal": "typed on the form"})
    fund_id: Mapped[str] = mapped_column(ForeignKey("fund.id"))
    appeal_id: Mapped[str] = mapped_column(ForeignKey("appeal.id"))
    attribution_id: Mapped[str] = mapped_column(ForeignKey("attribution.id"))
    supporter_id: Mapped[str | None] = mapped_column(ForeignKey("supporter.id"))  # once money came, or staff knew
    plan_id: Mapped[str | None] = mapped_column(String(26))  # of a standing order, once money came
    locale: Mapped[str] = mapped_column(String(12))
    livemode: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(12))
    turn: Mapped[int] = mapped_column(Integer)
    expected_on: Mapped[date]  # the next payment
    payer_hash: Mapped[str] = mapped_column(
        String(43), info={"personal": "keyed digest of the bank account that paid last; empty before"}
    )
    payer_name: Mapped[str] = mapped_column(
        String(200), default="", server_default=text("''"), info={"personal": "as the giver's bank writes it"}
    )  # empty: nobody has seen it yet
    rule_id: Mapped[str | None] = mapped_column(String(26))  # learned from its rhythm, by this rule; never made by hand
    receipts: Mapped[str] = mapped_column(
        String(8), default="each", server_default=text("'each'")
    )  # what its plan begins with: each, yearly
    missed: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))  # payments in a row
    network_digest: Mapped[str | None] = mapped_column(
        String(43), info={"personal": "keyed digest of the network that the form came from; erased after two days"}
    )
    made_by: Mapped[str | None] = mapped_column(String(26))  # None: the reader
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(state IN ('open', 'running')) = (closed_at IS NULL)", name="closed_at"),
        Index("ix_promise_state", "state", "expected_on"),
        Index("ix_promise_supporter_id", "supporter_id"),
        Index("ix_promise_made_at", "made_at"),
        Index("ix_promise_network_digest", "network_digest", "made_at"),
        Index(
            "uq_promise_rule_id",
            "rule_id",
            unique=True,
            postgresql_where=text("rule_id IS NOT NULL AND closed_at IS NULL"),
            sqlite_where=text("rule_id IS NOT NULL AND closed_at IS NULL"),
        ),
    )


class GivingAccount(Base):
    """The bank account that readers are asked to pay into, as the page shows it. One for each currency."""

    __tablename__ = "giving_account"

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    holder: Mapped[str] = mapped_column(String(120))
    numbers: Mapped[str] = mapped_column(String(400))  # lines, such as "Sort code: 12-34-56"
    is_shown: Mapped[bool] = mapped_column(Boolean)
    changed_by: Mapped[str] = mapped_column(String(26))
    changed_at: Mapped[datetime]
