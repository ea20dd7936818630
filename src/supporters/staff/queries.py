"""Every SELECT about staff."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.staff.models import Staff


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


async def all_staff(session: AsyncSession) -> Sequence[Staff]:
    """Everybody who works here or did, those who may sign in first, by name."""
    return (await session.scalars(select(Staff).order_by(Staff.is_active.desc(), Staff.name, Staff.id))).all()


async def find_staff(session: AsyncSession, staff_id: str) -> Staff:
    """The member of staff. Raises NotFound."""
    found = await session.get(Staff, staff_id)
    if found is None:
        raise NotFound(_("There is no such member of staff."))
    return found
