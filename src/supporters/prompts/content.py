"""What a placement's published file says, worked out from appeal, list, ticker and vetoes. Nothing is read or stored here."""

import hashlib
import json
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_time

from supporters.appeals.contrast import on_brand
from supporters.appeals.queries import GENERAL, AppealView
from supporters.kit.money import Money, format_money, plain_amount
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.prompts.words import prompt_words
from supporters.settings import Settings

FORMAT = 1
LATE = ("version", "published_at", "ticker")  # what may change while the words stay


class NewsletterLine(msgspec.Struct, frozen=True):
    """A newsletter as a prompt offers it: its list, and the words beside the field."""

    slug: str
    name: str
    wording: str
    how_often: str
    form_value: str = ""  # what the form sends for the list: it names these very words


class TickerLine(msgspec.Struct, frozen=True):
    """How far an appeal has come. *Money*: minor units that arrived and were not returned. *Time*: `as_of` is UTC."""

    raised_minor: int
    people: int
    currency: str
    as_of: datetime


class Quiet(msgspec.Struct, frozen=True):
    """Where editors asked that nothing is asked for. Days are inclusive, in the publisher's time zone."""

    paths: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ranges: tuple[tuple[date, date], ...] = ()

    def is_day(self, day: date) -> bool:
        """Whether nothing is asked for on this day."""
        return any(start <= day <= end for start, end in self.ranges)


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """One placement with all that is shown there."""

    code: str
    heading: str
    is_on: bool
    appeal: AppealView
    newsletter: NewsletterLine | None
    ticker: TickerLine | None
    quiet: Quiet


def build(spot: Spot, *, settings: Settings, script: dict[str, str], now: datetime) -> dict[str, Any]:
    """The published content without version and time."""
    appeal, zone = spot.appeal, ZoneInfo(settings.time_zone)
    today = now.astimezone(zone).date()
    words = prompt_words(settings, currency=appeal.currency, today=today)
    words["print"] %= {"address": short_of(appeal.slug, settings)}
    newsletter = _newsletter(spot.newsletter, settings) if spot.newsletter else None
    ticker = _ticker(spot, settings) if spot.ticker else None
    frequencies = ("monthly", "yearly", "once") if settings.recurring_enabled else ("once",)
    return {
        "v": FORMAT,
        "placement": spot.code,
        "is_on": spot.is_on and not spot.quiet.is_day(today),
        "paper": settings.publisher_name,
        "language": settings.locale.replace("_", "-"),
        "action": f"{settings.base_url}/give",
        "link": link_of(appeal.slug, settings),
        "short": short_of(appeal.slug, settings),
        "appeal": appeal.slug,
        "heading": spot.heading or _("Make a donation to %(paper)s") % {"paper": settings.publisher_name},
        "why": appeal.ask or appeal.message,
        "currency": appeal.currency,
        "currency_words": currency_words(appeal.currency),
        "sign": sign_of(appeal.currency, settings.locale),
        "frequencies": list(frequencies),
        "amounts": {name: _ladder(appeal, name, settings) for name in frequencies},
        "limits": [plain_amount(Money(minor, appeal.currency)) for minor in _limits(settings)],
        "ends_at": appeal.ends_at.isoformat().replace("+00:00", "Z") if appeal.ends_at else None,
        "ticker": ticker,
        "newsletter": newsletter,
        "remind": f"{settings.base_url}/remind",
        "manage": f"{settings.base_url}/sign-in",
        "quiet": _quiet(spot.quiet, today),
        "words": words | _lines(newsletter, ticker),
        "script": {**script, "src": settings.base_url + script["src"]},
        "colors": {"brand": settings.brand_color.lower(), "on_brand": on_brand(settings.brand_color)},
    }


def words_digest(content: dict[str, Any]) -> str:
    """What is the same for two files that say the same, whatever their version, time and ticker."""
    said = {key: value for key, value in content.items() if key not in LATE}
    said["words"] = {key: value for key, value in content["words"].items() if key not in LATE}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def link_of(slug: str, settings: Settings) -> str:
    """The address of an appeal's page."""
    return f"{settings.base_url}/give" if slug == GENERAL else f"{settings.base_url}/g/{slug}"


def short_of(slug: str, settings: Settings) -> str:
    """The same address as it is printed: without its scheme."""
    return link_of(slug, settings).partition("://")[2]


def site_of(address: str) -> str:
    """How a site is named in lists: its host, with the port where that is not the usual one."""
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[2].lower()


def currency_words(currency: str) -> str:
    """How the field for another amount is labelled."""
    known = {"GBP": _("Amount in pounds"), "EUR": _("Amount in euros"), "USD": _("Amount in dollars")}
    return known.get(currency) or _("Amount in %(currency)s") % {"currency": currency}


def sign_of(currency: str, locale: str) -> str:
    """What stands before an amount."""
    return format_money(Money(0, currency), locale, trim=True).replace("0", "").strip() or currency


def _lines(newsletter: dict[str, str] | None, ticker: dict[str, Any] | None) -> dict[str, str]:
    """The words of list and ticker under the names that the forms give them."""
    lines: dict[str, str] = {}
    if newsletter:
        lines |= {"news": newsletter["words"], "news_note": newsletter["note"]}
    if ticker:
        lines["ticker"] = ticker["words"]
    return lines


def _limits(settings: Settings) -> tuple[int, int]:
    return settings.minimum_minor, settings.maximum_minor


def _ladder(appeal: AppealView, frequency: str, settings: Settings) -> list[list[str]]:
    least, most = _limits(settings)
    kept = [Money(minor, appeal.currency) for minor in appeal.amounts.get(frequency, ()) if least <= minor <= most]
    return [[plain_amount(money), format_money(money, settings.locale, trim=True)] for money in kept]


def _ticker(spot: Spot, settings: Settings) -> dict[str, Any] | None:
    line, appeal = spot.ticker, spot.appeal
    if line is None:
        return None
    at = format_time(line.as_of.astimezone(ZoneInfo(settings.time_zone)), "HH:mm", locale=settings.locale)
    raised = format_money(Money(line.raised_minor, line.currency), settings.locale, trim=True)
    if appeal.goal_people:
        done, goal = line.people, appeal.goal_people
        said = _("%(people)s of %(goal)s readers, counted at %(time)s")
        words = said % {"people": line.people, "goal": goal, "time": at}
    elif appeal.goal_minor:
        done, goal = line.raised_minor, appeal.goal_minor
        target = format_money(Money(goal, line.currency), settings.locale, trim=True)
        words = _("%(raised)s of %(goal)s, counted at %(time)s") % {"raised": raised, "goal": target, "time": at}
    else:
        done, goal = 0, 0
        readers = ngettext("%(count)s reader", "%(count)s readers", line.people) % {"count": line.people}
        words = _("%(raised)s from %(readers)s, counted at %(time)s") % {
            "raised": raised,
            "readers": readers,
            "time": at,
        }
    return {
        "words": words,
        "percent": min(100, done * 100 // goal) if goal else None,
        "raised_minor": line.raised_minor,
        "people": line.people,
        "as_of": line.as_of.isoformat().replace("+00:00", "Z"),
    }


def _newsletter(line: NewsletterLine, settings: Settings) -> dict[str, str]:
    often = line.how_often.strip().casefold()
    said = _("Sign up for our email %(name)s")
    if often in {"daily", "every day", _("Every day").casefold()}:
        said = _("Sign up for our daily email %(name)s")
    if not line.name[:1].isupper():  # no title but a phrase that says it all: "the daily email, Morning Light"
        said = _("Sign up for %(name)s")
    return {
        "slug": line.slug,
        "list": line.form_value or line.slug,
        "name": line.name,
        "words": said % {"name": line.name},
        "note": line.wording,
        "action": f"{settings.base_url}/news",
    }


def _quiet(quiet: Quiet, today: date) -> dict[str, Any]:
    ahead = [[start.isoformat(), end.isoformat()] for start, end in quiet.ranges if end >= today]
    return {"paths": sorted(quiet.paths), "tags": sorted(quiet.tags), "ranges": sorted(ahead)}
