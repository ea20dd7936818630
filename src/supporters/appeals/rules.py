"""Ladders of amounts, and what an address may claim about where a reader came from. Pure."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

import msgspec

from supporters.kit.money import exponent, step
from supporters.kit.text import clean_line

LADDERS = {"once": (5, 10, 25, 50), "monthly": (3, 5, 10, 20), "yearly": (25, 50, 100, 200)}
PATH_CHARS = 500
HOST_CHARS = 253
UTM_KEYS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
ORIGIN_FIELDS = ("article", "issue", "source", "placement", "variant", "via", *UTM_KEYS, "sig")
UTM_CHARS = 100

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader came from, as an address says: cleaned, clamped, not proved unless we signed the address.

    `site` and `article_path` name the article at whose foot they pressed. `via` is the outside host that had brought them
    to it, `referrer_host` the outside host that led straight to us; hosts of our own sites are neither.
    """

    site: str | None = None
    article_path: str | None = None
    issue: str | None = None
    appeal_slug: str | None = None
    placement: str | None = None
    variant: str | None = None
    source: str | None = None
    via: str | None = None
    utm: dict[str, str] = {}
    referrer_host: str | None = None
    is_claimed: bool = True

    @property
    def first_touch(self) -> dict[str, object] | None:
        """What brought the reader to us from outside, as far as the address says."""
        told: dict[str, object] = {}
        if self.via:
            told["via"] = self.via
        if self.utm:
            told["utm"] = dict(self.utm)
        return told or None


def default_amounts(currency: str) -> dict[str, list[int]]:
    """The usual ladders in minor units of the currency. Where a unit is small money, the rungs are a hundred times higher."""
    unit = 10 ** exponent(currency)
    scale = 100 if exponent(currency) == 0 or step(currency) == unit else 1
    return {name: [rung * scale * unit for rung in rungs] for name, rungs in LADDERS.items()}


def clean_claim(fields: Mapping[str, str], *, sites: Sequence[str], referrer: str | None = None) -> Claim:
    """What may be stored of the fields article, issue, appeal, placement, variant, source, via, utm_*. Never raises.

    `sites` are the addresses of the paper's own sites, the main one first: what only says that the reader comes from one
    of them is no origin, and is left out.
    """
    came_from = _host_of(referrer or "")
    article = find_article(fields.get("article", ""), sites=sites, came_from=came_from)
    own = own_hosts(sites)
    return Claim(
        site=article[0] if article else None,
        article_path=article[1] if article else None,
        issue=_line(fields, "issue", 20),
        appeal_slug=appeal_slug(fields.get("appeal", "")),
        placement=_line(fields, "placement", 40),
        variant=_line(fields, "variant", 40),
        source=_line(fields, "source", 60),
        via=_outside(_host_of(f"//{fields.get('via', '').strip()}"), own),
        utm=_utm(fields, own),
        referrer_host=_outside(came_from, own),
    )


def find_article(text: str, *, sites: Sequence[str], came_from: str | None = None) -> tuple[str, str] | None:
    """Origin and path of an article of one of our sites, the path at most 500 characters, without query; else None.

    A bare path belongs to the site whose host the reader came from, else to the main site.
    """
    cleaned = clean_line(text, limit=PATH_CHARS * 2).replace("\\", "/")
    parts = _split(cleaned)
    if parts is None or parts.scheme not in {"", "http", "https"} or not parts.path.startswith("/"):
        return None
    site = _site_of(parts, sites) if parts.netloc or parts.scheme else _likely_site(came_from, sites)
    return (site, "/" + parts.path.lstrip("/")[: PATH_CHARS - 1]) if site else None


def origin_of(site: str) -> str:
    """The origin of a site's address: "https://paper.example/news/" is "https://paper.example"."""
    parts = urlsplit(site)
    return f"{parts.scheme}://{parts.netloc}".lower()


def own_hosts(sites: Sequence[str]) -> frozenset[str]:
    """The hosts of our own sites, with and without "www."."""
    bare = {(urlsplit(site).hostname or "").removeprefix("www.") for site in sites}
    return frozenset(bare | {f"www.{host}" for host in bare})


def appeal_slug(text: str) -> str | None:
    """The slug of an appeal, or None when it can't be one."""
    found = clean_line(text, limit=60).lower()
    return found if _SLUG.fullmatch(found) else None


def _site_of(parts: SplitResult, sites: Sequence[str]) -> str | None:
    """The origin of the one of our sites that a full address lies on."""
    for site in sites:
        ours = urlsplit(site)
        if parts.hostname == ours.hostname and _port(parts) == _port(ours):
            return origin_of(site)
    return None


def _likely_site(came_from: str | None, sites: Sequence[str]) -> str | None:
    named = (site for site in sites if came_from and urlsplit(site).hostname == came_from)
    found = next(named, sites[0] if sites else None)
    return origin_of(found) if found else None


def _port(parts: SplitResult) -> int | None:
    """The port, unless it is the usual one of its scheme: a site is the same by http and https."""
    return None if parts.port == {"http": 80, "https": 443}.get(parts.scheme) else parts.port


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _utm(fields: Mapping[str, str], own: frozenset[str]) -> dict[str, str]:
    """The tags of a link from outside. Those that name one of our own sites as the source are a link of ours."""
    found = {key: value for key in UTM_KEYS if (value := _line(fields, key, UTM_CHARS))}
    return {} if found.get("utm_source", "").lower() in own else found


def _outside(host: str | None, own: frozenset[str]) -> str | None:
    return None if host in own else host


def _line(fields: Mapping[str, str], name: str, limit: int) -> str | None:
    return clean_line(fields.get(name, ""), limit=limit) or None


def _host_of(referrer: str) -> str | None:
    try:
        host = urlsplit(referrer.strip()).hostname or ""
    except ValueError:
        return None
    return host if len(host) <= HOST_CHARS and _HOST.fullmatch(host) else None
