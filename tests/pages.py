"""Reading a page as a browser does: its inputs, links, headings, words."""

from html.parser import HTMLParser

VOID = {"input", "meta", "link", "img", "br", "hr", "use"}


class Page(HTMLParser):
    """A parsed page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.texts: list[tuple[str, dict[str, str | None], str]] = []
        self._attributes: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, []))
            self._attributes.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        for _tag, words in self._open:
            words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            _tag, words = self._open.pop()
            self.texts.append((tag, self._attributes.pop(), " ".join("".join(words).split())))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [attributes for found, attributes in self.tags if found == tag]

    def says(self, tag: str) -> list[str]:
        """The words of every such tag."""
        return [words for found, _attributes, words in self.texts if found == tag]

    @property
    def title(self) -> str:
        return self.says("title")[0]

    @property
    def inputs(self) -> list[dict[str, str | None]]:
        return self.all("input")

    def value(self, name: str) -> str | None:
        """The value of the one input of that name that is no radio or checkbox; None when there is none."""
        found = [tag.get("value") or "" for tag in self.inputs if tag.get("name") == name and not _is_choice(tag)]
        assert len(found) <= 1, f"{name} stands {len(found)} times"
        return found[0] if found else None

    def chosen(self) -> list[str]:
        """The values of all ticked and chosen boxes."""
        return [tag.get("value") or "on" for tag in self.inputs if "checked" in tag]

    def sent(self) -> dict[str, str]:
        """What a browser would send of the page's form, were its button pressed now."""
        return {
            str(tag["name"]): tag.get("value") or ("on" if tag.get("type") == "checkbox" else "")
            for tag in self.inputs
            if tag.get("name") and (not _is_choice(tag) or "checked" in tag)
        }

    def links(self) -> list[str]:
        return [tag["href"] or "" for tag in self.all("a") if "href" in tag]


def _is_choice(tag: dict[str, str | None]) -> bool:
    return tag.get("type") in {"radio", "checkbox"}
