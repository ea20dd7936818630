"""What editors write in an appeal: the content of one version, and the form that it is written in. Pure.

The form's fields are text as people type it; times in it are those of the publisher's time zone.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from supporters.appeals.rules import LADDERS, appeal_slug
from supporters.kit.money import (
    LARGEST_MINOR,
    AmountProblem,
    Money,
    Problem,
    check_limits,
    format_money,
    parse_amount,
    plain_amount,
)
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

LINES = {
    "name": 120,
    "heading": 120,
    "ask": 300,
    "message": 1_200,
    "thanks": 600,
    "signed_by": 120,
    "if_more": 300,
    "letter_subject": 150,
    "letter_signoff": 300,
    "share_title": 120,
    "share_text": 300,
}
NEEDED = frozenset(["name", "heading", "message", "thanks"])
RUNGS = 6
SOURCES = 5
SOURCE_CHARS = 300
PLACEHOLDERS = ("%(amount)s", "%(paper)s")
MOST_PEOPLE = 10_000_000
YEARS = range(2000, 2100)
FIELDS = frozenset(
    [
        *LINES,
        *("slug", "fund", "fund_name", "goal", "goal_people", "has_ticker", "starts", "ends"),
        *(f"{frequency}-{rung}" for frequency in LADDERS for rung in range(1, RUNGS + 1)),
        *(f"{kind}-{number}" for kind in ("claim", "source") for number in range(1, SOURCES + 1)),
    ]
)

_PLACEHOLDER = re.compile(r"%\([^)]*\)?[a-zA-Z]?|%[sd]\b|\{[^}]*\}?|\}")
Problems = list[tuple[str, str]]


class Source(msgspec.Struct, frozen=True):
    """A claim that the wording makes, and where it is from."""

    claim: str
    source: str


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All that one version of an appeal says. Amounts are minor units of the appeal's currency."""

    name: str
    slug: str
    fund_id: str
    heading: str
    ask: str = ""
    message: str
    thanks: str
    signed_by: str = ""
    amounts: dict[str, tuple[int, ...]]
    goal_minor: int | None = None
    goal_people: int | None = None
    has_ticker: bool = False
    if_more: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    sources: tuple[Source, ...] = ()
    letter_subject: str = ""
    letter_signoff: str = ""
    share_title: str = ""
    share_text: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the house allows: `funds` are the ids to choose from, `is_general` marks the appeal that has no dates."""

    currency: str
    locale: str
    zone: str
    minimum_minor: int
    maximum_minor: int
    funds: frozenset[str]
    is_general: bool = False


class Written(msgspec.Struct, frozen=True):
    """What came of a form: the content, or each problem as (id of the field, words). `fund_name`: a fund to be made first."""

    content: Content | None
    problems: Problems
    fund_name: str


def read_content(fields: Mapping[str, str], terms: Terms) -> Written:
    """The content that the form holds, or all that is wrong with it, in the order of the page."""
    problems: Problems = []
    lines = _read_lines(fields, problems)
    fund, fund_name = _read_fund(fields, terms, problems)
    amounts = {name: _read_ladder(fields, name, terms, problems) for name in LADDERS}
    starts, ends = _read_dates(fields, terms, problems)
    content = Content(
        **lines,
        slug=_read_slug(fields, problems),
        fund_id=fund,
        amounts=amounts,
        goal_minor=_read_goal(fields, terms, problems),
        goal_people=_read_people(fields, problems),
        has_ticker=fields.get("has_ticker") == "on",
        starts_at=starts,
        ends_at=ends,
        sources=_read_sources(fields, problems),
    )
    return Written(None if problems else content, problems, fund_name)


def form_of(content: Content, terms: Terms) -> dict[str, str]:
    """The form's fields as they stand for this content."""
    plain = {name: getattr(content, name) for name in LINES}
    goal = content.goal_minor
    ladders = {
        f"{name}-{place}": plain_amount(Money(minor, terms.currency))
        for name, rungs in content.amounts.items()
        for place, minor in enumerate(rungs, 1)
    }
    sources = {
        name: text
        for number, each in enumerate(content.sources, 1)
        for name, text in ((f"claim-{number}", each.claim), (f"source-{number}", each.source))
    }
    return {
        **plain,
        **ladders,
        **sources,
        "slug": content.slug,
        "fund": content.fund_id,
        "goal": plain_amount(Money(goal, terms.currency)) if goal is not None else "",
        "goal_people": str(content.goal_people or ""),
        "has_ticker": "on" if content.has_ticker else "",
        "starts": _as_typed(content.starts_at, terms.zone),
        "ends": _as_typed(content.ends_at, terms.zone),
    }


def read_moment(text: str, zone: str) -> datetime | None:
    """The moment that was typed as a day, or as day and time, of the time zone; None when it is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None or moment.year not in YEARS:
        return None
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def wrong_placeholder(text: str) -> str | None:
    """What stands in a letter's words as if it were to be filled in, and is none of ours."""
    return next((found for found in _PLACEHOLDER.findall(text) if found not in PLACEHOLDERS), None)


def _read_lines(fields: Mapping[str, str], problems: Problems) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, limit in LINES.items():
        text = clean_line(fields.get(name, ""), limit=limit + 1)
        if len(text) > limit:
            problems.append((name, _("Use at most %(count)s characters here") % {"count": limit}))
        elif not text and name in NEEDED:
            problems.append((name, _missing(name)))
        elif name.startswith("letter_") and (wrong := wrong_placeholder(text)):
            problems.append((name, _wrong(wrong)))
        found[name] = text
    return found


def _missing(name: str) -> str:
    return {
        "name": _("Give the appeal a name, for you and your colleagues"),
        "heading": _("Write a heading"),
        "message": _("Write the message: who asks, what for, why now"),
        "thanks": _("Write what readers see once they have given"),
    }[name]


def _wrong(placeholder: str) -> str:
    words = _(
        "“%(wrong)s” can't be filled in. Only %%(amount)s and %%(paper)s can: they become the amount and the paper's name"
    )
    return words % {"wrong": clean_line(placeholder, limit=40)}


def _read_slug(fields: Mapping[str, str], problems: Problems) -> str:
    slug = appeal_slug(fields.get("slug", ""))
    if slug is None or len(fields.get("slug", "").strip()) > 60:
        problems.append(("slug", _("Write the address in small letters, figures and single hyphens, like winter-2026")))
    return slug or ""


def _read_fund(fields: Mapping[str, str], terms: Terms, problems: Problems) -> tuple[str, str]:
    """The chosen fund's id and, where "new" was chosen, the new fund's name."""
    chosen = fields.get("fund", "")
    if chosen == "new":
        name = clean_line(fields.get("fund_name", ""), limit=121)
        if not 1 <= len(name) <= 120:
            problems.append(("fund_name", _("Give the new fund a name of at most 120 characters")))
        return "", name
    if chosen not in terms.funds:
        problems.append(("fund", _("Choose the fund that the money belongs to")))
    return chosen, ""


def _read_ladder(fields: Mapping[str, str], name: str, terms: Terms, problems: Problems) -> tuple[int, ...]:
    rungs: list[int] = []
    for place in range(1, RUNGS + 1):
        key, text = f"{name}-{place}", fields.get(f"{name}-{place}", "").strip()
        if not text:
            continue
        minor = _read_rung(key, text, terms, problems)
        if minor is not None and rungs and minor <= rungs[-1]:
            problems.append((key, _("Write the amounts from small to large, each once")))
        rungs += [minor] if minor is not None else []
    if not rungs and not any(key.startswith(f"{name}-") for key, _words in problems):
        problems.append((f"{name}-1", _("Write at least one amount")))
    return tuple(rungs)


def _read_rung(key: str, text: str, terms: Terms, problems: Problems) -> int | None:
    try:
        money = parse_amount(text, terms.currency)
        check_limits(money, minimum_minor=terms.minimum_minor, maximum_minor=terms.maximum_minor)
    except AmountProblem as error:
        problems.append((key, _rung_words(error.problem, terms)))
        return None
    return money.minor


def _rung_words(problem: Problem, terms: Terms) -> str:
    smallest = format_money(Money(terms.minimum_minor, terms.currency), terms.locale, trim=True)
    largest = format_money(Money(terms.maximum_minor, terms.currency), terms.locale, trim=True)
    if problem is Problem.TOO_SMALL:
        return _("The smallest donation is %(amount)s") % {"amount": smallest}
    if problem is Problem.TOO_LARGE:
        return _("The largest donation is %(amount)s") % {"amount": largest}
    return _("Write the amount in figures, like 10 or 12.50")


def _read_goal(fields: Mapping[str, str], terms: Terms, problems: Problems) -> int | None:
    text = fields.get("goal", "").strip()
    if not text:
        return None
    try:
        minor = parse_amount(text, terms.currency).minor
    except AmountProblem as error:
        largest = format_money(Money(LARGEST_MINOR, terms.currency), terms.locale)
        too_large = _("A goal can be at most %(amount)s") % {"amount": largest}
        is_too_large = error.problem is Problem.TOO_LARGE
        problems.append(("goal", too_large if is_too_large else _("Write the goal in figures, like 12000")))
        return None
    if minor <= 0:
        problems.append(("goal", _("A goal is more than nothing. Leave it empty for none")))
    return minor


def _read_people(fields: Mapping[str, str], problems: Problems) -> int | None:
    text = fields.get("goal_people", "").strip().replace(",", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:12]) <= MOST_PEOPLE:
        problems.append(("goal_people", _("Write the number of people in figures, like 500")))
        return None
    if fields.get("goal", "").strip():
        problems.append(("goal_people", _("Choose one goal: an amount of money, or a number of people")))
    return int(text)


def _read_dates(fields: Mapping[str, str], terms: Terms, problems: Problems) -> tuple[datetime | None, datetime | None]:
    starts = _read_date(fields, "starts", terms, problems)
    ends = _read_date(fields, "ends", terms, problems)
    if terms.is_general and (starts or ends):
        words = _("The general appeal has no dates: it is what readers find when no other appeal is open")
        problems.append(("starts" if starts else "ends", words))
    elif starts and ends and ends <= starts:
        problems.append(("ends", _("The end must come after the start")))
    return starts, ends


def _read_date(fields: Mapping[str, str], name: str, terms: Terms, problems: Problems) -> datetime | None:
    text = fields.get(name, "").strip()
    if not text:
        return None
    found = _end_of_day(text, terms.zone) if name == "ends" and len(text) == 10 else read_moment(text, terms.zone)
    if found is None:
        problems.append((name, _("Write the day as year, month and day, with the time: 2026-11-30T18:00")))
    return found


def _end_of_day(text: str, zone: str) -> datetime | None:
    """An end that is only a day is the end of that day."""
    try:
        after = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return read_moment(datetime.combine(after, time()).isoformat(), zone)


def _read_sources(fields: Mapping[str, str], problems: Problems) -> tuple[Source, ...]:
    found: list[Source] = []
    for number in range(1, SOURCES + 1):
        claim = clean_line(fields.get(f"claim-{number}", ""), limit=SOURCE_CHARS)
        source = clean_line(fields.get(f"source-{number}", ""), limit=SOURCE_CHARS)
        if claim and not source:
            problems.append((f"source-{number}", _("Say where this claim is from")))
        elif source and not claim:
            problems.append((f"claim-{number}", _("Copy the claim here that this is the source of")))
        found += [Source(claim, source)] if claim or source else []
    return tuple(found)


def _as_typed(moment: datetime | None, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") if moment else ""
