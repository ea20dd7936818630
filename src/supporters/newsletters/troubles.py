"""Bounces and complaints, both halves in one transaction: the address is suppressed, and its lists are stopped with evidence."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.mail.bounces import Trouble, Verdict, take_report, take_trouble
from supporters.mail.reports import read_report
from supporters.newsletters.actions import stop_address
from supporters.settings import Settings


async def take_bounce(session: AsyncSession, raw: bytes, *, settings: Settings, ids: Ids, now: datetime) -> int:
    """The delivery report in `raw` is applied; returns how many addresses get no further letter for it. Raises NotAReport.

    For `supporters bounce` (one mail on standard input) and for the mail provider's hook. *Idempotent by* letter and address.
    """
    verdicts = await take_report(session, read_report(raw), settings=settings, ids=ids, now=now)
    for verdict in verdicts:
        await _follow(session, verdict, settings=settings, ids=ids, now=now)
    return sum(verdict.is_dead for verdict in verdicts)


async def take_word(session: AsyncSession, trouble: Trouble, *, settings: Settings, ids: Ids, now: datetime) -> bool:
    """What the mail provider says of one address is applied. False when it had said so before."""
    verdict = await take_trouble(session, trouble, settings=settings, ids=ids, now=now)
    if verdict:
        await _follow(session, verdict, settings=settings, ids=ids, now=now)
    return verdict is not None


async def _follow(session: AsyncSession, verdict: Verdict, *, settings: Settings, ids: Ids, now: datetime) -> None:
    if not verdict.is_dead and not verdict.is_complaint:
        return
    why = "complaint" if verdict.is_complaint else "bounce"
    await stop_address(session, address=verdict.address, slugs=None, why=why, settings=settings, ids=ids, now=now)
