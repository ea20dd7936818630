"""Stripe's exported files into the same mirror that its lists fill."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import Clock
from supporters.kit.db import Database, changed_rows
from supporters.kit.ids import Ids
from supporters.payments.balance import TAX, differing, learnt_parts, mirror
from supporters.payments.facts import BalanceLine, FeeDetail, PayoutSeen
from supporters.payments.models import BalanceTransaction, Content, Payout
from supporters.payments.payouts import differing as differing_payouts
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
    learnt: int = 0  # lines here of whose fee the parts are known now
    fresh: list[BalanceLine] = []  # of a dry run: what would be new
    differing: list[str] = []  # of a dry run: lines that show other money than they do here
    untold: dict[str, str] = {}  # lines of which no file says what they are, with the type that it gives


async def import_reports(
    db: Database, files: Sequence[Path], *, livemode: bool, time_zone: str, clock: Clock, ids: Ids, is_dry: bool = False
) -> Imported:
    """Everything that the files tell is in the mirror, as if Stripe's lists had told it. *Idempotent*, in any order.

    All are read to their ends before anything is stored. *Raises* Unreadable. A dry run stores nothing.
    """

    def report(path: Path) -> Report:
        return Report(path.name, path.read_bytes(), livemode=livemode, time_zone=time_zone, now=clock.now())

    reports = [(path, report(path).kind) for path in files]
    ordered = [path for kind in ORDER for path, of in reports if of is kind]

    def told() -> Iterator[Told]:
        for path in ordered:
            yield from report(path).rows()

    taxes: dict[str, int] = {}
    for path, of in reports:
        if of is Kind.FEES:  # two files of one time tell of the same fees: those of a line are all in either
            taxes = _taxes(report(path)) | taxes
    named: set[str] = set()
    imported = Imported()
    for each in told():
        _note(each, named, imported)
    await _leave_known(db, imported, (each.line.id for each in told() if each.line))
    if is_dry:
        await _compare(db, told(), imported, now=clock.now())
        return imported
    for portion in _portions(told()):
        lines = _once([_taxed(each.line, taxes) for each in portion if each.line])
        payouts = [_named(each.payout, named) for each in portion if each.payout]
        async with db.unit_of_work() as session:
            now = clock.now()
            imported.added += await mirror(session, lines, livemode=livemode, account=None, ids=ids, now=now)
            imported.changed += await mirror_payouts(session, payouts, now=now)
    for portion in _portions(taxes):
        async with db.unit_of_work() as session:
            imported.learnt += await _learn_taxes(session, portion, taxes)
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


def _taxes(report: Report) -> dict[str, int]:
    """The tax in each line's fee, in minor units, as this file tells it."""
    taxes: dict[str, int] = {}
    for line_id, minor in (told.tax_of for told in report.rows() if told.tax_of):
        taxes[line_id] = taxes.get(line_id, 0) + minor
    return taxes


async def _learn_taxes(session: AsyncSession, line_ids: Sequence[str], taxes: Mapping[str, int]) -> int:
    """Lines here that came without the parts of their fee have them; says how many. What Stripe's list told stays."""
    row = BalanceTransaction
    known = (await session.scalars(select(row).where(row.stripe_balance_transaction_id.in_(line_ids)))).all()
    learnt = [line for line in known if not line.fee_details]
    for line in learnt:
        key = line.stripe_balance_transaction_id
        parts = _parts(line.fee_minor, taxes[key], line.currency)
        rows = [msgspec.structs.asdict(part) for part in parts]
        mine = update(row).where(row.stripe_balance_transaction_id == key).values(**learnt_parts(rows))
        await session.execute(mine.execution_options(synchronize_session=False))
    return len(learnt)


def _note(told: Told, named: set[str], imported: Imported) -> None:
    if told.untold:
        line_id, type_ = told.untold
        imported.untold[line_id] = type_
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
    return msgspec.structs.replace(line, fee_details=_parts(line.fee_minor, tax, line.currency))


def _parts(fee_minor: int, tax_minor: int, currency: str) -> list[FeeDetail]:
    parts = (FeeDetail("stripe_fee", fee_minor - tax_minor, currency), FeeDetail(TAX, tax_minor, currency))
    return [part for part in parts if part.amount_minor]


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


async def _leave_known(db: Database, imported: Imported, told: Iterable[str]) -> None:
    """Of the lines that a file does not explain, those stay named that no other file tells and that are not here."""
    row = BalanceTransaction.stripe_balance_transaction_id
    for line_id in told if imported.untold else ():
        imported.untold.pop(line_id, None)
    async with db.reading() as session:
        for portion in list(_portions(imported.untold)):
            for line_id in await session.scalars(select(row).where(row.in_(portion))):
                imported.untold.pop(line_id)


async def _compare(db: Database, told: Iterable[Told], imported: Imported, *, now: datetime) -> None:
    """What these would add and change is noted, and nothing is stored."""
    fresh: dict[str, BalanceLine] = {}
    other: dict[str, None] = {}
    changed: set[str] = set()
    for portion in _portions(told):
        async with db.reading() as session:
            new, differ = await differing(session, [each.line for each in portion if each.line])
            added, moved = await differing_payouts(session, [each.payout for each in portion if each.payout], now=now)
        for line in new:
            fresh.setdefault(line.id, line)
        other |= dict.fromkeys(differ)
        changed |= added | moved
    imported.fresh, imported.differing = list(fresh.values()), list(other)
    imported.added, imported.changed = len(fresh), len(changed)


def _portions(things: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(things)
    while portion := list(islice(remaining, BATCH)):
        yield portion
