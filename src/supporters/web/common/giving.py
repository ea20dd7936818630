"""The donation page drawn: ladders, notices, the figure, the words on the button. Readers get it, and editors a preview."""

from datetime import date
from functools import lru_cache

import msgspec

from supporters.appeals.attribution import article_url
from supporters.appeals.queries import GENERAL, AppealView
from supporters.appeals.rules import find_article
from supporters.donations.models import Frequency
from supporters.kit.clock import local_date
from supporters.kit.money import AmountProblem, Money, format_money, parse_amount, plain_amount
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.reports.tickers import Ticker
from supporters.settings import Settings
from supporters.web.common.house import House
from supporters.web.common.promise import Saying, say_amount, say_other
from supporters.web.common.ways import Ways, find_ways

OTHER = "other"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The form as it is shown: what was chosen and typed so far. `other` and `amount` are text as people type it."""

    frequency: str = ""
    ladder: str = ""
    other: str = ""
    email: str = ""
    name: str = ""
    newsletter: bool = False
    appeal: str = ""
    carried: dict[str, str] = {}


class Rung(msgspec.Struct, frozen=True):
    """One amount of a ladder: the value sent and the face shown."""

    value: str
    face: str


class Ladder(msgspec.Struct, frozen=True):
    """The amounts of one frequency."""

    frequency: str
    legend: str
    rungs: tuple[Rung, ...]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One donation page: what is asked, what was said so far, and what is wrong with it."""

    appeal: AppealView
    entry: Entry
    attempt_id: str
    ways: Ways | None = None  # those of the settings, with nothing switched off
    raised: Ticker | None = None
    newsletter: str = ""  # the words beside its box; empty: none is offered
    problems: list[tuple[str, str]] = []
    notices: list[str] = []
    not_charged: str | None = None

    @property
    def is_personal(self) -> bool:
        """Whether the page shows what somebody typed: such a page is kept by nobody."""
        entry = self.entry
        return bool(self.problems or self.not_charged or entry.email or entry.name or entry.newsletter)


class Bar(msgspec.Struct, frozen=True):
    """What the page says of it: `words` beside the bar, `more` under it; without a goal there is no bar, so `most` is 0."""

    value: int
    most: int
    words: str
    more: str
    ticker: Ticker


def draw(house: House, question: Question, *, token: str) -> str:
    """The donation page with that form token in it."""
    settings, entry = house.settings, question.entry
    ways = question.ways or find_ways(settings, {})
    ladders = ladders_of(question.appeal, settings, is_recurring=ways.is_recurring)
    today = local_date(house.clock.now(), settings.time_zone)
    return house.templates.render(
        "site/give.html",
        appeal=question.appeal,
        entry=entry,
        problems=question.problems,
        problem=dict(reversed(question.problems)),
        notices=question.notices,
        not_charged=question.not_charged,
        token=token,
        ladders=ladders,
        frequencies=_frequencies() if ways.is_recurring else (),
        sayings=sayings_of(ladders, today, settings.locale),
        ways=ways,
        currency_name=currency_words(question.appeal.currency),
        currency_sign=_sign(question.appeal.currency, settings.locale),
        other=OTHER,
        back=back_to(entry, settings),
        bar=bar_of(question.appeal, question.raised, settings),
        newsletter=question.newsletter,
        is_general=question.appeal.slug == GENERAL,
    )


def ladders_of(appeal: AppealView, settings: Settings, *, is_recurring: bool) -> tuple[Ladder, ...]:
    """The ladders that this page offers; amounts outside the limits are left out."""
    offered = (Frequency.MONTHLY, Frequency.YEARLY, Frequency.ONCE) if is_recurring else (Frequency.ONCE,)
    legends = {
        Frequency.ONCE: _("How much?"),
        Frequency.MONTHLY: _("How much a month?"),
        Frequency.YEARLY: _("How much a year?"),
    }
    limits = (settings.minimum_minor, settings.maximum_minor)
    return tuple(
        Ladder(name, legends[name], rungs_of(appeal.amounts.get(name, ()), appeal.currency, settings.locale, limits))
        for name in offered
    )


@lru_cache(maxsize=200)
def rungs_of(amounts: tuple[int, ...], currency: str, locale: str, limits: tuple[int, int]) -> tuple[Rung, ...]:
    """The faces of a ladder. Kept, since every reader of an appeal sees the same ones."""
    kept = [Money(minor, currency) for minor in amounts if limits[0] <= minor <= limits[1]]
    return tuple(Rung(plain_amount(money), _short(money, locale)) for money in kept)


@lru_cache(maxsize=500)
def _short(money: Money, locale: str) -> str:
    return format_money(money, locale, trim=True)


@lru_cache(maxsize=50)
def sayings_of(ladders: tuple[Ladder, ...], today: date, locale: str) -> tuple[Saying, ...]:
    """What the button and the line beside it say for each choice; the style sheet shows those of the one that stands."""
    said = [
        say_amount(ladder.frequency, str(place), rung.face, today, locale)
        for ladder in ladders
        for place, rung in enumerate(ladder.rungs, 1)
    ]
    return (*said, *(say_other(ladder.frequency, OTHER, today, locale) for ladder in ladders))


def back_to(entry: Entry, settings: Settings) -> str | None:
    """The address of the article that the reader came from. Always on one of the paper's own sites."""
    found = find_article(entry.carried.get("article", ""), sites=settings.sites)
    return article_url(*found, sites=settings.sites) if found else None


@lru_cache(maxsize=500)
def readable_amount(text: str, currency: str) -> Money | None:
    """The amount in `text`, if there is one. Kept, since most links name one of a few amounts."""
    try:
        return parse_amount(text, currency)
    except AmountProblem:
        return None


def bar_of(appeal: AppealView, ticker: Ticker | None, settings: Settings, *, is_over: bool = False) -> Bar | None:
    """The figure in words and as a bar; `is_over` when nothing more comes."""
    if ticker is None:
        return None
    raised = _money(ticker.raised_minor, ticker, settings)
    count = f"{ticker.people:,}"
    people = _people(ticker.people, is_over=is_over) % {"count": count}
    total = _("%(amount)s in all") if is_over else _("%(amount)s so far")
    if appeal.goal_people:
        words = _("%(count)s of %(goal)s readers") % {"count": count, "goal": f"{appeal.goal_people:,}"}
        value = min(ticker.people, appeal.goal_people)
        return Bar(value, appeal.goal_people, words, total % {"amount": raised}, ticker)
    if appeal.goal_minor:
        goal = _money(appeal.goal_minor, ticker, settings)
        words = _("%(amount)s of %(goal)s") % {"amount": raised, "goal": goal}
        value = max(0, min(ticker.raised_minor, appeal.goal_minor))
        return Bar(value, appeal.goal_minor, words, people, ticker)
    return Bar(0, 0, total % {"amount": raised}, people, ticker)


def _people(count: int, *, is_over: bool) -> str:
    if is_over:
        return ngettext("%(count)s reader gave", "%(count)s readers gave", count)
    return ngettext("%(count)s reader so far", "%(count)s readers so far", count)


def currency_words(currency: str) -> str:
    """How the amount's field is labelled."""
    known = {
        "GBP": _("Amount in pounds"),
        "EUR": _("Amount in euros"),
        "USD": _("Amount in dollars"),
    }
    return known.get(currency) or _("Amount in %(currency)s") % {"currency": currency}


@lru_cache(maxsize=20)
def _sign(currency: str, locale: str) -> str:
    zero = format_money(Money(0, currency), locale, trim=True)
    return zero.replace("0", "").strip() or currency


def _frequencies() -> tuple[tuple[str, str], ...]:
    return (("monthly", _("Monthly")), ("yearly", _("Yearly")), ("once", _("One-off")))


def _money(minor: int, ticker: Ticker, settings: Settings) -> str:
    return format_money(Money(minor, ticker.currency), settings.locale, trim=True)
