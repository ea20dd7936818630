"""The mirror of payouts: each once, as far as Stripe has taken it, in whatever order the news came.

States only move forward; a payout that was paid may still fail. Source: docs.stripe.com/payouts, read 2026-11-23: a
payout may first show as paid and fail within five working days.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import insert_for
from supporters.payments.facts import PayoutSeen
from supporters.payments.models import Content, Payout, PayoutState

RANKS = {
    PayoutState.PENDING.value: 0,
    PayoutState.IN_TRANSIT.value: 1,
    PayoutState.PAID.value: 2,
    PayoutState.FAILED.value: 3,
    PayoutState.CANCELED.value: 3,
}
COMPLETED = "completed"
# What a payout may learn later, each once; with how much of it is kept.
LEARNT = {
    "line_id": 120,
    "failure_line_id": 120,
    "failure_code": 80,
    "original_payout_id": 120,
    "reversed_by_id": 120,
    "trace_id": 255,
    "descriptor": 255,
}


async def mirror_payouts(session: AsyncSession, payouts: Sequence[PayoutSeen], *, now: datetime) -> int:
    """Every payout is in the mirror as far as Stripe has taken it; returns how many are new or changed.

    *Idempotent by* the payout's id, in any order of news.
    """
    if not payouts:
        return 0
    keys = sorted({seen.payout_id for seen in payouts})
    known = await _known(session, keys)
    first = {seen.payout_id: _first(seen, at=seen.occurred_at or now, now=now) for seen in reversed(payouts)}
    fresh = [first[key] for key in keys if key not in known]
    if fresh:  # before they are locked: of two who bring the same one, each sees what the other has stored
        await session.execute(insert_for(session, Payout).on_conflict_do_nothing(), fresh)
    rows = {key: _values(row) for key, row in (await _known(session, keys, is_locked=True)).items()}
    after = dict(rows)
    for seen in sorted(payouts, key=lambda one: one.occurred_at or now):
        after[seen.payout_id] = merge(after[seen.payout_id], seen, now=now)
    changed = [key for key in keys if after[key] != rows[key]]
    for key in changed:
        moved = {name: value for name, value in after[key].items() if value != rows[key][name]}
        mine = update(Payout).where(Payout.stripe_payout_id == key).values(**moved)
        await session.execute(mine.execution_options(synchronize_session=False))
    return len({*changed, *(row["stripe_payout_id"] for row in fresh)})


async def differing(
    session: AsyncSession, payouts: Sequence[PayoutSeen], *, now: datetime
) -> tuple[set[str], set[str]]:
    """Which payouts are not in the mirror, and of which it would learn something. Stores nothing."""
    known = await _known(session, sorted({seen.payout_id for seen in payouts}))
    new = {seen.payout_id for seen in payouts} - known.keys()
    changed: set[str] = set()
    for seen in payouts:
        row = known.get(seen.payout_id)
        if row is not None and merge(_values(row), seen, now=now) != _values(row):
            changed.add(seen.payout_id)
    return new, changed


async def _known(session: AsyncSession, keys: Sequence[str], *, is_locked: bool = False) -> dict[str, Payout]:
    wanted = select(Payout).where(Payout.stripe_payout_id.in_(keys)).order_by(Payout.stripe_payout_id)
    wanted = wanted.with_for_update().execution_options(populate_existing=True) if is_locked else wanted
    return {row.stripe_payout_id: row for row in await session.scalars(wanted)}


def merge(known: Mapping[str, Any], seen: PayoutSeen, *, now: datetime) -> dict[str, Any]:
    """The row that this payout has once `seen` is known as well. Pure; what is final is never taken back."""
    at = seen.occurred_at or now
    row = dict(known)
    if _rank(seen.status) > _rank(row["status"]):
        row["status"] = seen.status[:12]
    if seen.status == PayoutState.PAID and (row["paid_at"] is None or at < row["paid_at"]):
        row["paid_at"] = at
    if seen.reconciliation_status and row["reconciliation_status"] != COMPLETED:
        row["reconciliation_status"] = seen.reconciliation_status[:20]
    if at >= row["changed_at"]:
        row["arrival_on"] = seen.arrival_on
    for name in LEARNT:
        row[name] = row[name] or _clipped(seen, name)
    if seen.is_automatic is not None and row["is_automatic"] != seen.is_automatic:
        row |= {"is_automatic": seen.is_automatic, "content": Content.UNKNOWN.value}
    row["content"] = _content(row)
    if row != known:
        row["changed_at"] = max(at, row["changed_at"])
    return row


def _first(seen: PayoutSeen, *, at: datetime, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "stripe_payout_id": seen.payout_id,
        "account": seen.account,
        "livemode": seen.livemode,
        "created_at": seen.created_at,
        "arrival_on": seen.arrival_on,
        "amount_minor": seen.amount_minor,
        "currency": seen.currency,
        "is_automatic": bool(seen.is_automatic),
        "method": seen.method[:20],
        "status": seen.status[:12],
        "paid_at": at if seen.status == PayoutState.PAID else None,
        "reconciliation_status": (seen.reconciliation_status or "in_progress")[:20],
        **{name: _clipped(seen, name) for name in LEARNT},
        "content": Content.UNKNOWN.value,
        "content_off_minor": None,
        "content_read_at": None,
        "verified_at": None,
        "mirrored_at": now,
        "changed_at": at,
    }
    row["content"] = _content(row)
    return row


def _content(row: Mapping[str, Any]) -> str:
    """What is known of its contents, by itself: those of payouts made by hand or at once Stripe never tells."""
    if not row["is_automatic"] or row["method"] == "instant":
        return Content.NOT_APPLICABLE.value
    if row["content"] == Content.UNKNOWN and row["reconciliation_status"] == COMPLETED:
        return Content.COLLECTING.value
    return row["content"]


def _rank(status: str) -> int:
    return RANKS.get(status, -1)


def _clipped(seen: PayoutSeen, name: str) -> str | None:
    value: str | None = getattr(seen, name)
    return value[: LEARNT[name]] if value else None


def _values(row: Payout) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in Payout.__table__.columns}
