"""How addresses stand with us, and whose standing may have changed."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.rules import Standing, standing_of
from supporters.donations.models import DisputeState, Donation, DonationEvent, DonationState
from supporters.kit.ids import ULID_LENGTH, encode
from supporters.people.matching import normalise_email
from supporters.people.models import EmailAddress, Supporter
from supporters.plans.models import Plan, PlanEvent, PlanState

OVERLAP = timedelta(minutes=2)
MONEY_MOVED = ("paid", "refund_succeeded", "refund_failed", *(f"dispute_{state}" for state in DisputeState))


async def standings(session: AsyncSession, addresses: Collection[str]) -> dict[str, Standing]:
    """How each address stands, by the address as given. Somebody's other addresses count too."""
    wanted = {address: normalise_email(address) for address in addresses}
    person = func.coalesce(Supporter.merged_into_id, Supporter.id)
    query = (
        select(EmailAddress.normalised, person)
        .join(Supporter, Supporter.id == EmailAddress.supporter_id)
        .where(EmailAddress.normalised.in_(set(wanted.values())))
    )
    people: dict[str, str] = {row[0]: row[1] for row in await session.execute(query)}
    kept = await _kept(session, set(people.values()))
    promised = await _promised(session, set(people.values()))
    return {
        address: standing_of(
            kept_minor=kept.get(people.get(normalised, ""), 0), has_plan=people.get(normalised) in promised
        )
        for address, normalised in wanted.items()
    }


async def _kept(session: AsyncSession, person_ids: Collection[str]) -> dict[str, int]:
    """What was paid and not returned, by person; currencies are added up, since only more than nothing is asked."""
    person = func.coalesce(Supporter.merged_into_id, Supporter.id)
    query = (
        select(person, func.sum(Donation.amount_minor - Donation.refunded_minor - Donation.returned_minor))
        .join(Donation, Donation.supporter_id == Supporter.id)
        .where(person.in_(person_ids), Donation.state == DonationState.PAID)
        .group_by(person)
    )
    return {row[0]: int(row[1]) for row in await session.execute(query)} if person_ids else {}


async def _promised(session: AsyncSession, person_ids: Collection[str]) -> set[str]:
    """Of these people, those with a plan that has not ended."""
    person = func.coalesce(Supporter.merged_into_id, Supporter.id)
    query = select(person).join(Plan, Plan.supporter_id == Supporter.id)
    standing = query.where(person.in_(person_ids), Plan.state != PlanState.STOPPED).distinct()
    return set((await session.scalars(standing)).all()) if person_ids else set()


class Moved(NamedTuple):
    """What happened to donations and plans after a cursor: the next cursor, whose they were, and whether there is more."""

    cursor: str
    addresses: Sequence[str]
    is_more: bool


def head_at(now: datetime) -> str:
    """A cursor that stands shortly before `now`: payments that commit late may have older ids than others."""
    return encode(int((now - OVERLAP).timestamp() * 1000) << 80, ULID_LENGTH)


async def moved_since(session: AsyncSession, cursor: str, *, limit: int, now: datetime) -> Moved:
    """Up to `limit` things that happened to donations and plans after `cursor`. The last two minutes are told of again."""
    money = (
        select(DonationEvent.id.label("id"), Donation.supporter_id.label("giver"))
        .join(Donation, Donation.id == DonationEvent.donation_id)
        .where(DonationEvent.id > cursor, DonationEvent.kind.in_(MONEY_MOVED))
        .order_by(DonationEvent.id)
        .limit(limit)
    ).subquery()
    promises = (
        select(PlanEvent.id.label("id"), Plan.supporter_id.label("giver"))
        .join(Plan, Plan.id == PlanEvent.plan_id)
        .where(PlanEvent.id > cursor)
        .order_by(PlanEvent.id)
        .limit(limit)
    ).subquery()
    both = union_all(select(money.c.id, money.c.giver), select(promises.c.id, promises.c.giver)).subquery()
    found = (await session.execute(select(both.c.id, both.c.giver).order_by(both.c.id).limit(limit))).all()
    if not found:
        return Moved(cursor, [], is_more=False)
    givers = {row[1] for row in found if row[1]}
    person = func.coalesce(Supporter.merged_into_id, Supporter.id)
    owners = select(Supporter.id).where(person.in_(select(person).where(Supporter.id.in_(givers))))
    addresses = select(EmailAddress.address).where(EmailAddress.supporter_id.in_(owners))
    last, head = found[-1][0], head_at(now)
    is_more = len(found) == limit and last < head
    return Moved(min(last, head), (await session.scalars(addresses)).all(), is_more)
