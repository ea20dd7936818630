"""Opening a discrepancy."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.money import Money

DUE_AFTER = timedelta(days=7)
DUE_SOON = timedelta(days=1)
URGENT = frozenset(
    {
        Code.PAYMENT_MISMATCH,
        Code.DUPLICATE_PAYMENT,
        Code.REFUND_FAILED,
        Code.REFUND_NOT_MADE,
        Code.FRAUD_WARNING,
        Code.TAKEN_AFTER_STOP,
        Code.CHANGE_NOT_MADE,
    }
)


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
) -> None:
    """A person will see this difference. *Idempotent by* (code, subject): a resolved one is never opened again.

    `due_on` where others set the day, such as a bank: one that is open already then has that day.

    For codes about a payment the subject is its payment intent: postings look there. `detail` holds plain JSON values.
    """
    row: dict[str, object] = {
        "id": ids.ulid(),
        "code": code.value,
        "subject": subject[:120],
        "donation_id": donation_id,
        "amount_minor": amount.minor if amount else None,
        "currency": amount.currency if amount else None,
        "detail": dict(detail or {}),
        "state": DiscrepancyState.OPEN.value,
        "opened_at": now,
        "due_on": due_on or (now + (DUE_SOON if code in URGENT else DUE_AFTER)).date(),
    }
    insert = insert_for(session, Discrepancy).values(row)
    await session.execute(insert.on_conflict_do_nothing(index_elements=["code", "subject"]))
    if due_on:
        same = (Discrepancy.code == code.value) & (Discrepancy.subject == subject[:120])
        moved = update(Discrepancy).where(same, Discrepancy.state == DiscrepancyState.OPEN.value)
        await session.execute(moved.values(due_on=due_on).execution_options(synchronize_session=False))
