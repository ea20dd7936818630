"""What a batch would do, without doing it: rows read as they would be taken, and counts against what we have on file."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.columns import Column, DateOrder
from supporters.imports.files import read_file
from supporters.imports.grid import Grid
from supporters.imports.models import ImportBatch
from supporters.imports.rows import Judged, Plan, Reason, Taken, judge
from supporters.mail.models import Suppression
from supporters.mail.suppression import Suppressions
from supporters.newsletters.models import Newsletter, State, Subscriber, Subscription

AT_ONCE = 500
NEW, ALREADY = "new", "already"


def plan_of(columns: Mapping[str, int], *, date_order: str, width: int, today: date) -> Plan:
    """How to read the rows of a file that was mapped so."""
    return Plan(
        address=columns[Column.ADDRESS],
        name=columns.get(Column.NAME),
        consented=columns.get(Column.CONSENTED),
        basis=columns.get(Column.BASIS),
        date_order=DateOrder(date_order),
        width=width,
        today=today,
    )


async def read_apart(content: bytes) -> Grid:
    """The file's rows; other requests go on meanwhile. Raises FileProblem."""
    return await asyncio.to_thread(read_file, content)


async def judge_apart(grid: Grid, plan: Plan, *, has_header: bool) -> list[Judged]:
    """Every row of the list in its order; other requests go on meanwhile."""
    return await asyncio.to_thread(judge, grid, plan, has_header=has_header)


async def judged_rows(batch: ImportBatch, content: bytes, *, today: date) -> list[Judged]:
    """Every row of the batch's file in its order, the same for the same day. Raises FileProblem."""
    grid = await read_apart(content)
    plan = plan_of(batch.columns, date_order=batch.date_order, width=grid.width, today=today)
    return await judge_apart(grid, plan, has_header=batch.has_header)


async def count_rows(
    session: AsyncSession, judged: Sequence[Judged], *, list_slug: str, secret_key: str
) -> dict[str, int]:
    """How many rows would be new, are already on the list, and are left out, by reason."""
    taken = [each for each in judged if isinstance(each, Taken)]
    counts = Counter[str](each.reason.value for each in judged if not isinstance(each, Taken))
    suppressions = Suppressions(secret_key)
    for start in range(0, len(taken), AT_ONCE):
        digests = [suppressions.digest(each.address) for each in taken[start : start + AT_ONCE]]
        counts.update(await _kinds(session, digests, list_slug))
    return dict(counts)


async def _kinds(session: AsyncSession, digests: Sequence[str], list_slug: str) -> Counter[str]:
    """What would become of these addresses."""
    found = await session.execute(
        select(Subscriber.address_digest, Subscription.state)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .join(Newsletter, Newsletter.id == Subscription.newsletter_id)
        .where(Newsletter.slug == list_slug, Subscriber.address_digest.in_(digests))
    )
    states = {row.address_digest: row.state for row in found}
    barred = set(
        await session.scalars(select(Suppression.address_digest).where(Suppression.address_digest.in_(digests)))
    )
    kinds = Counter[str]()
    for digest in digests:
        if digest in barred:
            kinds[Reason.SUPPRESSED] += 1
        elif digest in states:
            kinds[ALREADY if states[digest] == State.CONFIRMED else Reason.STOPPED] += 1
        else:
            kinds[NEW] += 1
    return kinds
