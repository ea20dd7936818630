"""The month so far, for the desk's first page: day by day, where it came from, the latest."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_at
from supporters.appeals.models import Attribution
from supporters.appeals.rules import origin_of
from supporters.donations.desk_queries import DonationRow, as_row, fees_of, payouts_of, select_rows
from supporters.donations.filters import DonationFilter
from supporters.donations.models import Donation
from supporters.donations.sums import PAID, paid_between, stretches
from supporters.kit.money import Money


class Source(msgspec.Struct, frozen=True):
    """One article, and what it has brought in: paid, less refunds. `site` is the origin it lies on; None: the main one."""

    site: str | None
    article_path: str | None
    issue: str | None
    amount: Money
    count: int
    title: str | None = None  # only where the site's own feed says it


class Day(msgspec.Struct, frozen=True):
    """What was paid on one day, before refunds."""

    day: date
    amount: Money


def month_so_far(today: date) -> DonationFilter:
    """The view that holds what was paid this month, refunded since or not: its sums show both."""
    return DonationFilter(state="received", since=today.replace(day=1), until=today)


async def latest_paid(session: AsyncSession, *, limit: int) -> list[DonationRow]:
    """The donations paid last, the newest first."""
    found = (await session.execute(select_rows(PAID).limit(limit))).all()
    fees = await fees_of(session, [donation.id for donation, _appeal, _origin in found])
    payouts = await payouts_of(session, [donation.stripe_payment_intent_id for donation, _appeal, _origin in found])
    return [as_row(each, appeal, origin, fee=fees.get(each.id), payouts=payouts) for each, appeal, origin in found]


async def sources(
    session: AsyncSession, *, since: date, until: date, currency: str, zone: str, main_site: str, limit: int
) -> list[Source]:
    """What brought in the most between two days, both inclusive."""
    start, end = _bounds(since, until, zone)
    main = origin_of(main_site)
    site = func.coalesce(Attribution.site, main)  # a link may name no site: then it is the main one
    left = Donation.amount_minor - Donation.refunded_minor - Donation.returned_minor
    amount = func.sum(left)
    query = (
        select(site, Attribution.article_path, Attribution.issue, amount, func.count())
        .join(Donation, Donation.attribution_id == Attribution.id)
        .where(*paid_between(start, end, currency=currency))
        .group_by(site, Attribution.article_path, Attribution.issue)
        .order_by(amount.desc(), Attribution.article_path, site)
        .limit(limit)
    )
    rows = (await session.execute(query)).all()
    titles = await titles_at(session, [(origin, path) for origin, path, *_rest in rows if path])
    return [
        Source(
            site=None if origin == main else origin,
            article_path=path,
            issue=issue,
            amount=Money(int(minor), currency),
            count=int(count),
            title=titles.get((origin, path or "")),
        )
        for origin, path, issue, minor, count in rows
    ]


async def days(session: AsyncSession, *, since: date, until: date, currency: str, zone: str) -> list[Day]:
    """What was paid on each day between two days, both inclusive, in the publisher's time zone."""
    wanted = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    place = ZoneInfo(zone)
    day = stretches([datetime.combine(each, time.min, place) for each in (*wanted, until + timedelta(days=1))])
    minor = select(func.coalesce(func.sum(Donation.amount_minor), 0)).where(
        *paid_between(day.c.since, day.c.until, currency=currency)
    )
    found = {number: int(paid) for number, paid in await session.execute(select(day.c.number, minor.scalar_subquery()))}
    return [Day(each, Money(found[number], currency)) for number, each in enumerate(wanted)]


def _bounds(since: date, until: date, zone: str) -> tuple[datetime, datetime]:
    place = ZoneInfo(zone)
    return datetime.combine(since, time.min, place), datetime.combine(until + timedelta(days=1), time.min, place)
