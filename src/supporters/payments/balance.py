"""The mirror of Stripe's balance: each line once, as Stripe shows it. The ledger is posted from here and nowhere else."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.payments.facts import BalanceLine
from supporters.payments.models import BalanceTransaction
from supporters.payments.owners import note_ids

# What Stripe never changes on a line. `status` and what a line may learn later are the rest: an exported file says neither
# what type a line is of nor at which rate it was exchanged.
FIXED = ("gross_minor", "fee_minor", "net_minor", "currency", "type", "reporting_category")
LEARNT = ("stripe_charge_id", "stripe_payment_intent_id", "stripe_payout_id", "exchange_rate", "type")

AVAILABLE = "available"
TAX = "tax"  # the part of a fee that stands on an account of its own


async def mirror(
    session: AsyncSession,
    lines: Sequence[BalanceLine],
    *,
    livemode: bool,
    account: str | None,
    ids: Ids,
    now: datetime,
) -> int:
    """Every line is in the mirror as Stripe shows it now; returns how many are new. *Idempotent by* the line's id.

    A line whose money differs from when it was first read stays as it was, and a discrepancy is open.
    """
    rows = {line.id: _row(line, livemode=livemode, account=account, now=now) for line in lines}
    for row in rows.values():
        await _without_wrong_parts(session, row, ids=ids, now=now)
    sound = {key: row for key, row in rows.items() if row["net_minor"] == row["gross_minor"] - row["fee_minor"]}
    for key in rows.keys() - sound.keys():
        await _tell(session, rows[key], {"net": "is not gross less fee"}, ids=ids, now=now)
    if not sound:
        return 0
    payments = {row["stripe_payment_intent_id"] for row in sound.values()} - {None}
    await note_ids(session, payments, now=now)
    known = await _known(session, list(sound))
    for seen in known:
        await _compare(session, seen, sound[seen.stripe_balance_transaction_id], ids=ids, now=now)
    there = {seen.stripe_balance_transaction_id for seen in known}
    fresh = [sound[key] for key in sorted(sound.keys() - there)]
    if not fresh:
        return 0
    await session.execute(insert_for(session, BalanceTransaction).on_conflict_do_nothing(), fresh)
    return len(fresh)


async def _without_wrong_parts(session: AsyncSession, row: dict[str, Any], *, ids: Ids, now: datetime) -> None:
    """Parts that are not the fee are left out, and a discrepancy says so: the fee itself is beyond doubt."""
    parts = row["fee_details"]
    if parts and sum(part["amount_minor"] for part in parts) != row["fee_minor"]:
        await _tell(session, row, {"fee_details": [row["fee_minor"], parts]}, ids=ids, now=now)
        row["fee_details"] = []


async def _known(session: AsyncSession, keys: list[str]) -> Sequence[BalanceTransaction]:
    wanted = select(BalanceTransaction).where(BalanceTransaction.stripe_balance_transaction_id.in_(keys))
    return (await session.scalars(wanted)).all()


async def differing(session: AsyncSession, lines: Sequence[BalanceLine]) -> tuple[list[BalanceLine], list[str]]:
    """Which lines are not in the mirror, and which show other money than they do there. Stores nothing."""
    known = {row.stripe_balance_transaction_id: row for row in await _known(session, [line.id for line in lines])}
    fresh = [line for line in lines if line.id not in known]
    seen = [(line, known[line.id]) for line in lines if line.id in known]
    other = [line.id for line, row in seen if any(differs(getattr(row, name), getattr(line, name)) for name in FIXED)]
    return fresh, other


async def _compare(
    session: AsyncSession, seen: BalanceTransaction, row: dict[str, Any], *, ids: Ids, now: datetime
) -> None:
    differing = {name: [getattr(seen, name), row[name]] for name in FIXED if differs(getattr(seen, name), row[name])}
    if differing:
        await _tell(session, row, differing, ids=ids, now=now)
        return
    learnt = {name: row[name] for name in LEARNT if row[name] and not getattr(seen, name)}
    if row["fee_details"] and not seen.fee_details:
        learnt |= learnt_parts(row["fee_details"])
    moved = {name: row[name] for name in ("status", "available_at") if getattr(seen, name) != row[name]}
    if seen.status == AVAILABLE and row["status"] != AVAILABLE:
        moved = {}  # read before, stored after: what has become available stays so
    if learnt or moved:
        mine = BalanceTransaction.stripe_balance_transaction_id == seen.stripe_balance_transaction_id
        changed = update(BalanceTransaction).where(mine).values(**learnt, **moved)
        await session.execute(changed.execution_options(synchronize_session=False))


def learnt_parts(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What changes on a line of which the parts of its fee come to be known: tax among them is posted anew."""
    is_taxed = any(part["type"] == TAX for part in parts)
    return {"fee_details": parts, "posted_at": None} if is_taxed else {"fee_details": parts}


def differs(seen: object, told: object) -> bool:
    """Whether two tell of a line in different ways; what one of them does not say is no difference."""
    return seen != told and seen != "" and told != ""


async def _tell(
    session: AsyncSession, row: dict[str, Any], differing: Mapping[str, object], *, ids: Ids, now: datetime
) -> None:
    await open_discrepancy(
        session,
        code=Code.BALANCE_LINE_CHANGED,
        subject=row["stripe_balance_transaction_id"],
        ids=ids,
        now=now,
        amount=Money(row["gross_minor"], row["currency"]),
        detail=differing,
    )


def _row(line: BalanceLine, *, livemode: bool, account: str | None, now: datetime) -> dict[str, Any]:
    return {
        "stripe_balance_transaction_id": line.id,
        "account": account,
        "livemode": livemode,
        "created_at": line.created_at,
        "available_at": line.available_at,
        "status": line.status[:12],
        "type": line.type[:60],
        "reporting_category": line.reporting_category[:60],
        "currency": line.currency,
        "gross_minor": line.gross_minor,
        "fee_minor": line.fee_minor,
        "net_minor": line.net_minor,
        "fee_details": [
            {"type": fee.type, "amount_minor": fee.amount_minor, "currency": fee.currency} for fee in line.fee_details
        ],
        "exchange_rate": line.exchange_rate[:40] if line.exchange_rate else None,
        "source_id": line.source_id,
        "stripe_charge_id": line.charge_id,
        "stripe_payment_intent_id": line.payment_intent_id,
        "stripe_payout_id": line.payout_id,
        "mirrored_at": now,
        "posted_at": None,
    }
