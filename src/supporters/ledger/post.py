"""Posting: the one way into the ledger."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import SupportersError
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.periods import is_closed, locked_months, month_of, open_after

BATCH = 500  # source ids looked up at once; far below either database's limit of bound values


class PostingRefused(SupportersError):
    """A posting that would make the books wrong: too few entries, a zero entry, or a sum that is not zero."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a posting. *Money*: debit positive, credit negative, minor units, never zero."""

    account: Account
    amount_minor: int
    currency: str
    fund_id: str | None = None
    appeal_id: str | None = None
    donation_id: str | None = None
    stripe_payout_id: str | None = None
    bank_line_id: str | None = None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What one fact does to the ledger. `booked_on` is the day in the book's time zone.

    `effective_on` is the fact's own day where `booked_on` had to be a later one, because its month was locked.
    """

    source_kind: str
    source_id: str
    purpose: str
    booked_on: date
    memo: str
    entries: tuple[Entry, ...]
    revision: int = 0
    reverses_id: str | None = None
    effective_on: date | None = None


class PostingKey(NamedTuple):
    """What makes a posting the same posting."""

    source_kind: str
    source_id: str
    purpose: str
    revision: int


async def post(session: AsyncSession, postings: Sequence[Posting], *, ids: Ids, now: datetime) -> int:
    """Every posting stands in the ledger once; says how many were not there before.

    One of a locked month stands on the first day of the first open month after it and keeps its own day beside.
    *Idempotent by* (source_kind, source_id, purpose, revision). *Raises* PostingRefused before anything is written.
    *Writes* all entries first, then the transactions: the database checks and seals them as the latter arrive.
    """
    fresh = {key_of(posting): posting for posting in reversed(postings)}
    for posting in fresh.values():
        check_posting(posting)
    await lock_ledger(session)
    for known in await _find_posted(session, fresh.keys()):
        fresh.pop(known, None)
    if fresh:
        locked = await locked_months(session)
        late = [in_open_month(posting, locked) for posting in reversed(fresh.values())]
        await _insert(session, late, ids=ids, now=now)
    return len(fresh)


def key_of(posting: Posting) -> PostingKey:
    """The key under which this posting can stand in the ledger once."""
    return PostingKey(posting.source_kind, posting.source_id, posting.purpose, posting.revision)


def in_open_month(posting: Posting, locked: frozenset[str]) -> Posting:
    """The posting itself, or the same in the first month after its own that takes postings."""
    if not is_closed(posting.booked_on, locked):
        return posting
    later = open_after(posting.booked_on, locked)
    return msgspec.structs.replace(posting, booked_on=later, effective_on=posting.effective_on or posting.booked_on)


def check_posting(posting: Posting) -> None:
    """The posting has two or more entries, none of zero, and sums to zero per currency. Raises PostingRefused."""
    where = f"{posting.source_kind} {posting.source_id} ({posting.purpose})"
    if len(posting.entries) < 2:
        raise PostingRefused(f"{where}: a posting needs at least two entries. Nothing was posted.")
    if any(entry.amount_minor == 0 for entry in posting.entries):
        raise PostingRefused(f"{where}: an entry of zero says nothing. Nothing was posted.")
    for currency, total in totals(posting.entries).items():
        if total:
            raise PostingRefused(f"{where}: the entries in {currency} sum to {total}, not to zero. Nothing was posted.")


def totals(entries: Sequence[Entry]) -> dict[str, int]:
    """The sum of the entries per currency, in minor units."""
    sums: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.currency] += entry.amount_minor
    return dict(sums)


async def _find_posted(session: AsyncSession, keys: Iterable[PostingKey]) -> list[PostingKey]:
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        wanted[key.source_kind].append(key.source_id)
    row = LedgerTransaction
    found: list[PostingKey] = []
    for kind, source_ids in wanted.items():
        for batch in _batches(source_ids):
            rows = await session.execute(
                select(row.source_kind, row.source_id, row.purpose, row.revision).where(
                    row.source_kind == kind, row.source_id.in_(batch)
                )
            )
            found += [PostingKey(*values) for values in rows]
    return found


async def _insert(session: AsyncSession, postings: list[Posting], *, ids: Ids, now: datetime) -> None:
    entries: list[dict[str, object]] = []
    transactions: list[dict[str, object]] = []
    for posting in postings:
        transaction_id = ids.ulid()
        transactions.append(_transaction_row(posting, transaction_id=transaction_id, now=now))
        entries += [_entry_row(entry, ids.ulid(), transaction_id=transaction_id) for entry in posting.entries]
    # RETURNING makes SQLAlchemy send many rows in one statement, so that PostgreSQL's statement triggers run once for all.
    await session.execute(insert(LedgerEntry).returning(LedgerEntry.id), entries)
    await session.execute(insert(LedgerTransaction).returning(LedgerTransaction.id), transactions)


def _transaction_row(posting: Posting, *, transaction_id: str, now: datetime) -> dict[str, object]:
    return {
        "id": transaction_id,
        **key_of(posting)._asdict(),
        "booked_on": posting.booked_on,
        "period": month_of(posting.booked_on),
        "effective_on": posting.effective_on,
        "memo": posting.memo[:200],
        "reverses_id": posting.reverses_id,
        "posted_at": now,
    }


def _entry_row(entry: Entry, entry_id: str, *, transaction_id: str) -> dict[str, object]:
    return {"id": entry_id, "transaction_id": transaction_id, **msgspec.structs.asdict(entry)}


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]
