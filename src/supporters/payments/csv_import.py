"""Stripe's exported files into the same mirror that its lists fill."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import Clock
from supporters.kit.db import Database, changed_rows
from supporters.kit.ids import Ids
from supporters.payments.balance import mirror
from supporters.payments.facts import BalanceLine, FeeDetail, PayoutSeen
from supporters.payments.models import BalanceTransaction, Content, Payout
from supporters.payments.payouts import mirror_payouts
from supporters.payments.reports_csv import ORDER, Kind, Report, Told

BATCH = 500
TOLD_BY_SOME = ("type", "source_id", "charge_id", "payment_intent_id", "payout_id")
T = TypeVar("T")


class Imported(msgspec.Struct):
    """What came of the files: how many lines and payouts they tell of, and how many were not here yet."""

    lines: int = 0
    added: int = 0
    payouts: int = 0
    changed: int = 0  # payouts that are new or say something new


async def import_reports(
    db: Database, files: Sequence[Path], *, livemode: bool, time_zone: str, clock: Clock, ids: Ids, is_dry: bool = False
) -> Imported:
    """Everything that the files tell is in the mirror, as if Stripe's lists had told it. *Idempotent*, in any order.

    All are read to their ends before anything is stored. *Raises* Unreadable. A dry run stores nothing.
    """
    reports = [(path, _report(path, livemode=livemode, time_zone=time_zone).kind) for path in files]
    ordered = [path for kind in ORDER for path, of in reports if of is kind]

    def told() -> Iterator[Told]:
        for path in ordered:
            yield from _report(path, livemode=livemode, time_zone=time_zone).rows()

    taxes: dict[str, int] = {}
    for path, of in reports:
        if of is Kind.FEES:  # two files of one time tell of the same fees: those of a line are all in either
            taxes = _taxes(_report(path, livemode=livemode, time_zone=time_zone)) | taxes
    named: set[str] = set()
    imported = Imported()
    for each in told():
        _note(each, named, imported)
    if is_dry:
        imported.added = await _count_new(db, (each.line for each in told() if each.line))
        return imported
    for portion in _portions(told()):
        lines = _once([_taxed(each.line, taxes) for each in portion if each.line])
        payouts = [_named(each.payout, named) for each in portion if each.payout]
        async with db.unit_of_work() as session:
            now = clock.now()
            imported.added += await mirror(session, lines, livemode=livemode, account=None, ids=ids, now=now)
            imported.changed += await mirror_payouts(session, payouts, now=now)
    async with db.unit_of_work() as session:
        await verify_from_mirror(session, clock=clock)
    return imported


async def verify_from_mirror(session: AsyncSession, *, clock: Clock) -> int:
    """Automatic payouts of whose contents nobody else has told are verified where the lines here add up; says how many."""
    line, payout = BalanceTransaction, Payout
    total = (
        select(func.sum(line.net_minor))
        .where(line.stripe_payout_id == payout.stripe_payout_id, line.currency == payout.currency)
        .where(line.stripe_balance_transaction_id != func.coalesce(payout.line_id, ""))
        .scalar_subquery()
    )
    proved = (
        update(payout)
        .where(payout.is_automatic, payout.content == Content.UNKNOWN.value, total == payout.amount_minor)
        .values(content=Content.VERIFIED.value, verified_at=clock.now(), content_read_at=clock.now())
    )
    return changed_rows(await session.execute(proved.execution_options(synchronize_session=False)))


def _report(path: Path, *, livemode: bool, time_zone: str) -> Report:
    return Report(path.name, path.read_bytes(), livemode=livemode, time_zone=time_zone)


def _taxes(report: Report) -> dict[str, int]:
    """The tax in each line's fee, in minor units, as this file tells it."""
    taxes: dict[str, int] = {}
    for line_id, minor in (told.tax_of for told in report.rows() if told.tax_of):
        taxes[line_id] = taxes.get(line_id, 0) + minor
    return taxes


def _note(told: Told, named: set[str], imported: Imported) -> None:
    if told.payout:
        imported.payouts += 1
    if told.line:
        imported.lines += 1
        if told.line.payout_id and told.line.reporting_category != "payout":
            named.add(told.line.payout_id)


def _taxed(line: BalanceLine, taxes: dict[str, int]) -> BalanceLine:
    tax = taxes.get(line.id, 0)
    if not tax:
        return line
    parts = (FeeDetail("stripe_fee", line.fee_minor - tax, line.currency), FeeDetail("tax", tax, line.currency))
    return msgspec.structs.replace(line, fee_details=[part for part in parts if part.amount_minor])


def _once(lines: Iterable[BalanceLine]) -> list[BalanceLine]:
    """Each line once: as the file knows it that knows it best, with what the others know besides."""
    found: dict[str, BalanceLine] = {}
    for line in lines:
        first = found.setdefault(line.id, line)
        more = {name: getattr(line, name) for name in TOLD_BY_SOME if not getattr(first, name)}
        found[line.id] = msgspec.structs.replace(first, **more)
    return list(found.values())


def _named(payout: PayoutSeen, named: set[str]) -> PayoutSeen:
    """Only automatic payouts are named by the lines that went out with them."""
    return msgspec.structs.replace(payout, is_automatic=True) if payout.payout_id in named else payout


async def _count_new(db: Database, lines: Iterable[BalanceLine]) -> int:
    new: set[str] = set()
    row = BalanceTransaction.stripe_balance_transaction_id
    async with db.reading() as session:
        for portion in _portions(line.id for line in lines):
            new |= set(portion) - set(await session.scalars(select(row).where(row.in_(portion))))
    return len(new)


def _portions(things: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(things)
    while portion := list(islice(remaining, BATCH)):
        yield portion
