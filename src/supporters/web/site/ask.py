"""The donation page as it is shown: ladders, notices, the words on the button."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar.connection import Request
from litestar.response import Response

from supporters.appeals.queries import GENERAL, AppealView
from supporters.appeals.rules import appeal_slug, article_path
from supporters.donations.models import Frequency
from supporters.kit.money import Money, format_money, plain_amount
from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.web.common.house import House
from supporters.web.common.shell import html
from supporters.web.site.form import OTHER, Entry, chosen_amount


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
    problems: list[tuple[str, str]] = []
    notices: list[str] = []
    not_charged: str | None = None

    @property
    def is_personal(self) -> bool:
        """Whether the page shows what somebody typed: such a page is kept by nobody."""
        entry = self.entry
        return bool(self.problems or self.not_charged or entry.email or entry.name or entry.newsletter)


def show(
    house: House, question: Question, *, status: int = 200, keep: Callable[[tuple[bytes, bytes]], None] | None = None
) -> Response[bytes]:
    """The donation page. `keep` is told its parts when nothing on it is personal but its token."""
    token = house.tokens.issue(question.attempt_id, now=house.clock.now()).encode()
    before, after = _draw(house, question)
    if keep is not None and status == 200 and not question.is_personal:
        keep((before, after))
    return html(before + token + after, status=status)


def _draw(house: House, question: Question) -> tuple[bytes, bytes]:
    """The page before and after the place of its token."""
    settings, entry = house.settings, question.entry
    mark = house.ids.token()
    text = house.templates.render(
        "site/give.html",
        appeal=question.appeal,
        entry=entry,
        problems=question.problems,
        problem=dict(reversed(question.problems)),
        notices=question.notices,
        not_charged=question.not_charged,
        token=mark,
        ladders=ladders_of(question.appeal, settings),
        frequencies=_frequencies() if settings.recurring_enabled else (),
        currency_name=currency_words(question.appeal.currency),
        currency_sign=_sign(question.appeal.currency, settings.locale),
        other=OTHER,
        button=button_words(question, settings),
        back=back_to(entry, settings),
    )
    before, _mark, after = text.partition(mark)
    return before.encode(), after.encode()


async def find_appeal(house: House, wanted: str) -> tuple[AppealView | None, str | None]:
    """The appeal that is named, else the general one with a notice; None when this installation has none at all."""
    slug = appeal_slug(wanted) if wanted else GENERAL
    found = await house.appeals.get(slug) if slug else None
    if found is not None and found.is_open(house.clock.now()):
        return found, None
    general = await house.appeals.get(GENERAL)
    return general, _("That appeal is not open. What you give here goes to the general fund.")


def ladders_of(appeal: AppealView, settings: Settings) -> tuple[Ladder, ...]:
    """The ladders that this page offers; amounts outside the limits are left out."""
    offered = (Frequency.MONTHLY, Frequency.YEARLY, Frequency.ONCE) if settings.recurring_enabled else (Frequency.ONCE,)
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


def button_words(question: Question, settings: Settings) -> str | None:
    """The words on the button once frequency and amount are chosen on a ladder. They hold while that choice stands."""
    entry = question.entry
    amount = chosen_amount(entry, question.appeal)
    frequency = entry.frequency or (Frequency.ONCE if not settings.recurring_enabled else "")
    if not frequency or not amount or entry.ladder == OTHER:
        return None
    said = {
        Frequency.ONCE: _("Give %(amount)s"),
        Frequency.MONTHLY: _("Give %(amount)s a month"),
        Frequency.YEARLY: _("Give %(amount)s a year"),
    }
    return said[Frequency(frequency)] % {"amount": _short(amount, settings.locale)}


def back_to(entry: Entry, settings: Settings) -> str | None:
    """The address of the article that the reader came from. Always on the paper's own site."""
    path = article_path(entry.carried.get("article", ""), site_url=settings.site_url)
    site = urlsplit(settings.site_url)
    return f"{site.scheme}://{site.netloc}{path}" if path else None


def outside_host(request: Request[Any, Any, Any], settings: Settings) -> str | None:
    """The host that the reader came from, if it is not ours."""
    try:
        host = urlsplit(request.headers.get("referer", "")).hostname
    except ValueError:
        return None
    return host if host and host != urlsplit(settings.base_url).hostname else None


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
