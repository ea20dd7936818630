"""For the publisher's own site: a template and a helper with the standard library alone. Copy the folder, or install it.

It imports nothing of the house, and nothing of the house imports it. `fetch` gives the published file, or the last good
copy of it; `TEMPLATES` is the folder for Jinja, where the template is called `supporters/snippet.html`; `refresh_html`
puts the present words into HTML files that are already written.
"""

from pathlib import Path

from supporters.snippet.fetching import fetch, fetch_html
from supporters.snippet.refreshing import refresh_html

__all__ = ["TEMPLATES", "fetch", "fetch_html", "refresh_html"]

TEMPLATES = str(Path(__file__).resolve().parent)
