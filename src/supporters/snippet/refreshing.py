"""Putting the present words into HTML files that are already written, between two comments. For sites without templates."""

from __future__ import annotations  # sites may run an older Python than the service

import json
import os
import re
import tempfile
from collections.abc import Iterable
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# <!-- supporters:article-foot issue="2822" tags="work, river" --> … <!-- /supporters -->
_SPOT = re.compile(r"(<!--\s*supporters:([a-z0-9-]+)((?:\s[^>]*?)?)\s*-->)(.*?)(<!--\s*/supporters\s*-->)", re.DOTALL)
_TOLD = re.compile(r"""([a-z-]+)(?:="([^"]*)")?""")
_CANONICAL = re.compile(r"""<link\b[^>]*\brel=["']?canonical["']?[^>]*>""", re.IGNORECASE)
_HREF = re.compile(r"""\bhref=["']([^"']+)["']""", re.IGNORECASE)
ORIGIN = "<!-- supporters:origin -->"
NO_PATH, NO_TAGS = 'data-path=""', "data-tags='[]'"  # how the published snippet says that it knows no article


def refresh_html(
    paths: Iterable[str | os.PathLike[str]], snippets: dict[str, str], prompts: dict[str, dict[str, Any]] | None = None
) -> list[str]:
    """Every file shows the present words at its marks; returns those that changed. A file that can't be read is left alone.

    `snippets` is the published HTML by placement, `prompts` the published files: with them "no ask" is honoured. Files are
    replaced in one step. The article's address is its canonical link, or what the mark says: `article="/news/ferry"`.
    """
    changed: list[str] = []
    for name in paths:
        path = Path(name)
        try:
            before = path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        after = _fill(before, snippets, prompts or {})
        if after != before and _replace(path, after):
            changed.append(str(path))
    return changed


def _fill(page: str, snippets: dict[str, str], prompts: dict[str, dict[str, Any]]) -> str:
    canonical = _canonical(page)

    def spot(found: re.Match[str]) -> str:
        opening, placement, told, old, closing = found.groups()
        snippet = snippets.get(placement)
        if snippet is None:
            return found[0]
        facts = {key: unescape(value) for key, value in _TOLD.findall(told)}
        facts.setdefault("article", canonical)
        new = "" if _is_quiet(facts, prompts.get(placement, {})) else _with_origin(snippet, facts)
        return f"{opening}\n{new}{closing}" if new.strip() != old.strip() else found[0]

    return _SPOT.sub(spot, page)


def _canonical(page: str) -> str:
    link = _CANONICAL.search(page)
    href = _HREF.search(link[0]) if link else None
    return unescape(href[1]) if href else ""


def _is_quiet(facts: dict[str, str], prompt: dict[str, Any]) -> bool:
    quiet = prompt.get("quiet", {})
    vetoed = set(_tags(facts)) & set(quiet.get("tags", ()))
    return "no-ask" in facts or _path(facts) in quiet.get("paths", ()) or bool(vetoed)


def _with_origin(snippet: str, facts: dict[str, str]) -> str:
    """The snippet knows its article: in the fields that are sent, and in what the script compares with later vetoes."""
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(facts[name])}">'
        for name in ("article", "issue")
        if facts.get(name)
    )
    told = snippet.replace(NO_PATH, f'data-path="{escape(_path(facts))}"').replace(NO_TAGS, _tags_attribute(facts))
    return told.replace(ORIGIN, fields)


def _path(facts: dict[str, str]) -> str:
    return urlsplit(facts["article"]).path


def _tags(facts: dict[str, str]) -> list[str]:
    return [tag.strip() for tag in facts.get("tags", "").split(",") if tag.strip()]


def _tags_attribute(facts: dict[str, str]) -> str:
    return "data-tags='" + escape(json.dumps(_tags(facts))) + "'"


def _replace(path: Path, text: str) -> bool:
    try:
        mode = path.stat().st_mode & 0o777
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=".supporters")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(made).chmod(mode)
        Path(made).replace(path)
    except OSError:
        return False
    return True
