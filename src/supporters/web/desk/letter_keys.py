"""A letter as the desk may show it: without what opens something for whoever it was sent to. Pure.

Whoever reads other people's letters must not be able to sign in, join or decide in their place.
"""

import re
from collections.abc import Mapping

from supporters.mail.render import RenderedLetter

LEFT_OUT = "…"
CODES = frozenset({"code"})  # names of values that are typed in to sign in
_KEY = re.compile(r"[A-Za-z0-9_.~%-]{16,}")


def without_codes(context: Mapping[str, object]) -> dict[str, object]:
    """A letter's values, without those that are typed in to sign in."""
    return {name: LEFT_OUT if name in CODES else value for name, value in context.items()}


def without_keys(rendered: RenderedLetter, base_url: str) -> RenderedLetter:
    """The letter, with links to our own pages whose long random parts are left out."""
    link = re.compile(rf"({re.escape(base_url)})([^\s\"'<>]*)")

    def shorten(text: str) -> str:
        return link.sub(lambda found: found[1] + _KEY.sub(LEFT_OUT, found[2]), text)

    return RenderedLetter(rendered.subject, shorten(rendered.text), shorten(rendered.html))
