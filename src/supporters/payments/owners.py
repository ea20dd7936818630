"""Whose each payment on the Stripe account is: a checkout of ours made it, or something else did, or nobody knows yet."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.payments.models import Payment, PaymentOwner

ASK_AFTER = timedelta(minutes=2)  # by then the event that ties a payment has come, or it never will


class Known(NamedTuple):
    """What is on file about a payment. `charge_id` is there once the donation knows the charge."""

    owner: PaymentOwner
    charge_id: str | None


class Owned(msgspec.Struct, frozen=True):
    """What was found out about a payment."""

    owner: PaymentOwner
    session_id: str | None = None


async def lock_payments(
    session: AsyncSession, payment_intent_ids: Collection[str], *, now: datetime
) -> dict[str, Known]:
    """Every one of these payments is on file and held until the transaction ends; returns what is known of each.

    Without the hold, a worker that files an event as waiting and one that ties its payment could pass each other unseen.
    All rows are taken at once and in order, so that two workers cannot hold each other up for ever.
    """
    wanted = sorted(set(payment_intent_ids))
    if not wanted:
        return {}
    await note_payments(session, wanted, now=now)
    held = (
        select(Payment.stripe_payment_intent_id, Payment.owner, Payment.stripe_charge_id)
        .where(Payment.stripe_payment_intent_id.in_(wanted))
        .order_by(Payment.stripe_payment_intent_id)
        .with_for_update()
    )
    found = (await session.execute(held)).all()
    return {pi: Known(PaymentOwner(owner), charge_id) for pi, owner, charge_id in found}


async def note_payments(session: AsyncSession, payment_intent_ids: Collection[str], *, now: datetime) -> None:
    """Payments that were not on file are, with an owner that nobody knows yet."""
    rows = [
        {"stripe_payment_intent_id": pi, "owner": PaymentOwner.UNKNOWN.value, "first_seen_at": now}
        for pi in sorted(set(payment_intent_ids))
    ]
    if rows:
        await session.execute(insert_for(session, Payment).on_conflict_do_nothing(), rows)


async def store_owners(session: AsyncSession, found: Mapping[str, Owned]) -> None:
    """The payments have these owners. Once ours, a payment stays ours."""
    rows = [
        {"stripe_payment_intent_id": pi, "owner": owned.owner.value, "stripe_session_id": owned.session_id}
        for pi, owned in sorted(found.items())
    ]
    if rows:
        await session.execute(update(Payment), rows)


async def store_charges(session: AsyncSession, charges: Mapping[str, str]) -> None:
    """The donations of these payments know these charges; `charges` is charge ids by payment intent."""
    rows = [
        {"stripe_payment_intent_id": pi, "stripe_charge_id": charge_id} for pi, charge_id in sorted(charges.items())
    ]
    if rows:
        await session.execute(update(Payment), rows)


async def payments_to_ask(session: AsyncSession, *, now: datetime, limit: int) -> Sequence[str]:
    """Payments that nobody has claimed for two minutes: those first that Stripe was never or long ago asked about."""
    wanted = (
        select(Payment.stripe_payment_intent_id)
        .where(Payment.owner == PaymentOwner.UNKNOWN.value, Payment.first_seen_at <= now - ASK_AFTER)
        .order_by(Payment.asked_at.asc().nulls_first(), Payment.first_seen_at)
        .limit(limit)
    )
    return (await session.scalars(wanted)).all()


async def mark_asked(session: AsyncSession, payment_intent_id: str, *, now: datetime) -> None:
    """Stripe was asked about the payment just now."""
    asked = update(Payment).where(Payment.stripe_payment_intent_id == payment_intent_id).values(asked_at=now)
    await session.execute(asked.execution_options(synchronize_session=False))
