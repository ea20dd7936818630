"""Which site shows which version: what its own helper says when it fetches the published file. Nothing of any reader."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.prompts.models import SiteSeen

FORMS = frozenset({"jinja", "wordpress", "plain"})
AT_MOST_EVERY = timedelta(minutes=1)


class Sighting(msgspec.Struct, frozen=True):
    """One site took one version of one placement in one form."""

    site: str
    placement: str
    form: str
    version: int


class Sightings:
    """Counts in memory; a site, placement and form is due to be stored at most once a minute, or when its version changed."""

    def __init__(self, sites: frozenset[str]) -> None:
        self._sites = sites
        self._stored: dict[tuple[str, str, str], tuple[int, datetime]] = {}

    def take(self, query: Mapping[str, str], *, placement: str, version: int, now: datetime) -> Sighting | None:
        """The sighting that this query tells of, if it is one of our sites and due to be stored."""
        site, form = query.get("site", "").lower(), query.get("form", "")
        if site not in self._sites or form not in FORMS:
            return None
        key = (site, placement, form)
        known = self._stored.get(key)
        if known is not None and known[0] == version and now - known[1] < AT_MOST_EVERY:
            return None
        self._stored[key] = (version, now)
        return Sighting(site, placement, form, version)


async def note_sighting(session: AsyncSession, seen: Sighting, *, now: datetime) -> None:
    """The site's row says what it took last, and when."""
    row = {
        "site": seen.site,
        "placement": seen.placement,
        "form": seen.form,
        "version": seen.version,
        "first_at": now,
        "last_at": now,
    }
    insert = insert_for(session, SiteSeen).values(**row)
    again = {"version": seen.version, "last_at": now}
    await session.execute(insert.on_conflict_do_update(index_elements=["site", "placement", "form"], set_=again))


async def sites_seen(session: AsyncSession) -> Sequence[SiteSeen]:
    """Every site that took a file, by site and placement."""
    ordered = select(SiteSeen).order_by(SiteSeen.site, SiteSeen.placement, SiteSeen.form)
    return (await session.scalars(ordered)).all()
