"""Whose each payment, subscription and bill on the Stripe account is: ours, something else's, or nobody knows yet."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.payments.models import Owner, Ownership

ASK_AFTER = timedelta(minutes=2)  # by then the event that ties it has come, or it never will


class Known(NamedTuple):
    """What is on file about one of Stripe's ids. `charge_id` is there once the donation knows the charge."""

    owner: Owner
    charge_id: str | None


class Owned(msgspec.Struct, frozen=True):
    """What was found out about one of Stripe's ids, and what said so."""

    owner: Owner
    made_by: str | None = None


async def lock_owners(session: AsyncSession, stripe_ids: Collection[str], *, now: datetime) -> dict[str, Known]:
    """Every one of these is on file and held until the transaction ends; returns what is known of each.

    Without the hold, a worker that files an event as waiting and one that ties its payment could pass each other unseen.
    All rows are taken at once and in order, so that two workers cannot hold each other up for ever.
    """
    wanted = sorted(set(stripe_ids))
    if not wanted:
        return {}
    await note_ids(session, wanted, now=now)
    held = (
        select(Ownership.stripe_id, Ownership.owner, Ownership.stripe_charge_id)
        .where(Ownership.stripe_id.in_(wanted))
        .order_by(Ownership.stripe_id)
        .with_for_update()
    )
    found = (await session.execute(held)).all()
    return {stripe_id: Known(Owner(owner), charge_id) for stripe_id, owner, charge_id in found}


async def note_ids(session: AsyncSession, stripe_ids: Collection[str], *, now: datetime) -> None:
    """Ids that were not on file are, with an owner that nobody knows yet."""
    rows = [
        {"stripe_id": stripe_id, "owner": Owner.UNKNOWN.value, "first_seen_at": now}
        for stripe_id in sorted(set(stripe_ids))
    ]
    if rows:
        await session.execute(insert_for(session, Ownership).on_conflict_do_nothing(), rows)


async def store_owners(session: AsyncSession, found: Mapping[str, Owned]) -> None:
    """These ids have these owners. Once ours, a thing stays ours."""
    rows = [
        {"stripe_id": stripe_id, "owner": owned.owner.value, "made_by": owned.made_by}
        for stripe_id, owned in sorted(found.items())
    ]
    if rows:
        await session.execute(update(Ownership), rows)


async def store_charges(session: AsyncSession, charges: Mapping[str, str]) -> None:
    """The donations of these payments know these charges; `charges` is charge ids by payment intent."""
    rows = [
        {"stripe_id": payment_intent_id, "stripe_charge_id": charge_id}
        for payment_intent_id, charge_id in sorted(charges.items())
    ]
    if rows:
        await session.execute(update(Ownership), rows)


async def ids_to_ask(
    session: AsyncSession, *, now: datetime, limit: int, not_since: datetime | None = None
) -> Sequence[str]:
    """What nobody has claimed for two minutes: that first of which Stripe was never or long ago asked.

    With `not_since` nothing about which it was asked from then on, and whatever nobody has claimed: a person waits for it.
    """
    seen_until = now if not_since else now - ASK_AFTER
    wanted = (
        select(Ownership.stripe_id)
        .where(Ownership.owner == Owner.UNKNOWN.value, Ownership.first_seen_at <= seen_until)
        .order_by(Ownership.asked_at.asc().nulls_first(), Ownership.first_seen_at)
        .limit(limit)
    )
    if not_since:
        wanted = wanted.where(or_(Ownership.asked_at.is_(None), Ownership.asked_at < not_since))
    return (await session.scalars(wanted)).all()


async def mark_asked(session: AsyncSession, stripe_id: str, *, now: datetime) -> None:
    """Stripe was asked about it just now."""
    asked = update(Ownership).where(Ownership.stripe_id == stripe_id).values(asked_at=now)
    await session.execute(asked.execution_options(synchronize_session=False))
