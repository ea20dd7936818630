from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from supporters.kit.db import Base


class MatchState(StrEnum):
    """Whether a match still says where the money of a bank line belongs."""

    CONFIRMED = "confirmed"  # The bank line is in the books as this.
    UNDONE = "undone"  # Taken back; the correcting entries are in the books, and the bank line is open again.


class Confidence(StrEnum):
    """How sure it is that a bank line is what it is said to be."""

    CERTAIN = "certain"  # A reference that only one payment has, and the exact amount.
    LIKELY = "likely"  # The exact amount, the right days, and the payer or words that are known.
    POSSIBLE = "possible"  # Some of it agrees.
    CHOSEN = "chosen"  # A person said so.


class Side(StrEnum):
    """What a bank line is matched with."""

    PAYOUT = "payout"  # A payout of Stripe that arrived.
    PAYOUT_RETURN = "payout_return"  # A payout that the bank sent back after it had arrived.
    TOP_UP = "top_up"  # Money that we put into Stripe's balance.
    DEPOSIT = "deposit"  # Cash and cheques that were paid in together.
    OTHER_PAYMENT = "other_payment"  # One payment that never met Stripe.
    OTHER_REFUND = "other_refund"  # Money that went back to a giver by our own bank.
    PROMISE = "promise"  # A payment that a reader promised; ref_id is the promise and which of its payments, "id:2".
    ACCOUNT = "account"  # An account of the ledger that a person chose: bank charges, other income, suspense ...


class RuleKind(StrEnum):
    """What a learned rule says."""

    ALIAS = "alias"  # Lines with these words come from Stripe.
    ACCOUNT = "account"  # Lines with these words belong on this account of the ledger.
    IGNORE = "ignore"  # Lines with these words are none of our business.
    STANDING_ORDER = "standing_order"  # Lines of this payer are this supporter's standing order.


class RuleState(StrEnum):
    """Whether a rule is used."""

    PROPOSED = "proposed"  # Learned from what people did; nobody has switched it on.
    ON = "on"  # A person has seen what it would have done, and has switched it on.
    OFF = "off"  # A person does not want it.


class MatchAction(Base):
    """One thing that the house or a person did: one line of the history, undone as one or match by match."""

    __tablename__ = "match_action"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # automatic, one, many
    made_by: Mapped[str | None] = mapped_column(String(26))  # None: the house
    made_at: Mapped[datetime]
    matches: Mapped[int] = mapped_column(Integer)
    agreed_by: Mapped[str | None] = mapped_column(String(26))  # the second person, where it took two
    alone_reason: Mapped[str | None] = mapped_column(Text, info={"personal": "why nobody else looked at a large one"})

    __table_args__ = (Index("ix_match_action_made_at", "made_at"),)


class BankMatch(Base):
    """What a bank line, or a part of it, was found to be, and why. *Money*: signed as at the bank.

    A line that is several payments has a row for each, and a payment that came as several lines too. While they stand, the
    rows of a line sum to its amount. The ledger's transactions have the bank line as their source.
    """

    __tablename__ = "bank_match"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    action_id: Mapped[str] = mapped_column(String(26))  # a `match_action`
    state: Mapped[str] = mapped_column(String(12))
    bank_line_id: Mapped[str] = mapped_column(ForeignKey("bank_line.id"))
    side: Mapped[str] = mapped_column(String(16))
    ref_id: Mapped[str] = mapped_column(String(120))  # of a payout, a deposit, an account ...
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    confidence: Mapped[str] = mapped_column(String(12))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(  # attribute, ours, theirs, outcome
        JSON, info={"personal": "what the bank wrote of the payer, as it was compared"}
    )
    rule_id: Mapped[str | None] = mapped_column(ForeignKey("match_rule.id"))
    note: Mapped[str | None] = mapped_column(Text, info={"personal": "what staff wrote, which may name somebody"})
    undone_by: Mapped[str | None] = mapped_column(String(26))
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_bank_match_action_id", "action_id"),
        Index("ix_bank_match_bank_line_id", "bank_line_id"),
        Index("ix_bank_match_ref_id", "ref_id", "side"),
    )


class MatchRule(Base):
    """Something learned from what people confirmed. It works only once a person has switched it on."""

    __tablename__ = "match_rule"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(
        String(200), info={"personal": "of a standing order, who pays, as the bank writes it"}
    )  # as lines are compared: upper case, single spaces
    target: Mapped[str] = mapped_column(
        String(120), info={"personal": "of a standing order, whose account pays, as a keyed digest"}
    )  # an account, a rhythm; empty where the kind needs none
    state: Mapped[str] = mapped_column(String(12))
    tested: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # what it would have done with the past, and when asked
    learnt_from: Mapped[int] = mapped_column(Integer)  # confirmations that speak for it
    made_at: Mapped[datetime]
    switched_by: Mapped[str | None] = mapped_column(String(26))
    switched_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_match_rule", "kind", "words", "target", unique=True),)


class CertificateKind(StrEnum):
    """What a certificate is about."""

    PAYOUT = "payout"  # One payout on all three sides, line by line.
    MONTH = "month"  # One month that was closed, or stands open: accounts, payouts, what was explained.


class Certificate(Base):
    """One proof as it was written down, never changed. Each holds the hash of the one before it. Names no person."""

    __tablename__ = "certificate"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # 1, 2, 3 ... without a gap
    kind: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(120))  # of a payout its id, of a month 2026-11
    body: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))  # the file, byte for byte
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    previous_sha256: Mapped[str] = mapped_column(String(64))  # of the first one: zeros
    differences: Mapped[int] = mapped_column(Integer)  # in how many places the sides did not agree
    made_by: Mapped[str] = mapped_column(String(26))
    made_at: Mapped[datetime]

    __table_args__ = (Index("ix_certificate_subject", "kind", "subject", "number"),)


class CloseRequest(Base):
    """A month that one person wants to close, while a second one has not agreed. The month is open meanwhile."""

    __tablename__ = "month_close_request"

    period: Mapped[str] = mapped_column(String(7), primary_key=True)  # 2026-11
    bank_proof: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(Text, info={"personal": "what a person wrote of the month"})
    asked_by: Mapped[str] = mapped_column(String(26))
    asked_at: Mapped[datetime]


class SecondRequest(Base):
    """A deed of one person that waits until a second one agrees; nothing is done meanwhile. One at a time about each thing."""

    __tablename__ = "second_request"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)  # `second_request.Deed`
    subject: Mapped[str] = mapped_column(
        String(120), primary_key=True
    )  # a payment, a bank line, a month, a discrepancy
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON, info={"personal": "what is asked for, and why, in free words"})
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)  # positive; None: it is about no one sum
    currency: Mapped[str | None] = mapped_column(String(3))
    asked_by: Mapped[str] = mapped_column(String(26))
    asked_at: Mapped[datetime]


class BooksLink(Base):
    """An address under which somebody outside may read months and payouts, and nothing else, until it ends."""

    __tablename__ = "books_link"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120), info={"personal": "for whom it was made"})
    starts_on: Mapped[date]  # the first month that it shows
    made_by: Mapped[str] = mapped_column(String(26))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]  # when it was last used
    ended_by: Mapped[str | None] = mapped_column(String(26))
    ended_at: Mapped[datetime | None]
