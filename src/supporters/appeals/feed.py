"""Reading the site's own feed, RSS 2.0 or Atom: which articles there are. Pure: bytes in, articles out.

A feed is a stranger's file until it has been read: no document type, no entities, small, shallow; only articles of our own
sites; titles as plain text, whatever they were written in.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse  # pyright: ignore[reportMissingModuleSource, reportUnknownVariableType]

from supporters.appeals.rules import find_article
from supporters.kit.errors import SupportersError
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

LARGEST_FEED = 2 * 1024 * 1024
DEEPEST = 40
MOST_ELEMENTS = 100_000
MOST_ARTICLES = 500
TITLE_CHARS, TAG_CHARS, MOST_TAGS = 300, 60, 20
EARLIEST = 1900  # a year

_ISSUE = re.compile(r"\b(?:issue|no\.?)\s*(\d{1,6})\b", re.IGNORECASE)
_LONG_TEXTS = frozenset({"title", "link", "guid", "id", "description", "summary", "content", "encoded"})
_ITEMS = frozenset({"item", "entry"})


class FeedError(SupportersError):
    """The feed can't be used; the message says why, in words for staff."""


class FeedArticle(msgspec.Struct, frozen=True):
    """One article as the site's own feed names it. The title is plain text and may still hold any character of it."""

    site: str
    path: str
    title: str
    issue: str | None
    tags: tuple[str, ...]
    published_at: datetime | None


def read_feed(body: bytes, *, address: str, sites: Sequence[str]) -> list[FeedArticle]:
    """The articles of our sites that the feed names, each once, in its order, at most 500. Raises FeedError."""
    if len(body) > LARGEST_FEED:
        raise FeedError(_("The feed is larger than 2 MB."))
    root = _parse(body)
    if _name(root) not in {"rss", "feed", "RDF"}:
        raise FeedError(_("That address holds no RSS or Atom feed."))
    found: dict[tuple[str, str], FeedArticle] = {}
    for item in (each for each in root.iter() if _name(each) in _ITEMS):
        article = _article(item, address, sites)
        if article is not None:
            found.setdefault((article.site, article.path), article)
        if len(found) == MOST_ARTICLES:
            break
    return list(found.values())


def issue_in(text: str) -> str | None:
    """The number of the issue that a text like "Issue 2822" or "No. 2822" names."""
    found = _ISSUE.search(text)
    return found[1] if found else None


def plain(text: str) -> str:
    """The text without the markup that it may hold, on one line, without characters that can't be seen."""
    reader = _Plain()
    reader.feed(text)
    reader.close()
    return clean_line("".join(reader.said), limit=TITLE_CHARS)


def _parse(body: bytes) -> Element:
    """The tree, built while its depth and size are watched."""
    depth, count, root = 0, 0, None
    try:
        for event, element in _events(body):
            depth += 1 if event == "start" else -1
            count += 1
            root = element if root is None else root
            if depth > DEEPEST or count > 2 * MOST_ELEMENTS:
                raise FeedError(_("The feed is nested too deeply or holds too much."))
    except DefusedXmlException as error:
        raise FeedError(_("The feed holds a document type or entities, which are not read.")) from error
    except (ParseError, LookupError, ValueError) as error:
        raise FeedError(_("The feed is not well-formed XML.")) from error
    if root is None:
        raise FeedError(_("The feed is empty."))
    return root


def _events(body: bytes) -> Iterator[tuple[str, Element]]:
    yield from iterparse(BytesIO(body), events=("start", "end"), forbid_dtd=True)


def _article(item: Element, address: str, sites: Sequence[str]) -> FeedArticle | None:
    place = next((found for link in _links(item) if (found := _place(link, address, sites))), None)
    title = plain(_first_text(item, "title"))
    if place is None or not title:
        return None
    tags = tuple(dict.fromkeys(tag for each in item if (tag := _tag(each))))[:MOST_TAGS]
    return FeedArticle(*place, title=title, issue=_issue(item, tags), tags=tags, published_at=_published(item))


def _place(link: str, address: str, sites: Sequence[str]) -> tuple[str, str] | None:
    try:
        return find_article(urljoin(address, link.strip()), sites=sites)
    except ValueError:
        return None


def _links(item: Element) -> Iterator[str]:
    """The article's address, as RSS and Atom say it; a permanent id last."""
    for each in item:
        if _name(each) != "link":
            continue
        if each.text and each.text.strip():
            yield each.text
        elif each.get("rel", "alternate") == "alternate" and each.get("href"):
            yield each.get("href", "")
    for each in item:
        if _name(each) == "guid" and each.get("isPermaLink", "true") == "true" and each.text:
            yield each.text


def _tag(element: Element) -> str:
    if _name(element) != "category":
        return ""
    return clean_line(element.get("label") or element.get("term") or element.text or "", limit=TAG_CHARS)


def _issue(item: Element, tags: Sequence[str]) -> str | None:
    """From a category, else from any short element; one that is called "issue" may hold the bare number."""
    for tag in tags:
        if found := issue_in(tag):
            return found
    for each in item:
        text = clean_line(each.text or "", limit=TAG_CHARS)
        if _name(each) in _LONG_TEXTS or not text:
            continue
        if found := issue_in(text):
            return found
        if _name(each).lower() == "issue" and re.fullmatch(r"[0-9]{1,6}", text):
            return text
    return None


def _published(item: Element) -> datetime | None:
    for name in ("pubDate", "published", "date", "updated"):
        if (found := _moment(_first_text(item, name).strip())) is not None:
            return found
    return None


def _moment(text: str) -> datetime | None:
    """A moment as RSS or Atom write it; without a zone it is read as UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
            at = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            continue
        return at if at.year >= EARLIEST else None
    return None


def _first_text(item: Element, name: str) -> str:
    found = next((each for each in item if _name(each) == name), None)
    return "".join(found.itertext()) if found is not None else ""


def _name(element: Element) -> str:
    """The name without its namespace."""
    return element.tag.rpartition("}")[2]


class _Plain(HTMLParser):
    """Keeps what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._hidden += tag in {"script", "style"}
        if tag == "br":
            self.said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(data)
