"""What a link may say of where a reader came from, and what of it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from giving import form, open_house
from supporters.appeals.attribution import (
    article_url,
    note_origin,
    origin_signer,
    read_origin,
    sign_origin,
    whole_address,
)
from supporters.appeals.models import Article, Attribution
from supporters.appeals.rules import ORIGIN_FIELDS, Claim, clean_claim, find_article
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings

SITES = ("https://paper.example/news/", "http://127.0.0.1:8401", "https://www.zine.example:8443")
SIGNER = origin_signer("a-secret-of-more-than-thirty-two-characters")
PRINT = {"issue": "2822", "placement": "print", "source": "print"}

PLACES = [
    ("https://paper.example/2026/a", ("https://paper.example", "/2026/a")),
    ("http://paper.example:443/a", None),
    ("http://paper.example/a", ("https://paper.example", "/a")),
    ("https://paper.example:443/a", ("https://paper.example", "/a")),
    ("HTTPS://PAPER.example/a?x=1#y", ("https://paper.example", "/a")),
    ("http://127.0.0.1:8401/a.html", ("http://127.0.0.1:8401", "/a.html")),
    ("http://127.0.0.1:8402/a.html", None),
    ("https://www.zine.example:8443/b", ("https://www.zine.example:8443", "/b")),
    ("https://paper.example.evil.example/a", None),
    ("https://paper.example@evil.example/a", None),
    ("https://evil.example\\@paper.example/a", None),
    ("//evil.example/a", None),
    ("///evil.example/a", ("https://paper.example", "/evil.example/a")),
    ("ftp://paper.example/a", None),
    ("https:paper.example/a", None),
    ("data:text/html,/a", None),
    ("https://paper.example:0/a", None),
    ("https://paper.example:99999/a", None),
    ("/a", ("https://paper.example", "/a")),
    ("/a\u202e\u2066b\x00", ("https://paper.example", "/ab")),
    ("/<script>alert(1)</script>", ("https://paper.example", "/<script>alert(1)</script>")),
    ("/" + "ü" * 10_240, ("https://paper.example", "/" + "ü" * 499)),
]


@pytest.mark.parametrize(("said", "place"), PLACES)
def test_an_article_lies_on_one_of_our_sites_or_nowhere(said: str, place: tuple[str, str] | None) -> None:
    assert find_article(said, sites=SITES) == place


def test_a_bare_path_belongs_to_the_site_that_the_reader_came_from() -> None:
    claim = clean_claim({"article": "/b"}, sites=SITES, referrer="https://www.zine.example/some/page")

    assert (claim.site, claim.article_path, claim.referrer_host) == ("https://www.zine.example:8443", "/b", None)


@pytest.mark.parametrize(
    ("text", "origin", "address"),
    [
        ("/b", "https://www.zine.example:8443", "https://www.zine.example:8443/b"),
        ("/b", "https://evil.example", "/b"),
        ("/b", "", "/b"),
        ("//evil.example/b", "https://paper.example", "//evil.example/b"),
        ("https://paper.example/b", "https://www.zine.example:8443", "https://paper.example/b"),
    ],
)
def test_a_bare_path_belongs_to_the_site_of_ours_that_sent_the_form(text: str, origin: str, address: str) -> None:
    assert whole_address(text, origin=origin, sites=SITES) == address


def test_only_an_address_of_ours_is_made_of_what_is_stored() -> None:
    assert article_url("https://paper.example", "/a b/ü", sites=SITES) == "https://paper.example/a%20b/%C3%BC"
    assert article_url(None, "/a", sites=SITES) == "https://paper.example/a"
    assert article_url("https://evil.example", "/a", sites=SITES) is None
    assert article_url("https://paper.example", "javascript:1", sites=SITES) is None
    assert article_url("https://paper.example", None, sites=SITES) is None


OWN = ["paper.example", "www.paper.example", "PAPER.EXAMPLE", "zine.example"]


@pytest.mark.parametrize("host", OWN)
def test_a_link_of_our_own_sites_is_no_origin_and_overwrites_none(host: str) -> None:
    inside = {"article": "/a", "via": host, "utm_source": host, "utm_campaign": "box"}

    claim = clean_claim(inside, sites=SITES, referrer=f"https://{host}/front")
    outside = clean_claim({**inside, "via": "fedi.example"}, sites=SITES, referrer=f"https://{host}/front")

    assert (claim.via, claim.utm, claim.referrer_host, claim.first_touch) == (None, {}, None, None)
    assert (outside.first_touch, outside.referrer_host) == ({"via": "fedi.example"}, None)


def test_what_brought_the_reader_to_the_article_is_the_first_touch_and_the_article_the_last() -> None:
    fields = {
        "article": "/a",
        "placement": "article-foot",
        "via": "Fedi.Example",
        "utm_source": "toot",
        "source": "foot",
    }

    claim = clean_claim(fields, sites=SITES, referrer="https://paper.example/a")

    assert claim.first_touch == {"via": "fedi.example", "utm": {"utm_source": "toot"}}
    assert (claim.article_path, claim.placement, claim.source) == ("/a", "article-foot", "foot")


VIAS = ["https://fedi.example/path?secret=1", "fedi.example/x", "a b", "<b>", "x" * 300, "fedi.example:99999", "[::1"]


@pytest.mark.parametrize("via", VIAS)
def test_via_is_a_host_and_nothing_else(via: str) -> None:
    found = clean_claim({"via": via}, sites=SITES).via

    assert found in {None, "fedi.example", "https"}
    assert "secret" not in (found or "")


def test_a_link_that_we_signed_is_believed() -> None:
    claim = read_origin(SIGNER, sign_origin(SIGNER, PRINT), sites=SITES)

    assert (claim.is_claimed, claim.issue, claim.placement) == (False, "2822", "print")


FORGED = [
    {"issue": "2823"},
    {"article": "/a"},
    {"utm_source": "mallory"},
    {"via": "evil.example"},
    {"placement": "article-foot"},
    {"sig": ""},
    {"sig": "x"},
    {"sig": "é\u202e" * 5000},
]


@pytest.mark.parametrize("change", FORGED)
def test_a_signed_link_that_was_changed_is_a_claim(change: dict[str, str]) -> None:
    claim = read_origin(SIGNER, {**sign_origin(SIGNER, PRINT), **change}, sites=SITES)

    assert claim.is_claimed


def test_a_link_signed_with_another_secret_or_for_another_purpose_is_a_claim() -> None:
    other = origin_signer("another-secret-of-more-than-thirty-two-chars")

    assert read_origin(SIGNER, sign_origin(other, PRINT), sites=SITES).is_claimed
    assert read_origin(SIGNER, PRINT, sites=SITES).is_claimed


def test_the_appeal_is_no_part_of_the_signature() -> None:
    signed = sign_origin(SIGNER, {**PRINT, "appeal": "winter"})

    assert not read_origin(SIGNER, {**signed, "appeal": ""}, sites=SITES).is_claimed


@given(st.dictionaries(st.sampled_from([*ORIGIN_FIELDS, "appeal"]), st.text(max_size=600)), st.text(max_size=80))
def test_nothing_that_an_address_says_breaks_or_is_believed(fields: dict[str, str], referrer: str) -> None:
    claim = read_origin(SIGNER, fields, sites=SITES, referrer=referrer)

    said = [
        claim.issue,
        claim.placement,
        claim.variant,
        claim.source,
        claim.via,
        claim.article_path,
        *claim.utm.values(),
    ]
    assert claim.is_claimed
    assert all(len(each) <= 500 and each.isprintable() for each in said if each)
    assert claim.site in {None, "https://paper.example"}


async def test_an_article_that_only_a_link_names_is_on_record_once_without_a_title(
    db: Database, ids: Ids, clock: FixedClock
) -> None:
    claim = Claim(site="https://paper.example", article_path="/<b>we close</b>", via="fedi.example", is_claimed=False)
    async with db.unit_of_work() as session:
        first = await note_origin(session, claim, ids=ids, now=clock.now())
        await note_origin(session, claim, ids=ids, now=clock.now())

    async with db.reading() as session:
        articles = (await session.scalars(select(Article))).all()
        origin = await session.get_one(Attribution, first)
    assert [(each.path, each.title, each.is_verified) for each in articles] == [("/<b>we close</b>", "", False)]
    assert (origin.article_id, origin.site) == (articles[0].id, "https://paper.example")
    assert (origin.first_touch, origin.is_claimed) == ({"via": "fedi.example"}, False)


async def test_an_origin_without_an_article_makes_none(db: Database, ids: Ids, clock: FixedClock) -> None:
    async with db.unit_of_work() as session:
        await note_origin(session, Claim(issue="2822"), ids=ids, now=clock.now())
        await session.execute(delete(Attribution).where(Attribution.issue.is_(None)))

    async with db.reading() as session:
        assert (await session.scalars(select(Article))).all() == []
        assert (await session.scalars(select(Attribution.issue))).all() == ["2822"]


async def test_a_later_revision_of_an_attempt_keeps_what_brought_the_reader_first(
    sqlite_db: Database, settings: Settings, clock: FixedClock, ids: Ids
) -> None:
    first = Claim(site=SITES[1], article_path="/a", via="fedi.example")
    later = Claim(article_path="/b", source="foot")
    async with open_house(sqlite_db, settings, clock, ids) as house:
        attempt_id = ids.ulid()

        await house.give(form(10, origin=first), attempt_id=attempt_id)
        await house.give(form(25, origin=later), attempt_id=attempt_id)

        donations, origins = await house.donations(), await house.rows(Attribution)
    assert [(each.revision, each.amount_minor) for each in donations] == [(2, 2500)]
    assert [(each.article_path, each.first_touch) for each in origins] == [("/a", {"via": "fedi.example"})]
