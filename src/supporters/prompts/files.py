"""The published files: what a placement shows, as JSON for programs and as HTML ready to include."""

import gzip
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.prompts.models import Placement, PromptFile, PromptScript
from supporters.prompts.script import Script, script_of


class PublishedPrompt(msgspec.Struct, frozen=True):
    """One placement as published: its words never change within a version. `packed_*` are the same bytes as gzip."""

    placement: str
    version: int
    json: bytes
    html: bytes
    etag: str
    published_at: datetime
    packed_json: bytes = b""
    packed_html: bytes = b""


async def published_prompt(session: AsyncSession, placement: str) -> PublishedPrompt | None:
    """The published files of a placement, or None when there is none of that name."""
    newest = select(PromptFile).where(PromptFile.placement == placement).order_by(PromptFile.version.desc()).limit(1)
    found = await session.scalar(newest)
    return _view(found) if found else None


async def placement_codes(session: AsyncSession) -> Sequence[str]:
    """The names that published files can have."""
    return (await session.scalars(select(Placement.code))).all()


async def keep_script(session: AsyncSession, script: Script, *, now: datetime) -> None:
    """The script is served under its name from now on, whatever later releases bring. *Idempotent by* its name."""
    if await session.scalar(select(PromptScript.name).where(PromptScript.name == script.name)):
        return
    row = {"name": script.name, "body": script.body, "first_at": now}
    await session.execute(insert_for(session, PromptScript).values(**row).on_conflict_do_nothing())


async def script_names(session: AsyncSession) -> Sequence[str]:
    """The names of the scripts that published files have ever named."""
    return (await session.scalars(select(PromptScript.name))).all()


async def kept_script(session: AsyncSession, name: str) -> Script | None:
    """The script of that name, of whichever release, or None when there was none."""
    body = await session.scalar(select(PromptScript.body).where(PromptScript.name == name))
    return script_of(body) if body is not None else None


def _view(found: PromptFile) -> PublishedPrompt:
    return PublishedPrompt(
        placement=found.placement,
        version=found.version,
        json=found.json,
        html=found.html,
        etag=found.etag,
        published_at=found.published_at,
        packed_json=gzip.compress(found.json, 9, mtime=0),
        packed_html=gzip.compress(found.html, 9, mtime=0),
    )
