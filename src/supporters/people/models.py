from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from supporters.kit.db import Base

MERGED = "merged_into_id IS NOT NULL"


class Supporter(Base):
    """Anyone on file."""

    __tablename__ = "supporter"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), info={"personal": "name"})
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("supporter.id"))
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_supporter_merged", "id", postgresql_where=text(MERGED), sqlite_where=text(MERGED)),)


class EmailAddress(Base):
    """An address of a supporter. `normalised` is unique: one address, one person. Letters go to the oldest row.

    A retired address still says whose a donation is, but nobody signs in with it.
    """

    __tablename__ = "email_address"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    supporter_id: Mapped[str] = mapped_column(ForeignKey("supporter.id"))
    address: Mapped[str] = mapped_column(String(254), info={"personal": "address as typed"})
    normalised: Mapped[str] = mapped_column(String(254), unique=True, info={"personal": "address"})
    verified_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]  # the supporter took another one
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_email_address_supporter_id", "supporter_id"),)


class SignIn(Base):
    """Somebody asked to be let in. Whether the address is known shows only in the background, where link and code are made.

    Both open only in the browser that asked (its nonce), once, for a quarter of an hour.
    """

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    nonce_hash: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(254), info={"personal": "address as typed; erased after a day"})
    network_digest: Mapped[str] = mapped_column(
        String(43), info={"personal": "keyed digest of the network that asked; erased after a day"}
    )
    was_known: Mapped[bool] = mapped_column(Boolean, server_default=false())  # counted for the browser alone
    target: Mapped[str] = mapped_column(String(200))  # the page to go on to
    address_id: Mapped[str | None] = mapped_column(
        ForeignKey("email_address.id")
    )  # empty: nobody's, or not looked up yet
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # of the mailed link
    code_digest: Mapped[str | None] = mapped_column(String(43))  # of the mailed code, keyed
    tries: Mapped[int] = mapped_column(Integer)  # wrong codes typed
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_sign_in_nonce_hash", "nonce_hash"),
        Index("ix_sign_in_expires_at", "expires_at"),
        Index("ix_sign_in_address_id", "address_id"),
    )


class SupporterSession(Base):
    """A browser in which a supporter is signed in. The cookie's token is stored as its hash only."""

    __tablename__ = "supporter_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    supporter_id: Mapped[str] = mapped_column(ForeignKey("supporter.id"))
    address_id: Mapped[str] = mapped_column(ForeignKey("email_address.id"))  # the mailbox that opened it
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_supporter_session_supporter_id", "supporter_id"),
        Index("ix_supporter_session_address_id", "address_id"),
        Index("ix_supporter_session_expires_at", "expires_at"),
    )


class AddressChange(Base):
    """A new address that a signed-in supporter typed. It counts once its mailbox has said yes."""

    __tablename__ = "address_change"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    supporter_id: Mapped[str] = mapped_column(ForeignKey("supporter.id"))
    address: Mapped[str] = mapped_column(String(254), info={"personal": "the new address; erased after a day"})
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # of the mailed link
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_address_change_supporter_id", "supporter_id"),
        Index("ix_address_change_expires_at", "expires_at"),
    )
