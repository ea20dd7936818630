"""Where a donation came from: the links that we sign, what an address may say, and what is kept of it.

Nothing here knows who reads: one row a donation, written at its start, holds what its own link said.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Article, Attribution
from supporters.appeals.rules import ORIGIN_FIELDS, Claim, clean_claim, origin_of
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.kit.text import clean_line

SIGNED_FIELDS = tuple(name for name in ORIGIN_FIELDS if name != "sig")
LONGEST_FIELD = 500


def origin_signer(secret: str) -> Signer:
    """Signs what our own links say about where a reader comes from."""
    return Signer(secret, "origin")


def sign_origin(signer: Signer, fields: Mapping[str, str]) -> dict[str, str]:
    """The fields with `sig`, for a link that we make. It holds for ever, and for exactly these fields.

    The appeal is not among them: which one was given to is known from the donation itself.
    """
    return {**fields, "sig": signer.digest(_canonical(fields))}


def origin_query(signer: Signer, fields: Mapping[str, str]) -> str:
    """The signed fields as the query of an address."""
    return urlencode(sign_origin(signer, {name: value for name, value in fields.items() if value}))


def read_origin(
    signer: Signer, fields: Mapping[str, str], *, sites: Sequence[str], referrer: str | None = None
) -> Claim:
    """What the fields say, proved if we signed exactly them, else a claim. Never raises."""
    claim = clean_claim(fields, sites=sites, referrer=referrer)
    is_ours = bool(fields.get("sig")) and signer.unsign(f"{_canonical(fields)}.{fields['sig']}") is not None
    return msgspec.structs.replace(claim, is_claimed=not is_ours)


def article_url(site: str | None, path: str | None, *, sites: Sequence[str]) -> str | None:
    """The full address of an article, if it lies on one of our sites as the settings name them today."""
    if not path or not path.startswith("/"):
        return None
    known = [origin_of(each) for each in sites]
    origin = site or (known[0] if known else None)
    return f"{origin}{quote(path, safe=_PATH_SAFE)}" if origin in known else None


def whole_address(text: str, *, origin: str, sites: Sequence[str]) -> str:
    """A bare path with the site before it, where a form was sent from a page of one of ours; else the text as it is."""
    is_path = text.startswith("/") and not text.startswith("//")
    return origin + text if is_path and origin in {origin_of(each) for each in sites} else text


async def note_origin(session: AsyncSession, claim: Claim, *, ids: Ids, now: datetime) -> str:
    """Where a donation came from is on record, first touch and last; returns its id. *Writes* attribution, article."""
    attribution_id = ids.ulid()
    await session.execute(
        insert(Attribution).values(
            id=attribution_id,
            article_id=await _article_id(session, claim, ids=ids, now=now),
            site=claim.site,
            article_path=claim.article_path,
            issue=claim.issue,
            appeal_slug=claim.appeal_slug,
            placement=claim.placement,
            variant=claim.variant,
            source=claim.source,
            utm=claim.utm,
            referrer_host=claim.referrer_host,
            first_touch=claim.first_touch,
            is_claimed=claim.is_claimed,
            created_at=now,
        )
    )
    return attribution_id


async def _article_id(session: AsyncSession, claim: Claim, *, ids: Ids, now: datetime) -> str | None:
    """The article of that address; one that only a link has named so far is put on record unverified, without a title."""
    if claim.site is None or claim.article_path is None:
        return None
    wanted = select(Article.id).where(Article.site == claim.site, Article.path == claim.article_path)
    found = await session.scalar(wanted)
    if found is not None:
        return found
    values: dict[str, object] = {
        "title": "",
        "issue": None,
        "tags": [],
        "published_at": None,
        "is_verified": False,
        "seen_at": now,
    }
    added = insert_for(session, Article).values(id=ids.ulid(), site=claim.site, path=claim.article_path, **values)
    await session.execute(added.on_conflict_do_nothing(index_elements=["site", "path"]))
    return await session.scalar(wanted)


def _canonical(fields: Mapping[str, str]) -> str:
    said = [(name, clean_line(fields.get(name, ""), limit=LONGEST_FIELD)) for name in SIGNED_FIELDS]
    return msgspec.json.encode([pair for pair in said if pair[1]]).decode()


_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
