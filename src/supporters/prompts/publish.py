"""Publishing: what every placement shows is worked out, and stored as a new version when its words have changed."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, AppealView, published_appeal
from supporters.jobs.queue import enqueue
from supporters.kit.ids import Ids
from supporters.paths import PACKAGE
from supporters.prompts.content import NewsletterLine, Spot, TickerLine, build, words_digest
from supporters.prompts.files import keep_script
from supporters.prompts.models import Placement, PromptFile
from supporters.prompts.script import prompt_script
from supporters.prompts.vetoes import quiet_now
from supporters.settings import Settings

__all__ = ["NewsletterLine", "TickerLine", "republish"]

WRITE_FILES = "prompts.write"


async def republish(
    session: AsyncSession,
    *,
    lines: Mapping[str, NewsletterLine],
    tickers: Mapping[str, TickerLine],
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> list[str]:
    """Every placement's published file says what holds at this moment; returns the codes of those that changed.

    A new version is stored only when words changed; a ticker's new figures are written into the version at hand.
    An appeal that is not open is replaced by the general one. *Writes* `prompt_file`, `prompt_script` for the script that
    the files name, and a job for the files on disk.
    """
    # locked in order: two who publish at once would otherwise both store the next version
    held = select(Placement).order_by(Placement.code).with_for_update()
    spots = (await session.scalars(held)).all()
    await keep_script(session, prompt_script(), now=now)
    quiet = await quiet_now(session)
    changed: list[str] = []
    for placement in spots:
        appeal = await _appeal_of(session, placement, now=now)
        if appeal is None:
            continue
        spot = Spot(
            code=placement.code,
            heading=placement.heading,
            is_on=placement.is_on,
            appeal=appeal,
            newsletter=lines.get(placement.newsletter_slug or ""),
            ticker=tickers.get(appeal.slug),
            quiet=quiet,
        )
        if await _store(session, spot, settings=settings, now=now):
            changed.append(placement.code)
    if changed and settings.publish_dir:
        await enqueue(session, WRITE_FILES, {}, ids=ids, now=now, dedupe="change")
    return changed


async def _appeal_of(session: AsyncSession, placement: Placement, *, now: datetime) -> AppealView | None:
    wanted = await published_appeal(session, placement.appeal_slug)
    if wanted is not None and wanted.is_open(now):
        return wanted
    return await published_appeal(session, GENERAL)


async def _store(session: AsyncSession, spot: Spot, *, settings: Settings, now: datetime) -> bool:
    """The spot's file is stored if it says something new; returns whether it did."""
    script = prompt_script()
    told = build(
        spot, settings=settings, script={"src": f"/p/v1/{script.name}", "integrity": script.integrity}, now=now
    )
    digest = words_digest(told)
    mine = select(PromptFile).where(PromptFile.placement == spot.code)
    last = await session.scalar(mine.order_by(PromptFile.version.desc()).limit(1))
    is_new = last is None or last.words_digest != digest
    version = (last.version if last else 0) + is_new
    published_at = now if last is None or is_new else last.published_at
    content = {"v": told["v"], "version": version, "published_at": _iso(published_at), **told}
    body, page = msgspec.json.encode(content), render_snippet(content).encode()
    etag = f'"{hashlib.sha256(body + page).hexdigest()[:20]}"'
    if last is not None and not is_new:
        if last.etag == etag:
            return False
        last.json, last.html, last.etag = body, page, etag
        await session.flush()
        return True
    values = {"json": body, "html": page, "words_digest": digest, "etag": etag, "published_at": published_at}
    session.add(PromptFile(placement=spot.code, version=version, **values))
    await session.flush()
    return True


def render_snippet(content: Mapping[str, Any], **article: object) -> str:
    """The no-script form as HTML, by the very template that Jinja sites use."""
    name = "issue_block" if content["placement"] == "issue-page" else "article_foot"
    macro = getattr(_environment().get_template("supporters/snippet.html").module, name)
    return str(macro(content, **article)).strip() + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(PACKAGE / "snippet"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
