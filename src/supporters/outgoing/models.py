from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.jobs.models import Claimable
from supporters.kit.db import Base


class Kind(StrEnum):
    """What others can be told of."""

    DONATION_PAID = "donation.paid"  # Money was given.
    DONATION_REFUNDED = "donation.refunded"  # Money, wholly or partly, went back.
    REFUND_UNDONE = "donation.refund_undone"  # Money that was said to have gone back did not.
    NEWSLETTER_CONFIRMED = "newsletter.confirmed"  # A reader proved the wish to get a newsletter.
    NEWSLETTER_STOPPED = "newsletter.stopped"  # A reader wants it no more.
    APPEAL_PUBLISHED = "appeal.published"  # Editors published new words.
    TEST = "webhook.test"  # Staff pressed the button; sent to that one receiver only.


class WhyOff(StrEnum):
    """Why a receiver is sent nothing."""

    BY_HAND = "by_hand"  # Staff turned it off.
    GONE = "gone"  # It answered 410: it wants nothing any more.
    FAILING = "failing"  # Nothing arrived there for five days.


class WebhookEndpoint(Base):
    """A receiver: its address, what it wants to hear, and the secret its messages are signed with."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(200))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    secret_sealed: Mapped[str] = mapped_column(Text)
    old_secret_sealed: Mapped[str | None] = mapped_column(Text)  # the one before, while receivers change over
    old_secret_until: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    why_off: Mapped[str | None] = mapped_column(String(20))
    failing_since: Mapped[datetime | None]  # of the first failure since the last success
    failures: Mapped[int] = mapped_column(Integer, default=0)  # since then: no answer, or an overloaded one
    rest_until: Mapped[datetime | None]  # nothing is sent before
    made_by: Mapped[str] = mapped_column(String(26))
    created_at: Mapped[datetime]


class WebhookDelivery(Claimable):
    """One message to one receiver. Its bytes are fixed when it is made, so that every try carries the same."""

    __tablename__ = "webhook_delivery"

    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id"))
    webhook_id: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(60))
    payload: Mapped[str] = mapped_column(Text, info={"personal": "address of a newsletter's reader"})
    created_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_duration_ms: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        UniqueConstraint("endpoint_id", "webhook_id"),
        Index("ix_webhook_delivery_endpoint", "endpoint_id", "id"),
        Index("ix_webhook_delivery_about", "about"),
        Index("ix_webhook_delivery_created_at", "created_at"),
        Index(
            "ix_webhook_delivery_ready",
            "run_at",
            postgresql_where=text("state = 'ready'"),
            sqlite_where=text("state = 'ready'"),
        ),
        Index(
            "ix_webhook_delivery_running",
            "lease_until",
            postgresql_where=text("state = 'running'"),
            sqlite_where=text("state = 'running'"),
        ),
    )
