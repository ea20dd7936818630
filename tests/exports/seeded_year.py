"""A small seeded year in the ledger: every category of Stripe's lines, every account of the chart, two currencies."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from books import APPEAL, FUND, donation_id, donation_row, found, line_row
from supporters.appeals.models import Fund
from supporters.donations.models import Donation
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.reverse import reverse
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.postings import RECIPES, Fee, Line, NotOurs, Ours, make_posting

YEAR = 2026
OTHER_FUND = "G" * 26
FREQUENCIES = ("once", "monthly", "yearly")
CHARGES = 6  # a month and currency; of every other category one
Books = dict[tuple[str, str, str], int]  # (account, currency, month) -> minor units moved in that month


async def add_year(session: AsyncSession, ids: Ids, *, months: int = 12, seed: int = 5) -> int:
    """The year stands in the ledger, its lines in the mirror, each with the payout that took it; says how many postings."""
    random = Random(seed)
    await found(session)
    await session.execute(insert(Fund).values(id=OTHER_FUND, code="reports", name='Local "reports" & more'))
    await session.execute(insert(Donation), [donation_row(n, frequency=FREQUENCIES[n % 3]) for n in range(9)])
    lines: list[dict[str, Any]] = []
    postings: list[Posting] = []
    for month in range(1, months + 1):
        for currency in ("GBP", "EUR") if month % 3 else ("GBP",):
            made = list(_stripe_lines(random, month, currency, start=len(lines)))
            lines += [row for row, _ in made]
            postings += [posting for _, posting in made if posting]
        postings += _other_money(random, month)
    await session.execute(insert(BalanceTransaction), lines)
    now = datetime(YEAR + 1, 1, 2, tzinfo=UTC)
    posted = await post(session, postings, ids=ids, now=now)
    row = LedgerTransaction
    taken_back = await session.scalars(
        select(row.id).where(row.source_kind == "other_payment").order_by(row.id).limit(2)
    )
    for transaction_id in taken_back.all():
        await reverse(session, transaction_id, booked_on=date(YEAR, 12, 5), memo="bounced", ids=ids, now=now)
    return posted + 2


async def our_books(session: AsyncSession) -> Books:
    """What the ledger itself says of every account, currency and month; what comes to nothing is left out."""
    rows = await session.execute(
        select(LedgerEntry.account, LedgerEntry.currency, LedgerTransaction.period, LedgerEntry.amount_minor).join(
            LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id
        )
    )
    sums: Counter[tuple[str, str, str]] = Counter()
    for account, currency, period, minor in rows:
        sums[account, currency, period] += minor
    return {key: minor for key, minor in sums.items() if minor}


def _stripe_lines(
    random: Random, month: int, currency: str, *, start: int
) -> list[tuple[dict[str, Any], Posting | None]]:
    categories = ["charge"] * CHARGES + sorted(set(RECIPES) - {"charge", "payout"}) + ["from_the_future", "payout"]
    made: list[tuple[dict[str, Any], Posting | None]] = []
    left = 0
    for place, category in enumerate(categories):
        number = start + place
        gross = -left if category == "payout" else random.randint(500, 9_000) * random.choice((1, 1, 1, -1))
        fee = 0 if category == "payout" else random.randint(0, 200)
        left += gross - fee
        at = datetime(YEAR, month, min(28, 1 + place), random.randint(0, 23), 59, tzinfo=UTC)
        payout = f"po_{month:02d}{currency}" if place % 7 else None
        line = Line(
            id=f"txn_{number}", created_at=at, category=category, currency=currency, gross_minor=gross, fee_minor=fee,
            net_minor=gross - fee, fees=(Fee("tax", fee // 5),) if fee > 4 else (), payout_id=None,
        )  # fmt: skip
        fund = OTHER_FUND if place % 2 else FUND
        ours = Ours(donation_id(place % 9), fund, APPEAL, is_recurring=place % 3 > 0)
        owner = NotOurs() if place == CHARGES - 1 else ours
        row = line_row(
            number, currency=currency, created_at=at, reporting_category=category, gross_minor=gross, fee_minor=fee,
            stripe_payout_id=payout,
        )  # fmt: skip
        made.append((row, make_posting(line, owner, time_zone="Europe/London")))
    return made


def _other_money(random: Random, month: int) -> list[Posting]:
    day = date(YEAR, month, 15)
    pairs = [
        ("bank_line", Account.BANK, Account.PAYOUTS_IN_TRANSIT),
        ("bank_line", Account.BANK_FEES, Account.BANK),
        ("other_payment", Account.UNDEPOSITED, Account.DONATIONS_ONCE),
        ("other_payment", Account.UNDEPOSITED, Account.FEE_COVER),
        ("deposit", Account.BANK, Account.UNDEPOSITED),
        ("deposit", Account.OVER_SHORT, Account.UNDEPOSITED),
        ("opening", Account.STRIPE_BALANCE, Account.OPENING),
        ("resolution", Account.SUSPENSE, Account.OTHER_INCOME),
        ("resolution", Account.REFUNDS, Account.REFUNDS_PAYABLE),
        ("resolution", Account.EXCHANGE, Account.SUSPENSE),
    ]
    return [
        _pair(f"{month}-{place}", kind, debit, credit, random.randint(100, 90_000), day + timedelta(days=place))
        for place, (kind, debit, credit) in enumerate(pairs)
    ]


def _pair(source_id: str, kind: str, debit: Account, credit: Account, minor: int, day: date) -> Posting:
    return Posting(
        source_kind=kind, source_id=source_id, purpose="test", booked_on=day, memo=kind,
        entries=(
            Entry(account=debit, amount_minor=minor, currency="GBP"),
            Entry(account=credit, amount_minor=-minor, currency="GBP"),
        ),
    )  # fmt: skip
