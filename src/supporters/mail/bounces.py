"""Addresses that can't be reached, or whose owners call our letters spam, get no further letter.

A notification arrives as plain mail, which anybody can write. So one is believed only when it names a letter that we sent to
that address by its Message-ID, which only its recipient has seen. One that names no letter at all is noted as a passing
trouble, if a letter went there lately; such notes alone silence nobody.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids
from supporters.mail.models import Bounce, BounceKind, Letter
from supporters.mail.reports import Report
from supporters.mail.suppression import ALL, MARKETING, Suppressions
from supporters.settings import Settings

SOFT_MOST, SOFT_WITHIN = 3, timedelta(days=7)
RECENT = timedelta(days=14)
KEPT_FOR = timedelta(days=90)
DSN = "dsn"

log = structlog.get_logger("mail")


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was reported about one address."""

    address: str
    kind: BounceKind
    source: str
    code: str = ""
    message_id: str | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What follows from it: the address, and whether its mailbox is given up or its owner complained."""

    address: str
    is_dead: bool
    is_complaint: bool


async def take_report(
    session: AsyncSession, report: Report, *, settings: Settings, ids: Ids, now: datetime
) -> list[Verdict]:
    """Every failure that fits a letter of ours is counted; returns what follows for which address.

    Hard ones need the letter's Message-ID; a report without any is a soft one.
    """
    verdicts: list[Verdict] = []
    for failure in report.failures:
        letter = await _letter_to(session, failure.address, report.message_ids, settings=settings, now=now)
        if letter is None:
            log.info("bounce_of_no_letter", code=failure.code)
            continue
        is_proved = bool(report.message_ids)
        trouble = Trouble(
            address=letter.recipient,
            kind=BounceKind.HARD if failure.is_hard and is_proved else BounceKind.SOFT,
            source=DSN,
            code=failure.code,
            message_id=letter.message_id if is_proved else None,
        )
        verdict = await take_trouble(session, trouble, settings=settings, ids=ids, now=now)
        verdicts += [verdict] if verdict else []
    return verdicts


async def take_trouble(
    session: AsyncSession, trouble: Trouble, *, settings: Settings, ids: Ids, now: datetime
) -> Verdict | None:
    """The report counts once, and the address is suppressed if it says so. None when it was counted before.

    A hard bounce, or the third soft one in seven days, forbids every letter; a complaint those of our own wish. Of the soft
    ones at least one must name its letter, or come from the mail provider.
    """
    suppressions = Suppressions(settings.secret_key)
    digest = suppressions.digest(trouble.address)
    letter_id = await _mark_letter(session, trouble, digest, suppressions, now=now)
    if not await _note(session, trouble, digest, letter_id, ids=ids, now=now):
        return None
    is_dead = trouble.kind is BounceKind.HARD
    if trouble.kind is BounceKind.SOFT:
        is_dead = await _is_given_up(session, digest, now=now)
    if is_dead:
        await suppressions.add(session, trouble.address, scope=ALL, reason=f"bounce {trouble.code}".strip(), now=now)
    is_complaint = trouble.kind is BounceKind.COMPLAINT
    if is_complaint:
        await suppressions.add(session, trouble.address, scope=MARKETING, reason="complaint", now=now)
    return Verdict(trouble.address, is_dead, is_complaint)


async def forget_bounces(session: AsyncSession, *, now: datetime) -> int:
    """Reports older than 90 days are gone; returns how many. What followed from them stays."""
    old = delete(Bounce).where(Bounce.at <= now - KEPT_FOR).execution_options(synchronize_session=False)
    return changed_rows(await session.execute(old))


async def _letter_to(
    session: AsyncSession, address: str, message_ids: tuple[str, ...], *, settings: Settings, now: datetime
) -> Letter | None:
    """The letter that the notification is about: named by it, and sent to that address. If it names none: the last one."""
    if message_ids:
        digest = Suppressions(settings.secret_key).digest
        named = await session.scalars(select(Letter).where(Letter.message_id.in_(message_ids)))
        return next((letter for letter in named if digest(letter.recipient) == digest(address)), None)
    lately = (
        select(Letter)
        .where(func.lower(Letter.recipient) == address.strip().lower(), Letter.sent_at > now - RECENT)
        .order_by(Letter.sent_at.desc())
        .limit(1)
    )
    return (await session.scalars(lately)).first()


async def _mark_letter(
    session: AsyncSession, trouble: Trouble, digest: str, suppressions: Suppressions, *, now: datetime
) -> str | None:
    """The letter knows that it came back; returns its id."""
    if trouble.message_id is None or trouble.kind is BounceKind.COMPLAINT:
        return None
    columns = select(Letter.id, Letter.recipient).where(Letter.message_id == trouble.message_id)
    found = (await session.execute(columns)).one_or_none()
    if found is None or suppressions.digest(found[1]) != digest:
        return None
    marked = update(Letter).where(Letter.id == found[0], Letter.bounced_at.is_(None)).values(bounced_at=now)
    await session.execute(marked.execution_options(synchronize_session=False))
    return found[0]


async def _note(
    session: AsyncSession, trouble: Trouble, digest: str, letter_id: str | None, *, ids: Ids, now: datetime
) -> bool:
    which = trouble.message_id or now.date().isoformat()
    cause = hashlib.sha256(f"{trouble.kind}:{digest}:{which}".encode()).hexdigest()
    row = {
        "id": ids.ulid(),
        "cause": cause,
        "address_digest": digest,
        "letter_id": letter_id,
        "kind": trouble.kind,
        "code": trouble.code[:12],
        "source": trouble.source,
        "at": now,
    }
    noted = await session.execute(insert_for(session, Bounce).values(**row).on_conflict_do_nothing())
    return changed_rows(noted) == 1


async def _is_given_up(session: AsyncSession, digest: str, *, now: datetime) -> bool:
    """Whether soft bounces have added up, and not only by mails that anybody could have written."""
    recent = (Bounce.address_digest == digest) & (Bounce.kind == BounceKind.SOFT) & (Bounce.at > now - SOFT_WITHIN)
    proved: ColumnElement[bool] = Bounce.letter_id.is_not(None) | (Bounce.source != DSN)
    found = (await session.scalars(select(proved).where(recent))).all()
    return len(found) >= SOFT_MOST and any(found)
