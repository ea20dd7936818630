"""Money that waits in the books: what suspense still holds, and what was received and no bank line shows. The oldest first."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.discrepancies.models import Discrepancy
from supporters.donations.other_models import Deposit, DepositState, OtherPayment, OtherState
from supporters.kit.money import Money
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.periods import next_month
from supporters.payments.models import BalanceTransaction
from supporters.reconciliation.postings import SOURCE_KIND
from supporters.reconciliation.resolution_sources import DISCREPANCY_KIND

BANK_LINE, DEPOSIT, PAYMENT = "bank_line", "deposit", "other_payment"
AT_ONCE = 500


class Waiting(msgspec.Struct, frozen=True):
    """Money that nobody has placed yet, and since which day. *Money*: what is held is positive, what is missing negative.

    `kind` and `ref` say where it came from: the bank line, line of Stripe's balance, payment or deposit.
    """

    kind: str
    ref: str
    since: date
    amount: Money


async def in_suspense(session: AsyncSession, *, until: date | None = None) -> list[Waiting]:
    """What stands in suspense now; of what came in after `until`, nothing.

    What left is taken from what came of the same fact, then from the oldest there is.
    """
    items = await _of_facts(session)
    by_currency: defaultdict[str, list[Waiting]] = defaultdict(list)
    for item in items:
        by_currency[item.amount.currency].append(item)
    left = [item for mine in by_currency.values() for item in _first_in_first_out(mine)]
    return sorted((each for each in left if until is None or each.since <= until), key=lambda each: each.since)


async def not_at_the_bank(session: AsyncSession, *, until: date | None = None) -> list[Waiting]:
    """Deposits that were paid in, and other money that was written down, which no bank line shows."""
    deposit, payment = Deposit, OtherPayment
    deposits = select(deposit).where(deposit.state == DepositState.PAID_IN.value)
    alone = select(payment).where(payment.state == OtherState.RECORDED.value, payment.deposit_id.is_(None))
    found = [
        Waiting(DEPOSIT, each.reference, each.paid_in_on, Money(each.counted_minor, each.currency))
        for each in await session.scalars(deposits)
    ]
    found += [
        Waiting(PAYMENT, each.id, each.received_on, Money(each.amount_minor, each.currency))
        for each in await session.scalars(alone)
    ]
    return sorted((each for each in found if until is None or each.since <= until), key=lambda each: each.since)


def sums_of(items: Iterable[Waiting]) -> list[Money]:
    """How much they are, by currency."""
    sums: defaultdict[str, int] = defaultdict(int)
    for each in items:
        sums[each.amount.currency] += each.amount.minor
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]


def last_day(month: date) -> date:
    """The last day of the month that begins then."""
    return next_month(month) - timedelta(days=1)


def _first_in_first_out(items: list[Waiting]) -> list[Waiting]:
    """What is left of these when what went out is taken from what came in, the oldest first: the newest."""
    total = sum(each.amount.minor for each in items)
    left, kept = total, list[Waiting]()
    for each in sorted(items, key=lambda item: item.since, reverse=True):
        if left and (each.amount.minor > 0) == (total > 0):
            part = min(abs(each.amount.minor), abs(left)) * (1 if total > 0 else -1)
            left -= part
            kept.append(msgspec.structs.replace(each, amount=Money(part, each.amount.currency)))
    return kept


async def _of_facts(session: AsyncSession) -> list[Waiting]:
    """What each fact left in suspense: its own entries, their reversals, and what resolutions took from there."""
    t, e, first = LedgerTransaction, LedgerEntry, aliased(LedgerTransaction)
    kind, source = func.coalesce(first.source_kind, t.source_kind), func.coalesce(first.source_id, t.source_id)
    since = func.min(func.coalesce(t.effective_on, t.booked_on, type_=t.booked_on.type))
    minor = func.sum(-e.amount_minor)
    summed = (
        select(kind, source, e.currency, since, minor)
        .join(t, t.id == e.transaction_id)
        .outerjoin(first, first.id == t.reverses_id)
        .where(e.account == Account.SUSPENSE.value)
        .group_by(kind, source, e.currency)
        .having(minor != 0)
    )
    rows = (await session.execute(summed)).all()
    about = await _subjects(session, {row[1] for row in rows if row[0] == DISCREPANCY_KIND})
    payments = await _payments(session, {about.get(row[1], row[1]) for row in rows})
    sums: dict[tuple[str, str], Waiting] = {}
    for found_kind, found_source, currency, day, amount in sorted(rows, key=lambda row: row[3]):
        ref = about.get(found_source, found_source)
        key = payments.get(ref, ref), currency
        known = sums.get(key)
        held = Money(int(amount) + (known.amount.minor if known else 0), currency)
        named = SOURCE_KIND if found_kind == DISCREPANCY_KIND and ref in payments else found_kind
        sums[key] = msgspec.structs.replace(known, amount=held) if known else Waiting(named, ref, day, held)
    return [each for each in sums.values() if each.amount.minor]


async def _subjects(session: AsyncSession, discrepancy_ids: Collection[str]) -> dict[str, str]:
    """What each of these discrepancies is about."""
    found: dict[str, str] = {}
    for some in _in_parts(discrepancy_ids):
        rows = await session.execute(select(Discrepancy.id, Discrepancy.subject).where(Discrepancy.id.in_(some)))
        found |= {row.id: row.subject for row in rows}
    return found


async def _payments(session: AsyncSession, line_ids: Collection[str]) -> dict[str, str]:
    """The payment of each of these lines of Stripe's balance that has one: refund and payment are one fact."""
    line, found = BalanceTransaction, dict[str, str]()
    for some in _in_parts(line_ids):
        mine = select(line.stripe_balance_transaction_id, line.stripe_payment_intent_id)
        mine = mine.where(line.stripe_balance_transaction_id.in_(some), line.stripe_payment_intent_id.is_not(None))
        found |= {row[0]: str(row[1]) for row in await session.execute(mine)}
    return found


def _in_parts(names: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(names)
    return (ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE))
