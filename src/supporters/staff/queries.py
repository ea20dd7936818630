"""Every SELECT about staff."""

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.staff.models import Role, Staff


async def staff_by_email(session: AsyncSession, email: str) -> Staff | None:
    """The member of staff who signs in with `email` (upper and lower case are the same)."""
    return await session.scalar(select(Staff).where(Staff.email == email.strip().casefold()))


async def staff_names(session: AsyncSession, ids: Iterable[str | None]) -> dict[str, str]:
    """The name behind each id that is a member of staff's."""
    wanted = {each for each in ids if each}
    if not wanted:
        return {}
    rows = await session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(wanted)))
    return {row.id: row.name for row in rows}


async def count_admins(session: AsyncSession) -> int:
    """How many active admins there are."""
    query = select(func.count()).select_from(Staff).where(Staff.role == Role.ADMIN, Staff.is_active)
    return await session.scalar(query) or 0
