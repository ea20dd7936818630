"""Opening a discrepancy."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.money import Money

DUE_AFTER = timedelta(days=7)
DUE_SOON = timedelta(days=1)
URGENT = frozenset({Code.PAYMENT_MISMATCH, Code.DUPLICATE_PAYMENT, Code.REFUND_FAILED})


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
) -> None:
    """A person will see this difference. *Idempotent by* (code, subject): a resolved one is never opened again.

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
        "due_on": (now + (DUE_SOON if code in URGENT else DUE_AFTER)).date(),
    }
    insert = insert_for(session, Discrepancy).values(row)
    await session.execute(insert.on_conflict_do_nothing(index_elements=["code", "subject"]))
