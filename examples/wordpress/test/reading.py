"""Reading what a page says, as a browser would take it."""

import re
from html.parser import HTMLParser


class Reader(HTMLParser):
    """Every start tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of every such tag that has the wanted ones."""
        return [
            has
            for name, has in self.tags
            if name == tag and all(has.get(key) == value for key, value in wanted.items())
        ]


def feet(html: str) -> list[str]:
    """The prompts of a page, each as its HTML."""
    starts = [found.start() for found in re.finditer(r'<(?:section|div) class="supporters-foot', html)]
    return [html[start : html.index("</section>" if html[start + 1] == "s" else "</div>", start)] for start in starts]


def foot(html: str) -> Reader:
    """The one prompt of a page."""
    found = feet(html)
    assert len(found) == 1, f"{len(found)} prompts on the page"
    return Reader(found[0])


def hidden(reader: Reader) -> dict[str, str]:
    """What the forms carry along."""
    return {field["name"]: field["value"] for field in reader.all("input", type="hidden")}
