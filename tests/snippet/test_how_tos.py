"""The lines that the desk and README tell a site to write: each run, as they stand there, in the framework they are for."""

import asyncio
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as django_settings
from flask import Flask, render_template
from jinja2 import Environment, FileSystemLoader
from litestar import Litestar, get
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.template import TemplateConfig
from litestar.testing import TestClient
from test_snippet import prompt

from supporters.web.desk.snippets import how_tos, jinja

CODE, BASE = "article-foot", "http://127.0.0.1:9"  # nobody listens there: the words come from the last good copy
WHY = "Help <the> & paper."
ABOUT = {"page_address": "https://paper.example/ferry.html", "issue_number": "2822", "tags": ["work"], "no_ask": False}
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(autouse=True)
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a site, with its article's template and the copy that its last call left."""
    monkeypatch.chdir(tmp_path)
    page = f"<title>{{{{ title }}}}</title>{jinja(CODE)}"
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "article.html").write_text(page, "utf-8")
    (tmp_path / "cache").mkdir()
    copy = {"etag": '"3"', "prompt": prompt(why=WHY)}
    (tmp_path / "cache" / "article_foot.json").write_text(json.dumps(copy), "utf-8")
    return tmp_path


def lines_of(name: str) -> tuple[str, str]:
    """What the desk shows for that framework: where the application is made, and in the view."""
    (text,) = [each.text for each in how_tos(CODE, BASE) if each.title == name]
    made, _mark, seen = text.partition("# in the ")
    return made, seen.partition("\n")[2]


def view_of(lines: str, answer: str, *, given: dict[str, Any], begin: str = "def") -> Callable[[], Any]:
    """The lines in a function, as in a view, that returns `answer`."""
    exec(f"{begin} view():\n    context = {{}}\n{indent(lines, '    ')}\n    return {answer}", given)
    return given["view"]


def assert_asks(page: str) -> None:
    """The page has the block, its words escaped, and knows its own address."""
    assert "<title>Ferry &amp; more</title>" in page
    assert "Help &lt;the&gt; &amp; paper." in page
    assert 'value="https://paper.example/ferry.html"' in page
    assert "<script" in page


def test_flask() -> None:
    made, seen = lines_of("Flask")
    app = Flask("paper", root_path=str(Path.cwd()))
    exec(made, {"app": app})
    assert not seen

    @app.get("/")
    def show() -> str:
        return render_template("article.html", title="Ferry & more", **ABOUT)

    assert_asks(app.test_client().get("/").text)


def test_litestar() -> None:
    made, seen = lines_of("Litestar")
    given: dict[str, Any] = {
        "TemplateConfig": TemplateConfig, "JinjaTemplateEngine": JinjaTemplateEngine, "asyncio": asyncio,
    }  # fmt: skip
    exec(made, given)
    view = view_of(seen, "{'prompt': prompt}", given=given, begin="async def")

    @get("/")
    async def show() -> Template:
        return Template("article.html", context={"title": "Ferry & more", **ABOUT, **await view()})

    with TestClient(Litestar([show], template_config=given["template_config"])) as client:
        assert_asks(client.get("/").text)


def test_django(monkeypatch: pytest.MonkeyPatch) -> None:
    made, seen = lines_of("Django (Jinja)")
    engine = {"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": ["templates"]}
    given: dict[str, Any] = {"TEMPLATES": [engine]}
    exec(made, given)
    urls = ModuleType("paper_urls")
    monkeypatch.setitem(sys.modules, "paper_urls", urls)
    django_settings.configure(
        TEMPLATES=given["TEMPLATES"], ROOT_URLCONF="paper_urls", ALLOWED_HOSTS=["testserver"], LOGGING_CONFIG=None
    )
    import_module("django").setup()
    view = view_of(seen, "context", given={})

    def show(request: Any) -> Any:
        context = {"title": "Ferry & more", **ABOUT, **view()}
        return import_module("django.shortcuts").render(request, "article.html", context)

    vars(urls)["urlpatterns"] = [import_module("django.urls").path("", show)]

    assert_asks(import_module("django.test").Client().get("/").content.decode())


def test_pelican() -> None:
    made, seen = lines_of("Pelican")
    conf: dict[str, Any] = {}
    exec(made, conf)
    assert not seen

    # as Pelican makes its environment of these two settings
    loader = FileSystemLoader([*conf["THEME_TEMPLATES_OVERRIDES"], "templates"])
    theme = Environment(loader=loader, autoescape=False)
    theme.globals.update(conf["JINJA_GLOBALS"])

    assert_asks(theme.get_template("article.html").render(title="Ferry &amp; more", **ABOUT))


def test_no_how_to_has_more_than_five_lines_of_code_and_readme_says_the_same() -> None:
    said = README.read_text("utf-8")

    for each in how_tos(CODE, "https://give.paper.example"):
        code = [line for line in each.text.splitlines() if not line.startswith("#")]
        assert len(code) <= 5, each.title
        assert f"```python\n{each.text}\n```" in said, each.title
