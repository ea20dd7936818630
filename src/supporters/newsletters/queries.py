"""What others ask of the lists: connectors, exports, the published prompt, and the reader's own pages."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.mail.models import Suppression
from supporters.newsletters.models import (
    Consent,
    Newsletter,
    Signup,
    SignupChoice,
    State,
    Subscriber,
    Subscription,
)
from supporters.newsletters.rules import form_value

PORTION = 500


class ListLine(msgspec.Struct, frozen=True, kw_only=True):
    """A list as readers see it."""

    slug: str
    name: str
    how_often: str
    sender_name: str
    wording: str

    @property
    def form_value(self) -> str:
        """What a form that shows these words sends for the list."""
        return form_value(self.slug, self.wording)


class ConsentChange(msgspec.Struct, frozen=True):
    """One piece of evidence, for whoever keeps a copy of a list. `id` is a ULID, and they come in its order."""

    id: str
    list_slug: str
    address: str
    status: str  # confirmed, stopped, suppressed
    at: datetime
    is_superseded: bool = False  # the subscription rests on other evidence by now, whatever the order of their ids


class ConfirmedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One address that a list may be sent to, with the proof of it."""

    address: str
    name: str
    confirmed_at: datetime
    asked_at: datetime | None
    basis: str
    method: str
    form: str
    path: str
    wording_id: str
    wording_sha256: str


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the confirmation page shows it."""

    signup_id: str
    subscriber_id: str
    address: str
    lists: Sequence[ListLine]
    is_confirmed: bool


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What an address gets, as its preferences page shows it."""

    subscriber_id: str
    address: str
    lists: Sequence[tuple[ListLine, bool]]

    @property
    def gets_some(self) -> bool:
        """Whether there is anything to stop."""
        return any(is_on for _line, is_on in self.lists)


async def public_lists(session: AsyncSession) -> list[ListLine]:
    """The lists that anybody may join, the oldest first."""
    wanted = select(Newsletter).where(Newsletter.is_public).order_by(Newsletter.id)
    return [_line(each) for each in (await session.scalars(wanted)).all()]


async def signup_lines(session: AsyncSession) -> dict[str, tuple[str, str, str]]:
    """Name, wording and how often of every public list, by its short name."""
    return {each.slug: (each.name, each.wording, each.how_often) for each in await public_lists(session)}


async def first_list(session: AsyncSession) -> ListLine | None:
    """The list that other forms offer: the oldest public one."""
    lists = await public_lists(session)
    return lists[0] if lists else None


async def pending_signup(session: AsyncSession, signup_id: str, *, now: datetime) -> Pending | None:
    """The request with this id; None when it has lapsed."""
    wanted = (
        select(Signup.subscriber_id, Signup.confirmed_at, Subscriber.address)
        .join(Subscriber, Subscriber.id == Signup.subscriber_id)
        .where(Signup.id == signup_id, Signup.expires_at > now)
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    chosen = (
        select(Newsletter)
        .join(SignupChoice, SignupChoice.newsletter_id == Newsletter.id)
        .where(SignupChoice.signup_id == signup_id)
        .order_by(Newsletter.id)
    )
    lists = [_line(each) for each in (await session.scalars(chosen)).all()]
    return Pending(
        signup_id=signup_id,
        subscriber_id=found[0],
        address=found[2],
        lists=lists,
        is_confirmed=found[1] is not None,
    )


async def choices_of(session: AsyncSession, subscriber_id: str) -> Choices | None:
    """Every public list and every list that the address is on, and whether it is. None when nobody is known by that id."""
    address = await session.scalar(select(Subscriber.address).where(Subscriber.id == subscriber_id))
    if address is None:
        return None
    on = select(Subscription.newsletter_id).where(
        Subscription.subscriber_id == subscriber_id, Subscription.state == State.CONFIRMED
    )
    is_on = Newsletter.id.in_(on)
    wanted = select(Newsletter, is_on).where(Newsletter.is_public | is_on).order_by(Newsletter.id)
    lists = [(_line(row[0]), bool(row[1])) for row in await session.execute(wanted)]
    return Choices(subscriber_id=subscriber_id, address=address, lists=lists)


async def named_lists(session: AsyncSession, slugs: Sequence[str]) -> list[ListLine]:
    """The lists with these short names, public or not."""
    wanted = select(Newsletter).where(Newsletter.slug.in_(slugs)).order_by(Newsletter.id)
    return [_line(each) for each in (await session.scalars(wanted)).all()]


async def changes_since(session: AsyncSession, cursor: str, *, limit: int) -> Sequence[ConsentChange]:
    """Evidence after `cursor` (empty: from the first), in the order of ids.

    Where clocks differ or step back, what commits later may have a slightly smaller id: whoever keeps a copy reads the last
    minutes again each time, and goes by what is not superseded.
    """
    is_superseded = func.coalesce(Subscription.consent_id, Consent.id) != Consent.id
    wanted = (
        select(Consent.id, Newsletter.slug, Subscriber.address, Consent.status, Consent.at, is_superseded)
        .join(Newsletter, Newsletter.id == Consent.newsletter_id)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .outerjoin(
            Subscription,
            (Subscription.subscriber_id == Consent.subscriber_id)
            & (Subscription.newsletter_id == Consent.newsletter_id),
        )
        .where(Consent.id > cursor)
        .order_by(Consent.id)
        .limit(limit)
    )
    return [ConsentChange(*row[:5], is_superseded=bool(row[5])) for row in await session.execute(wanted)]


async def confirmed_rows(session: AsyncSession, slug: str) -> AsyncIterator[ConfirmedRow]:
    """Every address that the list may be sent to now, by address row. Suppressed addresses are left out."""
    after = ""
    while True:
        portion = (await session.execute(_confirmed(slug, after))).all()
        for row in portion:
            yield _confirmed_row(row)
        if len(portion) < PORTION:
            return
        after = str(portion[-1][0])


def may_be_written_to() -> ColumnElement[bool]:
    """Of subscribers: whether nothing suppresses the address."""
    return Subscriber.address_digest.not_in(select(Suppression.address_digest))


def _confirmed(slug: str, after: str) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Subscription.id,
            Subscriber.address,
            Subscriber.name,
            Consent.at,
            Consent.asked_at,
            Consent.basis,
            Consent.method,
            Consent.form,
            Consent.path,
            Consent.wording_id,
            Consent.wording_sha256,
        )
        .join(Newsletter, Newsletter.id == Subscription.newsletter_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .join(Consent, Consent.id == Subscription.consent_id)
        .where(Newsletter.slug == slug, Subscription.state == State.CONFIRMED, may_be_written_to())
        .where(Subscription.id > after)
        .order_by(Subscription.id)
        .limit(PORTION)
    )


def _confirmed_row(row: Row[*tuple[Any, ...]]) -> ConfirmedRow:
    return ConfirmedRow(
        address=row.address,
        name=row.name or "",
        confirmed_at=row.at,
        asked_at=row.asked_at,
        basis=row.basis,
        method=row.method,
        form=row.form,
        path=row.path,
        wording_id=row.wording_id or "",
        wording_sha256=row.wording_sha256 or "",
    )


def _line(each: Newsletter) -> ListLine:
    return ListLine(
        slug=each.slug,
        name=each.name,
        how_often=each.how_often,
        sender_name=each.sender_name,
        wording=each.wording,
    )
