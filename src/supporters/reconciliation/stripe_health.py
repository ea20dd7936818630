"""Whether Stripe is heard, read and believed: its messages, the sweeps of its lists, its balance, its payouts. Reads only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.jobs.models import Job
from supporters.payments import catchup, marks, payout_sweep, sweep
from supporters.payments.inbox import CATCHUP, WEBHOOK
from supporters.payments.models import BalanceDay, BalanceTransaction, Content, InboxEvent, InboxState, Payout, SyncMark
from supporters.reconciliation.payout_queries import PayoutFilter, PayoutRow, count_payouts, list_payouts

DAY, MONTH = timedelta(days=1), timedelta(days=30)
PROVED_WITHIN = timedelta(days=3)  # Stripe says what is in a payout a day or two after it left
NOT_ONCE = 3  # tries in a row that failed, before it is said: one or two are the network's
SHOWN = 10
COMPARED = "balance.compare"


class Plan(NamedTuple):
    """How one of Stripe's lists is read: by which job, how often, and how far back each run begins before the last one's end."""

    mark: str
    job: str
    every: timedelta
    overlap: timedelta
    late_after: timedelta


PLANS = (
    Plan(marks.EVENTS, "events.catch_up", timedelta(minutes=5), catchup.OVERLAP, timedelta(hours=1)),
    Plan(marks.BALANCE, "balance.pull", timedelta(minutes=5), sweep.OVERLAP, timedelta(hours=1)),
    Plan(marks.BALANCE_DEEP, "stripe.sweep", DAY, sweep.DEEP_OVERLAP, timedelta(days=2)),
    Plan(payout_sweep.PAYOUTS, "payouts.sweep", timedelta(hours=1), payout_sweep.MAY_CHANGE_FOR, timedelta(hours=6)),
)
COMPARED_LATE = timedelta(days=3)  # a run that finds the balance moving leaves it to the next one


class Sweep(NamedTuple):
    """How far one of Stripe's lists has been read whole, when, what the last day brought, and what stops it now."""

    plan: Plan
    read_until: datetime | None
    run_at: datetime | None
    is_late: bool
    tries: int = 0
    error: str = ""

    @property
    def is_stuck(self) -> bool:
        """Whether it has failed so often that somebody should know."""
        return self.tries >= NOT_ONCE


class Brought(NamedTuple):
    """How much was new or changed in a list: found by the last run, and in the last day."""

    by_last_run: int
    in_day: int


class Heard(NamedTuple):
    """When Stripe last sent a message by itself, and how many were sent and how many had to be fetched."""

    sent_at: datetime | None
    sent_in_day: int
    fetched_in_day: int

    @property
    def is_deaf(self) -> bool:
        """Whether messages reach the house only because it asks for them."""
        return self.fetched_in_day > 0 and not self.sent_in_day


class Holding(NamedTuple):
    """What Stripe said last that it holds in one currency, and the difference to the books, if one was found."""

    day: BalanceDay
    drift: Discrepancy | None
    is_late: bool

    @property
    def is_off(self) -> bool:
        """Whether the books say something else, and nobody has explained it."""
        return self.drift is not None and self.drift.state == DiscrepancyState.OPEN


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at once. `unproved`: the latest payouts of which it is not proved what is in them, of `unproved_count`."""

    heard: Heard
    sweeps: Sequence[Sweep]
    holdings: Sequence[Holding]
    unproved: Sequence[PayoutRow]
    unproved_count: int
    overdue_count: int  # how many of them should be proved by now

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was ever heard or read."""
        return self.heard.sent_at is None and all(each.run_at is None for each in self.sweeps)


class MissedOne(NamedTuple):
    """One of them: what it told, when that happened, and when it was fetched."""

    id: str
    type: str
    occurred_at: datetime
    fetched_at: datetime


class Missed(NamedTuple):
    """Messages that no webhook brought, found by reading Stripe's list: how many in a month, and the latest."""

    messages: int
    latest: Sequence[MissedOne]


async def read_health(session: AsyncSession, *, now: datetime) -> Health:
    """How it stands with Stripe now."""
    view = PayoutFilter(view="content")
    unproved = await list_payouts(session, view, limit=SHOWN)
    count = len(unproved) if len(unproved) < SHOWN else await count_payouts(session, view)
    return Health(
        heard=await _heard(session, now=now),
        sweeps=await _sweeps(session, now=now),
        holdings=await _holdings(session, now=now),
        unproved=unproved,
        unproved_count=count,
        overdue_count=count - sum(not _is_overdue(each, now) for each in unproved),
    )


async def missed_events(session: AsyncSession, *, now: datetime) -> Missed:
    """The messages of the last month that had to be fetched."""
    e = InboxEvent
    fetched = (e.state.in_([state.value for state in InboxState]), e.via == CATCHUP, e.received_at >= now - MONTH)
    latest = select(e.stripe_event_id, e.type, e.occurred_at, e.received_at).where(*fetched)
    rows = await session.execute(latest.order_by(e.received_at.desc(), e.stripe_event_id).limit(SHOWN))
    count = await session.scalar(select(func.count()).select_from(e).where(*fetched)) or 0
    return Missed(count, [MissedOne(*row) for row in rows])


async def brought(session: AsyncSession, sweeps: Sequence[Sweep], *, now: datetime) -> list[Brought]:
    """What the last whole run of each of these found, and what the last day brought; zero of one that never ran."""
    return [
        Brought(
            await _found(session, each.plan.mark, each.read_until, now=now) if each.read_until else 0,
            await _found(session, each.plan.mark, now - DAY, now=now),
        )
        for each in sweeps
    ]


async def _heard(session: AsyncSession, *, now: datetime) -> Heard:
    """By state, because that is how the messages are kept in order."""
    e = InboxEvent
    latest = [
        select(e.received_at)
        .where(e.state == state.value, e.via == WEBHOOK)
        .order_by(e.received_at.desc())
        .limit(1)
        .scalar_subquery()
        for state in InboxState
    ]
    sent = [at for at in (await session.execute(select(*latest))).one() if at]
    lately = (e.state.in_([state.value for state in InboxState]), e.received_at >= now - DAY)
    counted = await session.execute(select(e.via, func.count().label("many")).where(*lately).group_by(e.via))
    by_way = {str(row.via): int(row.many) for row in counted}
    return Heard(max(sent, default=None), by_way.get(WEBHOOK, 0), by_way.get(CATCHUP, 0))


async def _sweeps(session: AsyncSession, *, now: datetime) -> list[Sweep]:
    read = {mark.name: mark for mark in await session.scalars(select(SyncMark).where(SyncMark.name.in_(_MARKS)))}
    stuck = await _stuck(session)
    found: list[Sweep] = []
    for plan in PLANS:
        mark, (tries, error) = read.get(plan.mark), stuck.get(plan.job, (0, ""))
        is_late = mark is not None and now - mark.run_at > plan.late_after
        until, run_at = (mark.verified_until, mark.run_at) if mark else (None, None)
        found.append(Sweep(plan, until, run_at, is_late, tries, error))
    return found


async def _found(session: AsyncSession, mark: str, since: datetime, *, now: datetime) -> int:
    """What this list brought from that moment on. Lines and payouts change only for a while, so only young ones are looked at."""
    line, payout, event = BalanceTransaction, Payout, InboxEvent
    queries = {
        marks.EVENTS: select(func.count()).where(
            event.state.in_([state.value for state in InboxState]),
            event.via == CATCHUP,
            event.received_at >= since,
        ),
        payout_sweep.PAYOUTS: select(func.count()).where(
            payout.created_at >= now - payout_sweep.MAY_CHANGE_FOR, payout.changed_at >= since
        ),
    }
    lines = select(func.count()).where(line.created_at >= now - sweep.DEEP_OVERLAP, line.mirrored_at >= since)
    return await session.scalar(queries.get(mark, lines)) or 0


async def _stuck(session: AsyncSession) -> dict[str, tuple[int, str]]:
    """The jobs among them that wait for another try: how often they failed, and why the last time."""
    waits = (Job.state == literal_column("'ready'"), Job.attempts > 0, Job.kind.in_([plan.job for plan in PLANS]))
    rows = await session.execute(select(Job.kind, Job.attempts, Job.last_error).where(*waits))
    return {kind: (attempts, error or "") for kind, attempts, error in rows}


async def _holdings(session: AsyncSession, *, now: datetime) -> list[Holding]:
    day, d = BalanceDay, Discrepancy
    last = select(day.currency.label("currency"), func.max(day.day).label("day")).group_by(day.currency).subquery()
    query = select(day).join(last, (last.c.currency == day.currency) & (last.c.day == day.day)).order_by(day.currency)
    days = (await session.scalars(query)).all()
    drifts = await session.scalars(select(d).where(d.code == Code.BALANCE_DRIFT.value).order_by(d.opened_at))
    told = {each.subject: each for each in drifts if each.state == DiscrepancyState.OPEN or each.resolved_by}
    return [Holding(each, told.get(each.currency), now - each.taken_at > COMPARED_LATE) for each in days]


def _is_overdue(row: PayoutRow, now: datetime) -> bool:
    return row.content == Content.OFF.value or now - row.created_at > PROVED_WITHIN


_MARKS = [plan.mark for plan in PLANS]
