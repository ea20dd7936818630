"""Asking to join: the request is stored, and a letter with one button asks whether the mailbox's owner means it.

The answer and the work are the same for every address, known or not, so that nobody learns from them who reads what.
However often an address is typed in, it gets at most three letters.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Row, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.mail.suppression import Suppressions
from supporters.newsletters import letters, rules
from supporters.newsletters.evidence import keep_order
from supporters.newsletters.limits import SignupLimits
from supporters.newsletters.lists import shown_wording
from supporters.newsletters.models import Consent, Newsletter, Signup, SignupChoice, Subscriber, Subscription
from supporters.newsletters.single import subscribe_at_once
from supporters.settings import Settings

PORTION = 200


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request: who, which lists, from which form on which page."""

    email: str
    form: str
    path: str
    network: str | None
    marks: Mapping[str, str]  # of the words that the form showed, by short name of the list


async def request_signup(
    session: AsyncSession,
    *,
    slugs: Sequence[str],
    email: str,
    form: str,
    path: str,
    network: str | None,
    settings: Settings,
    ids: Ids,
    now: datetime,
    marks: Mapping[str, str] = {},
) -> None:
    """A letter asks the address to confirm, within the limits. Nothing tells whether the address is known.

    `email` is an address as `people.matching.read_email` returns it, `path` a page without its query. Unknown lists are
    left out. Raises Refused when the network has asked too often.
    """
    ask = Ask(email=email, form=form, path=path, network=network, marks=marks)
    limits = SignupLimits(settings.secret_key)
    counts = await limits.read(session, address=email, network=network, now=now)
    if counts.is_network_full:
        raise Refused(_("Too many sign-ups have come from where you are. Please try again in an hour."))
    has_letter = False
    if not counts.is_address_full:
        lists = await _lists_of(session, slugs)
        has_letter = bool(lists) and await _ask(session, ask, lists, counts=counts, settings=settings, ids=ids, now=now)
    await limits.count(session, address=email, network=network, has_letter=has_letter, now=now)


async def find_subscriber(session: AsyncSession, address: str, *, settings: Settings, ids: Ids, now: datetime) -> str:
    """The address is on file as a subscriber; returns its id. *Idempotent by* the keyed digest of the address."""
    digest = Suppressions(settings.secret_key).digest(address)
    row = {"id": ids.ulid(), "address_digest": digest, "address": address, "name": None, "created_at": now}
    mine = select(Subscriber.id).where(Subscriber.address_digest == digest).with_for_update(read=True, key_share=True)
    found: str | None = None
    while found is None:  # again, if it was purged at this moment
        await session.execute(insert_for(session, Subscriber).values(**row).on_conflict_do_nothing())
        found = await session.scalar(mine)
    return found


async def _lists_of(session: AsyncSession, slugs: Sequence[str]) -> Sequence[Newsletter]:
    wanted = select(Newsletter).where(Newsletter.slug.in_(slugs)).order_by(Newsletter.id)
    return (await session.scalars(wanted)).all()


async def _ask(
    session: AsyncSession,
    ask: Ask,
    lists: Sequence[Newsletter],
    *,
    counts: rules.Counts,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> bool:
    """Whether a letter was queued."""
    single = [each for each in lists if not each.is_double_opt_in]
    if single:
        await keep_order(session)
    subscriber_id = await find_subscriber(session, ask.email, settings=settings, ids=ids, now=now)
    joined: set[str] = set()
    if single:
        joined = await subscribe_at_once(
            session,
            subscriber_id,
            single,
            form=ask.form,
            path=ask.path,
            marks=ask.marks,
            settings=settings,
            ids=ids,
            now=now,
        )
    asked = [each for each in lists if each.id not in joined]
    if not asked:
        return bool(joined)
    signup = await _open_signup(session, subscriber_id, ids=ids, now=now)
    await _choose(session, signup.id, asked, ask, now=now)
    if counts.is_breaker_tripped or signup.letters >= rules.LETTERS_PER_SIGNUP:
        return bool(joined)
    return await letters.queue_confirm(
        session, signup.id, ask.email, is_reminder=False, settings=settings, ids=ids, now=now
    )


async def _open_signup(session: AsyncSession, subscriber_id: str, *, ids: Ids, now: datetime) -> Signup:
    """The address's one open request. A confirmed or lapsed one begins anew, under the same id."""
    row = {
        "id": ids.ulid(),
        "subscriber_id": subscriber_id,
        "asked_at": now,
        "letters": 0,
        "reminded_at": None,
        "confirmed_at": None,
        "expires_at": now + rules.WAITS_FOR,
    }
    wanted = select(Signup).where(Signup.subscriber_id == subscriber_id).with_for_update()
    signup: Signup | None = None
    while signup is None:  # again, if it was purged or forgotten at this moment
        await session.execute(insert_for(session, Signup).values(**row).on_conflict_do_nothing())
        signup = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
    if signup.confirmed_at or signup.expires_at <= now:
        await session.execute(delete(SignupChoice).where(SignupChoice.signup_id == signup.id))
        signup.asked_at, signup.confirmed_at, signup.expires_at = now, None, now + rules.WAITS_FOR
        signup.letters, signup.reminded_at = 0, None
        await session.flush()
    return signup


async def _choose(
    session: AsyncSession, signup_id: str, lists: Sequence[Newsletter], ask: Ask, *, now: datetime
) -> None:
    """Each list is asked for; the first asking is the one that counts."""
    rows: list[dict[str, object]] = []
    for each in lists:
        shown = await shown_wording(session, each, ask.marks)
        rows.append(
            {
                "signup_id": signup_id,
                "newsletter_id": each.id,
                "wording_id": shown.id,
                "is_wording_told": shown.is_told,
                "form": ask.form[:20],
                "path": ask.path[:500],
                "asked_at": now,
            }
        )
    await session.execute(insert_for(session, SignupChoice).values(rows).on_conflict_do_nothing())


async def purge_unconfirmed(session: AsyncSession, *, limit: int, now: datetime) -> int:
    """Requests that nobody confirmed within seven days are gone, with address and letters; returns how many."""
    over = select(Signup.id, Signup.subscriber_id).where(Signup.expires_at <= now).order_by(Signup.expires_at)
    found = (await session.execute(over.limit(limit).with_for_update(skip_locked=True))).all()
    ids = [row[0] for row in found]
    await letters.forget(session, ids)
    await session.execute(delete(SignupChoice).where(SignupChoice.signup_id.in_(ids)))
    await session.execute(delete(Signup).where(Signup.id.in_(ids)))
    await forget_strangers(session, [row[1] for row in found])
    return len(ids)


async def forget_strangers(session: AsyncSession, subscriber_ids: Sequence[str]) -> None:
    """Of these, those who never joined a list and ask for none are no longer on file."""
    never = (
        Subscriber.id.not_in(select(Subscription.subscriber_id))
        & Subscriber.id.not_in(select(Consent.subscriber_id))
        & Subscriber.id.not_in(select(Signup.subscriber_id))
    )
    await forget_subscribers(session, subscriber_ids, never)


async def forget_subscribers(session: AsyncSession, subscriber_ids: Sequence[str], where: ColumnElement[bool]) -> int:
    """Of these, those that fit and that nobody is just bringing back are no longer on file; returns how many."""
    mine = select(Subscriber.id).where(Subscriber.id.in_(list(subscriber_ids))).with_for_update(skip_locked=True)
    free = (await session.scalars(mine)).all()  # locked first, so that `where` is judged by what was stored before
    gone = delete(Subscriber).where(Subscriber.id.in_(free), where).execution_options(synchronize_session=False)
    return changed_rows(await session.execute(gone))


async def remind_waiting(session: AsyncSession, *, limit: int, settings: Settings, ids: Ids, now: datetime) -> int:
    """Requests two days old were reminded once, and first letters that the breaker held back are queued; how many.

    A mailbox that has had its letters of the day waits; those behind it do not.
    """
    limits = SignupLimits(settings.secret_key)
    most = min(limit, rules.BREAKER_MOST - await limits.letters_sent(session, now=now))
    sent, after = 0, ""
    full: set[str] = set()
    while sent < most and (portion := await _waiting(session, after, now=now)):
        after = portion[-1][0]
        for signup_id, address, so_far in portion:
            mailbox = rules.mailbox_of(address)
            if sent >= most or mailbox in full:
                continue
            if (await limits.read(session, address=address, network=None, now=now)).is_address_full:
                full.add(mailbox)
                continue
            queued = await letters.queue_confirm(
                session, signup_id, address, is_reminder=so_far > 0, settings=settings, ids=ids, now=now
            )
            await limits.count(session, address=address, network=None, has_letter=queued, now=now)
            sent += queued
    return sent


async def _waiting(session: AsyncSession, after: str, *, now: datetime) -> Sequence[Row[str, str, int]]:
    """A portion of the requests that are due a letter, as (id, address, letters so far)."""
    is_waiting = Signup.confirmed_at.is_(None) & (Signup.expires_at > now) & (Signup.letters < rules.LETTERS_PER_SIGNUP)
    is_due = Signup.reminded_at.is_(None) & (Signup.asked_at <= now - rules.REMIND_AFTER) | (Signup.letters == 0)
    wanted = (
        select(Signup.id, Subscriber.address, Signup.letters)
        .join(Subscriber, Subscriber.id == Signup.subscriber_id)
        .where(is_waiting, is_due, Signup.id > after)
        .order_by(Signup.id)
        .limit(PORTION)
    )
    return (await session.execute(wanted)).all()


async def forget_request(session: AsyncSession, subscriber_id: str, newsletter_ids: Sequence[str] | None) -> None:
    """The address no longer asks for these lists (None: for any)."""
    signup_id = await session.scalar(
        select(Signup.id).where(Signup.subscriber_id == subscriber_id, Signup.confirmed_at.is_(None))
    )
    if signup_id is None:
        return
    choices = delete(SignupChoice).where(SignupChoice.signup_id == signup_id)
    if newsletter_ids is not None:
        choices = choices.where(SignupChoice.newsletter_id.in_(list(newsletter_ids)))
    await session.execute(choices)
    if await session.scalar(select(SignupChoice.newsletter_id).where(SignupChoice.signup_id == signup_id)) is None:
        await letters.forget(session, [signup_id])
        await session.execute(delete(Signup).where(Signup.id == signup_id))
