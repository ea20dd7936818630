"""A refund that was made at Stripe itself: whether its giver was told; whoever had no address then may be told later."""

from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.discuss import note
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation, Refund, RefundState
from supporters.donations.reverse import LETTER, tell_of_refund
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.mail.models import Letter
from supporters.settings import Settings


class Telling(msgspec.Struct, frozen=True):
    """When the letter was written, if it was, and whether one may be: the money has gone, and there is an address."""

    written_at: datetime | None
    is_possible: bool


async def telling_of(session: AsyncSession, found: Discrepancy) -> Telling | None:
    """Whether the giver of that refund was told; None where it is about something else."""
    refund, donation = await _refund_of(session, found)
    if refund is None or donation is None:
        return None
    mine = (Letter.about == donation.id) & (Letter.kind == LETTER) & (Letter.dedupe_key == refund.id)
    written_at = await session.scalar(select(func.min(Letter.queued_at)).where(mine))
    is_possible = written_at is None and refund.state == RefundState.SUCCEEDED and bool(donation.email)
    return Telling(written_at, is_possible)


async def tell_giver(
    session: AsyncSession, found: Discrepancy, *, actor_id: str, ids: Ids, now: datetime, settings: Settings
) -> bool:
    """The giver gets the letter of every refund, once; False when it was written before. *Raises* Refused while none can be."""
    telling = await telling_of(session, found)
    if telling is None or not (telling.is_possible or telling.written_at):
        raise Refused(
            _("The supporter can't be told: the money has not gone, or there is no address. It is still open.")
        )
    refund, donation = await _refund_of(session, found)
    if telling.written_at or refund is None or donation is None:
        return False
    await tell_of_refund(session, donation, refund, ids=ids, now=now, settings=settings)
    await note(session, "tell", found.id, {"refund": refund.id}, actor_id=actor_id, now=now)
    return True


async def _refund_of(session: AsyncSession, found: Discrepancy) -> tuple[Refund | None, Donation | None]:
    if found.code != Code.REFUND_EXTERNAL:
        return None, None
    refund = await session.scalar(select(Refund).where(Refund.stripe_refund_id == found.subject))
    return refund, await session.get(Donation, refund.donation_id) if refund else None
