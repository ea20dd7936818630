"""The sample sites: built from the examples, served as files and nothing else, the last pages kept whatever goes wrong."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from supporters.appeals.feed import read_feed
from supporters.cli import cli
from supporters.demo import sample
from supporters.demo.banker import Days
from supporters.demo.examples import Examples, Origins
from supporters.demo.processes import HOST
from supporters.demo.run import Ports, addresses
from supporters.demo.sites import StaticSite
from supporters.settings import Settings
from whole import free_port

ORIGINS = Origins(f"http://{HOST}:{free_port()}", "http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")


@pytest.fixture(scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """The three sites, built when nobody has ever told them what to ask."""
    examples = Examples(tmp_path_factory.mktemp("sites"), ORIGINS)
    examples.prepare()
    assert not await examples.renew()
    return examples


@pytest.fixture
async def reader(built: Examples) -> AsyncIterator[httpx.AsyncClient]:
    site = StaticSite(lambda: built.roots["strict"], policy=built.policy())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://127.0.0.1:3") as client:
        yield client


async def test_sites_are_whole_before_the_service_ever_answered(built: Examples) -> None:
    pages = {name: (built.roots[name] / path).read_text() for name, path in articles().items()}

    for name, page in pages.items():
        assert "<h1>" in page, name
        assert "Issue 2822" in page, name
        assert ".pdf" in page, name
        assert "<figcaption>" in page, name
        assert f"{ORIGINS.give}/news" in page, name
        assert "Latest news" in page, name
        assert "weeklylamp.example/" not in page, name  # every address is one of this machine
        assert "<supporter-prompt" not in page, name


async def test_pictures_and_pdfs_are_there(built: Examples) -> None:
    site = built.roots["pelican"]

    assert [(site / f"pdf/issue-{number}.pdf").read_bytes()[:5] for number, *_rest in sample.ISSUES] == [b"%PDF-"] * 4
    assert all((site / article.path.strip("/")).is_file() for article in sample.ARTICLES)
    assert (built.roots["plain"] / sample.TIDES.path.strip("/")).is_file()


async def test_feed_names_every_article_with_its_issue(built: Examples) -> None:
    body = (built.roots["pelican"] / "feed.xml").read_bytes()

    found = {each.path: each.issue for each in read_feed(body, address=ORIGINS.pelican, sites=[ORIGINS.pelican])}

    assert {article.path: article.issue for article in sample.ARTICLES}.items() <= found.items()


async def test_feeds_of_the_two_other_sites_name_their_articles_at_this_machines_addresses(built: Examples) -> None:
    found = {
        (name, each.path, each.title, each.issue)
        for name in ("plain", "strict")
        for each in read_feed(
            (built.roots[name] / "feed.xml").read_bytes(), address=f"{getattr(ORIGINS, name)}/feed.xml", sites=ORIGINS
        )
        if each.site == getattr(ORIGINS, name)
    }

    assert ("plain", sample.TIDES.path, "Tide tables, written by hand", "2822") in found
    assert ("strict", "/", "What the county answered", "2822") in found
    for name, path, _title, _issue in found:
        assert (built.roots[name] / (path.strip("/") or "index.html")).is_file(), path


async def test_strict_site_sends_its_policy_with_every_page(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/")

    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; ")
    assert f"form-action {ORIGINS.give}; script-src {ORIGINS.give};" in policy
    assert "unsafe" not in policy
    assert 'style="' not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/nowhere.html", "/refresh.py", "/policy.txt", "/.snippet/article-foot.json", "/files", "/%2e%2e/plain/x.html"],
)
async def test_only_pages_and_pictures_are_served(reader: httpx.AsyncClient, path: str) -> None:
    assert (await reader.get(path)).status_code == 404


async def test_only_reading_is_answered(reader: httpx.AsyncClient) -> None:
    head = await reader.head("/")

    assert (head.status_code, head.content) == (200, b"")
    assert (await reader.post("/")).status_code == 404


async def test_build_that_fails_leaves_the_pages_that_stand(built: Examples) -> None:
    conf = built.roots["pelican"].parent / "pelican" / "pelicanconf.py"
    before, good = built.roots["pelican"], conf.read_text()
    conf.write_text("raise SystemExit(1)")
    try:
        built.forget()
        await built.renew()
    finally:
        conf.write_text(good)

    assert built.roots["pelican"] == before
    assert (before / "index.html").is_file()


@pytest.mark.parametrize(("found", "said"), [(None, "pip install 'supporters[demo]'"), (object(), sample.FERRY.path)])
def test_demo_without_pelican_says_that_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, found: object, said: str
) -> None:
    monkeypatch.setattr("supporters.demo.examples.find_spec", lambda _name: found)

    days = Days(date(2026, 10, 17), date(2026, 10, 31))
    told = dict(addresses(settings, Ports(1, 2, 3, 4, 5, 6), days))

    assert said in told["Article"]
    assert "/_control/bank/statement.csv?from=2026-10-17&to=2026-10-31 " in told["Statement"]
    assert told["Strict site"] == "http://127.0.0.1:6/"


def test_demo_without_its_packages_says_which_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("supporters.cli.find_spec", lambda _name: None)

    done = CliRunner().invoke(cli, ["demo", "--data-dir", str(tmp_path / "never")])

    assert done.exit_code == 1
    assert "pip install 'supporters[demo]'" in done.output
    assert not (tmp_path / "never").exists()


def articles() -> dict[str, str]:
    """One article of each site."""
    return {"pelican": sample.FERRY.path.strip("/"), "plain": sample.TIDES.path.strip("/"), "strict": "index.html"}
