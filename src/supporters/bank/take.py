"""A file is taken: its new lines are here, all of them or none. What was here already is noted, so that either file may go.

All rows are laid out before anything is written: on SQLite nobody else can write while they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.accounts import note, owner_of
from supporters.bank.compare import New
from supporters.bank.files import ERASED, KIND, move
from supporters.bank.fingerprint import Keys, last4
from supporters.bank.gaps import mind_gaps
from supporters.bank.models import BankAccount, BankFile, BankLine, BankSighting, BankStatement, FileState, LineState
from supporters.bank.parsed import ParsedLine
from supporters.bank.prepare import Kept, Prepared, days_of, number_named
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _

PORTION = 1_000  # rows of one statement
NAME_CHARS, REFERENCE_CHARS, CODE_CHARS = 200, 120, 60
Row = dict[str, Any]
Values = tuple[object, ...]


class LaidOut(msgspec.Struct, frozen=True):
    """All rows of a file, each value in the place of its column."""

    statements: list[Values]
    lines: list[Values]
    sightings: list[Values]


async def take_file(
    session: AsyncSession,
    file: BankFile,
    account: BankAccount,
    prepared: Prepared,
    *,
    keys: Keys,
    actor_id: str,
    ids: Ids,
    now: datetime,
    rows: LaidOut | None = None,
) -> bool:
    """The file's new lines are here; false when somebody else took or dropped it before. *Idempotent by* the file's state.

    `file` and `account` are as they were when `prepared` was made; `rows` are laid out here unless they are given. *Raises*
    Conflict when the account has changed since.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    rows = rows or lay_out(file, prepared, keys=keys, ids=ids, is_sqlite=is_sqlite)
    findings = msgspec.to_builtins(prepared.findings)
    taken = {"imported_by": actor_id, "imported_at": now, "counts": findings, **ERASED}
    if not await move(session, file.id, (FileState.READY, FileState.TAKING), state=FileState.IMPORTED.value, **taken):
        return False
    await claim_account(
        session, account, profile=file.profile or account.profile, **await _learnt(session, account, prepared, keys)
    )
    await _store(session, BankStatement, rows.statements)
    await _store(session, BankLine, rows.lines)
    await _store(session, BankSighting, rows.sightings)
    await mind_gaps(session, account, ids=ids, now=now)
    await _tell_of_duplicates(session, file, account, prepared, ids=ids, now=now)
    shown = ("lines", "new", "again", "alike", "starts_on", "ends_on", "has_named_days")
    detail = {"account": account.id, **{name: findings[name] for name in shown}}
    await note(session, KIND, file.id, "bank.import", actor_id=actor_id, detail=detail, now=now)
    return True


async def claim_account(session: AsyncSession, account: BankAccount, **values: object) -> None:
    """Nobody else changes the account's lines before this transaction ends. Raises Conflict when somebody has since."""
    same = (BankAccount.id == account.id) & (BankAccount.revision == account.revision) & BankAccount.closed_at.is_(None)
    claimed = await session.execute(
        update(BankAccount)
        .where(same)
        .values(revision=account.revision + 1, **values)
        .execution_options(synchronize_session=False)
    )
    if changed_rows(claimed) != 1:
        raise Conflict(_("This account has changed meanwhile, so nothing was done. Look at the page again."))


async def _learnt(session: AsyncSession, account: BankAccount, prepared: Prepared, keys: Keys) -> dict[str, object]:
    """The account's number, where the file is the first to name it. Raises Conflict when it is another one's by now."""
    number = number_named(prepared.statements)
    if account.account_hash or not number:
        return {}
    owner = await owner_of(session, number, account, keys=keys)
    if owner:
        raise Conflict(_("The file is of the account “%(name)s”. Bring it there; nothing was taken.") % {"name": owner})
    return {"last4": last4(number), "account_hash": keys.account(number), "also_hashes": keys.account_forms(number)}


def lay_out(file: BankFile, prepared: Prepared, *, keys: Keys, ids: Ids, is_sqlite: bool) -> LaidOut:
    """The rows of every statement, of every new line and its parts, and of every line that was here already."""
    statements = _statement_rows(file, prepared, ids)
    statement_ids = [str(row["id"]) for row in statements]
    real_ids = {new.line_id: ids.ulid() for new in prepared.compared.new}
    lines = _line_rows(file, prepared, statement_ids, real_ids, keys=keys, ids=ids)
    sightings = _sighting_rows(file, prepared, statement_ids, real_ids)
    return LaidOut(
        _values(BankStatement, statements, is_sqlite=is_sqlite),
        _values(BankLine, lines, is_sqlite=is_sqlite),
        _values(BankSighting, sightings, is_sqlite=is_sqlite),
    )


def _statement_rows(file: BankFile, prepared: Prepared, ids: Ids) -> list[Row]:
    rows: list[Row] = []
    for position, statement in enumerate(prepared.statements):
        starts_on, ends_on = days_of(statement)
        rows.append(
            {
                "id": ids.ulid(),
                "bank_file_id": file.id,
                "bank_account_id": file.bank_account_id,
                "position": position,
                "number": statement.number[:CODE_CHARS],
                "starts_on": starts_on,
                "ends_on": ends_on,
                "opening_minor": statement.opening_minor,
                "closing_minor": statement.closing_minor,
                "is_opening_derived": statement.is_opening_derived,
            }
        )
    return rows


def _line_rows(
    file: BankFile,
    prepared: Prepared,
    statement_ids: Sequence[str],
    real_ids: Mapping[str, str],
    *,
    keys: Keys,
    ids: Ids,
) -> Iterator[Row]:
    """Every new line and its parts, by the lasting id of each id for the while."""
    for new, kept in zip(prepared.compared.new, prepared.kept, strict=True):
        home = {
            "bank_account_id": file.bank_account_id,
            "bank_file_id": file.id,
            "bank_statement_id": statement_ids[new.found.statement],
            "layout": file.layout,
        }
        yield _line_row(new, kept, home, real_ids[new.line_id])
        yield from _part_rows(new, kept, home, real_ids[new.line_id], keys=keys, ids=ids)


def _line_row(new: New, kept: Kept, home: Mapping[str, str], line_id: str) -> Row:
    state = LineState.SPLIT if kept.parts else LineState.OPEN if kept.is_whole else LineState.SET_ASIDE
    return {
        "id": line_id,
        "parent_id": None,
        "position": new.found.position,
        "fingerprint": new.found.fingerprint,
        "occurrence": new.occurrence,
        "state": state.value,
        **home,
        **_said(new.found.line, kept),
    }


def _part_rows(new: New, kept: Kept, home: Mapping[str, str], line_id: str, *, keys: Keys, ids: Ids) -> Iterator[Row]:
    for position, (part, part_kept) in enumerate(zip(new.found.line.parts, kept.parts, strict=False)):
        yield {
            "id": ids.ulid(),
            "parent_id": line_id,
            "position": position,
            "fingerprint": keys.part(new.found.fingerprint, occurrence=new.occurrence, position=position),
            "occurrence": 0,
            "state": (LineState.OPEN if part_kept.is_whole else LineState.SET_ASIDE).value,
            **home,
            **_said(part, part_kept),
        }


def _said(line: ParsedLine, kept: Kept) -> Row:
    """What the bank wrote, as far as it is kept."""
    is_whole = kept.is_whole
    return {
        "booked_on": line.booked_on,
        "value_on": line.value_on if is_whole else None,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
        "counterparty": line.counterparty[:NAME_CHARS] if is_whole else "",
        "counterparty_hash": kept.payer,
        "counterparty_last4": last4(line.account) if is_whole else "",
        "text": line.text if is_whole else "",
        "bank_reference": line.bank_reference[:REFERENCE_CHARS] if is_whole else "",
        "end_to_end": line.end_to_end[:REFERENCE_CHARS] if is_whole else "",
        "type_code": line.type_code[:CODE_CHARS] if is_whole else "",
        "is_reversal": line.is_reversal,
        "is_kept_whole": is_whole,
        "state_note": None,
    }


def _sighting_rows(
    file: BankFile, prepared: Prepared, statement_ids: Sequence[str], real_ids: Mapping[str, str]
) -> Iterator[Row]:
    for again in prepared.compared.again:
        yield {
            "bank_line_id": real_ids.get(again.line_id, again.line_id),
            "bank_statement_id": statement_ids[again.found.statement],
            "bank_file_id": file.id,
        }


def _values(table: type[Any], rows: Iterable[Row], *, is_sqlite: bool) -> list[Values]:
    """The rows as the driver takes them: SQLite has no days."""
    names = [column.name for column in table.__table__.columns]
    if is_sqlite:
        return [tuple(_plain(row[name]) for name in names) for row in rows]
    return [tuple(row[name] for name in names) for row in rows]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


async def _store(session: AsyncSession, table: type[Any], rows: list[Values]) -> None:
    """Every row is inserted. Handed to the driver as they are, so that others wait half as long for the database."""
    if not rows:
        return
    connection = await session.connection()
    compiled = insert(table.__table__).compile(dialect=connection.dialect)
    names = [column.name for column in table.__table__.columns]
    places = [names.index(name) for name in compiled.positiontup or []]
    in_order = itemgetter(*places)
    for first in range(0, len(rows), PORTION):
        portion = rows[first : first + PORTION]
        if places != sorted(places):
            portion = [in_order(row) for row in portion]
        await connection.exec_driver_sql(str(compiled), portion)


async def _tell_of_duplicates(
    session: AsyncSession, file: BankFile, account: BankAccount, prepared: Prepared, *, ids: Ids, now: datetime
) -> None:
    """Lines that were here already are counted for whoever looks for them."""
    findings = prepared.findings
    if not findings.again + findings.alike:
        return
    counts = {"bank_account_id": account.id, "here_already": findings.again + findings.alike, "new_lines": findings.new}
    await open_discrepancy(session, code=Code.BANK_DUPLICATE_IMPORT, subject=file.id, detail=counts, ids=ids, now=now)
