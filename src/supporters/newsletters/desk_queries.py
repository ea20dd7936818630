"""The lists as the desk shows them: counts for everybody who runs lists, people only for who may see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.mail.models import Suppression
from supporters.newsletters.models import (
    Consent,
    Newsletter,
    Signup,
    SignupChoice,
    State,
    Subscriber,
    Subscription,
    Wording,
)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many addresses stand how with one list."""

    confirmed: int = 0
    waiting: int = 0
    stopped: int = 0
    suppressed: int = 0


class PersonLine(msgspec.Struct, frozen=True):
    """One address on a list."""

    subscriber_id: str
    address: str
    name: str | None
    state: str
    changed_at: datetime


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence, with the words that were shown."""

    list_name: str
    status: str
    basis: str
    method: str
    asked_at: datetime | None
    at: datetime
    words: str | None
    wording_sha256: str | None
    form: str
    path: str
    batch_id: str | None
    detail: dict[str, Any]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One address with everything that proves what it may be sent."""

    id: str
    address: str
    name: str | None
    lists: Sequence[tuple[str, str, str]]  # short name, name, state
    evidence: Sequence[Proven]
    suppressed: Sequence[tuple[str, str, datetime]]  # scope, reason, since


async def list_newsletters(session: AsyncSession) -> list[tuple[Newsletter, Counts]]:
    """Every list with its counts, the oldest first."""
    lists = (await session.scalars(select(Newsletter).order_by(Newsletter.id))).all()
    counts = await _counts(session)
    return [(each, counts.get(each.id, Counts())) for each in lists]


async def wordings_of(session: AsyncSession, newsletter_id: str) -> Sequence[Wording]:
    """Every wording that readers of the list were shown, the latest first."""
    wanted = select(Wording).where(Wording.newsletter_id == newsletter_id).order_by(Wording.id.desc())
    return (await session.scalars(wanted)).all()


async def find_people(session: AsyncSession, newsletter_id: str, words: str, *, limit: int) -> list[PersonLine]:
    """Addresses on the list, or once on it, that contain these words; in order of address."""
    pattern = "%" + words.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    wanted = (
        select(Subscriber.id, Subscriber.address, Subscriber.name, Subscription.state, Subscription.changed_at)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.newsletter_id == newsletter_id)
        .where(func.lower(Subscriber.address).like(pattern, escape="\\"))
        .order_by(Subscriber.address)
        .limit(limit)
    )
    return [PersonLine(*row) for row in await session.execute(wanted)]


async def find_person(session: AsyncSession, subscriber_id: str) -> Person:
    """The address with its lists, its evidence (latest first) and what suppresses it. Raises NotFound."""
    found = await session.get(Subscriber, subscriber_id)
    if found is None:
        raise NotFound(_("There is no such address."))
    lists = (
        select(Newsletter.slug, Newsletter.name, Subscription.state)
        .join(Subscription, Subscription.newsletter_id == Newsletter.id)
        .where(Subscription.subscriber_id == subscriber_id)
        .order_by(Newsletter.id)
    )
    suppressed = select(Suppression.scope, Suppression.reason, Suppression.at).where(
        Suppression.address_digest == found.address_digest
    )
    return Person(
        id=found.id,
        address=found.address,
        name=found.name,
        lists=[(row[0], row[1], row[2]) for row in await session.execute(lists)],
        evidence=await _evidence(session, subscriber_id),
        suppressed=[(row[0], row[1], row[2]) for row in await session.execute(suppressed)],
    )


async def _evidence(session: AsyncSession, subscriber_id: str) -> list[Proven]:
    wanted = (
        select(Consent, Newsletter.name, Wording.words)
        .join(Newsletter, Newsletter.id == Consent.newsletter_id)
        .outerjoin(Wording, Wording.id == Consent.wording_id)
        .where(Consent.subscriber_id == subscriber_id)
        .order_by(Consent.id.desc())
    )
    return [_proven(row[0], row[1], row[2]) for row in await session.execute(wanted)]


def _proven(proof: Consent, list_name: str, words: str | None) -> Proven:
    return Proven(
        list_name=list_name,
        status=proof.status,
        basis=proof.basis,
        method=proof.method,
        asked_at=proof.asked_at,
        at=proof.at,
        words=words,
        wording_sha256=proof.wording_sha256,
        form=proof.form,
        path=proof.path,
        batch_id=proof.batch_id,
        detail=proof.detail,
    )


async def _counts(session: AsyncSession) -> dict[str, Counts]:
    by_state = select(Subscription.newsletter_id, Subscription.state, func.count()).group_by(
        Subscription.newsletter_id, Subscription.state
    )
    waiting = (
        select(SignupChoice.newsletter_id, func.count())
        .join(Signup, Signup.id == SignupChoice.signup_id)
        .where(Signup.confirmed_at.is_(None))
        .group_by(SignupChoice.newsletter_id)
    )
    found: dict[str, dict[str, int]] = {}
    for newsletter_id, state, count in await session.execute(by_state):
        found.setdefault(newsletter_id, {})[State(state).value] = count
    for newsletter_id, count in await session.execute(waiting):
        found.setdefault(newsletter_id, {})["waiting"] = count
    return {newsletter_id: Counts(**each) for newsletter_id, each in found.items()}
