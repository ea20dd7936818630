"""Once a week whoever does the books gets a letter: what was paid out, what is left to explain, and about how long it takes."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.discrepancies.discuss import bookkeepers
from supporters.discrepancies.queries import count_open, count_overdue
from supporters.jobs.timers import Timer
from supporters.jobs.work import Work
from supporters.kit.clock import local_date
from supporters.ledger.periods import month_of, open_month_before
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.reconciliation.payout_queries import PayoutFilter, Standing, list_payouts
from supporters.reconciliation.second_person import months_asked
from supporters.settings import Settings
from supporters.staff.models import Staff

DIGEST = "money.digest"
LETTER = "staff_money"
TIMERS = (Timer(DIGEST, every=timedelta(hours=6)),)
SENT_ON = (0, 1)  # Monday; Tuesday where nothing worked on Monday
MOST_PAYOUTS = 1_000
MINUTES = {"to_explain": 3, "bank_lines": 1, "months": 10}
STEP_MINUTES = 5

log = structlog.stdlib.get_logger("digest")


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """One week of the books. *Money*: minor units by currency."""

    since: date
    until: date
    payouts: int
    proved: int
    paid_out: dict[str, int]
    to_explain: int
    overdue: int
    bank_lines: int
    open_month: str | None  # the first month that is over and not closed
    asked_month: str | None = None  # the first month whose closing waits for a second person

    @property
    def has_news(self) -> bool:
        """Whether there is anything to write of."""
        return bool(self.payouts or self.to_explain or self.bank_lines or self.open_month)

    @property
    def minutes(self) -> int:
        """About how long it takes to deal with what is left, in steps of five; 0 where nothing is."""
        needed = (
            self.to_explain * MINUTES["to_explain"]
            + self.bank_lines * MINUTES["bank_lines"]
            + (MINUTES["months"] if self.open_month else 0)
        )
        return -(-needed // STEP_MINUTES) * STEP_MINUTES


async def read_digest(session: AsyncSession, *, today: date) -> Digest:
    """The seven days before today, and what is left now."""
    since, until = today - timedelta(days=7), today - timedelta(days=1)
    payouts = [
        row
        for row in await list_payouts(session, PayoutFilter(since=since, until=until), limit=MOST_PAYOUTS)
        if row.standing is not Standing.RETURNED
    ]
    sums: dict[str, int] = {}
    for row in payouts:
        sums[row.currency] = sums.get(row.currency, 0) + row.amount_minor
    waiting = select(func.count()).select_from(BankLine).where(BankLine.state == LineState.OPEN.value)
    return Digest(
        since=since,
        until=until,
        payouts=len(payouts),
        proved=sum(row.standing in (Standing.PROVED, Standing.ELSEWHERE) for row in payouts),
        paid_out=sums,
        to_explain=await count_open(session),
        overdue=await count_overdue(session, today=today),
        bank_lines=await session.scalar(waiting) or 0,
        open_month=await open_month_before(session, month_of(today)),
        asked_month=min(await months_asked(session), default=None),
    )


async def send_digest(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `money.digest`: on Mondays a letter to each who does the books and wants it waits to be sent, if anything is to say.

    *Idempotent by* week and person.
    """
    now = work.clock.now()
    today = local_date(now, settings.time_zone)
    queued = 0
    async with work.db.unit_of_work() as session:
        if today.weekday() in SENT_ON:
            monday = today - timedelta(days=today.weekday())
            found = await read_digest(session, today=monday)
            if found.has_news:
                queued = await _queue(session, found, work=work, settings=settings, now=now)
        await work.finish(session)
    if queued:
        log.info("digest_queued", count=queued)


async def _queue(session: AsyncSession, found: Digest, *, work: Work, settings: Settings, now: datetime) -> int:
    wanted = Staff.id.in_(list(await bookkeepers(session))) & Staff.no_money_letter_at.is_(None)
    queued = 0
    for person in await session.scalars(select(Staff).where(wanted)):
        queued += await queue_letter(
            session,
            kind=LETTER,
            stream=Stream.SERVICE,
            recipient=person.email,
            dedupe_key=f"money:{found.until.isoformat()}",
            context=_context(found, settings),
            about=person.id,
            ids=work.ids,
            now=now,
            domain=settings.mail_from.rpartition("@")[2],
        )
    return queued


def _context(found: Digest, settings: Settings) -> dict[str, object]:
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "payouts": found.payouts,
        "proved": found.proved,
        "paid_out": [[minor, currency] for currency, minor in sorted(found.paid_out.items())],
        "to_explain": found.to_explain,
        "overdue": found.overdue,
        "bank_lines": found.bank_lines,
        "open_month": f"{found.open_month}-01" if found.open_month else None,
        "asked_month": f"{found.asked_month}-01" if found.asked_month else None,
        "minutes": found.minutes,
        "desk_url": f"{settings.base_url}/desk/months",
    }
