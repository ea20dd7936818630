"""What is asked for, and what readers see of it."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Fund

GENERAL = "general"


class AppealView(msgspec.Struct, frozen=True):
    """One appeal as pages show it. `amounts` are ladders in minor units by frequency."""

    id: str
    slug: str
    fund_id: str
    heading: str
    message: str
    thanks: str
    signed_by: str
    amounts: dict[str, tuple[int, ...]]
    currency: str
    goal_minor: int | None
    starts_at: datetime | None
    ends_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether the appeal asks at this moment: from its start, until its end."""
        has_begun = self.starts_at is None or self.starts_at <= now
        return has_begun and (self.ends_at is None or now < self.ends_at)


async def published_appeal(session: AsyncSession, slug: str) -> AppealView | None:
    """The published appeal of that slug, whether or not its dates have come."""
    found = await session.scalar(select(Appeal).where(Appeal.slug == slug, Appeal.is_published))
    return _view(found) if found else None


async def appeals_by_id(session: AsyncSession) -> dict[str, AppealView]:
    """Every appeal, published or not, by id."""
    return {appeal.id: _view(appeal) for appeal in await session.scalars(select(Appeal).order_by(Appeal.id))}


async def fund_names(session: AsyncSession) -> dict[str, str]:
    """The name of every fund by id."""
    return {row[0]: row[1] for row in (await session.execute(select(Fund.id, Fund.name)))}


def _view(appeal: Appeal) -> AppealView:
    return AppealView(
        id=appeal.id,
        slug=appeal.slug,
        fund_id=appeal.fund_id,
        heading=appeal.heading,
        message=appeal.message,
        thanks=appeal.thanks,
        signed_by=appeal.signed_by,
        amounts={name: tuple(int(rung) for rung in rungs) for name, rungs in appeal.amounts.items()},
        currency=appeal.currency,
        goal_minor=appeal.goal_minor,
        starts_at=appeal.starts_at,
        ends_at=appeal.ends_at,
    )
