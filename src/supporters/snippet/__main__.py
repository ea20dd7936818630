"""`python -m supporters.snippet refresh https://give.paper.example public --site paper.example`, every minute by a timer."""

from __future__ import annotations  # sites may run an older Python than the service

import argparse
import sys
from pathlib import Path
from typing import Any

from supporters.snippet import fetch, fetch_html, refresh_html

PLACEMENTS = ("article-foot", "issue-page")


def main(arguments: list[str] | None = None) -> int:
    """The HTML files of a folder show the words that are published now; exit code 1 when none could be had."""
    parser = argparse.ArgumentParser(prog="python -m supporters.snippet", description=__doc__)
    commands = parser.add_subparsers(required=True)
    refresh = commands.add_parser("refresh", help="put the present words into written HTML files")
    refresh.add_argument("base_url", help="address of the donation service")
    refresh.add_argument("folder", type=Path, help="folder of the site's HTML files")
    refresh.add_argument("--site", default="", help="your site's host, shown at the desk")
    refresh.add_argument("--cache", type=Path, default=Path(".supporters-cache"), help="where the last good copies lie")
    told = parser.parse_args(arguments)
    snippets: dict[str, str] = {}
    prompts: dict[str, dict[str, Any]] = {}
    for placement in PLACEMENTS:
        page = fetch_html(told.base_url, placement, told.cache / f"{placement}.html", told.site, max_age=0)
        prompt = fetch(told.base_url, placement, told.cache / f"{placement}.json", max_age=0)
        if page is not None:
            snippets[placement] = page if prompt is None or prompt["is_on"] else ""
        if prompt is not None:
            prompts[placement] = prompt
    changed = refresh_html(sorted(told.folder.rglob("*.html")), snippets, prompts)
    sys.stdout.write(f"{len(changed)} files changed\n")
    return 0 if snippets else 1


if __name__ == "__main__":
    sys.exit(main())
