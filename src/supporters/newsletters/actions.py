"""Confirming, choosing and stopping. Each may be repeated: what is so already stays so and writes nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.errors import DeadLink
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.mail.outbox import withdraw_letters
from supporters.mail.suppression import MARKETING, Suppressions
from supporters.newsletters import letters
from supporters.newsletters.evidence import Proof, keep_order, write_evidence
from supporters.newsletters.lists import Shown
from supporters.newsletters.models import Newsletter, Signup, SignupChoice, State, Subscriber, Subscription, Wording
from supporters.newsletters.rules import sha256_of
from supporters.newsletters.signup import forget_request
from supporters.newsletters.told import tell_confirmed, tell_stopped
from supporters.settings import Settings

SUPPRESSED_BY = frozenset({"bounce", "complaint"})  # the mailbox said so, not its owner's wish


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What every verb here needs."""

    settings: Settings
    ids: Ids
    now: datetime


async def confirm_signup(
    session: AsyncSession, signup_id: str, *, slugs: Collection[str], settings: Settings, ids: Ids, now: datetime
) -> bool:
    """The address is on the lists it asked for, those of `slugs`, with both times as evidence. False when it was before.

    Lifts a marketing suppression: nobody but the mailbox's owner holds the link. Raises DeadLink when the request lapsed.
    """
    tools = Tools(settings=settings, ids=ids, now=now)
    await keep_order(session)  # before the request's row is locked: stopping takes both in this order
    mine = update(Signup).where(Signup.id == signup_id, Signup.confirmed_at.is_(None), Signup.expires_at > now)
    confirmed = await session.execute(mine.values(confirmed_at=now).execution_options(synchronize_session=False))
    if changed_rows(confirmed) != 1:
        await _raise_unless_confirmed(session, signup_id)
        return False
    subscriber = await _subscriber_of(session, signup_id)
    joined: list[Newsletter] = []
    for newsletter, choice, wording in await _choices(session, signup_id, slugs):
        shown = Shown(wording.id, wording.sha256, choice.is_wording_told)
        proof = Proof(
            method="double_opt_in",
            asked_at=choice.asked_at,
            wording_id=shown.id,
            wording_sha256=shown.sha256,
            form=choice.form,
            path=choice.path,
            detail=shown.detail,
        )
        if await _join(session, subscriber, newsletter, proof, tools):
            joined.append(newsletter)
    await Suppressions(settings.secret_key).lift(session, subscriber.address, scope=MARKETING)
    if joined:
        await letters.queue_welcome(
            session, subscriber.id, subscriber.address, joined, settings=settings, ids=ids, now=now
        )
    return True


async def choose_lists(
    session: AsyncSession,
    subscriber_id: str,
    *,
    shown: Collection[str],
    wanted: Collection[str],
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> None:
    """Of the lists shown on the preferences page, the address gets those that it wants. Both are short names of lists."""
    tools = Tools(settings=settings, ids=ids, now=now)
    await keep_order(session)
    subscriber = await _find(session, subscriber_id)
    states = await _states(session, subscriber_id)
    newsletters = await _lists(session, shown)
    starting = [each for each in newsletters if each.slug in wanted and states.get(each.id) != State.CONFIRMED]
    stopping = [each.slug for each in newsletters if each.slug not in wanted]
    for each in starting:
        proof = Proof(
            method="preferences",
            asked_at=now,
            wording_id=each.wording_id,
            wording_sha256=sha256_of(each.wording),
            form="preferences",
            path="/news/preferences",
        )
        await _join(session, subscriber, each, proof, tools)
    if starting:
        await Suppressions(settings.secret_key).lift(session, subscriber.address, scope=MARKETING)
    if stopping:
        await stop(session, subscriber_id, slugs=stopping, why="preferences", settings=settings, ids=ids, now=now)


async def stop(
    session: AsyncSession,
    subscriber_id: str,
    *,
    slugs: Sequence[str] | None,
    why: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
    detail: dict[str, object] | None = None,
) -> int:
    """The address gets none of these lists any more (None: no letter of our own wish at all); how many were stopped.

    At once: marketing letters that wait are withdrawn, and a request that waits is forgotten.
    """
    tools = Tools(settings=settings, ids=ids, now=now)
    await keep_order(session)
    subscriber = await _find(session, subscriber_id)
    newsletters = await _lists(session, slugs)
    states = await _states(session, subscriber_id)
    stopping = [each for each in newsletters if states.get(each.id) == State.CONFIRMED]
    for each in stopping:
        await _leave(session, subscriber, each, why, detail or {}, tools)
    await withdraw_letters(session, about=subscriber_id)
    await forget_request(session, subscriber_id, None if slugs is None else [each.id for each in newsletters])
    if slugs is None:
        await Suppressions(settings.secret_key).add(session, subscriber.address, scope=MARKETING, reason=why, now=now)
    return len(stopping)


async def stop_address(
    session: AsyncSession,
    *,
    address: str,
    slugs: Sequence[str] | None,
    why: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
    detail: dict[str, object] | None = None,
) -> int:
    """As `stop`, for an address that may be unknown to us: even then None means that nothing of our own wish is sent."""
    suppressions = Suppressions(settings.secret_key)
    digest = suppressions.digest(address)
    subscriber_id = await session.scalar(select(Subscriber.id).where(Subscriber.address_digest == digest))
    if subscriber_id is None:
        if slugs is None:
            await suppressions.add(session, address, scope=MARKETING, reason=why, now=now)
        return 0
    return await stop(session, subscriber_id, slugs=slugs, why=why, settings=settings, ids=ids, now=now, detail=detail)


async def _join(
    session: AsyncSession, subscriber: Subscriber, newsletter: Newsletter, proof: Proof, tools: Tools
) -> bool:
    is_new = await write_evidence(
        session,
        subscriber_id=subscriber.id,
        newsletter_id=newsletter.id,
        state=State.CONFIRMED,
        proof=proof,
        ids=tools.ids,
        now=tools.now,
    )
    if is_new:
        await tell_confirmed(
            session, subscriber.id, slug=newsletter.slug, address=subscriber.address, ids=tools.ids, now=tools.now
        )
    return is_new


async def _leave(
    session: AsyncSession,
    subscriber: Subscriber,
    newsletter: Newsletter,
    why: str,
    detail: dict[str, object],
    tools: Tools,
) -> None:
    await write_evidence(
        session,
        subscriber_id=subscriber.id,
        newsletter_id=newsletter.id,
        state=State.SUPPRESSED if why in SUPPRESSED_BY else State.STOPPED,
        proof=Proof(method=why, basis="withdrawn", form="", detail=detail),
        ids=tools.ids,
        now=tools.now,
    )
    await tell_stopped(
        session,
        subscriber.id,
        slug=newsletter.slug,
        address=subscriber.address,
        why=why,
        ids=tools.ids,
        now=tools.now,
    )


async def _find(session: AsyncSession, subscriber_id: str) -> Subscriber:
    found = await session.get(Subscriber, subscriber_id)
    if found is None:
        raise _unknown()
    return found


async def _subscriber_of(session: AsyncSession, signup_id: str) -> Subscriber:
    wanted = select(Subscriber).join(Signup, Signup.subscriber_id == Subscriber.id).where(Signup.id == signup_id)
    return (await session.scalars(wanted)).one()


async def _choices(
    session: AsyncSession, signup_id: str, slugs: Collection[str]
) -> list[tuple[Newsletter, SignupChoice, Wording]]:
    wanted = (
        select(Newsletter, SignupChoice, Wording)
        .join(SignupChoice, SignupChoice.newsletter_id == Newsletter.id)
        .join(Wording, Wording.id == SignupChoice.wording_id)
        .where(SignupChoice.signup_id == signup_id, Newsletter.slug.in_(list(slugs)))
        .order_by(Newsletter.id)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(wanted)]


async def _raise_unless_confirmed(session: AsyncSession, signup_id: str) -> None:
    found = await session.scalar(select(Signup.confirmed_at).where(Signup.id == signup_id))
    if found is None:
        raise _unknown()


async def _states(session: AsyncSession, subscriber_id: str) -> dict[str, str]:
    found = await session.execute(
        select(Subscription.newsletter_id, Subscription.state).where(Subscription.subscriber_id == subscriber_id)
    )
    return {row[0]: row[1] for row in found}


async def _lists(session: AsyncSession, slugs: Collection[str] | None) -> Sequence[Newsletter]:
    wanted = select(Newsletter).order_by(Newsletter.id)
    if slugs is not None:
        wanted = wanted.where(Newsletter.slug.in_(list(slugs)))
    return (await session.scalars(wanted)).all()


def _unknown() -> DeadLink:
    return DeadLink(
        _("This link has run out. Sign up again, and a new letter comes."), way=(_("Sign up again"), "/news")
    )
