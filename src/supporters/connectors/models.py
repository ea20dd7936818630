from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base


class SenderKind(StrEnum):
    """Which interface a newsletter sender speaks."""

    LISTMONK = "listmonk"  # A listmonk of your own.
    MAILCHIMP = "mailchimp"  # Mailchimp, or another that speaks its Marketing API 3.0.


class WhyPaused(StrEnum):
    """Why nothing is exchanged with a sender."""

    BY_HAND = "by_hand"  # Staff paused it.
    CREDENTIALS = "credentials"  # It refused our name and key.
    LIST = "list"  # A list that was chosen there is not there any more.


class Connector(Base):
    """A newsletter sender: how it is reached, how far we are with it, and what went wrong last."""

    __tablename__ = "connector"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    label: Mapped[str] = mapped_column(String(80))
    base_url: Mapped[str] = mapped_column(String(300))
    secret_sealed: Mapped[str] = mapped_column(Text)  # user and key
    is_active: Mapped[bool] = mapped_column(Boolean)
    why_paused: Mapped[str | None] = mapped_column(String(20))
    last_error: Mapped[str | None] = mapped_column(String(300))
    cursor: Mapped[str] = mapped_column(String(26), default="")  # the last consent that they know of
    giving_cursor: Mapped[str] = mapped_column(String(26), default="")  # the same, of what happened to donations
    heard_until: Mapped[datetime | None]  # their own news is known up to here
    synced_at: Mapped[datetime | None]  # when a whole round last went well
    rest_until: Mapped[datetime | None]
    busy_until: Mapped[datetime | None]  # a worker is at it
    failures: Mapped[int] = mapped_column(Integer, default=0)  # rounds in a row that did not go well
    sent_count: Mapped[int] = mapped_column(Integer, default=0)
    heard_count: Mapped[int] = mapped_column(Integer, default=0)
    refused_count: Mapped[int] = mapped_column(Integer, default=0)
    made_by: Mapped[str] = mapped_column(String(26))
    created_at: Mapped[datetime]


class ConnectorList(Base):
    """Which of our lists is which of theirs."""

    __tablename__ = "connector_list"

    connector_id: Mapped[str] = mapped_column(ForeignKey("connector.id"), primary_key=True)
    list_slug: Mapped[str] = mapped_column(String(40), primary_key=True)
    outside_id: Mapped[str] = mapped_column(String(60))
    outside_title: Mapped[str] = mapped_column(String(200))

    __table_args__ = (UniqueConstraint("connector_id", "outside_id"),)


class ConnectorAddress(Base):
    """What a sender was last told of an address on a list, or told us. Known by its keyed digest only."""

    __tablename__ = "connector_address"

    connector_id: Mapped[str] = mapped_column(ForeignKey("connector.id"), primary_key=True)
    list_slug: Mapped[str] = mapped_column(String(40), primary_key=True)
    address_digest: Mapped[str] = mapped_column(
        String(64), primary_key=True, info={"personal": "keyed digest of the address"}
    )
    status: Mapped[str] = mapped_column(String(12))  # confirmed, stopped, suppressed
    is_theirs: Mapped[bool] = mapped_column(Boolean)  # they told us, not we them
    change_id: Mapped[str] = mapped_column(String(26))  # the consent that was told last
    standing: Mapped[str | None] = mapped_column(String(16))
    problem: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime]  # of the consent that they were told, or of what they told us, by their clock
