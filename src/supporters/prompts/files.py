"""The published files: what a placement shows, as JSON for programs and as HTML ready to include."""

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession


class PublishedPrompt(msgspec.Struct, frozen=True):
    """One placement as published: its bytes never change within a version."""

    placement: str
    version: int
    json: bytes
    html: bytes
    etag: str
    published_at: datetime


async def published_prompt(session: AsyncSession, placement: str) -> PublishedPrompt | None:
    """The published files of a placement, or None when there is none of that name."""
    del session, placement
    return None
