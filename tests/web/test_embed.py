"""What any site may load: headers, validators, CORS, words for programs, and which site shows what."""

import base64
import gzip
import hashlib
import json
from datetime import timedelta

import brotli
import httpx
import pytest

from supporters.kit.errors import DatabaseBusy
from supporters.prompts.jobs import all_files
from supporters.prompts.models import Placement
from supporters.prompts.placements import ensure_placements
from supporters.prompts.script import prompt_script, script_of
from supporters.prompts.sightings import sites_seen
from supporters.web.common.publishing import publish_all, publish_prompts
from whole import Whole

JSON = "/p/v1/article-foot.json"
ORIGINS = (
    "https://weeklylamp.example",
    "https://evil.example",
    "https://weeklylamp.example.evil.example",
    "https://notweeklylamp.example",
    "http://127.0.0.1:1",
    "null",
)


@pytest.fixture
async def embed(site: Whole) -> Whole:
    async with site.db.unit_of_work() as session:
        await ensure_placements(session, now=site.clock.now())
        await publish_all(session, settings=site.settings, ids=site.ids, now=site.clock.now())
    return site


async def get(site: Whole, path: str, *, method: str = "GET", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=site.app)
    async with httpx.AsyncClient(transport=transport, base_url=site.settings.base_url) as client:
        return await client.request(method, path, headers={"accept-encoding": "identity", **headers})


async def test_the_published_file_may_be_kept_for_a_minute_by_anyone(embed: Whole) -> None:
    found = await get(embed, JSON)

    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    assert found.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=600"
    assert found.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in found.headers
    assert found.json()["placement"] == "article-foot"


async def test_whoever_has_the_file_is_told_so_in_no_bytes(embed: Whole) -> None:
    etag = (await get(embed, JSON)).headers["etag"]

    for told in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await get(embed, JSON, **{"if-none-match": told})
        assert (again.status_code, again.content) == (304, b""), told
        assert again.headers["etag"] == etag
    assert (await get(embed, JSON, **{"if-none-match": '"other"'})).status_code == 200


async def test_the_same_bytes_come_packed_to_whoever_takes_gzip(embed: Whole) -> None:
    plain = await get(embed, JSON)

    packed = await get(embed, JSON, **{"accept-encoding": "br, gzip;q=0.8"})
    refused = await get(embed, JSON, **{"accept-encoding": "gzip;q=0"})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "content-encoding" not in refused.headers


async def test_head_gives_the_headers_of_get_and_no_body(embed: Whole) -> None:
    whole, head = await get(embed, JSON), await get(embed, JSON, method="HEAD")

    assert head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_every_site_may_read_published_files_and_nothing_else(embed: Whole, origin: str) -> None:
    for path in (JSON, "/p/v1/article-foot.html", "/p/v1/prompt.js"):
        found = await get(embed, path, origin=origin)
        assert found.headers["access-control-allow-origin"] == "*", path
        assert "access-control-allow-credentials" not in found.headers
    for path in ("/give", "/remind", "/desk/sign-in", "/health"):
        assert "access-control-allow-origin" not in (await get(embed, path, origin=origin)).headers, path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_published_file_takes_nothing(embed: Whole, method: str) -> None:
    found = await get(embed, JSON, method=method, **{"sec-fetch-site": "same-origin"})

    assert found.status_code == 405
    assert found.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "name",
    ["nobody.json", "article-foot", "article-foot.xml", ".json", "prompt.0000000000.js", "ä.json", "a" * 900 + ".json"],
)
async def test_an_unknown_name_is_404_in_json_words(embed: Whole, name: str) -> None:
    found = await get(embed, f"/p/v1/{name}")

    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["detail"]


async def test_the_script_is_kept_for_ever_under_its_name_and_a_minute_under_the_short_one(embed: Whole) -> None:
    named = (await get(embed, JSON)).json()["script"]

    immutable = await get(embed, named["src"].removeprefix(embed.settings.base_url))
    short = await get(embed, "/p/v1/prompt.js")

    assert immutable.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert short.headers["cache-control"].startswith("public, max-age=60")
    digest = base64.b64encode(hashlib.sha384(immutable.content).digest()).decode()
    assert named["integrity"] == f"sha384-{digest}"
    assert immutable.content == short.content


def test_the_script_is_small_and_asks_nobody_else() -> None:
    script = prompt_script()

    assert len(brotli.compress(script.body, quality=11)) <= 2_500
    assert gzip.decompress(script.packed) == script.body
    text = script.body.decode()
    for forbidden in ("http:", "https:", "document.cookie", "innerHTML", "eval", "Function(", "import "):
        assert forbidden not in text, forbidden
    assert text.startswith("//# allFunctionsCalledOnLoad\n")  # so that the browser reads it beside the page's own work


async def test_a_site_of_ours_is_seen_with_its_version_at_most_once_a_minute(embed: Whole) -> None:
    host = embed.settings.site_url.partition("://")[2]
    for _time in range(3):
        await get(embed, f"{JSON}?site={host}&form=jinja")
        embed.clock.advance(timedelta(seconds=25))

    async with embed.db.reading() as session:
        seen = await sites_seen(session)

    assert [(row.site, row.placement, row.form, row.version) for row in seen] == [(host, "article-foot", "jinja", 1)]
    assert seen[0].last_at == seen[0].first_at
    await get(embed, f"{JSON}?site={host}&form=jinja")
    async with embed.db.reading() as session:
        assert (await sites_seen(session))[0].last_at == seen[0].first_at + timedelta(seconds=75)


@pytest.mark.parametrize(
    "query", ["site=evil.example&form=jinja", "site={host}&form=telepathy", "site={host}", "&" * 500, "site=%ff"]
)
async def test_a_stranger_is_not_seen(embed: Whole, query: str) -> None:
    host = embed.settings.site_url.partition("://")[2]

    found = await get(embed, f"{JSON}?{query.replace('{host}', host)}")

    assert found.status_code == 200
    async with embed.db.reading() as session:
        assert await sites_seen(session) == []


async def test_a_stampede_after_a_change_reads_the_database_once(embed: Whole) -> None:
    import asyncio

    house, loads = embed.app.state.house, 0
    values = house.prompts._values
    load = values._load

    async def counted(key: str) -> object:
        nonlocal loads
        loads += 1
        return await load(key)

    values._load = counted
    house.prompts.forget()
    answers = await asyncio.gather(*(get(embed, JSON) for _ in range(60)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert loads == 1


async def test_a_thousand_invented_names_cost_one_question_a_second_and_push_nothing_out(embed: Whole) -> None:
    house, asked = embed.app.state.house, count_readings(embed)
    before = (await get(embed, JSON)).headers["etag"]
    asked.clear()

    for number in range(600):
        assert await house.prompts.get(f"invented-{number}") is None
        assert await house.scripts.get(f"prompt.{number:010}.js") is None
    found = await get(embed, JSON)

    assert found.headers["etag"] == before
    assert len(asked) == 1, "the scripts' names were asked for once, the placements' had been read within the second"
    embed.clock.advance(timedelta(seconds=1))
    assert (await get(embed, "/p/v1/invented.json")).status_code == 404
    assert len(asked) == 2


async def test_a_new_place_on_the_site_is_served_a_second_later(embed: Whole) -> None:
    assert (await get(embed, "/p/v1/home-page.json")).status_code == 404

    async with embed.db.unit_of_work() as session:
        now = embed.clock.now()
        session.add(
            Placement(
                code="home-page", title="Home", appeal_slug="general", newsletter_slug=None, heading="", is_on=True,
                changed_at=now,
            )
        )  # fmt: skip
        await session.flush()
        await publish_all(session, settings=embed.settings, ids=embed.ids, now=now)
    embed.clock.advance(timedelta(seconds=1))

    assert (await get(embed, "/p/v1/home-page.json")).json()["placement"] == "home-page"


async def test_a_script_of_an_earlier_release_is_served_under_its_name_for_ever(
    embed: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    pasted = (await get(embed, JSON)).json()["script"]
    path = pasted["src"].removeprefix(embed.settings.base_url)
    before = await get(embed, path)

    newer = script_of(b"// a later release\n")
    for module in ("prompts.publish", "prompts.jobs", "web.embed.files"):
        monkeypatch.setattr(f"supporters.{module}.prompt_script", lambda: newer)
    async with embed.db.unit_of_work() as session:
        await publish_all(session, settings=embed.settings, ids=embed.ids, now=embed.clock.now())
        on_disk = await all_files(session)
    embed.app.state.house.prompts.forget()

    assert (await get(embed, JSON)).json()["script"]["src"].endswith(newer.name)
    assert (await get(embed, f"/p/v1/{newer.name}")).content == newer.body
    after = await get(embed, path)
    assert (after.status_code, after.content) == (200, before.content)
    assert after.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert after.headers["etag"] == before.headers["etag"]
    assert (await get(embed, "/p/v1/prompt.js")).content == newer.body
    assert on_disk[path.rpartition("/")[2]] == before.content


async def test_words_in_the_cache_bridge_a_busy_database_even_after_a_change(embed: Whole) -> None:
    house = embed.app.state.house
    before = await get(embed, JSON)

    async def busy(_key: str) -> None:
        raise DatabaseBusy("busy")

    house.prompts._values._load = busy
    house.prompts.forget()

    assert (await get(embed, JSON)).content == before.content
    assert (await get(embed, "/p/v1/issue-page.json")).status_code == 503, "never read before, so nobody can say"


async def test_a_fault_of_ours_is_a_page_with_a_reference_and_every_header(embed: Whole) -> None:
    good = await get(embed, JSON)

    async def broken(_key: str) -> None:
        raise RuntimeError("a secret")

    house = embed.app.state.house
    house.prompts._values._load = broken
    house.prompts.forget()
    found = await get(embed, JSON)

    assert found.status_code == 500
    assert "E-" in found.text
    assert "secret" not in found.text
    always = {"content-security-policy", "x-content-type-options", "referrer-policy", "permissions-policy"}
    assert always <= set(found.headers) & set(good.headers)


async def test_a_reader_who_comes_before_the_commit_does_not_keep_the_old_words(embed: Whole) -> None:
    before = (await get(embed, JSON)).json()

    async with embed.db.unit_of_work() as session:
        foot = await session.get_one(Placement, "article-foot")
        foot.heading = "Keep the presses running"
        await session.flush()
        await publish_prompts(embed.app.state.house, session)
        meanwhile = (await get(embed, JSON)).json()
    after = (await get(embed, JSON)).json()

    assert meanwhile["heading"] == before["heading"]
    assert after["heading"] == "Keep the presses running"


def count_readings(site: Whole) -> list[str]:
    """Grows by one with every question that the service asks the database in order to read."""
    asked: list[str] = []
    house, reading = site.app.state.house, site.app.state.house.db.reading

    def counted() -> object:
        asked.append("reading")
        return reading()

    house.db.reading = counted
    return asked


async def test_files_hold_no_personal_data_and_no_secret(embed: Whole) -> None:
    text = json.dumps((await get(embed, JSON)).json())

    assert embed.settings.secret_key not in text
    assert "whsec_" not in text
    assert "sk_test" not in text
