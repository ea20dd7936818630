"""Lists without double opt-in: joined at once, unless the address has ever stopped, bounced or complained."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.mail.models import Suppression
from supporters.newsletters import letters
from supporters.newsletters.evidence import Proof, write_evidence
from supporters.newsletters.lists import shown_wording
from supporters.newsletters.models import Newsletter, State, Subscriber, Subscription
from supporters.newsletters.told import tell_confirmed
from supporters.settings import Settings


async def subscribe_at_once(
    session: AsyncSession,
    subscriber_id: str,
    lists: Sequence[Newsletter],
    *,
    form: str,
    path: str,
    marks: Mapping[str, str],
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> set[str]:
    """The address is on those of the lists that it never left; returns their ids. The others need a confirmation.

    `marks` name the words beside the box. The caller has called `keep_order`.
    """
    address, is_suppressed = (
        await session.execute(
            select(Subscriber.address, select(Suppression.scope).where(_digest_fits()).exists()).where(
                Subscriber.id == subscriber_id
            )
        )
    ).one()
    if is_suppressed:
        return set()
    states = await _states(session, subscriber_id)
    joining = [each for each in lists if states.get(each.id) in {None, State.CONFIRMED}]
    new = [each for each in joining if each.id not in states]
    for each in new:
        shown = await shown_wording(session, each, marks)
        proof = Proof(
            method="single_opt_in",
            asked_at=now,
            wording_id=shown.id,
            wording_sha256=shown.sha256,
            form=form,
            path=path,
            detail=shown.detail,
        )
        await write_evidence(
            session,
            subscriber_id=subscriber_id,
            newsletter_id=each.id,
            state=State.CONFIRMED,
            proof=proof,
            ids=ids,
            now=now,
        )
        await tell_confirmed(session, subscriber_id, slug=each.slug, address=address, ids=ids, now=now)
    if new:
        await letters.queue_welcome(session, subscriber_id, address, new, settings=settings, ids=ids, now=now)
    return {each.id for each in joining}


def _digest_fits():
    return Suppression.address_digest == Subscriber.address_digest


async def _states(session: AsyncSession, subscriber_id: str) -> dict[str, str]:
    found = await session.execute(
        select(Subscription.newsletter_id, Subscription.state).where(Subscription.subscriber_id == subscriber_id)
    )
    return {row[0]: row[1] for row in found}
