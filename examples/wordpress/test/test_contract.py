"""The stand-in publishes what the real service publishes, and the plugin prints what the service's own snippet prints."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from reading import Reader, feet, foot, hidden
from service import Service, published
from wordpress import WordPress

from supporters.appeals.queries import AppealView
from supporters.prompts.content import NewsletterLine, Quiet, Spot, build
from supporters.prompts.publish import render_snippet
from supporters.prompts.script import prompt_script
from supporters.settings import read_settings

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ENVIRONMENT = {
    "SUPPORTERS_BASE_URL": "https://give.lamp.example",
    "SUPPORTERS_SECRET_KEY": "k" * 32,
    "SUPPORTERS_STRIPE_SECRET_KEY": "sk_test_1",
    "SUPPORTERS_STRIPE_WEBHOOK_SECRET": "whsec_1",
}
GENERAL: dict[str, Any] = {
    "id": "A",
    "slug": "general",
    "fund_id": "F",
    "currency": "GBP",
    "amounts": {"once": (500, 1000), "monthly": (300, 500), "yearly": (2500, 5000)},
    "version": 1,
    "has_ticker": False,
}
NOTHING = ("goal_minor", "goal_people", "starts_at", "ends_at")


def real_file() -> dict[str, Any]:
    """What the real service publishes for the foot of articles, but for version and time."""
    told = {name: None if name in NOTHING else "" for name in AppealView.__struct_fields__} | GENERAL
    script = prompt_script()
    daily = NewsletterLine("daily", "Morning Light", "Five stories at 7 each morning.", "daily")
    spot = Spot(
        code="article-foot",
        heading="",
        is_on=True,
        appeal=AppealView(**told),
        newsletter=daily,
        ticker=None,
        quiet=Quiet(),
    )
    settings = replace(read_settings(ENVIRONMENT), recurring_enabled=True)
    named = {"src": f"/p/v1/{script.name}", "integrity": script.integrity}
    return build(spot, settings=settings, script=named, now=NOW)


def shape(value: object) -> object:
    """The keys and kinds of a value, whatever it says."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


def skeleton(html: str) -> list[tuple[str, dict[str, object]]]:
    """The tags and what the script and the service know them by; words, addresses and hidden fields are left out."""
    known = ("name", "value", "method", "part", "type", "role")
    marks = ("data-version", "data-file", "data-title", "data-path", "data-supporters-place")
    told: list[tuple[str, dict[str, object]]] = []
    for tag, has in Reader(html).tags:
        if has.get("type") != "hidden" and tag != "section":
            kept = [key for key in has if key in known or (key.startswith("data-") and key not in marks)]
            told.append((tag, {key: said(key, has[key]) for key in kept}))
    return told


def said(name: str, value: str) -> object:
    """The value of an attribute, two of which are JSON."""
    return json.loads(value) if name in {"data-words", "data-tags"} else value


def test_stand_in_publishes_the_real_file_s_keys() -> None:
    stand_in = shape(published("https://give.lamp.example", "article-foot"))

    assert stand_in == shape(real_file() | {"version": 1, "published_at": "2026-11-22T10:00:00Z"})


@pytest.mark.parametrize("frequencies", [["monthly", "yearly", "once"], ["once"]])
def test_plugin_prints_what_the_service_s_own_snippet_prints(
    site: WordPress, service: Service, frequencies: list[str]
) -> None:
    service.files["article-foot"]["frequencies"] = frequencies
    site.change(script=True)
    address = site.post("The ferry", tags="River")

    mine = skeleton(feet(site.get(address))[0])

    assert hidden(foot(site.get(address))).get("frequency") == (None if len(frequencies) > 1 else "once")
    file = service.files["article-foot"]
    assert mine == skeleton(render_snippet(file, article=address, title="The ferry", tags=["river"]))
