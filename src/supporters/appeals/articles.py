"""Articles on record: read from the site's own feed, named by links, shown by their title only when the feed said it."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

import msgspec
from sqlalchemy import delete, desc, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.feed import FeedArticle, FeedError, read_feed
from supporters.appeals.models import Article, Attribution, PrintIssue
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.audit.record import record
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside, OutsideError, Reply
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

READ, FAILED = "feed.read", "feed.failed"
FEED = "feed"
UNVERIFIED_KEPT_FOR = timedelta(days=31)  # as long as the attempts that named them
MOST_TITLES = 500
WORDS_CHARS = 300


class Marks(msgspec.Struct, frozen=True):
    """What the site said about its feed the last time, so that it need not send it again."""

    etag: str = ""
    last_modified: str = ""


class FeedAnswer(msgspec.Struct, frozen=True):
    """What came of reading the feed once: its articles, None when it has not changed, or words about what is wrong."""

    articles: list[FeedArticle] | None = None
    problem: str = ""
    marks: Marks = Marks()


class Stored(msgspec.Struct, frozen=True):
    """How many articles were new, and how many said something else than before."""

    new: int = 0
    changed: int = 0


class FeedNews(msgspec.Struct, frozen=True):
    """How the feed fared when something about it last changed."""

    at: datetime
    problem: str
    new: int
    changed: int


async def fetch_feed(outside: Outside, address: str, *, sites: Sequence[str], marks: Marks | None = None) -> FeedAnswer:
    """The feed as it is now. Never raises: what is wrong with it is part of the answer."""
    known = marks or Marks()
    asked = {"accept": "application/rss+xml, application/atom+xml, application/xml, text/xml"}
    asked |= {"if-none-match": known.etag} if known.etag else {}
    asked |= {"if-modified-since": known.last_modified} if known.last_modified else {}
    try:
        reply = await outside.call("GET", address, headers=asked)
        if reply.status == 304:
            return FeedAnswer(marks=known)
        return FeedAnswer(_articles_of(reply, address, sites), marks=_marks_of(reply))
    except (OutsideError, FeedError) as error:
        return FeedAnswer(problem=clean_line(str(error), limit=WORDS_CHARS))


async def fetch_feeds(
    outside: Outside, addresses: Sequence[str], *, sites: Sequence[str], marks: Mapping[str, Marks] | None = None
) -> dict[str, FeedAnswer]:
    """Each of the feeds as it is now, by its address. Never raises."""
    known = marks or {}
    asking = [fetch_feed(outside, each, sites=sites, marks=known.get(each)) for each in addresses]
    return dict(zip(addresses, await asyncio.gather(*asking), strict=True))


async def store_feeds(session: AsyncSession, answers: Mapping[str, FeedAnswer], *, ids: Ids, now: datetime) -> Stored:
    """As `store_feed`, for all feeds: those that could be read are on record, also where another could not."""
    broken = {address: answer.problem for address, answer in answers.items() if answer.problem}
    told = broken.values() if len(answers) == 1 else [f"{address}: {problem}" for address, problem in broken.items()]
    articles = {
        (each.site, each.path): each for answer in reversed([*answers.values()]) for each in answer.articles or ()
    }  # the feed that is named first is believed
    whole = FeedAnswer([*articles.values()], problem=clean_line(" ".join(told), limit=WORDS_CHARS))
    return await store_feed(session, whole, ids=ids, now=now)


async def store_feed(session: AsyncSession, answer: FeedAnswer, *, ids: Ids, now: datetime) -> Stored:
    """The feed's articles are on record as verified. What could not be read changes nothing but is noted.

    *Idempotent by* what the feed says. *Writes* article; audit when something changed or broke.
    """
    before = await latest_news(session)
    stored = await _store(session, answer.articles or [], ids=ids, now=now)
    told: dict[str, object] = {"new": stored.new, "changed": stored.changed}
    is_news = stored != Stored() or before is None or before.problem != answer.problem
    if answer.problem and is_news:
        await _note(session, FAILED, {"problem": answer.problem, **told}, now=now)
    elif is_news:
        await _note(session, READ, told, now=now)
    return stored


async def forget_unnamed(session: AsyncSession, *, now: datetime) -> None:
    """Articles that only a link had named are gone once no attempt names them any more."""
    is_named = exists().where(Attribution.article_id == Article.id)
    is_old = Article.seen_at < now - UNVERIFIED_KEPT_FOR
    await session.execute(delete(Article).where(~Article.is_verified, is_old, ~is_named))


async def latest_news(session: AsyncSession) -> FeedNews | None:
    """What the audit says last about the feed."""
    query = (
        select(AuditEntry.at, AuditDetail.detail)
        .outerjoin(AuditDetail, AuditDetail.seq == AuditEntry.seq)
        .where(AuditEntry.record_kind == FEED, AuditEntry.record_id == FEED)
        .order_by(desc(AuditEntry.seq))
        .limit(1)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    detail = found[1] or {}
    return FeedNews(found[0], str(detail.get("problem", "")), int(detail.get("new", 0)), int(detail.get("changed", 0)))


async def titles_of(session: AsyncSession, article_ids: Collection[str | None]) -> dict[str, str]:
    """The title of each of these articles that the site's own feed names."""
    wanted = [each for each in set(article_ids) if each]
    if not wanted:
        return {}
    query = select(Article.id, Article.title).where(Article.id.in_(wanted), Article.is_verified)
    return {row[0]: row[1] for row in await session.execute(query)}


async def titles_at(session: AsyncSession, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The title at each (site, path) that the site's own feed names."""
    wanted = list(dict.fromkeys(places))
    found: dict[tuple[str, str], str] = {}
    for start in range(0, len(wanted), MOST_TITLES):
        paths = {path for _site, path in wanted[start : start + MOST_TITLES]}
        query = select(Article.site, Article.path, Article.title).where(Article.path.in_(paths), Article.is_verified)
        found |= {(row[0], row[1]): row[2] for row in await session.execute(query)}
    return {place: found[place] for place in wanted if place in found}


async def articles_of_issue(session: AsyncSession, number: str, *, limit: int) -> Sequence[Article]:
    """The verified articles of one issue, the newest first."""
    wanted = select(Article).where(Article.issue == number, Article.is_verified)
    return (await session.scalars(wanted.order_by(*_NEWEST).limit(limit))).all()


async def latest_articles(session: AsyncSession, *, limit: int, offset: int = 0) -> Sequence[Article]:
    """The verified articles, the newest first."""
    query = select(Article).where(Article.is_verified).order_by(*_NEWEST)
    return (await session.scalars(query.limit(limit).offset(offset))).all()


async def issues_without_record(session: AsyncSession, *, limit: int) -> list[tuple[str, int]]:
    """Numbers of issues that the feed names and nobody has put on record, with how many articles; the newest first."""
    query = (
        select(Article.issue, func.count())
        .where(Article.is_verified, Article.issue.is_not(None), ~exists().where(PrintIssue.number == Article.issue))
        .group_by(Article.issue)
        .order_by(desc(func.length(Article.issue)), desc(Article.issue))
        .limit(limit)
    )
    return [(number, count) for number, count in await session.execute(query) if number is not None]


_NEWEST = (desc(func.coalesce(Article.published_at, Article.seen_at)), desc(Article.id))


def _articles_of(reply: Reply, address: str, sites: Sequence[str]) -> list[FeedArticle]:
    if 300 <= reply.status < 400:
        there = urljoin(address, reply.headers.get("location", ""))
        raise FeedError(
            _("The feed has moved to %(address)s; put that address into the settings.") % {"address": there}
        )
    if not reply.is_ok:
        raise FeedError(
            _("%(host)s answered with status %(status)s.")
            % {"host": urlsplit(address).hostname or "", "status": reply.status}
        )
    return read_feed(reply.body, address=address, sites=sites)


def _marks_of(reply: Reply) -> Marks:
    return Marks(reply.headers.get("etag", "")[:200], reply.headers.get("last-modified", "")[:100])


async def _store(session: AsyncSession, found: Sequence[FeedArticle], *, ids: Ids, now: datetime) -> Stored:
    """Only rows that say something else are written."""
    if not found:
        return Stored()
    known = {(row.site, row.path): row for row in await _known(session, found)}
    fresh = [each for each in found if _differs(each, known.get((each.site, each.path)))]
    if not fresh:
        return Stored()
    statement = insert_for(session, Article).values([_row(each, ids, now) for each in fresh])
    told = statement.excluded
    changes = {name: told[name] for name in ("title", "issue", "tags", "published_at", "is_verified", "seen_at")}
    await session.execute(statement.on_conflict_do_update(index_elements=["site", "path"], set_=changes))
    verified = sum((each.site, each.path) in known and known[each.site, each.path].is_verified for each in fresh)
    return Stored(new=len(fresh) - verified, changed=verified)


def _row(told: FeedArticle, ids: Ids, now: datetime) -> dict[str, object]:
    own = {"id": ids.ulid(), "is_verified": True, "seen_at": now}
    return {**msgspec.structs.asdict(told), "tags": list(told.tags), **own}


async def _known(session: AsyncSession, found: Sequence[FeedArticle]) -> Sequence[Article]:
    wanted = select(Article).where(Article.path.in_({each.path for each in found}))
    return (await session.scalars(wanted.execution_options(populate_existing=True))).all()


def _differs(told: FeedArticle, known: Article | None) -> bool:
    if known is None or not known.is_verified:
        return True
    held = (known.title, known.issue, tuple(known.tags), known.published_at)
    return held != (told.title, told.issue, told.tags, told.published_at)


async def _note(session: AsyncSession, action: str, detail: dict[str, object], *, now: datetime) -> None:
    await record(
        session,
        actor_kind="system",
        actor_id=None,
        action=action,
        record_kind=FEED,
        record_id=FEED,
        detail=detail,
        now=now,
    )
