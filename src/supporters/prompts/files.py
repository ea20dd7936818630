"""The published files: what a placement shows, as JSON for programs and as HTML ready to include."""

import gzip
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.prompts.models import PromptFile


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
