"""Addresses of a list that was kept elsewhere: taken over with their basis, and taken back as one batch."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.mail.models import Stream
from supporters.mail.suppression import Suppressions
from supporters.newsletters.evidence import Proof, keep_order, write_evidence
from supporters.newsletters.models import Consent, Newsletter, Signup, State, Subscriber, Subscription
from supporters.newsletters.signup import find_subscriber, forget_subscribers
from supporters.newsletters.told import tell_confirmed, tell_stopped
from supporters.settings import Settings

METHOD, UNDONE = "import", "import_undone"
PORTION = 200
TOLD_WITHIN = timedelta(days=1)  # so long senders of the list are given to hear of the stop, which names the address


class Outcome(StrEnum):
    """What became of one imported address."""

    ADDED = "added"  # It is on the list now.
    ALREADY = "already"  # It was on the list before; its evidence stays as it was.
    STOPPED = "stopped"  # It had left the list here: an import does not bring it back.
    SUPPRESSED = "suppressed"  # It bounced, complained or asked for nothing at all.


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    newsletter: Newsletter
    subscriber_id: str
    address: str


async def add_imported(
    session: AsyncSession,
    *,
    list_slug: str,
    address: str,
    name: str,
    basis: str,
    evidence: Mapping[str, object],
    batch_id: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> Outcome:
    """The address is on the list on that basis, unless suppression or its own earlier word forbids it. Raises NotFound.

    `address` is as `people.matching.read_email` returns it. `evidence` holds JSON values and is kept with the proof.
    """
    newsletter = await session.scalar(select(Newsletter).where(Newsletter.slug == list_slug))
    if newsletter is None:
        raise NotFound(_("There is no such list."))
    suppressions = Suppressions(settings.secret_key)
    if await suppressions.is_refused(session, address, Stream.MARKETING):
        return Outcome.SUPPRESSED
    await keep_order(session)
    before = await _state_of(session, newsletter.id, suppressions.digest(address))
    if before is not None:
        return Outcome.ALREADY if before == State.CONFIRMED else Outcome.STOPPED
    subscriber_id = await find_subscriber(session, address, settings=settings, ids=ids, now=now)
    await _keep_name(session, subscriber_id, name)
    proof = Proof(method=METHOD, basis=basis[:40], form=METHOD, batch_id=batch_id, detail=evidence)
    await write_evidence(
        session,
        subscriber_id=subscriber_id,
        newsletter_id=newsletter.id,
        state=State.CONFIRMED,
        proof=proof,
        ids=ids,
        now=now,
    )
    await tell_confirmed(session, subscriber_id, slug=newsletter.slug, address=address, ids=ids, now=now)
    return Outcome.ADDED


async def undo_batch(session: AsyncSession, batch_id: str, *, settings: Settings, ids: Ids, now: datetime) -> int:
    """Up to 200 people are no longer on a list because of that import; returns how many. Zero: none is left.

    Who has confirmed, chosen or stopped since then stays as they chose. The evidence says that the import was undone; the
    subscription itself is gone, so that a corrected import can bring the address again.
    """
    del settings
    await keep_order(session)
    entries = await _entries(session, batch_id)
    for entry in entries:
        await write_evidence(
            session,
            subscriber_id=entry.subscriber_id,
            newsletter_id=entry.newsletter.id,
            state=State.STOPPED,
            proof=Proof(method=UNDONE, basis="withdrawn", batch_id=batch_id),
            ids=ids,
            now=now,
        )
        await tell_stopped(
            session,
            entry.subscriber_id,
            slug=entry.newsletter.slug,
            address=entry.address,
            why=UNDONE,
            ids=ids,
            now=now,
        )
    gone = delete(Subscription).where(Subscription.batch_id == batch_id, Subscription.state == State.STOPPED)
    await session.execute(gone.execution_options(synchronize_session=False))
    return len(entries)


async def undone_strangers(session: AsyncSession, *, now: datetime) -> Sequence[str]:
    """Up to 200 people whom nothing but an undone import ever brought here, a day after it was undone."""
    return (await session.scalars(select(Subscriber.id).where(_is_undone(now)).limit(PORTION))).all()


async def forget_undone(session: AsyncSession, subscriber_ids: Sequence[str], *, now: datetime) -> int:
    """Of these, the address and the name are no longer on file, unless they came back meanwhile; returns how many.

    The evidence stays, and names the person's row by id only.
    """
    return await forget_subscribers(session, subscriber_ids, _is_undone(now))


def _is_undone(now: datetime) -> ColumnElement[bool]:
    mine = select(Consent.id).where(Consent.subscriber_id == Subscriber.id)
    return (
        ~select(Subscription.id).where(Subscription.subscriber_id == Subscriber.id).exists()
        & ~select(Signup.id).where(Signup.subscriber_id == Subscriber.id).exists()
        & mine.where(Consent.method == UNDONE).exists()
        & ~mine.where(Consent.method.not_in((METHOD, UNDONE)) | (Consent.at > now - TOLD_WITHIN)).exists()
    )


async def _entries(session: AsyncSession, batch_id: str) -> list[_Entry]:
    wanted = (
        select(Newsletter, Subscriber.id, Subscriber.address)
        .join(Subscription, Subscription.newsletter_id == Newsletter.id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.batch_id == batch_id, Subscription.state == State.CONFIRMED)
        .order_by(Subscription.id)
        .limit(PORTION)
    )
    found = await session.execute(wanted)
    return [_Entry(newsletter=row[0], subscriber_id=row[1], address=row[2]) for row in found]


async def _state_of(session: AsyncSession, newsletter_id: str, digest: str) -> str | None:
    return await session.scalar(
        select(Subscription.state)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.newsletter_id == newsletter_id, Subscriber.address_digest == digest)
    )


async def _keep_name(session: AsyncSession, subscriber_id: str, name: str) -> None:
    """A name is kept where none is known; nobody's name is overwritten."""
    cleaned = clean_line(name, limit=120)
    if cleaned:
        mine = update(Subscriber).where(Subscriber.id == subscriber_id, Subscriber.name.is_(None)).values(name=cleaned)
        await session.execute(mine.execution_options(synchronize_session=False))
