"""Making a batch and taking one back. What went out stays as it was: corrections go out as later batches."""

import asyncio
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import insert, literal, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement

from supporters.audit.record import record
from supporters.exports.claims import lock_exports
from supporters.exports.formats import write
from supporters.exports.gather import Wanted, gather, is_earlier, may_go_out, read_names
from supporters.exports.journals import Balance, File, Heading, Journal, add_up, mirror, sum_up
from supporters.exports.ledgers import last_claim
from supporters.exports.models import BatchState, ExportBatch, ExportItem
from supporters.exports.queries import Live, all_batches
from supporters.exports.targets import CLAIMS, Mode, Target
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.ledger.mapping import read_mapping
from supporters.ledger.models import LedgerTransaction
from supporters.ledger.periods import first_day, locked_months, next_month

MOST_TRANSACTIONS = 50_000  # in one batch with a journal each: what a program would take days to load


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a batch, when, for whom, and what does not hold in the books at this moment (names of checks)."""

    organisation: str
    actor_id: str
    ids: Ids
    now: datetime
    broken: Sequence[str]


async def make_batch(session: AsyncSession, wanted: Wanted, maker: Maker) -> str:
    """All that may go out of these days stands in a new batch, once for this program; gives the batch's id.

    *Raises* Conflict while the books do not hold, when nothing is left to go out, and for too much in single lines.
    *Idempotent by* the ledger: the same days again hold only what was posted since.
    """
    _refuse_broken(maker)
    await lock_exports(session)
    ever = await all_batches(session, wanted.target)
    before = [each for each in ever if each.taken_back_by is None]
    locked = await locked_months(session)  # before anything is claimed: what is closed now is there as a whole
    batch_id = maker.ids.ulid()
    transactions = await _claim(session, batch_id, wanted)
    if not transactions:
        raise Conflict(_("Nothing of these days is left to go out, so no batch was made."))
    if wanted.mode is Mode.LINE and transactions > MOST_TRANSACTIONS:
        raise Conflict(_("That is too much for one journal each. Choose fewer days, or one journal for each payout."))
    names = await read_names(session, await read_mapping(session))
    journals = await gather(session, _claimed(batch_id), mode=wanted.mode, names=names, number=_number(batch_id))
    heading = Heading(
        batch_id=batch_id,
        organisation=maker.organisation,
        starts_on=wanted.starts_on,
        ends_on=wanted.ends_on,
        home_currency=wanted.home_currency,
        before=_balances(before),
        declared=_declared(ever),
        holds_months=all(each.ends_on < wanted.starts_on for each in before)
        and not await _is_left_out(session, wanted),
        closed_until=next_month(first_day(max(locked))) - timedelta(days=1) if locked else date.min,
        comes_after=tuple(each.file_name for each in before),
        claims=tuple((each.file_name, each.claims_until) for each in before if each.claims_until),
    )
    row = await _batch_row(heading, journals, target=wanted.target, mode=wanted.mode, maker=maker)
    await _add(session, row | {"transactions": transactions}, action="export.make", maker=maker)
    return batch_id


async def reverse_batch(session: AsyncSession, batch_id: str, *, home_currency: str, maker: Maker) -> str:
    """A new batch takes every line of this one back, on the same days; what it held may go out again. Gives the new id.

    *Raises* NotFound; Conflict for one that was taken back, or takes one back itself, and while the books do not hold.
    """
    _refuse_broken(maker)
    await lock_exports(session)
    old = await session.get(ExportBatch, batch_id)
    if old is None:
        raise NotFound(_("There is no such batch."))
    if old.reverses_id or old.state != BatchState.LIVE:
        raise Conflict(_("This batch was taken back, or takes another back, so nothing was done."))
    held = await session.execute(select(ExportBatch.journals).where(ExportBatch.id == batch_id))
    new_id = maker.ids.ulid()
    journals = mirror(unpack(held.scalar_one()), number=_number(new_id), text=_("Taken back:"))
    target = Target(old.target)
    ever = await all_batches(session, target)
    heading = Heading(
        batch_id=new_id,
        organisation=maker.organisation,
        starts_on=old.starts_on,
        ends_on=old.ends_on,
        home_currency=home_currency,
        before=_balances(each for each in ever if each.taken_back_by is None),
        declared=_declared(ever),
        takes_back=old.file_name,
    )
    row = await _batch_row(heading, journals, target=target, mode=Mode(old.mode), maker=maker)
    row |= {"transactions": old.transactions, "reverses_id": old.id}
    await _free(session, old.id, by=new_id)
    await _add(session, row, action="export.reverse", maker=maker)
    return new_id


def pack(journals: Sequence[Journal]) -> bytes:
    """Journals as they are kept beside the file."""
    return zlib.compress(msgspec.json.encode(journals))


def unpack(held: bytes) -> list[Journal]:
    """Journals as they were put into the file."""
    return msgspec.json.decode(zlib.decompress(held), type=list[Journal])


def read_totals(totals: list[list[str | int]]) -> list[Balance]:
    """A batch's totals as they are stored, in words of this room."""
    return [
        Balance(
            account=str(account),
            code=str(code),
            name=str(name),
            currency=str(currency),
            debit_minor=int(debit),
            credit_minor=int(credit),
        )
        for account, code, name, currency, debit, credit in totals
    ]


def _refuse_broken(maker: Maker) -> None:
    if maker.broken:
        words = _("The books do not hold (%(checks)s), so nothing goes out. Look at the discrepancies first.")
        raise Conflict(words % {"checks": ", ".join(maker.broken)})


def _balances(batches: Iterable[Live]) -> tuple[Balance, ...]:
    return add_up(balance for each in batches for balance in read_totals(each.totals))


def _declared(ever: Sequence[Live]) -> tuple[Balance, ...]:
    """What the files that stand now have declared: each declares all that is used beside it and was not declared there."""
    told: dict[str, dict[tuple[str, str, str], Balance]] = {}
    for each in sorted(ever, key=lambda batch: batch.id):
        beside = [one for one in ever if one.id < each.id and (one.taken_back_by or each.id) >= each.id]
        used = _balances([*beside, each])
        known = {key for one in beside for key in told[one.id]}
        told[each.id] = {key: use for use in used if (key := (use.account, use.code, use.name)) not in known}
    return tuple(use for each in ever if each.taken_back_by is None for use in told[each.id].values())


async def _claim(session: AsyncSession, batch_id: str, wanted: Wanted) -> int:
    """In one statement: what is posted while the file is made waits for the next batch."""
    item = ExportItem
    chosen = select(literal(batch_id), LedgerTransaction.id, literal(wanted.target.value), true()).where(
        may_go_out(wanted)
    )
    columns = [item.batch_id, item.ledger_transaction_id, item.target, item.is_live]
    return changed_rows(await session.execute(insert(item).from_select(columns, chosen)))


async def _is_left_out(session: AsyncSession, wanted: Wanted) -> bool:
    """Whether something before these days has not gone out, and might yet."""
    return await session.scalar(select(LedgerTransaction.id).where(is_earlier(wanted)).limit(1)) is not None


def _claimed(batch_id: str) -> ColumnElement[bool]:
    item = ExportItem
    return LedgerTransaction.id.in_(select(item.ledger_transaction_id).where(item.batch_id == batch_id))


def _number(batch_id: str) -> str:
    """What this batch's journal numbers begin with: short enough for every program, and no other batch's."""
    return f"S{batch_id[1:9]}{batch_id[-2:]}"


async def _batch_row(
    heading: Heading, journals: list[Journal], *, target: Target, mode: Mode, maker: Maker
) -> dict[str, object]:
    file, held, claims_until = await asyncio.to_thread(_make_file, target, journals, heading)
    return {
        "id": heading.batch_id,
        "target": target.value,
        "mode": mode.value,
        "starts_on": heading.starts_on,
        "ends_on": heading.ends_on,
        "claims_until": claims_until,
        "file_name": file.name,
        "body": file.content,
        "journals": held,
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "size_bytes": len(file.content),
        "journal_count": len(journals),
        "line_count": sum(len(journal.lines) for journal in journals),
        "totals": [list(msgspec.structs.astuple(balance)) for balance in sum_up(journals)],
        "made_by": maker.actor_id,
        "made_at": maker.now,
        "state": BatchState.LIVE.value,
    }


def _make_file(target: Target, journals: list[Journal], heading: Heading) -> tuple[File, bytes, date | None]:
    claims_until = last_claim(journals, heading) if target in CLAIMS else None
    return write(target, journals, heading), pack(journals), claims_until


async def _free(session: AsyncSession, batch_id: str, *, by: str) -> None:
    batch, item = ExportBatch, ExportItem
    await session.execute(update(item).where(item.batch_id == batch_id).values(is_live=False))
    await session.execute(
        update(batch)
        .where(batch.id == batch_id, batch.state == BatchState.LIVE)
        .values(state=BatchState.REVERSED, reversed_by_batch_id=by)
    )


async def _add(session: AsyncSession, row: dict[str, object], *, action: str, maker: Maker) -> None:
    await session.execute(insert(ExportBatch).values(row))
    shown = ("target", "mode", "file_name", "sha256", "transactions", "reverses_id")
    await record(
        session,
        actor_kind="staff",
        actor_id=maker.actor_id,
        action=action,
        record_kind="export_batch",
        record_id=str(row["id"]),
        detail={name: row[name] for name in shown if name in row},
        now=maker.now,
    )
