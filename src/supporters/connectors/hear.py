"""What a sender tells us, applied: stops on the list or everywhere, once each, and never sent back as news."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.models import Connector, ConnectorAddress
from supporters.connectors.queries import lists_of, told_of
from supporters.connectors.rules import SUPPRESSED, WHY, Told, What, is_news, status_after
from supporters.connectors.wire import Heard
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.mail.suppression import Suppressions
from supporters.newsletters.actions import stop_address
from supporters.newsletters.models import Newsletter, State, Subscriber, Subscription
from supporters.people.matching import EmailProblem, read_email
from supporters.settings import Settings


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender knows from now on of an address on a list."""

    list_slug: str
    digest: str
    status: str
    is_theirs: bool
    change_id: str
    standing: str | None
    at: datetime  # as in `Told`
    problem: str | None = None


async def apply_heard(
    session: AsyncSession, connector: Connector, heard: Sequence[Heard], *, settings: Settings, ids: Ids, now: datetime
) -> int:
    """Every stop, bounce and complaint that is news to us holds here too; returns how many were news.

    *Idempotent by* address, list and what happened. A bounce, a complaint and a block hold for all lists.
    """
    slugs = {outside_id: slug for slug, outside_id in (await lists_of(session, connector.id)).items()}
    digest_of = Suppressions(settings.secret_key).digest
    named = [(each, digest_of(each.address)) for each in heard if _is_address(each.address)]
    digests = {digest for _each, digest in named}
    told = await told_of(session, connector.id, digests)
    confirmed = await _confirmed(session, digests)
    known = await _known(session, digests)
    count = 0
    for each, digest in named:
        mine = [slugs[each.outside_id]] if each.outside_id in slugs else list(slugs.values())
        if each.outside_id and each.outside_id not in slugs:
            continue
        if each.what is What.UNSUBSCRIBED and digest not in known:
            continue
        fresh = [slug for slug in mine if _is_fresh(each, (slug, digest), told, confirmed, connector.created_at)]
        if not fresh:
            continue
        await _stop(session, each, fresh, settings=settings, ids=ids, now=now)
        marks = [_mark_of(each, slug, digest, told.get((slug, digest)), now) for slug in fresh]
        await write_marks(session, connector.id, marks)
        told |= {(mark.list_slug, digest): Told(mark.status, True, mark.change_id, mark.at) for mark in marks}
        count += 1
    connector.heard_count += count
    return count


async def write_marks(session: AsyncSession, connector_id: str, marks: Sequence[Mark]) -> None:
    """The sender knows this."""
    for mark in marks:
        row: dict[str, object] = {
            "status": mark.status,
            "is_theirs": mark.is_theirs,
            "change_id": mark.change_id,
            "standing": mark.standing,
            "problem": mark.problem,
            "at": mark.at,
        }
        key = {"connector_id": connector_id, "list_slug": mark.list_slug, "address_digest": mark.digest}
        added = insert_for(session, ConnectorAddress).values(**key, **row)
        await session.execute(added.on_conflict_do_update(index_elements=list(key), set_=row))


async def _stop(
    session: AsyncSession, heard: Heard, slugs: Sequence[str], *, settings: Settings, ids: Ids, now: datetime
) -> None:
    await stop_address(
        session,
        address=heard.address,
        slugs=None if status_after(heard.what) == SUPPRESSED else slugs,
        why=WHY[heard.what],
        settings=settings,
        ids=ids,
        now=now,
    )


def _is_fresh(
    heard: Heard,
    key: tuple[str, str],
    told: dict[tuple[str, str], Told],
    confirmed: dict[tuple[str, str], datetime],
    since: datetime,
) -> bool:
    return is_news(told.get(key), what=heard.what, at=heard.at, confirmed_at=confirmed.get(key), since=since)


def _mark_of(heard: Heard, slug: str, digest: str, told: Told | None, now: datetime) -> Mark:
    return Mark(
        list_slug=slug,
        digest=digest,
        status=status_after(heard.what),
        is_theirs=True,
        change_id=told.change_id if told else "",
        standing=None,
        at=heard.at or now,
    )


async def _confirmed(session: AsyncSession, digests: set[str]) -> dict[tuple[str, str], datetime]:
    """When the reader last said yes to a list, by list and address; only those whose yes stands."""
    wanted = (
        select(Newsletter.slug, Subscriber.address_digest, Subscription.changed_at)
        .join(Subscription, Subscription.newsletter_id == Newsletter.id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscriber.address_digest.in_(digests), Subscription.state == State.CONFIRMED)
    )
    return {(row[0], row[1]): row[2] for row in await session.execute(wanted)}


async def _known(session: AsyncSession, digests: set[str]) -> set[str]:
    wanted = select(Subscriber.address_digest).where(Subscriber.address_digest.in_(digests))
    return set((await session.scalars(wanted)).all())


def _is_address(text: str) -> bool:
    try:
        read_email(text)
    except EmailProblem:
        return False
    return True
