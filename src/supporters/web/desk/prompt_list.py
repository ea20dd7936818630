"""The list of places on the publisher's site, with the sites that show them and where nothing is asked."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.prompts.content import site_of
from supporters.prompts.files import published_prompt
from supporters.prompts.placements import placements
from supporters.prompts.sightings import sites_seen
from supporters.prompts.vetoes import vetoes
from supporters.staff.queries import staff_names
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page


class PlaceLine(msgspec.Struct, frozen=True):
    """One placement in the list."""

    code: str
    title: str
    is_on: bool
    appeal_slug: str
    asked_slug: str | None  # what is asked for at the moment: the general appeal where the chosen one is not open
    newsletter: str | None
    version: int | None
    published_at: Any


async def prompts_page(
    request: AnyRequest,
    session: AsyncSession,
    *,
    problems: Sequence[tuple[str, str]] = (),
    told: dict[str, str] | None = None,
) -> Response[bytes]:
    """The page; with `problems`, its forms as they were sent."""
    kept = await vetoes(session)
    seen = await sites_seen(session)
    lines = await read_places(session)
    return await desk_page(
        request,
        session,
        "desk/prompts.html",
        here="prompts",
        lines=lines,
        newest={line.code: line.version for line in lines},
        seen=seen,
        silent=[
            site for site in map(site_of, house_of(request).settings.sites) if site not in {row.site for row in seen}
        ],
        vetoes=kept,
        names=await staff_names(session, [each for veto in kept for each in (veto.made_by, veto.lifted_by)]),
        told=told or {},
        problems=problems,
    )


async def read_places(session: AsyncSession) -> list[PlaceLine]:
    """The places with what each asks for now."""
    lines: list[PlaceLine] = []
    for place in await placements(session):
        prompt = await published_prompt(session, place.code)
        file: dict[str, Any] = json.loads(prompt.json) if prompt else {}
        newsletter: dict[str, str] | None = file.get("newsletter")
        line = PlaceLine(
            place.code,
            place.title,
            place.is_on,
            place.appeal_slug,
            file.get("appeal"),
            newsletter["name"] if newsletter else None,
            prompt.version if prompt else None,
            prompt.published_at if prompt else None,
        )
        lines.append(line)
    return lines
