"""GET /desk: what needs a person first, then the month."""

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
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.payments.desk_queries import latest_event_at
from supporters.people.limits import is_door_full
from supporters.prompts.content import site_of
from supporters.reports.base import base_now
from supporters.staff.models import Role
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.desk.frame import Waiting, count_waiting, desk_page
from supporters.web.desk.masking import mask_rows
from supporters.web.desk.roles import DOES_BOOKS, EVERYBODY, SEES_DONATIONS
from supporters.web.desk.words import article_words

LATEST, SOURCES = 8, 5
CHART_HEIGHT = 120


class Need(msgspec.Struct, frozen=True):
    """One thing that waits for a person."""

    words: str
    action: str = ""  # empty where there is nothing to do but to know it
    href: str = ""


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
        needs=[*needs_of(waiting), *await _door_need(reading, house, member.role)],
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


def needs_of(waiting: Waiting) -> list[Need]:
    """What waits, in words, the gravest first."""
    needs: list[Need] = []
    if waiting.discrepancies:
        words = ngettext("%(n)s discrepancy to explain", "%(n)s discrepancies to explain", waiting.discrepancies)
        needs.append(Need(words % {"n": waiting.discrepancies}, _("Explain"), "/desk/discrepancies"))
    if waiting.bank_lines:
        words = ngettext("%(n)s bank line to match", "%(n)s bank lines to match", waiting.bank_lines)
        needs.append(Need(words % {"n": waiting.bank_lines}, _("Match"), "/desk/match"))
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


async def _door_need(session: AsyncSession, house: House, role: Role) -> list[Need]:
    """Whether so many ask to sign in that some get no letter."""
    if role not in DOES_BOOKS or not await is_door_full(session, now=house.clock.now()):
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
