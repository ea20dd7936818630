"""Lines that stand in the ledger already and are posted anew, because more is known of them than when they were posted."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.post import Entry, Posting
from supporters.ledger.reverse import reverse
from supporters.reconciliation.postings import SOURCE_KIND

POSTED_ANEW = "posted anew"


async def take_back(session: AsyncSession, postings: Sequence[Posting], *, ids: Ids, now: datetime) -> list[Posting]:
    """What these lines have in the ledger is reversed where it is not what they should have; returns what is to be posted.

    A line that stands there as it should is left out. *Writes* ledger.
    """
    before = await _posted(session, [posting.source_id for posting in postings])
    if not before:
        return list(postings)
    reversed_ids = await _reversed(session, [one.id for found in before.values() for one in found])
    wanted: list[Posting] = []
    for posting in postings:
        found = before.get(posting.source_id, [])
        live = [one for one in found if one.id not in reversed_ids]
        if live and await _stands(session, live, posting):
            continue
        for one in live:
            await reverse(session, one.id, booked_on=one.booked_on, memo=POSTED_ANEW, ids=ids, now=now)
        latest = max((one.revision for one in found), default=-1)
        wanted.append(msgspec.structs.replace(posting, revision=latest + 1))
    return wanted


async def _posted(session: AsyncSession, line_ids: Sequence[str]) -> dict[str, list[LedgerTransaction]]:
    row = LedgerTransaction
    found: defaultdict[str, list[LedgerTransaction]] = defaultdict(list)
    wanted = select(row).where(row.source_kind == SOURCE_KIND, row.source_id.in_(line_ids)).order_by(row.revision)
    for one in await session.scalars(wanted):
        found[one.source_id].append(one)
    return found


async def _reversed(session: AsyncSession, transaction_ids: Sequence[str]) -> set[str | None]:
    row = LedgerTransaction.reverses_id
    return set(await session.scalars(select(row).where(row.in_(transaction_ids))))


async def _stands(session: AsyncSession, live: Sequence[LedgerTransaction], posting: Posting) -> bool:
    wanted = select(LedgerEntry).where(LedgerEntry.transaction_id.in_([one.id for one in live]))
    there = [_key(one) for one in await session.scalars(wanted)]
    return sorted(there) == sorted(_key(entry) for entry in posting.entries)


def _key(entry: LedgerEntry | Entry) -> tuple[str, ...]:
    named = (entry.account, entry.amount_minor, entry.currency, entry.fund_id, entry.donation_id)
    return tuple(str(each) for each in named)
