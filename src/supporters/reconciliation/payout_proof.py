"""Is every payout what its lines add up to? And what about payouts must a person know?

An automatic payout is proved by its contents: the lines that went out with it add up to it, to the penny. Of one made by
hand or at once Stripe does not say what is in it: that one is proved by the balance, which agrees with the mirror before
and after it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.open import open_discrepancy
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments.contents import is_own, total_of
from supporters.payments.facts import BalanceLine
from supporters.payments.models import BalanceTransaction, Content, Payout
from supporters.reconciliation.drift import agreed_days

MOST_CANDIDATES = 20
LOOKED_BACK = timedelta(days=62)


class Proof(msgspec.Struct, frozen=True):
    """What came of reading one payout's contents: nothing is left, or so much; `candidates` would explain it."""

    payout_id: str
    off_minor: int
    candidates: tuple[str, ...] = ()


async def prove_content(
    session: AsyncSession, payout: Payout, lines: Sequence[BalanceLine], *, ids: Ids, now: datetime
) -> Proof:
    """The payout is verified, or off with a discrepancy that says by how much and which lines would explain it.

    *Idempotent*: a payout that adds up in the end is verified, and its discrepancy is closed by the house.
    """
    total = total_of(payout, lines)
    strangers = [line.id for line in lines if line.currency != payout.currency]
    off = total - payout.amount_minor
    proof = Proof(payout.stripe_payout_id, off)
    if off or strangers:
        found = [*strangers, *await _candidates(session, payout, lines, off)]
        proof = Proof(payout.stripe_payout_id, off, tuple(found[:MOST_CANDIDATES]))
        looks = f"{off}:{','.join(strangers)}"[:120]  # candidates come and go with other payouts
        await _tell_off(session, payout, proof, counted=len(lines), looks=looks, ids=ids, now=now)
    else:
        reason = _("Its lines add up now.")
        await settle_discrepancy(
            session,
            code=Code.PAYOUT_CONTENT_OFF,
            subject=payout.stripe_payout_id,
            resolution=Resolution.FIXED_AT_STRIPE,
            reason=reason,
            now=now,
        )
    is_off = bool(off or strangers)
    mine = update(Payout).where(Payout.stripe_payout_id == payout.stripe_payout_id)
    values = {
        "content": (Content.OFF if is_off else Content.VERIFIED).value,
        "content_off_minor": off if is_off else None,
        "content_read_at": now,
        "verified_at": None if is_off else now,
    }
    await session.execute(mine.values(values).execution_options(synchronize_session=False))
    return proof


async def note_refused(session: AsyncSession, payout: Payout, why: str, *, ids: Ids, now: datetime) -> None:
    """Stripe refuses to list the payout: it is off, a discrepancy says so, and it is asked about again every day.

    `why` is Stripe's own code. What is in it is not known, so the discrepancy has no amount.
    """
    await open_discrepancy(
        session,
        code=Code.PAYOUT_CONTENT_OFF,
        subject=payout.stripe_payout_id,
        detail={"refused": why or "refused"},
        fingerprint=f"refused:{why}"[:120],
        ids=ids,
        now=now,
    )
    mine = update(Payout).where(Payout.stripe_payout_id == payout.stripe_payout_id)
    values = {"content": Content.OFF.value, "content_off_minor": None, "content_read_at": now, "verified_at": None}
    await session.execute(mine.values(values).execution_options(synchronize_session=False))


async def prove_by_balance(db: Database, *, now: datetime) -> int:
    """Payouts that Stripe does not itemise are proved once its balance agreed with the mirror after them; says how many."""
    async with db.unit_of_work() as session:
        agreed = await agreed_days(session)
        unproved = select(Payout).where(Payout.content == Content.NOT_APPLICABLE.value, Payout.verified_at.is_(None))
        proved = [
            row.stripe_payout_id
            for row in await session.scalars(unproved)
            if any(day.currency == row.currency and day.taken_at > row.created_at for day in agreed)
        ]
        for payout_id in proved:
            mine = update(Payout).where(Payout.stripe_payout_id == payout_id).values(verified_at=now)
            await session.execute(mine.execution_options(synchronize_session=False))
    return len(proved)


async def _candidates(session: AsyncSession, payout: Payout, lines: Sequence[BalanceLine], off: int) -> list[str]:
    """Lines that by themselves would explain the difference: one too many in the list, or one that is missing from it."""
    extra = [line.id for line in lines if not is_own(payout, line) and line.net_minor == off]
    row = BalanceTransaction
    missing = (
        select(row.stripe_balance_transaction_id)
        .where(row.stripe_payout_id.is_(None), row.currency == payout.currency, row.net_minor == -off)
        .where(row.available_at <= payout.created_at, row.created_at >= payout.created_at - LOOKED_BACK)
        .order_by(row.created_at.desc())
        .limit(MOST_CANDIDATES)
    )
    return [*extra, *await session.scalars(missing)]


async def _tell_off(
    session: AsyncSession, payout: Payout, proof: Proof, *, counted: int, looks: str, ids: Ids, now: datetime
) -> None:
    detail = {"payout_minor": payout.amount_minor, "lines": counted, "candidates": list(proof.candidates)}
    await open_discrepancy(
        session,
        code=Code.PAYOUT_CONTENT_OFF,
        subject=payout.stripe_payout_id,
        amount=Money(proof.off_minor, payout.currency),
        detail=detail,
        fingerprint=looks,
        ids=ids,
        now=now,
    )
