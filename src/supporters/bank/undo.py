"""A file is undone as one batch: what it brought is taken back, unless it is in the books or another file brought it too."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.bank.accounts import note
from supporters.bank.files import KIND, move
from supporters.bank.gaps import mind_gaps
from supporters.bank.models import (
    BankAccount,
    BankFile,
    BankLine,
    BankSighting,
    BankStatement,
    FileState,
    LineState,
)
from supporters.bank.take import claim_account
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.kit.db import changed_rows
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.ledger.lock import lock_ledger

OF_BANK = [
    code.value for code in (Code.BANK_DUPLICATE_IMPORT, Code.BANK_CREDIT_UNKNOWN, Code.BANK_MERGED, Code.BANK_SPLIT)
]
ERASED = {
    "counterparty": "",
    "counterparty_hash": "",
    "counterparty_last4": "",
    "text": "",
    "bank_reference": "",
    "end_to_end": "",
    "value_on": None,
    "is_kept_whole": False,
    "state_note": None,
}


async def undo_file(
    session: AsyncSession, file: BankFile, account: BankAccount, *, actor_id: str, ids: Ids, now: datetime
) -> bool:
    """The file's lines are taken back and their words erased; false when somebody undid it before.

    Lines that another file brought too stay, as that one's. *Raises* Refused while lines of it are in the books, Conflict
    when the account has changed since it was read.
    """
    undone = {"undone_by": actor_id, "undone_at": now}
    await lock_ledger(session)  # nobody books a line of it meanwhile
    if not await move(session, file.id, (FileState.IMPORTED,), state=FileState.UNDONE.value, **undone):
        return False
    await claim_account(session, account)
    stayed = await _move_home(session, file.id)
    untouched = (BankLine.bank_file_id == file.id, BankLine.state != LineState.MATCHED.value)
    taken_back = await _change(session, untouched, state=LineState.UNDONE.value, **ERASED)
    await _refuse_matched(session, file.id)  # also what somebody matched at this very moment
    await session.execute(delete(BankSighting).where(BankSighting.bank_file_id == file.id))
    await mind_gaps(session, account, ids=ids, now=now)
    await _settle_all(session, file.id, now=now)
    detail: dict[str, object] = {"lines": taken_back, "stayed": stayed}
    await note(session, KIND, file.id, "bank.undo", actor_id=actor_id, detail=detail, now=now)
    return True


async def _settle_all(session: AsyncSession, file_id: str, *, now: datetime) -> None:
    """What was to be explained of the file and of its lines need not be any more."""
    lines = select(BankLine.id).where(BankLine.bank_file_id == file_id)
    d = Discrepancy
    about = or_(d.subject == file_id, d.subject.in_(lines))
    opened = await session.execute(
        select(d.code, d.subject).where(about, d.state == DiscrepancyState.OPEN.value, d.code.in_(OF_BANK))
    )
    for row in opened.all():
        reason = _("The file was taken back.")
        code, way = Code(row.code), Resolution.NOTED
        await settle_discrepancy(session, code=code, subject=row.subject, resolution=way, reason=reason, now=now)


async def count_matched(session: AsyncSession, file_id: str) -> int:
    """How many lines that only this file brought are in the books: as long as there is one, it can't be undone."""
    whole = func.coalesce(BankLine.parent_id, BankLine.id)
    seen = exists().where(BankSighting.bank_line_id == whole, BankSighting.bank_file_id != file_id)
    query = select(func.count()).where(
        BankLine.bank_file_id == file_id, BankLine.state == LineState.MATCHED.value, ~seen
    )
    return await session.scalar(query) or 0


async def _move_home(session: AsyncSession, file_id: str) -> int:
    """Lines that another file brought too are that one's from now on, and their parts with them; returns how many lines."""
    line, sighting = BankLine, BankSighting
    others = (sighting.bank_line_id == line.id, sighting.bank_file_id != file_id)
    statement = select(func.min(sighting.bank_statement_id)).where(*others).scalar_subquery()
    of_file = select(BankStatement.bank_file_id).where(BankStatement.id == statement).scalar_subquery()
    mine = (line.bank_file_id == file_id, line.parent_id.is_(None), exists().where(*others))
    moved = await _change(session, mine, bank_file_id=of_file, bank_statement_id=statement)
    if moved:
        parent = aliased(BankLine)
        of_parent = {
            name: select(getattr(parent, name)).where(parent.id == line.parent_id).scalar_subquery()
            for name in ("bank_file_id", "bank_statement_id")
        }
        await _change(session, (line.bank_file_id == file_id, line.parent_id.is_not(None)), **of_parent)
        at_home = exists().where(line.id == sighting.bank_line_id, line.bank_statement_id == sighting.bank_statement_id)
        await session.execute(delete(sighting).where(at_home).execution_options(synchronize_session=False))
    return moved


async def _change(session: AsyncSession, where: Sequence[ColumnElement[bool]], **values: object) -> int:
    changed = await session.execute(
        update(BankLine).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    return changed_rows(changed)


async def _refuse_matched(session: AsyncSession, file_id: str) -> None:
    query = select(func.count()).where(BankLine.bank_file_id == file_id, BankLine.state == LineState.MATCHED.value)
    matched = await session.scalar(query) or 0
    if matched:
        words = ngettext(
            "%(count)s line of this file is in the books. Take it out there first; nothing was undone.",
            "%(count)s lines of this file are in the books. Take them out there first; nothing was undone.",
            matched,
        )
        raise Refused(words % {"count": matched})
