"""The job: lines page by page into the mirror, from there into the ledger, whatever Stripe does in between."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from books import NOW, add_donations, found
from engines import on_sqlite
from supporters.discrepancies.models import Discrepancy
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.payments.facts import BalanceLine, FeeDetail, Page
from supporters.payments.gateway import GatewayUnavailable
from supporters.payments.gateway_money import Held
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.jobs import compare_balance, pull_and_post


class PagedStripe:
    """The two lists that the job reads, two lines a page; breaks off before page `breaks_at`."""

    is_live = False

    def __init__(self, lines: list[BalanceLine], *, breaks_at: int | None = None) -> None:
        self.lines = lines
        self.breaks_at = breaks_at
        self.asked_since: list[datetime | None] = []
        self.balances: list[dict[str, int]] = []

    @property
    def money(self) -> "PagedStripe":
        return self

    async def has_lines_before(self, at: datetime) -> bool:
        return any(line.created_at < at for line in self.lines)

    async def list_balance_transactions(
        self,
        *,
        created_gte: datetime | None = None,
        created_lt: datetime | None = None,
        starting_after: str | None = None,
    ) -> Page[BalanceLine]:
        self.asked_since.append(created_gte)
        asked = [
            line
            for line in self.lines
            if (created_gte is None or line.created_at >= created_gte)
            and (created_lt is None or line.created_at < created_lt)
        ]
        start = next((n + 1 for n, line in enumerate(asked) if line.id == starting_after), 0)
        if asked and self.breaks_at is not None and start // 2 >= self.breaks_at:
            raise GatewayUnavailable("Stripe did not answer.")
        items = asked[start : start + 2]
        return Page(items, items[-1].id if start + 2 < len(asked) else None)

    async def holdings(self) -> dict[str, Held]:
        return {currency: Held(minor, 0, 0) for currency, minor in self.balances.pop(0).items()}


def charge(number: int) -> BalanceLine:
    return BalanceLine(
        id=f"txn_{number}",
        created_at=NOW - timedelta(minutes=number),
        available_at=NOW,
        status="pending",
        type="charge",
        reporting_category="charge",
        currency="GBP",
        gross_minor=2500,
        fee_minor=65,
        net_minor=2435,
        fee_details=[FeeDetail("stripe_fee", 52, "GBP"), FeeDetail("tax", 13, "GBP")],
        exchange_rate=None,
        source_id=f"ch_{number}",
        charge_id=f"ch_{number}",
        payment_intent_id=f"pi_{number}",
        payout_id=None,
    )


@pytest.fixture
async def work(db: Database, clock: FixedClock, ids: Ids) -> Work:
    async with db.unit_of_work() as session:
        await found(session)
        await add_donations(session, range(1, 6))
    return Work(db=db, clock=clock, ids=ids, job=Job(id="j", kind="balance.pull", payload={}))


async def pull(work: Work, stripe: PagedStripe) -> None:
    await pull_and_post(work, {}, gateway=stripe, time_zone="Europe/London")


async def booked(work: Work, account: str) -> int:
    async with work.db.reading() as session:
        total = select(func.sum(LedgerEntry.amount_minor)).where(LedgerEntry.account == account)
        return int(await session.scalar(total) or 0)


async def count(work: Work, table: type) -> int:
    async with work.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_all_pages_are_mirrored_and_posted_with_tax_apart(work: Work) -> None:
    await pull(work, PagedStripe([charge(n) for n in range(1, 6)]))

    assert await count(work, BalanceTransaction) == 5
    assert await booked(work, "1100") == 5 * 2435
    assert await booked(work, "5000") == 5 * 52
    assert await booked(work, "5040") == 5 * 13
    assert await booked(work, "4000") == -5 * 2500


@on_sqlite
async def test_a_second_run_reads_a_short_window_and_posts_nothing(work: Work) -> None:
    stripe = PagedStripe([charge(n) for n in range(1, 6)])
    await pull(work, stripe)

    await pull(work, stripe)

    assert max(asked for asked in stripe.asked_since if asked) == NOW - timedelta(minutes=30)
    assert await count(work, LedgerTransaction) == 5


@on_sqlite
async def test_a_run_that_breaks_off_posts_what_it_has_and_the_next_leaves_no_hole(work: Work) -> None:
    stripe = PagedStripe([charge(n) for n in range(1, 6)], breaks_at=1)
    with pytest.raises(GatewayUnavailable):
        await pull(work, stripe)
    assert await count(work, LedgerTransaction) == 2

    stripe.breaks_at = None
    await pull(work, stripe)

    assert await booked(work, "1100") == 5 * 2435


@on_sqlite
async def test_what_waits_in_the_mirror_is_posted_while_stripe_is_down(work: Work) -> None:
    late = charge(9)
    await pull(work, PagedStripe([late]))
    assert await count(work, LedgerTransaction) == 0
    async with work.db.unit_of_work() as session:
        await add_donations(session, range(9, 10))

    with pytest.raises(GatewayUnavailable):
        await pull(work, PagedStripe([late], breaks_at=0))

    assert await count(work, LedgerTransaction) == 1


async def test_drift_from_stripes_balance_opens_a_discrepancy_once_a_day(work: Work) -> None:
    stripe = PagedStripe([charge(1)])
    for balances, expected in (
        ([{"GBP": 2435}, {"GBP": 2435}], 0),
        ([{"GBP": 0}, {"GBP": 2436}], 0),  # it moved meanwhile: nobody can say who is wrong
        ([{"GBP": 2436}, {"GBP": 2436}], 1),
    ):
        for _ in range(2):
            stripe.balances = list(balances)
            await compare_balance(work, {}, gateway=stripe, time_zone="Europe/London")

        assert await count(work, Discrepancy) == expected, balances
