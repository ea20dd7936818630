"""The spots on the publisher's site: which appeal each asks for, and which newsletter it offers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL
from supporters.kit.db import insert_for
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.prompts.models import Placement

ARTICLE_FOOT = "article-foot"
ISSUE_PAGE = "issue-page"
USUAL_LIST = "daily"  # offered once there is a public list of that name


async def ensure_placements(session: AsyncSession, *, now: datetime) -> None:
    """The two usual placements exist; what staff have changed in them stays. *Idempotent by* their codes."""
    for code, title in ((ARTICLE_FOOT, _("Foot of every article")), (ISSUE_PAGE, _("Page of an issue and its PDF"))):
        row = {
            "code": code,
            "title": title,
            "appeal_slug": GENERAL,
            "newsletter_slug": USUAL_LIST,
            "heading": "",
            "is_on": True,
            "changed_at": now,
        }
        await session.execute(insert_for(session, Placement).values(**row).on_conflict_do_nothing())


async def placements(session: AsyncSession) -> Sequence[Placement]:
    """Every placement, by code."""
    return (await session.scalars(select(Placement).order_by(Placement.code))).all()


async def placement_of(session: AsyncSession, code: str) -> Placement:
    """The placement of that code. Raises NotFound."""
    found = await session.get(Placement, code)
    if found is None:
        raise NotFound(_("There is no such place on your site."))
    return found


async def change_placement(
    session: AsyncSession,
    code: str,
    *,
    appeal_slug: str,
    newsletter_slug: str | None,
    heading: str,
    is_on: bool,
    now: datetime,
) -> dict[str, list[object]]:
    """The placement is as told; returns what changed, as [before, after] by field. Raises NotFound."""
    found = await placement_of(session, code)
    told: dict[str, object] = {
        "appeal_slug": appeal_slug,
        "newsletter_slug": newsletter_slug,
        "heading": heading,
        "is_on": is_on,
    }
    changed = {name: [getattr(found, name), value] for name, value in told.items() if getattr(found, name) != value}
    for name, pair in changed.items():
        setattr(found, name, pair[1])
    if changed:
        found.changed_at = now
        await session.flush()
    return changed
