"""The site's own feed: good ones are read, hostile and broken ones change nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import delete, select

from supporters.appeals.articles import (
    FeedAnswer,
    FeedNews,
    Marks,
    Stored,
    fetch_feed,
    issues_without_record,
    latest_news,
    store_feed,
    titles_at,
)
from supporters.appeals.attribution import note_origin
from supporters.appeals.feed import LARGEST_FEED, FeedArticle, FeedError, issue_in, plain, read_feed
from supporters.appeals.jobs import TIMERS, handlers
from supporters.appeals.models import Article, Attribution
from supporters.appeals.rules import Claim
from supporters.audit.models import AuditEntry
from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import run_due
from supporters.jobs.timers import enqueue_due
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside
from supporters.settings import Settings

ADDRESS = "https://paper.example/feed.xml"
SITES = ("https://paper.example",)


def rss(*items: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>P</title>{"".join(items)}</channel></rss>'.encode()


def item(path: str = "/a", title: str = "A", more: str = "") -> str:
    return f"<item><title>{title}</title><link>https://paper.example{path}</link>{more}</item>"


def read(body: bytes) -> list[FeedArticle]:
    return read_feed(body, address=ADDRESS, sites=SITES)


def test_rss_gives_title_date_tags_and_issue() -> None:
    more = (
        "<pubDate>Sun, 22 Nov 2026 09:00:00 +0100</pubDate><category>Rivers</category><category>Issue 2822</category>"
    )

    found = read(rss(item("/2822/crew", "The crew &amp; the river", more)))

    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    expected = FeedArticle(
        "https://paper.example", "/2822/crew", "The crew & the river", "2822", ("Rivers", "Issue 2822"), at
    )
    assert found == [expected]


def test_atom_gives_the_same_with_relative_links() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><title type="html">The &lt;b&gt;crew&lt;/b&gt;</title>
    <link rel="edit" href="/no"/><link href="2822/crew.html"/><id>x</id><published>2026-11-22T09:00:00Z</published>
    <category term="rivers" label="Rivers"/></entry></feed>"""

    found = read(body)

    assert [(each.path, each.title, each.tags) for each in found] == [("/2822/crew.html", "The crew", ("Rivers",))]
    assert found[0].published_at == datetime(2026, 11, 22, 9, tzinfo=UTC)


TITLES = [
    ("<![CDATA[Mills & <i>docks</i>]]>", "Mills & docks"),
    ("<![CDATA[Mills &amp; docks]]>", "Mills & docks"),
    ("&lt;script&gt;alert(1)&lt;/script&gt;Mills", "Mills"),
    ("&lt;img src=x onerror=alert(1)&gt;Mills", "Mills"),
    ("Mi\u202ells\u200b\n  close", "Mills close"),
    ("5 &amp;lt; 6", "5 < 6"),
    ("=HYPERLINK(1)", "=HYPERLINK(1)"),
    ("M" * 10_240, "M" * 300),
]


@pytest.mark.parametrize(("written", "title"), TITLES)
def test_titles_become_plain_text(written: str, title: str) -> None:
    assert [each.title for each in read(rss(item(title=written)))] == [title]


def test_only_articles_of_our_sites_are_taken_each_once_and_none_without_a_title() -> None:
    elsewhere = "<item><title>X</title><link>https://evil.example/a</link></item>"
    script = "<item><title>X</title><link>javascript:alert(1)</link></item>"
    by_guid = "<item><title>G</title><guid>https://paper.example/g</guid></item>"
    no_link = '<item><title>N</title><guid isPermaLink="false">tag:1</guid></item>'
    twice = item("/a", "Again", "<guid>1</guid>")

    found = read(rss(item("/a?utm_source=rss"), elsewhere, script, by_guid, no_link, twice, item("/t", " ")))

    assert [(each.path, each.title) for each in found] == [("/a", "A"), ("/g", "G")]


@pytest.mark.parametrize(
    ("text", "number"),
    [("Issue 2822", "2822"), ("No. 17", "17"), ("no 17", "17"), ("Reissue 3", None), ("Issue", None), ("Issue 1234567", None)],
)  # fmt: skip
def test_an_issues_number_is_found_in_words(text: str, number: str | None) -> None:
    assert issue_in(text) == number


def test_an_element_may_name_the_issue_and_a_description_may_not() -> None:
    named = item("/a", more="<p:issue xmlns:p='urn:p'>2822</p:issue>")
    told = item("/b", more="<description>see Issue 7</description>")

    assert [each.issue for each in read(rss(named, told))] == ["2822", None]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><item><title>&b;</title><link>https://paper.example/a</link></item></channel></rss>"""
OUTSIDE = b"""<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&x;</title></item></channel></rss>"""
HOSTILE = [
    BOMB,
    OUTSIDE,
    b'<!DOCTYPE rss SYSTEM "http://127.0.0.1/x.dtd"><rss/>',
    b"<rss>" + b"<a>" * 100 + b"</a>" * 100 + b"</rss>",
    b"<rss><channel>" + b"<item/>" * 100_001 + b"</channel></rss>",
    b"<rss><channel><item>",
    b"<html><body>Not found</body></html>",
    b'<?xml version="1.0" encoding="no-such"?><rss/>',
    b"\x00\xff\xfe",
    b"",
    b" " * (LARGEST_FEED + 1),
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_or_broken_feed_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(FeedError) as refused:
        read(body)

    assert str(refused.value)


def test_a_date_that_is_none_is_left_out() -> None:
    for written in ("yesterday", "99999-01-01", "0001-01-01T00:00:00+14:00", ""):
        assert read(rss(item(more=f"<pubDate>{written}</pubDate>")))[0].published_at is None


def test_plain_text_of_nothing_is_nothing() -> None:
    assert plain("<b></b>&nbsp;") == ""


class Site:
    """The paper's site, which serves one feed and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers, self.asked = list(answers), []

    def outside(self) -> Outside:
        def answer(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return self.answers.pop(0)

        return Outside(private_hosts=["127.0.0.1"], transport=httpx.MockTransport(answer))


async def fetch(site: Site, marks: Marks | None = None) -> FeedAnswer:
    return await fetch_feed(site.outside(), "http://127.0.0.1/feed.xml", sites=SITES, marks=marks)


async def test_an_unchanged_feed_is_not_sent_again() -> None:
    site = Site(httpx.Response(200, content=rss(item()), headers={"etag": '"1"'}), httpx.Response(304))

    first = await fetch(site)
    second = await fetch(site, first.marks)

    assert (len(first.articles or []), second.articles, second.problem) == (1, None, "")
    assert second.marks == first.marks
    assert site.asked[1].headers["if-none-match"] == '"1"'


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(500), httpx.Response(301, headers={"location": "/new.xml"}), httpx.Response(200, content=BOMB)],
)
async def test_a_feed_that_cannot_be_used_is_a_problem_in_words(answer: httpx.Response) -> None:
    found = await fetch(Site(answer))

    assert found.articles is None
    assert found.problem


async def stored(db: Database, ids: Ids, clock: FixedClock, answer: FeedAnswer) -> Stored:
    async with db.unit_of_work() as session:
        return await store_feed(session, answer, ids=ids, now=clock.now())


async def titles(db: Database) -> dict[str, str]:
    async with db.reading() as session:
        rows = await session.scalars(select(Article).where(Article.is_verified))
        return {each.path: each.title for each in rows}


async def test_the_feed_gives_titles_to_articles_that_links_had_named(
    db: Database, ids: Ids, clock: FixedClock
) -> None:
    async with db.unit_of_work() as session:
        claim = Claim(site=SITES[0], article_path="/a")
        await note_origin(session, claim, ids=ids, now=clock.now())

    first = await stored(db, ids, clock, FeedAnswer(read(rss(item("/a", "A"), item("/b", "B")))))
    again = await stored(db, ids, clock, FeedAnswer(read(rss(item("/a", "A"), item("/b", "B")))))
    later = await stored(db, ids, clock, FeedAnswer(read(rss(item("/a", "A, corrected")))))

    assert (first, again, later) == (Stored(new=2), Stored(), Stored(changed=1))
    assert await titles(db) == {"/a": "A, corrected", "/b": "B"}
    async with db.reading() as session:
        assert await titles_at(session, [(SITES[0], "/b"), ("https://evil.example", "/a")]) == {(SITES[0], "/b"): "B"}


async def test_a_failing_feed_changes_nothing_and_is_noted_once_until_it_is_well_again(
    db: Database, ids: Ids, clock: FixedClock
) -> None:
    await stored(db, ids, clock, FeedAnswer(read(rss(item()))))
    for _ in range(3):
        await stored(db, ids, clock, FeedAnswer(problem="status 500"))
    async with db.reading() as session:
        broken = await latest_news(session)
    await stored(db, ids, clock, FeedAnswer(None))

    async with db.reading() as session:
        well = await latest_news(session)
        noted = (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))).all()
    assert (broken.problem if broken else None, well.problem if well else None) == ("status 500", "")
    assert noted == ["feed.read", "feed.failed", "feed.read"]
    assert await titles(db) == {"/a": "A"}


async def test_issues_that_only_the_feed_knows_are_named(db: Database, ids: Ids, clock: FixedClock) -> None:
    newest = item("/b", more="<category>Issue 1000</category>")
    await stored(db, ids, clock, FeedAnswer(read(rss(item("/a", more="<category>No. 999</category>"), newest))))

    async with db.reading() as session:
        assert await issues_without_record(session, limit=5) == [("1000", 1), ("999", 1)]


async def test_the_half_hourly_job_reads_the_feed_and_asks_with_what_it_was_told_last(
    db: Database, ids: Ids, clock: FixedClock, settings: Settings
) -> None:
    site = Site(httpx.Response(200, content=rss(item()), headers={"etag": '"1"'}), httpx.Response(304))
    told = replace(settings, feed_urls=("http://127.0.0.1/feed.xml",), site_url=SITES[0])
    jobs = handlers(Backstage(settings=told, ids=ids, clock=clock, outside=site.outside()))

    for _ in range(2):
        async with db.unit_of_work() as session:
            await enqueue_due(session, TIMERS, ids=ids, now=clock.now())
        assert await run_due(db, jobs, clock=clock, ids=ids) == 1
        clock.advance(timedelta(minutes=30))

    assert await titles(db) == {"/a": "A"}
    assert site.asked[1].headers["if-none-match"] == '"1"'


async def test_of_several_feeds_one_that_cannot_be_read_is_named_and_the_others_are_read(
    db: Database, ids: Ids, clock: FixedClock, settings: Settings
) -> None:
    one = Site(httpx.Response(200, content=rss(item()), headers={"etag": '"1"'}), httpx.Response(304))
    broken = Site(httpx.Response(500), httpx.Response(200, content=rss(item("/b", "B"), item("/a", "A again"))))

    def answer(request: httpx.Request) -> httpx.Response:
        site = one if request.url.path == "/one.xml" else broken
        site.asked.append(request)
        return site.answers.pop(0)

    outside = Outside(private_hosts=["127.0.0.1"], transport=httpx.MockTransport(answer))
    feeds = tuple(f"http://127.0.0.1/{name}.xml" for name in ("broken", "one"))
    told = replace(settings, feed_urls=feeds, site_url=SITES[0])
    jobs = handlers(Backstage(settings=told, ids=ids, clock=clock, outside=outside))
    news: list[FeedNews | None] = []

    for _ in range(2):
        async with db.unit_of_work() as session:
            await enqueue_due(session, TIMERS, ids=ids, now=clock.now())
        assert await run_due(db, jobs, clock=clock, ids=ids) == 1
        clock.advance(timedelta(minutes=30))
        async with db.reading() as session:
            news.append(await latest_news(session))

    assert [(each.problem, each.new, each.changed) for each in news if each] == [
        ("http://127.0.0.1/broken.xml: 127.0.0.1 answered with status 500.", 1, 0),
        ("", 1, 1),
    ]
    assert await titles(db) == {"/a": "A again", "/b": "B"}
    assert [[request.headers.get("if-none-match") for request in site.asked] for site in (one, broken)] == [
        [None, '"1"'],
        [None, None],
    ]


async def test_without_a_feed_in_the_settings_the_job_calls_nobody(
    db: Database, ids: Ids, clock: FixedClock, settings: Settings
) -> None:
    site = Site()
    jobs = handlers(Backstage(settings=settings, ids=ids, clock=clock, outside=site.outside()))
    async with db.unit_of_work() as session:
        await enqueue_due(session, TIMERS, ids=ids, now=clock.now())

    await run_due(db, jobs, clock=clock, ids=ids)

    assert site.asked == []
    async with db.reading() as session:
        assert await latest_news(session) is None


async def test_an_article_that_only_a_purged_attempt_had_named_goes_and_a_verified_one_stays(
    db: Database, ids: Ids, clock: FixedClock, settings: Settings
) -> None:
    await stored(db, ids, clock, FeedAnswer(read(rss(item("/verified")))))
    async with db.unit_of_work() as session:
        for path in ("/purged", "/named"):
            await note_origin(session, Claim(site=SITES[0], article_path=path), ids=ids, now=clock.now())
        await session.execute(delete(Attribution).where(Attribution.article_path == "/purged"))
    clock.advance(timedelta(days=32))
    async with db.unit_of_work() as session:
        await enqueue_due(session, TIMERS, ids=ids, now=clock.now())

    await run_due(
        db, handlers(Backstage(settings=settings, ids=ids, clock=clock, outside=Site().outside())), clock=clock, ids=ids
    )

    async with db.reading() as session:
        assert sorted(await session.scalars(select(Article.path))) == ["/named", "/verified"]
