"""Does Stripe hold what the books say that it holds? And if not, since which day?"""

from collections.abc import Container, Mapping, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.start import start_moment
from supporters.payments.models import BalanceDay, BalanceTransaction
from supporters.reconciliation.postings import SOURCE_KIND


class Drift(msgspec.Struct, frozen=True):
    """One currency in which the books and Stripe disagree. `waiting_minor` is the net of lines that are not posted yet."""

    currency: str
    ledger_minor: int
    stripe_minor: int
    waiting_minor: int


class DayDrift(msgspec.Struct, frozen=True):
    """The first day whose end the lines that are here do not explain, and the last before it that they do."""

    currency: str
    agreed_on: date | None
    off_on: date
    off_minor: int  # what Stripe held more than the lines add up to


class _Day(msgspec.Struct, frozen=True):
    day: BalanceDay
    off_minor: int


async def find_drift(session: AsyncSession, stripe_balance: Mapping[str, int]) -> list[Drift]:
    """Every currency in which Stripe's balance (available and pending, minor units) is not what the ledger says."""
    ledger = await _ledger_balance(session)
    waiting = await _waiting(session)
    currencies = sorted(ledger.keys() | stripe_balance.keys())
    drifts = [
        Drift(each, ledger.get(each, 0), stripe_balance.get(each, 0), waiting.get(each, 0)) for each in currencies
    ]
    return [drift for drift in drifts if drift.ledger_minor != drift.stripe_minor]


def unexplained(drifts: Sequence[Drift]) -> list[Drift]:
    """Those that lines still waiting to be posted do not explain."""
    return [drift for drift in drifts if drift.stripe_minor - drift.ledger_minor != drift.waiting_minor]


async def when_it_began(session: AsyncSession) -> tuple[date, date] | None:
    """The last day that agreed and the first that does not, over all currencies; None where the days kept show neither."""
    days = await first_days_off(session)
    if not days:
        return None
    first = min(each.off_on for each in days)
    return min(each.agreed_on or first for each in days), max(each.off_on for each in days)


async def report_drift(session: AsyncSession, drifts: Sequence[Drift], *, ids: Ids, now: datetime) -> None:
    """Each drift is a discrepancy of its currency while it lasts. One that lines still waiting explain is left to them.

    Resolved and unchanged it stays resolved; gone, the house closes it. It says since when Stripe and the lines that are
    here disagree, where the days kept so far show that.
    """
    wrong = unexplained(drifts)
    began = {found.currency: found for found in await first_days_off(session)} if wrong else {}
    for drift in wrong:
        since = began.get(drift.currency)
        detail = msgspec.structs.asdict(drift)
        if since:
            detail["off_since"] = since.off_on.isoformat()
            detail["agreed_on"] = since.agreed_on.isoformat() if since.agreed_on else None
        await open_discrepancy(
            session,
            code=Code.BALANCE_DRIFT,
            subject=drift.currency,
            amount=Money(drift.stripe_minor - drift.ledger_minor, drift.currency),
            detail=detail,
            fingerprint=str(drift.stripe_minor - drift.ledger_minor - drift.waiting_minor),
            ids=ids,
            now=now,
        )
    await _settle_gone(session, {drift.currency for drift in wrong}, now=now)


async def _settle_gone(session: AsyncSession, still: Container[str], *, now: datetime) -> None:
    d = Discrepancy
    is_open = (d.code == Code.BALANCE_DRIFT.value) & (d.state == DiscrepancyState.OPEN.value)
    for subject in (await session.scalars(select(d.subject).where(is_open))).all():
        if subject not in still:
            how, reason = Resolution.EXPLAINED, _("Both agree again.")
            await settle_discrepancy(
                session, code=Code.BALANCE_DRIFT, subject=subject, resolution=how, reason=reason, now=now
            )


async def first_days_off(session: AsyncSession) -> list[DayDrift]:
    """By currency, the first day from which on Stripe's balance is not what the lines here add up to; none that agrees.

    A difference that was there and has gone is not told: the lines that explain it came later.
    """
    found: list[DayDrift] = []
    days = await _days(session)
    for currency in sorted({each.day.currency for each in days}):
        mine = [each for each in days if each.day.currency == currency]
        agreed = max((place for place, each in enumerate(mine) if not each.off_minor), default=-1)
        if agreed + 1 < len(mine):
            first = mine[agreed + 1]
            last = mine[agreed].day.day if agreed >= 0 else None
            found.append(DayDrift(currency, last, first.day.day, first.off_minor))
    return found


async def agreed_days(session: AsyncSession) -> list[BalanceDay]:
    """Every kept day at whose end Stripe held exactly what the lines here add up to."""
    return [each.day for each in await _days(session) if not each.off_minor]


async def _days(session: AsyncSession) -> list[_Day]:
    """Every kept day, the oldest first, with what Stripe held more than the lines up to that moment add up to.

    Lines are added up once, from one kept moment to the next. What stands in the books before the first line (opening
    balances) and what people moved by hand counts too.
    """
    row = BalanceTransaction
    start = await start_moment(session)
    other = await _other_entries(session)
    wanted = select(BalanceDay).order_by(BalanceDay.currency, BalanceDay.taken_at)
    kept = await session.scalars(wanted.where(BalanceDay.taken_at >= start) if start else wanted)
    found: list[_Day] = []
    currency, since, total = "", start, 0
    for day in kept:
        if day.currency != currency:
            currency, since, total = day.currency, start, 0
        between = select(func.sum(row.net_minor)).where(row.currency == currency, row.created_at <= day.taken_at)
        if since is not None:
            between = between.where(row.created_at >= since if since is start else row.created_at > since)
        total, since = total + int(await session.scalar(between) or 0), day.taken_at
        by_hand = sum(minor for on, of, minor in other if of == currency and on <= day.day)
        found.append(_Day(day, day.available_minor + day.pending_minor - total - by_hand))
    return found


async def _other_entries(session: AsyncSession) -> list[tuple[date, str, int]]:
    """What stands on the Stripe balance and comes of no line of it: by day and currency."""
    entry, of, corrected = LedgerEntry, LedgerTransaction, LedgerTransaction.__table__.alias()
    kind = func.coalesce(
        select(corrected.c.source_kind).where(corrected.c.id == of.reverses_id).scalar_subquery(), of.source_kind
    )
    query = (
        select(of.booked_on, entry.currency, func.sum(entry.amount_minor))
        .join(of, of.id == entry.transaction_id)
        .where(entry.account == Account.STRIPE_BALANCE, kind != SOURCE_KIND)
        .group_by(of.booked_on, entry.currency)
    )
    return [(booked_on, currency, int(total)) for booked_on, currency, total in await session.execute(query)]


async def _ledger_balance(session: AsyncSession) -> dict[str, int]:
    entry = LedgerEntry
    query = (
        select(entry.currency, func.sum(entry.amount_minor))
        .where(entry.account == Account.STRIPE_BALANCE)
        .group_by(entry.currency)
    )
    return {currency: int(total) for currency, total in await session.execute(query)}


async def _waiting(session: AsyncSession) -> dict[str, int]:
    """Lines from before the books began wait for nothing: the opening balance stands for them."""
    line = BalanceTransaction
    query = select(line.currency, func.sum(line.net_minor)).where(line.posted_at.is_(None)).group_by(line.currency)
    start = await start_moment(session)
    query = query.where(line.created_at >= start) if start else query
    return {currency: int(total) for currency, total in await session.execute(query)}
