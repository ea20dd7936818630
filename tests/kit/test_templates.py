"""Templates: strict, escaped, and with money and time as readers write them."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from supporters.kit.assets import Assets
from supporters.kit.clock import FixedClock
from supporters.kit.money import Money
from supporters.kit.templates import Templates
from supporters.paths import STATIC, data_dir
from supporters.settings import Settings

ROOT = data_dir("templates")


@pytest.fixture
def templates(settings: Settings, clock: FixedClock, tmp_path: Path) -> Templates:
    return Templates(settings, clock=clock, folder=tmp_path)


def rendered(templates: Templates, tmp_path: Path, source: str, **context: object) -> str:
    page = tmp_path / f"{len(list(tmp_path.iterdir()))}.html"
    page.write_text(source, encoding="utf-8")
    return templates.render(page.name, **context)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ gift | money }}", "£1,234.50"),
        ("{{ (2500, 'GBP') | money_short }}", "£25"),
        ("{{ (2550, 'GBP') | money_short }}", "£25.50"),
        ("{{ (500, 'JPY') | money }}", "JP¥500"),
        ("{{ gift | plain_amount }}", "1234.50"),
        ("{{ (2500, 'GBP') | decimal_amount }}", "25.00"),
        ("{{ at | date }}", "22 November"),
        ("{{ '2025-03-30' | date }}", "30 March 2025"),
        ("{{ at | date_full }}", "22 November 2026"),
        ("{{ at | datetime }}", "22 November, 23:59"),
        ("{{ '2026-07-01T23:30:00+00:00' | datetime }}", "2 July, 00:30"),
        ("{{ '2026-07-01T23:30:00+00:00' | date }}", "2 July"),
        ("{{ publisher.name }}", "The Weekly Lamp"),
        ("{% trans count=2 %}{{ count }} letter{% pluralize %}{{ count }} letters{% endtrans %}", "2 letters"),
    ],
)
def test_money_and_time_read_as_readers_write_them(
    templates: Templates, tmp_path: Path, source: str, shown: str
) -> None:
    context = {"gift": Money(123450, "GBP"), "at": datetime(2026, 11, 22, 23, 59, tzinfo=UTC)}

    assert rendered(templates, tmp_path, source, **context) == shown


def test_missing_value_is_an_error_and_markup_is_escaped(templates: Templates, tmp_path: Path) -> None:
    assert rendered(templates, tmp_path, "{{ name }}", name="<b>") == "&lt;b&gt;"
    assert rendered(templates, tmp_path, "{{ _('Hello %(name)s', name=name) }}", name="<b>") == "Hello &lt;b&gt;"
    with pytest.raises(UndefinedError):
        rendered(templates, tmp_path, "{{ nobody }}")


def test_naive_time_is_refused(templates: Templates, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="aware"):
        rendered(templates, tmp_path, "{{ '2026-07-01T23:30:00' | datetime }}")


PAGES = sorted(path for path in ROOT.rglob("*.html") if "mail" not in path.parts)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_keeps_the_rules_of_the_house(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\|\s*safe\b|Markup", text), "autoescape is never switched off"
    assert not re.search(r"\sstyle=|<style|\son\w+=", text), "no inline style, no inline script"
    assert not re.search(r"(src|href)=\"https?://", text), "nothing comes from another host"
    assert not re.search(r"!</|!\"\)", text), "no exclamation marks"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_ticked_for_the_reader(path: Path) -> None:
    for tag in re.findall(r"<input\b[^>]*>", path.read_text(encoding="utf-8")):
        without_conditions = re.sub(r"{% if .*?{% endif %}", "", tag)
        assert " checked" not in without_conditions, tag


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'symbol id="([^"]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    named = {
        name
        for path in PAGES
        if "sandbox" not in path.parts  # it has icons of its own
        for name in re.findall(r"\bicon\(\s*[\"']([\w-]+)[\"']", path.read_text(encoding="utf-8"))
    }

    assert named
    assert named <= sprite


def test_stylesheet_is_small_and_asks_nothing_of_other_hosts() -> None:
    css = (STATIC / "site.css").read_text(encoding="utf-8")
    assets = Assets(STATIC)
    packed = assets.find(assets.address("site.css").rpartition("/")[2])

    assert packed is not None
    assert packed.packed is not None
    assert len(packed.packed) <= 7_500
    assert "url(" not in css
    assert "@import" not in css
    assert not re.search(r"(margin|padding|border|inset)-(left|right)\b", css), "logical properties only"


def test_own_pictures_are_taken_from_the_publishers_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mark.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "cover.html").write_text("<script>", encoding="utf-8")
    (tmp_path / "site.css").write_text("*{}", encoding="utf-8")

    assets = Assets(STATIC, own=tmp_path)

    assert (assets.own("mark") or "").startswith("/assets/mark.")
    assert assets.own("cover") is None
    assert assets.address("site.css") == Assets(STATIC).address("site.css")
