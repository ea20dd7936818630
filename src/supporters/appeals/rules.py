"""Ladders of amounts, and what an address may claim about where a reader came from. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from supporters.kit.money import exponent, step
from supporters.kit.text import clean_line

LADDERS = {"once": (5, 10, 25, 50), "monthly": (3, 5, 10, 20), "yearly": (25, 50, 100, 200)}
PATH_CHARS = 500
HOST_CHARS = 253
UTM_KEYS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
ORIGIN_FIELDS = ("article", "issue", "source", "placement", "variant", *UTM_KEYS)
UTM_CHARS = 100

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reader came from, as an address says: cleaned, clamped, not proved."""

    article_path: str | None = None
    issue: str | None = None
    appeal_slug: str | None = None
    placement: str | None = None
    variant: str | None = None
    source: str | None = None
    utm: dict[str, str] = {}
    referrer_host: str | None = None


def default_amounts(currency: str) -> dict[str, list[int]]:
    """The usual ladders in minor units of the currency. Where a unit is small money, the rungs are a hundred times higher."""
    unit = 10 ** exponent(currency)
    scale = 100 if exponent(currency) == 0 or step(currency) == unit else 1
    return {name: [rung * scale * unit for rung in rungs] for name, rungs in LADDERS.items()}


def clean_claim(fields: Mapping[str, str], *, site_url: str, referrer: str | None = None) -> Claim:
    """What may be stored of the fields article, issue, appeal, placement, variant, source, utm_*. Never raises."""
    return Claim(
        article_path=article_path(fields.get("article", ""), site_url=site_url),
        issue=_line(fields, "issue", 20),
        appeal_slug=appeal_slug(fields.get("appeal", "")),
        placement=_line(fields, "placement", 40),
        variant=_line(fields, "variant", 40),
        source=_line(fields, "source", 60),
        utm={key: value for key in UTM_KEYS if (value := _line(fields, key, UTM_CHARS))},
        referrer_host=_host_of(referrer or ""),
    )


def article_path(text: str, *, site_url: str) -> str | None:
    """The path of an article of this site, at most 500 characters, without query; None for another site's address."""
    cleaned = clean_line(text, limit=PATH_CHARS * 2).replace("\\", "/")
    try:
        parts, site = urlsplit(cleaned), urlsplit(site_url)
        is_own = parts.hostname is None or (parts.hostname == site.hostname and parts.port == site.port)
    except ValueError:
        return None
    if not is_own or parts.scheme not in {"", "http", "https"} or not parts.path.startswith("/"):
        return None
    return "/" + parts.path.lstrip("/")[: PATH_CHARS - 1]


def appeal_slug(text: str) -> str | None:
    """The slug of an appeal, or None when it can't be one."""
    found = clean_line(text, limit=60).lower()
    return found if _SLUG.fullmatch(found) else None


def _line(fields: Mapping[str, str], name: str, limit: int) -> str | None:
    return clean_line(fields.get(name, ""), limit=limit) or None


def _host_of(referrer: str) -> str | None:
    try:
        host = urlsplit(referrer.strip()).hostname or ""
    except ValueError:
        return None
    return host if len(host) <= HOST_CHARS and _HOST.fullmatch(host) else None
