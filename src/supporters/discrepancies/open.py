"""Opening a discrepancy, and what makes a closed one open again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.rules import due_day
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.money import Money

SUBJECT_LIMIT = 120
FOUND = "found"  # what has no look of its own and was found once more


async def open_discrepancy(
    session: AsyncSession,
    *,
    code: Code,
    subject: str,
    ids: Ids,
    now: datetime,
    donation_id: str | None = None,
    amount: Money | None = None,
    detail: Mapping[str, object] | None = None,
    due_on: date | None = None,
    fingerprint: str | None = None,
) -> None:
    """A person will see this difference. *Idempotent by* (code, subject): a resolved one is not opened again.

    `due_on` where others set the day, such as a bank: one that is open already then has that day. `fingerprint` says what
    the difference looks like: with another one than before, what is known is renewed and a resolved one is open again,
    unless its resolution went into the books.

    For codes about a payment the subject is its payment intent: postings look there. `detail` holds plain JSON values.
    """
    row: dict[str, object] = {
        "id": ids.ulid(),
        "code": code.value,
        "subject": subject[:SUBJECT_LIMIT],
        "donation_id": donation_id,
        "amount_minor": amount.minor if amount else None,
        "currency": amount.currency if amount else None,
        "detail": dict(detail or {}),
        "fingerprint": fingerprint,
        "state": DiscrepancyState.OPEN.value,
        "opened_at": now,
        "due_on": due_on or due_day(code, opened_on=now.date()),
    }
    insert = insert_for(session, Discrepancy).values(row)
    await session.execute(insert.on_conflict_do_nothing(index_elements=["code", "subject"]))
    same = (Discrepancy.code == code.value) & (Discrepancy.subject == subject[:SUBJECT_LIMIT])
    if fingerprint is not None:
        await _renew(session, same, row)
    if due_on:
        moved = update(Discrepancy).where(same, Discrepancy.state == DiscrepancyState.OPEN.value)
        await session.execute(moved.values(due_on=due_on).execution_options(synchronize_session=False))


async def _renew(session: AsyncSession, same: ColumnElement[bool], row: Mapping[str, object]) -> None:
    """What has another look now shows it; a resolved one waits for a person again."""
    d = Discrepancy
    looks_other = or_(d.fingerprint.is_(None), d.fingerprint != row["fingerprint"])
    shown = {name: row[name] for name in ("fingerprint", "amount_minor", "currency", "detail")}
    still_open = update(d).where(same, looks_other, d.state == DiscrepancyState.OPEN.value)
    await session.execute(still_open.values(shown).execution_options(synchronize_session=False))
    by_house_or_in_words = or_(d.postings.is_(None), d.resolved_by.is_(None))
    closed = and_(same, looks_other, d.state == DiscrepancyState.RESOLVED.value, by_house_or_in_words)
    again = {**shown, "state": DiscrepancyState.OPEN.value, "reopened_at": row["opened_at"], "due_on": row["due_on"]}
    again |= dict.fromkeys(("resolution", "reason", "alone_reason", "resolved_by", "agreed_by", "resolved_at"))
    await session.execute(update(d).where(closed).values(again).execution_options(synchronize_session=False))


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference as a search finds it; the same as the arguments of `open_discrepancy`."""

    code: Code
    subject: str
    donation_id: str | None = None
    amount: Money | None = None
    detail: Mapping[str, object] = {}
    fingerprint: str | None = None


async def open_many(session: AsyncSession, found: Sequence[Difference], *, ids: Ids, now: datetime) -> int:
    """Every one of them is on record; says how many are new or look otherwise than before. *Idempotent by* code and subject.

    What the house had closed by itself and is there again, is open again.
    """
    known = await _known(session, {each.code for each in found})
    changed = [each for each in found if _is_news(each, known.get((each.code, each.subject)))]
    for each in changed:
        await open_discrepancy(
            session,
            code=each.code,
            subject=each.subject,
            donation_id=each.donation_id,
            amount=each.amount,
            detail=each.detail,
            fingerprint=each.fingerprint or (FOUND if (each.code, each.subject) in known else None),
            ids=ids,
            now=now,
        )
    return len(changed)


class _Known(NamedTuple):
    """What is on record of one: how it looked, and whether the house closed it by itself."""

    fingerprint: str | None
    is_settled: bool


def _is_news(found: Difference, known: _Known | None) -> bool:
    if known is None or known.is_settled:
        return True
    return found.fingerprint is not None and found.fingerprint != known.fingerprint


async def _known(session: AsyncSession, codes: Iterable[Code]) -> dict[tuple[Code, str], _Known]:
    d = Discrepancy
    settled = (d.state == DiscrepancyState.RESOLVED.value) & d.resolved_by.is_(None)
    wanted = select(d.code, d.subject, d.fingerprint, settled.label("settled"))
    rows = await session.execute(wanted.where(d.code.in_([code.value for code in codes])))
    return {(Code(row.code), row.subject): _Known(row.fingerprint, bool(row.settled)) for row in rows}
