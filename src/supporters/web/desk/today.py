"""GET /desk: what needs a person first, then the month."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from babel.dates import format_date
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.queries import DiscrepancyFilter, list_discrepancies
from supporters.donations.desk_sums import sum_rows
from supporters.donations.desk_today import Day, days, latest_paid, month_so_far, sources
from supporters.guard.switches import GIVING, read_switches
from supporters.kit.clock import local_date
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.payments.desk_queries import latest_event_at
from supporters.people.limits import is_door_full
from supporters.prompts.content import site_of
from supporters.reconciliation.ageing import WaitingLines, aged_discrepancies, waiting_lines
from supporters.reconciliation.stripe_health import read_health
from supporters.reports.base import base_now
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.desk.age_words import band_words, days_old
from supporters.web.desk.frame import Waiting, count_waiting, desk_page
from supporters.web.desk.masking import mask_rows
from supporters.web.desk.roles import DOES_BOOKS, EVERYBODY, SEES_DONATIONS
from supporters.web.desk.second import to_agree
from supporters.web.desk.stripe_words import PATH as STRIPE
from supporters.web.desk.stripe_words import Trouble, troubles_of
from supporters.web.desk.words import article_words

LATEST, SOURCES = 8, 5
CHART_HEIGHT = 120


class Need(msgspec.Struct, frozen=True):
    """One thing that waits for a person."""

    words: str
    action: str = ""  # empty where there is nothing to do but to know it
    href: str = ""


class AgedLine(msgspec.Struct, frozen=True):
    """Discrepancies that have waited for so long, and the money they are about."""

    words: str
    href: str
    count: int
    sums: list[Money]


class Bar(msgspec.Struct, frozen=True):
    """One day of the chart: left edge and width in per cent, top and height in pixels."""

    left: str
    width: str
    top: int
    height: int
    day: date
    amount: Money
    is_today: bool


@get("/desk", opt={"access": EVERYBODY})
async def show_today(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What needs whoever asks, then the month's sums; a list of people only for those who may see one."""
    house, member = house_of(request), member_of(request)
    settings = house.settings
    today = local_date(house.clock.now(), settings.time_zone)
    first = today.replace(day=1)
    waiting = await count_waiting(reading, member.role)
    currency, zone = settings.currency, settings.time_zone
    by_day = await days(reading, since=first, until=today, currency=currency, zone=zone)
    is_open_to_books = member.role in DOES_BOOKS
    return await desk_page(
        request,
        reading,
        "desk/today.html",
        here="today",
        waiting=waiting,
        title=format_date(today, "EEEE d MMMM", locale=settings.locale),
        month=format_date(today, "LLLL", locale=settings.locale),
        needs=[*await _needs(reading, house, waiting), *await _to_agree(reading, member.id)]
        if is_open_to_books
        else [],
        aged=await _aged(reading, today, zone) if is_open_to_books else [],
        oldest_due=await _nearest_due(reading) if is_open_to_books else None,
        giving=(await read_switches(reading))[GIVING],
        heard_at=await latest_event_at(reading) if is_open_to_books else None,
        sums=await sum_rows(reading, month_so_far(today), currency=currency, zone=zone),
        bases=await base_now(reading, months=[first], zone=zone, currency=currency),
        money=Money,
        month_query=f"state=received&from={first.isoformat()}&to={today.isoformat()}",
        bars=bars_of(by_day),
        by_day=by_day,
        month_sum=Money(sum(each.amount.minor for each in by_day), currency),
        best=max(by_day, key=lambda each: each.amount.minor),
        article_words=article_words,
        chart_height=CHART_HEIGHT,
        sources=await sources(
            reading, since=first, until=today, currency=currency, zone=zone, main_site=settings.site_url, limit=SOURCES
        ),
        site_of=site_of,
        latest=mask_rows(await latest_paid(reading, limit=LATEST), member.role)
        if member.role in SEES_DONATIONS
        else [],
    )


async def _needs(session: AsyncSession, house: House, waiting: Waiting) -> list[Need]:
    """What needs whoever does the books."""
    now, settings = house.clock.now(), house.settings
    lines = await waiting_lines(session) if waiting.bank_lines else []
    troubles = troubles_of(await read_health(session, now=now), locale=settings.locale)
    needs = needs_of(waiting, lines, today=local_date(now, settings.time_zone), locale=settings.locale)
    return [*needs, *_stripe_need(troubles), *await _door_need(session, house)]


async def _to_agree(session: AsyncSession, member_id: str) -> list[Need]:
    """What waits for a second person, who may be this one."""
    return [Need(words, _("Look"), href) for words, href in await to_agree(session, member_id)]


def _stripe_need(troubles: Sequence[Trouble]) -> list[Need]:
    """That something is wrong with Stripe: the gravest of it, and how much more there is."""
    if not troubles:
        return []
    words = troubles[0].words
    if len(troubles) > 1:
        more = len(troubles) - 1
        words += " " + ngettext("And %(n)s thing more about Stripe.", "And %(n)s things more about Stripe.", more) % {
            "n": more
        }
    return [Need(words, _("Look"), STRIPE)]


def needs_of(waiting: Waiting, lines: Sequence[WaitingLines], *, today: date, locale: str) -> list[Need]:
    """What waits, in words, the gravest first."""
    needs: list[Need] = []
    if waiting.discrepancies:
        words = ngettext("%(n)s discrepancy to explain", "%(n)s discrepancies to explain", waiting.discrepancies)
        needs.append(Need(words % {"n": waiting.discrepancies}, _("Explain"), "/desk/discrepancies"))
    if waiting.bank_lines:
        words = ngettext("%(n)s bank line to match", "%(n)s bank lines to match", waiting.bank_lines)
        words = words % {"n": waiting.bank_lines} + _lines_words(lines, today=today, locale=locale)
        needs.append(Need(words, _("Match"), "/desk/match"))
    if waiting.parked:
        words = ngettext("%(n)s event from Stripe parked", "%(n)s events from Stripe parked", waiting.parked)
        needs.append(Need(words % {"n": waiting.parked}, _("Look"), "/desk/events#parked"))
    if waiting.stuck_letters:
        words = ngettext("%(n)s letter not sent", "%(n)s letters not sent", waiting.stuck_letters)
        needs.append(Need(words % {"n": waiting.stuck_letters}, _("Send again"), "/desk/events#letters"))
    if waiting.stuck_jobs:
        words = ngettext("%(n)s job gave up", "%(n)s jobs gave up", waiting.stuck_jobs)
        needs.append(Need(words % {"n": waiting.stuck_jobs}, _("Try again"), "/desk/events#jobs"))
    return needs


def _lines_words(lines: Sequence[WaitingLines], *, today: date, locale: str) -> str:
    """How much is on them, by currency and way, and how old the oldest is."""
    if not lines:
        return ""
    came = [format_money(Money(each.in_minor, each.currency), locale) for each in lines if each.in_minor]
    went = [format_money(Money(-each.out_minor, each.currency), locale) for each in lines if each.out_minor]
    sums = [_("%(sums)s came in") % {"sums": ", ".join(came)}] if came else []
    sums += [_("%(sums)s went out") % {"sums": ", ".join(went)}] if went else []
    oldest = days_old((today - min(each.oldest_on for each in lines)).days)
    return f": {', '.join(sums)}; " + _("the oldest is %(age)s") % {"age": oldest}


async def _aged(session: AsyncSession, today: date, zone: str) -> list[AgedLine]:
    """The discrepancies that wait, by age, each age with the address that shows only those."""
    return [
        AgedLine(
            band_words(each.since_days, each.until_days),
            f"/desk/discrepancies?age={each.since_days}",
            each.discrepancies,
            [Money(minor, currency) for currency, minor in each.sums.items()],
        )
        for each in await aged_discrepancies(session, today=today, zone=zone)
    ]


async def _door_need(session: AsyncSession, house: House) -> list[Need]:
    """Whether so many ask to sign in that some get no letter."""
    if not await is_door_full(session, now=house.clock.now()):
        return []
    words = _(
        "So many ask for a sign-in letter that new browsers get none for up to an hour. After a mailing that passes by "
        "itself; else somebody may be trying addresses."
    )
    return [Need(words)]


def bars_of(by_day: list[Day]) -> list[Bar]:
    """The chart's bars: from zero, as tall as the best day allows, room for a whole month."""
    most = max((each.amount.minor for each in by_day), default=0)
    slot = 100 / 31
    return [
        Bar(
            left=f"{number * slot:.2f}%",
            width=f"{slot * 0.8:.2f}%",
            height=(height := _height(each.amount.minor, most)),
            top=CHART_HEIGHT - height,
            day=each.day,
            amount=each.amount,
            is_today=number == len(by_day) - 1,
        )
        for number, each in enumerate(by_day)
    ]


def _height(minor: int, most: int) -> int:
    """In pixels; the smallest donation is still seen."""
    return max(2, minor * CHART_HEIGHT // most) if minor > 0 else 0


async def _nearest_due(session: AsyncSession) -> date | None:
    found = await list_discrepancies(session, asked=DiscrepancyFilter(is_quiet=False), limit=1)
    return found[0].due_on if found else None


HANDLERS = [show_today]
