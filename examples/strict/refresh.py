"""Puts the published words into this page, and the tag of the optional script with the digest of its content.

`python refresh.py https://give.paper.example FOLDER`, every minute by a timer. What was there last stays when the service
can't be reached. The words in the page are also right for whoever blocks scripts.
"""

import sys
from html import escape
from pathlib import Path

from supporters.snippet import fetch, fetch_html, refresh_html

SITE = "documents.weeklylamp.example"


def main(give: str, folder: Path, site: str = SITE) -> None:
    cache = folder / ".snippet"
    words = fetch(give, "article-foot", cache / "article-foot.json", site=site, max_age=0, form="plain")
    form = fetch_html(give, "article-foot", cache / "article-foot.html", max_age=0)
    if words is None or form is None:
        return
    source, digest = escape(words["script"]["src"]), escape(words["script"]["integrity"])
    script = f'<script type="module" async src="{source}" integrity="{digest}" crossorigin="anonymous"></script>\n'
    snippets = {"article-foot": form if words["is_on"] else "", "script": script}
    refresh_html(sorted(folder.glob("*.html")), snippets, {"article-foot": words})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
