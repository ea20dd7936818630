"""Looking at a page of the publisher's: which form of the snippet is there, and does its policy let it work? Pure."""

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urlsplit

import msgspec

FORM, SCRIPT, FILE = "form-action", "script-src", "connect-src"


class Found(msgspec.Struct, frozen=True):
    """What one page shows. `version` is None where the form does not say it; the policies are None where there is none."""

    placement: str | None
    version: int | None
    has_form: bool
    has_script: bool
    has_link: bool
    allows_form: bool
    allows_script: bool
    allows_file: bool

    @property
    def is_there(self) -> bool:
        """Whether the page carries the snippet in any form."""
        return self.has_form or self.has_link


def look_at(page: str, headers: Mapping[str, str], *, address: str, base_url: str) -> Found:
    """What the page at `address` shows of us. Header names are in small letters."""
    reader = _Reader(base_url)
    reader.feed(page)
    policies = [headers.get("content-security-policy", ""), *reader.policies]
    lists = [policy for text in policies for policy in text.split(",") if policy.strip()]
    return Found(
        placement=reader.placement,
        version=reader.version,
        has_form=reader.has_form,
        has_script=reader.has_script,
        has_link=reader.has_link,
        allows_form=all(allows(policy, FORM, base_url, address=address) for policy in lists),
        allows_script=all(allows(policy, SCRIPT, f"{base_url}/p/v1/prompt.js", address=address) for policy in lists),
        allows_file=all(
            allows(policy, FILE, f"{base_url}/p/v1/{reader.placement or 'article-foot'}.json", address=address)
            for policy in lists
        ),
    )


def allows(policy: str, directive: str, target: str, *, address: str) -> bool:
    """Whether one content security policy of the page at `address` lets `directive` reach `target`.

    Nonces and hashes are not counted: the snippet carries neither. Source: W3C, "Content Security Policy Level 3",
    sections 6.7.2.5 to 6.7.2.8, read 2026-11-22.
    """
    told: dict[str, list[str]] = {}
    for part in policy.split(";"):
        words = part.split()
        if words:
            told.setdefault(words[0].lower(), words[1:])
    names = {FORM: (FORM,), SCRIPT: ("script-src-elem", SCRIPT, "default-src")}.get(
        directive, (directive, "default-src")
    )
    sources = next((told[name] for name in names if name in told), None)
    if sources is None:
        return True
    return any(_matches(source.lower(), target, address=address) for source in sources)


def _matches(source: str, target: str, *, address: str) -> bool:
    to = urlsplit(target)
    if source == "'self'":
        own = urlsplit(address)
        return (own.scheme, own.netloc) == (to.scheme, to.netloc)
    if source == "*" or source == f"{to.scheme}:":
        return True
    if source.startswith("'"):
        return False
    scheme, mark, rest = source.partition("://")
    if mark and scheme != to.scheme and (scheme, to.scheme) != ("http", "https"):
        return False
    host, slash, path = (rest if mark else source).partition("/")
    return _is_host(host, to.netloc.lower()) and _is_path(slash + path, to.path or "/")


def _is_host(pattern: str, host: str) -> bool:
    if pattern.endswith(":*"):
        pattern, host = pattern[:-2], host.partition(":")[0]
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _is_path(pattern: str, path: str) -> bool:
    if not pattern or pattern == "/":
        return True
    return path.startswith(pattern) if pattern.endswith("/") else path == pattern


class _Reader(HTMLParser):
    """Notes what of the page is ours."""

    def __init__(self, base_url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base_url = base_url
        self.placement: str | None = None
        self.version: int | None = None
        self.has_form = self.has_script = self.has_link = False
        self.policies: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "supporter-prompt":
            self.placement = told.get("data-placement", "")[:40] or None
            version = told.get("data-version", "")
            self.version = int(version[:9]) if version.isascii() and version.isdigit() else None
        self.has_form |= tag == "form" and told.get("action", "").startswith(f"{self._base_url}/give")
        self.has_script |= tag == "script" and "/p/v1/prompt" in told.get("src", "")
        self.has_link |= tag == "a" and told.get("href", "").startswith(
            (f"{self._base_url}/give", f"{self._base_url}/g/")
        )
        if tag == "meta" and told.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(told.get("content", ""))
