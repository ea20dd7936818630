"""The first appeal, its ladders, and what an address may claim."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from supporters.appeals.actions import ensure_general
from supporters.appeals.attribution import note_origin
from supporters.appeals.models import Appeal, Attribution, Fund
from supporters.appeals.queries import appeals_by_id, fund_names, published_appeal
from supporters.appeals.rules import Claim, appeal_slug, clean_claim, default_amounts, find_article
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids

SITE = "https://www.weeklylamp.example"


async def test_general_appeal_is_seeded_once_even_by_two_at_once(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def seed() -> None:
        async with db.unit_of_work() as session:
            await ensure_general(session, currency="GBP", ids=ids, now=clock.now())

    await asyncio.gather(*(seed() for _ in range(6)))

    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Fund)) == 1
        assert await session.scalar(select(func.count()).select_from(Appeal)) == 1
        view = await published_appeal(session, "general")
        assert list((await fund_names(session)).values()) == ["General fund"]
        assert list((await appeals_by_id(session)).values()) == [view]
    assert view is not None
    assert (view.heading, view.currency) == ("Help fund the paper", "GBP")
    assert view.amounts == {
        "once": (500, 1000, 2500, 5000),
        "monthly": (300, 500, 1000, 2000),
        "yearly": (2500, 5000, 10000, 20000),
    }


async def test_what_staff_changed_stays_and_unpublished_is_not_shown(db: Database, ids: Ids, clock: FixedClock) -> None:
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=clock.now())
        await session.execute(update(Appeal).values(heading="Winter appeal", is_published=False))
        await ensure_general(session, currency="GBP", ids=ids, now=clock.now())

    async with db.reading() as session:
        assert await session.scalar(select(Appeal.heading)) == "Winter appeal"
        assert await published_appeal(session, "general") is None


async def test_appeal_is_open_from_its_start_until_its_end(db: Database, ids: Ids, clock: FixedClock) -> None:
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=clock.now())
        view = await published_appeal(session, "general")
    assert view is not None
    now, hour = clock.now(), timedelta(hours=1)
    dated = msgspec.structs.replace(view, starts_at=now, ends_at=now + hour)

    assert view.is_open(now)
    assert [dated.is_open(at) for at in (now - hour, now, now + hour)] == [False, True, False]


@pytest.mark.parametrize(
    ("currency", "once"),
    [("GBP", [500, 1000, 2500, 5000]), ("JPY", [500, 1000, 2500, 5000]), ("KWD", [5000, 10000, 25000, 50000]),
     ("ISK", [50000, 100000, 250000, 500000])],
)  # fmt: skip
def test_ladders_have_the_currencys_own_units(currency: str, once: list[int]) -> None:
    assert default_amounts(currency)["once"] == once


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("/2026/mills-close", "/2026/mills-close"),
        (f"{SITE}/2026/mills-close?x=1#y", "/2026/mills-close"),
        ("https://evil.example/2026", None),
        ("//evil.example/2026", None),
        ("javascript:alert(1)", None),
        ("2026/mills", None),
        ("/a\u202eb\x00c\r\nd", "/abc d"),
        ("/" + "x" * 900, "/" + "x" * 499),
        ("\\\\evil.example\\x", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_article_is_a_path_of_this_site(typed: str, path: str | None) -> None:
    assert find_article(typed, sites=[SITE]) == (path and (SITE, path))


@pytest.mark.parametrize(
    ("typed", "slug"), [("winter-2026", "winter-2026"), ("Winter", "winter"), ("../x", None), ("a b", None), ("", None)]
)
def test_slug_of_an_appeal(typed: str, slug: str | None) -> None:
    assert appeal_slug(typed) == slug


def test_claim_is_clamped_and_keeps_only_known_fields() -> None:
    claim = clean_claim(
        {"issue": " 2822 ", "source": "s" * 500, "utm_source": "mail", "utm_evil": "x", "article": "/a"},
        sites=[SITE],
        referrer="https://News.Example/deep/path?secret=1",
    )

    assert claim == Claim(
        site=SITE,
        article_path="/a",
        issue="2822",
        source="s" * 60,
        utm={"utm_source": "mail"},
        referrer_host="news.example",
    )


@given(st.dictionaries(st.sampled_from(["article", "issue", "appeal", "source", "variant", "utm_term"]), st.text()))
def test_no_address_breaks_a_claim(fields: dict[str, str]) -> None:
    claim = clean_claim(fields, sites=[SITE], referrer=fields.get("article"))

    assert len(claim.article_path or "") <= 500
    assert len(claim.issue or "") <= 20
    assert all(ord(char) >= 32 for char in claim.source or "")


async def test_origin_is_stored_as_a_claim(db: Database, ids: Ids, clock: FixedClock) -> None:
    async with db.unit_of_work() as session:
        origin_id = await note_origin(session, Claim(article_path="/a", issue="2822"), ids=ids, now=clock.now())

    async with db.reading() as session:
        origin = await session.get_one(Attribution, origin_id)
    assert (origin.article_path, origin.issue, origin.is_claimed, origin.utm) == ("/a", "2822", True, {})
