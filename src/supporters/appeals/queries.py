"""What is asked for, and what readers see of it."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Fund, SharePicture

GENERAL = "general"
PICTURES = "/pictures"
_CARD = (
    SharePicture.digest,
    SharePicture.media_type,
    SharePicture.width,
    SharePicture.height,
    SharePicture.alt,
)


class ShareCard(msgspec.Struct, frozen=True):
    """The picture that goes with a shared link, without its bytes."""

    path: str
    media_type: str
    width: int
    height: int
    alt: str


class AppealView(msgspec.Struct, frozen=True, kw_only=True):
    """One appeal as pages show it. `amounts` are ladders in minor units by frequency; `name` is for staff."""

    id: str
    slug: str
    fund_id: str
    name: str
    heading: str
    ask: str
    message: str
    thanks: str
    signed_by: str
    amounts: dict[str, tuple[int, ...]]
    currency: str
    goal_minor: int | None
    goal_people: int | None
    has_ticker: bool
    if_more: str
    letter_subject: str
    letter_signoff: str
    share_title: str
    share_text: str
    version: int
    starts_at: datetime | None
    ends_at: datetime | None
    card: ShareCard | None = None  # known where a page of the appeal is asked for

    def is_open(self, now: datetime) -> bool:
        """Whether the appeal asks at this moment: from its start, until its end."""
        has_begun = self.starts_at is None or self.starts_at <= now
        return has_begun and not self.has_ended(now)

    def has_ended(self, now: datetime) -> bool:
        """Whether the appeal's end has come."""
        return self.ends_at is not None and self.ends_at <= now


async def published_appeal(session: AsyncSession, slug: str) -> AppealView | None:
    """The published appeal of that slug, whether or not its dates have come."""
    wanted = (
        select(Appeal, *_CARD)
        .outerjoin(SharePicture, SharePicture.appeal_id == Appeal.id)
        .where(Appeal.slug == slug, Appeal.is_published)
    )
    # what the same transaction has just written by a statement counts, not what it read before
    found = (await session.execute(wanted.execution_options(populate_existing=True))).one_or_none()
    return _view(found[0], _card(found[1], found[2], found[3], found[4], found[5])) if found else None


async def share_card(session: AsyncSession, appeal_id: str) -> ShareCard | None:
    """The picture that goes with shared links to that appeal."""
    found = (await session.execute(select(*_CARD).where(SharePicture.appeal_id == appeal_id))).one_or_none()
    return _card(found[0], found[1], found[2], found[3], found[4]) if found else None


async def appeals_by_id(session: AsyncSession) -> dict[str, AppealView]:
    """Every appeal, published or not, by id."""
    return {appeal.id: _view(appeal) for appeal in await session.scalars(select(Appeal).order_by(Appeal.id))}


async def published_appeals(session: AsyncSession) -> list[AppealView]:
    """Every published appeal, whether or not its dates have come, in the order in which they were made."""
    wanted = select(Appeal).where(Appeal.is_published).order_by(Appeal.id)
    return [_view(appeal) for appeal in await session.scalars(wanted)]


async def letter_words(session: AsyncSession, slug: str) -> tuple[str, str]:
    """Subject and sign-off of the receipt's letter, as the appeal of that slug has them; empty where the usual ones hold."""
    wanted = select(Appeal.letter_subject, Appeal.letter_signoff).where(Appeal.slug == slug)
    found = (await session.execute(wanted)).one_or_none()
    return (found[0], found[1]) if found else ("", "")


async def fund_names(session: AsyncSession) -> dict[str, str]:
    """The name of every fund by id."""
    return {row[0]: row[1] for row in (await session.execute(select(Fund.id, Fund.name)))}


def _card(digest: str | None, media_type: str, width: int, height: int, alt: str) -> ShareCard | None:
    ending = "png" if media_type == "image/png" else "jpg"
    return ShareCard(f"{PICTURES}/{digest}.{ending}", media_type, width, height, alt) if digest else None


def _view(appeal: Appeal, card: ShareCard | None = None) -> AppealView:
    return AppealView(
        id=appeal.id,
        slug=appeal.slug,
        fund_id=appeal.fund_id,
        name=appeal.name,
        heading=appeal.heading,
        ask=appeal.ask,
        message=appeal.message,
        thanks=appeal.thanks,
        signed_by=appeal.signed_by,
        amounts={name: tuple(int(rung) for rung in rungs) for name, rungs in appeal.amounts.items()},
        currency=appeal.currency,
        goal_minor=appeal.goal_minor,
        goal_people=appeal.goal_people,
        has_ticker=appeal.has_ticker,
        if_more=appeal.if_more,
        letter_subject=appeal.letter_subject,
        letter_signoff=appeal.letter_signoff,
        share_title=appeal.share_title,
        share_text=appeal.share_text,
        version=appeal.version,
        starts_at=appeal.starts_at,
        ends_at=appeal.ends_at,
        card=card,
    )
