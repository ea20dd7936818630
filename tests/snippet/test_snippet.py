"""What a publisher's own site uses: the Jinja template in any environment, the helper with a dying server, written HTML."""

import ast
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from supporters.snippet import TEMPLATES, fetch, fetch_html, fetching, refresh_html
from supporters.snippet.__main__ import main

WORDS = [
    "how_often", "once", "monthly", "yearly", "how_much_once", "how_much_monthly", "how_much_yearly", "other", "continue",
    "give_once", "give_monthly", "give_yearly", "next", "going", "not_now", "gives", "remind", "remind_note", "email",
    "sign_up", "issue", "error_none", "error_amount", "given", "thanks", "manage", "again", "print",
]  # fmt: skip
NASTY = "<script>alert(1)</script>\"'"


def prompt(**changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "v": 1, "version": 3, "published_at": "2026-11-22T09:36:00Z", "placement": "article-foot", "is_on": True,
        "language": "en-GB", "paper": "The Weekly Lamp", "action": "https://give.example/give", "link": "https://give.example/give",
        "appeal": "general", "heading": "Make a donation", "why": "Help.", "currency_words": "Amount in pounds",
        "frequencies": ["once"], "amounts": {"once": [["5", "£5"], ["10", "£10"]]}, "limits": ["2", "100"], "ticker": None,
        "newsletter": {"slug": "daily", "words": "Sign up", "note": "Every day.", "action": "https://give.example/news"},
        "remind": "https://give.example/remind", "manage": "https://give.example/sign-in",
        "quiet": {"paths": ["/news/funeral"], "tags": ["obituary"], "ranges": []}, "words": {word: word for word in WORDS},
        "script": {"src": "https://give.example/p/v1/prompt.0123456789.js", "integrity": "sha384-x"},
        "colors": {"brand": "#b3141e", "on_brand": "#ffffff"},
    }  # fmt: skip
    return told | changed


class Service:
    """A donation service that can be made to fail in every way."""

    def __init__(self) -> None:
        self.content, self.how, self.asked = prompt(), "well", list[tuple[str, str]]()
        self.pause = 0.3
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.answer(self)

            def log_message(self, *_said: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        known = request.headers.get("If-None-Match", "")
        self.asked.append((request.path, known))
        etag = f'"{self.content["version"]}"'
        if self.how == "slow":
            time.sleep(self.pause)
        body = {"broken": b"{", "strange": b"<h1>Sign in to the hotel</h1>", "other": b'{"v": 9}'}.get(self.how)
        if body is None:
            body = (
                b"<supporter-prompt>v3</supporter-prompt>"
                if ".html" in request.path
                else json.dumps(self.content).encode()
            )
        status = 500 if self.how == "ill" else 304 if known == etag else 200
        request.send_response(status)
        request.send_header("ETag", etag)
        request.send_header("Content-Length", "0" if status == 304 else str(len(body)))
        request.end_headers()
        if status != 304:
            request.wfile.write(body[:10] if self.how == "cut" else body)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_the_present_words_are_fetched_once_a_minute_and_asked_for_by_their_tag(
    service: Service, tmp_path: Path
) -> None:
    cache = tmp_path / "deep" / "foot.json"

    first = fetch(service.url, "article-foot", cache, site="https://paper.example")
    again = fetch(service.url, "article-foot", cache, site="https://paper.example")
    later = fetch(service.url, "article-foot", cache, site="paper.example", max_age=0)

    assert first == again == later == service.content
    path = "/p/v1/article-foot.json?site=paper.example&form=jinja"
    assert service.asked == [(path, ""), (path, '"3"')]


def test_new_words_replace_the_copy(service: Service, tmp_path: Path) -> None:
    cache = tmp_path / "foot.json"
    fetch(service.url, "article-foot", cache)

    service.content = prompt(version=4, heading="Help print issue 2823")

    found = fetch(service.url, "article-foot", cache, max_age=0)
    assert found is not None
    assert found["heading"] == "Help print issue 2823"


@pytest.mark.parametrize("how", ["broken", "strange", "other", "ill", "cut"])
def test_the_last_good_words_stay_when_the_service_is_ill(service: Service, tmp_path: Path, how: str) -> None:
    cache = tmp_path / "foot.json"
    fetch(service.url, "article-foot", cache)
    service.how, service.content = how, prompt(version=4, heading="Never seen")

    found = fetch(service.url, "article-foot", cache, max_age=0)

    assert found == prompt()
    assert fetch(service.url, "article-foot", cache) == prompt()
    assert len(service.asked) == 2, "an ill service is not asked again for a minute"


def test_a_service_that_is_away_costs_two_seconds_once_and_never_an_error(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fetching.TIMEOUT_SECONDS == 2
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.3)
    service.how, service.pause = "slow", 0.6
    started = time.monotonic()

    assert fetch(service.url, "article-foot", tmp_path / "new.json") is None
    assert 0.3 <= time.monotonic() - started < 0.55
    assert fetch(service.url, "article-foot", tmp_path / "new.json") is None
    assert time.monotonic() - started < 0.6
    assert fetch("http://127.0.0.1:1", "article-foot", tmp_path / "other.json") is None
    for wrong in ("file:///etc", "", "http://[", "nonsense"):
        assert fetch(wrong, "article-foot", tmp_path / "wrong.json", max_age=0) is None
    (tmp_path / "locked").write_text("a file, no folder")
    service.how = "well"
    assert fetch(service.url, "article-foot", tmp_path / "locked" / "foot.json") == prompt()


def render(environment: Environment, source: str, **context: Any) -> str:
    head = '{% from "supporters/snippet.html" import article_foot, issue_block, prompt_script %}'
    return environment.from_string(head + source).render(**context)


FOOT = "{{ article_foot(prompt, article=article, issue=issue, title=title, tags=tags, no_ask=no_ask) }}"
ARTICLE: dict[str, Any] = {
    "article": "/news/ferry",
    "issue": "2822",
    "title": "Ferry",
    "tags": ["work"],
    "no_ask": False,
}
ENVIRONMENTS = {
    "folder": Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True),
    "package": Environment(loader=PackageLoader("supporters.snippet", ""), autoescape=True, undefined=StrictUndefined),
    "no escaping": Environment(loader=ChoiceLoader([DictLoader({}), FileSystemLoader(TEMPLATES)]), autoescape=False),
}


@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_every_jinja_shows_the_same_form_and_escapes_every_value(kind: str) -> None:
    nasty = prompt(heading=NASTY, why=NASTY, amounts={"once": [[NASTY, NASTY]]})

    page = render(
        ENVIRONMENTS[kind], FOOT, prompt=nasty, **{**ARTICLE, "article": NASTY, "title": NASTY, "tags": [NASTY]}
    )

    assert page == render(
        ENVIRONMENTS["folder"], FOOT, prompt=nasty, **{**ARTICLE, "article": NASTY, "title": NASTY, "tags": [NASTY]}
    )
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("<form") == page.count("</form>") == 3


def test_the_form_says_where_the_reader_is() -> None:
    page = render(ENVIRONMENTS["folder"], FOOT, prompt=prompt(), **ARTICLE)

    for field in (
        'name="article" value="/news/ferry"',
        'name="issue" value="2822"',
        'name="placement" value="article-foot"',
    ):
        assert field in page
    assert 'data-path="/news/ferry"' in page
    assert " checked" not in page
    assert " style=" not in page
    assert " onclick=" not in page


@pytest.mark.parametrize(
    "told",
    [
        {"no_ask": True}, {"article": "/news/funeral"}, {"article": "https://paper.example/news/funeral?x=1#top"},
        {"tags": ["work", "obituary"]}, {"prompt": None}, {"prompt": prompt(is_on=False)},
    ],
)  # fmt: skip
def test_where_editors_said_no_ask_nothing_is_shown(told: dict[str, Any]) -> None:
    assert render(ENVIRONMENTS["folder"], FOOT, **({"prompt": prompt()} | ARTICLE | told)).strip() == ""


@pytest.mark.parametrize("kind", ENVIRONMENTS)
@pytest.mark.parametrize("article", ["/news/rock&roll", "https://paper.example/news/rock&roll?page=2"])
def test_a_veto_holds_for_an_address_with_characters_that_html_escapes(kind: str, article: str) -> None:
    quiet = {"paths": ["/news/rock&roll"], "tags": [], "ranges": []}
    told = {**ARTICLE, "article": article}

    silent = render(ENVIRONMENTS[kind], FOOT, prompt=prompt(quiet=quiet), **told)
    asking = render(ENVIRONMENTS[kind], FOOT, prompt=prompt(), **told)

    assert silent.strip() == ""
    assert 'data-path="/news/rock&amp;roll"' in asking


def test_an_issue_says_who_paid_for_it_and_the_script_comes_with_its_digest() -> None:
    source = "{{ issue_block(prompt, issue='2822') }}{{ prompt_script(prompt) }}"

    page = render(ENVIRONMENTS["folder"], source, prompt=prompt(placement="issue-page"))

    assert 'data-word="issue"' in page
    assert 'integrity="sha384-x" crossorigin="anonymous"></script>' in page


def test_written_pages_get_the_present_words_between_their_marks(tmp_path: Path) -> None:
    link = '<link rel="canonical" href="https://paper.example/news/ferry">'
    page = link + '<!-- supporters:article-foot issue="2822" -->old<!-- /supporters --><p>Rest.'
    ferry, funeral, other = tmp_path / "ferry.html", tmp_path / "funeral.html", tmp_path / "other.html"
    ferry.write_text(page)
    funeral.write_text(page.replace("/news/ferry", "/news/funeral"))
    other.write_text("<p>No mark.")
    snippets = {"article-foot": "<supporter-prompt><form><!-- supporters:origin --></form></supporter-prompt>"}

    changed = refresh_html([ferry, funeral, other, tmp_path / "gone.html"], snippets, {"article-foot": prompt()})
    again = refresh_html([ferry, funeral, other], snippets, {"article-foot": prompt()})

    assert changed == [str(ferry), str(funeral)]
    assert again == []
    assert '<input type="hidden" name="article" value="https://paper.example/news/ferry">' in ferry.read_text()
    assert '<input type="hidden" name="issue" value="2822">' in ferry.read_text()
    assert ferry.read_text().endswith("<!-- /supporters --><p>Rest.")
    assert "supporter-prompt" not in funeral.read_text()


def test_a_written_page_tells_the_script_its_path_and_tags_for_later_vetoes(tmp_path: Path) -> None:
    page = tmp_path / "ferry.html"
    page.write_text(
        """<!-- supporters:article-foot article="/a&amp;b" tags="rock 'n' roll, &lt;river&gt;" --><!-- /supporters -->"""
    )
    published = render_published()

    refresh_html([page], {"article-foot": published}, {"article-foot": prompt()})

    data = attributes_of(page.read_text())
    assert data["data-path"] == "/a&b"
    assert json.loads(data["data-tags"] or "") == ["rock 'n' roll", "<river>"]


def render_published() -> str:
    return render(ENVIRONMENTS["folder"], "{{ article_foot(prompt) }}", prompt=prompt())


def attributes_of(page: str) -> dict[str, str | None]:
    """What the block of a page says about itself, as a browser reads it."""
    found: list[dict[str, str | None]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append(dict(attrs)) if tag == "supporter-prompt" else None
    parser.feed(page)
    return found[0]


def test_the_command_keeps_the_last_good_words_when_the_service_dies(service: Service, tmp_path: Path) -> None:
    page = tmp_path / "site" / "ferry.html"
    page.parent.mkdir()
    page.write_text("<!-- supporters:article-foot --><!-- /supporters -->")
    told = ["refresh", service.url, str(page.parent), "--site", "paper.example", "--cache", str(tmp_path / "kept")]
    assert main(told) == 0
    filled = page.read_text()
    assert "<supporter-prompt>v3" in filled

    service.how = "ill"

    assert main(told) == 0
    assert page.read_text() == filled
    assert fetch_html(service.url, "article-foot", tmp_path / "kept" / "article-foot.html") is not None


def test_the_helper_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; import supporters.snippet; "
        "print([name for name in sys.modules if name.partition('.')[0] not in sys.stdlib_module_names "
        "and not name.startswith(('supporters', '__'))])"
    )
    told = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, 'src'); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"


def test_while_one_thread_asks_the_others_get_the_copy_at_hand(service: Service, tmp_path: Path) -> None:
    cache = tmp_path / "foot.json"
    fetch(service.url, "article-foot", cache)
    a_minute_ago(cache)
    service.how = "slow"
    started = time.monotonic()

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _number: timed_fetch(service.url, cache), range(8)))

    assert all(told == prompt() for told, _took in found)
    assert sorted(took < 0.2 for _told, took in found) == [False, *[True] * 7]
    assert len(service.asked) == 2
    assert time.monotonic() - started < 1


def test_threads_that_have_nothing_yet_wait_for_the_one_that_asks(service: Service, tmp_path: Path) -> None:
    service.how = "slow"

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _number: timed_fetch(service.url, tmp_path / "foot.json")[0], range(8)))

    assert found == [prompt()] * 8
    assert len(service.asked) == 1


@pytest.mark.parametrize("kind", ["json", "html"])
def test_a_folder_that_takes_no_file_costs_one_question_a_minute_and_no_words(
    service: Service, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "locked").write_text("a file, no folder")
    cache = tmp_path / "locked" / f"foot.{kind}"

    found = [fetch_html(service.url, "article-foot", cache) if kind == "html" else fetch(service.url, "article-foot", cache)
             for _view in range(5)]  # fmt: skip
    service.how = "ill"

    assert found == ["<supporter-prompt>v3</supporter-prompt>" if kind == "html" else prompt()] * 5
    assert len(service.asked) == 1
    if kind == "json":
        assert fetch(service.url, "article-foot", cache, max_age=0) == prompt()


def test_a_fresh_copy_is_used_without_touching_the_disk(service: Service, tmp_path: Path) -> None:
    cache = tmp_path / "foot.json"
    fetch(service.url, "article-foot", cache)
    before = tmp_path.stat().st_mtime_ns, cache.stat().st_mtime_ns

    fetch(service.url, "article-foot", cache)

    assert (tmp_path.stat().st_mtime_ns, cache.stat().st_mtime_ns) == before


def test_a_copy_from_the_future_or_in_pieces_is_renewed(service: Service, tmp_path: Path) -> None:
    ahead, broken = tmp_path / "ahead.json", tmp_path / "broken.json"
    ahead.write_text(json.dumps({"etag": "", "prompt": prompt(heading="Old")}))
    os.utime(ahead, (time.time() + 90_000,) * 2)
    broken.write_text('{"etag"')

    assert fetch(service.url, "article-foot", ahead) == prompt()
    assert fetch(service.url, "article-foot", broken) == prompt()


def test_the_helper_is_written_for_older_pythons_too() -> None:
    for path in Path(TEMPLATES).glob("*.py"):
        source = path.read_text()
        ast.parse(source, feature_version=(3, 8))
        assert " | " not in source or "from __future__ import annotations" in source, path


def a_minute_ago(cache: Path) -> None:
    """The copy was looked after a minute ago, by another process."""
    os.utime(cache, (time.time() - 61,) * 2)
    fetching._copies.clear()


def timed_fetch(url: str, cache: Path) -> tuple[Any, float]:
    started = time.monotonic()
    return fetch(url, "article-foot", cache), time.monotonic() - started
