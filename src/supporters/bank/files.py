"""A file moves on: brought, its columns said, checked, dropped. Each step is taken from one state only.

Its body is kept while it waits, and erased as soon as it is taken, dropped, or left for a week.
"""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.accounts import note
from supporters.bank.models import BankAccount, BankFile, FileState
from supporters.bank.parsed import CsvProfile, ParsedFile, ParsedLine
from supporters.bank.prepare import Findings
from supporters.bank.profiles import stored
from supporters.bank.queries import WAITING, count_waiting_files
from supporters.kit.db import changed_rows
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

FILE_NAME_CHARS = 200
MOST_WAITING = 20
KIND = "bank_file"
LARGE_BYTES, LARGE_PACKED_BYTES = (
    512 * 1024,
    32 * 1024,
)  # a larger file is read by a job; of a ZIP, what is in it counts
LARGE_LINES = 5_000  # a file of more lines is taken by a job
ERASED: dict[str, Any] = {"content": None, "parsed": None}


class Glimpse(msgspec.Struct, frozen=True):
    """The first lines of what taking a file would do, for the page that asks."""

    new: tuple[tuple[ParsedLine, bool], ...] = ()  # with whether it is kept whole
    alike: tuple[ParsedLine, ...] = ()
    reworded: tuple[tuple[ParsedLine, str], ...] = ()  # each with the id of the line here that it may be


class Body(msgspec.Struct, frozen=True):
    """A file as it waits for a person."""

    parsed: ParsedFile
    glimpse: Glimpse = Glimpse()


class Checked(msgspec.Struct, frozen=True):
    """A file as it was read and checked."""

    parsed: ParsedFile  # of this account only
    layout: str
    profile: CsvProfile | None
    findings: Findings
    revision: int  # of the account, as it was checked against
    glimpse: Glimpse = Glimpse()
    has_changed: bool = False  # the account, since a person said that the file be taken


async def add_file(
    session: AsyncSession,
    account: BankAccount,
    *,
    name: str,
    content: bytes,
    form: str,
    actor_id: str,
    ids: Ids,
    now: datetime,
) -> str:
    """The file waits to be read; returns its id. Raises Refused while too many files wait."""
    if await count_waiting_files(session) >= MOST_WAITING:
        raise Refused(
            _("%(count)s files of statements wait already. Import or drop some of them first.")
            % {"count": MOST_WAITING}
        )
    file = BankFile(
        id=ids.ulid(),
        bank_account_id=account.id,
        state=FileState.UPLOADED.value,
        name=clean_line(name, limit=FILE_NAME_CHARS) or _("a file without a name"),
        sha256=hashlib.sha256(content).hexdigest(),
        format=form,
        layout="",
        size_bytes=len(content),
        content=content,
        parsed=None,
        profile=None,
        counts={},
        taken_by=actor_id,
        taken_at=now,
    )
    session.add(file)
    await session.flush()
    detail: dict[str, object] = {"bytes": len(content), "format": form}
    await note(session, KIND, file.id, "bank.upload", actor_id=actor_id, detail=detail, now=now)
    return file.id


def is_large(content: bytes, form: str) -> bool:
    """Whether reading it takes so long that a person should not wait for the answer."""
    return len(content) > (LARGE_PACKED_BYTES if form == "zip" else LARGE_BYTES)


async def set_reading(session: AsyncSession, file_id: str, profile: CsvProfile | None = None, **counts: object) -> bool:
    """The file waits to be read and checked by a job; false when somebody else has gone on with it. What was read stays."""
    values: dict[str, Any] = {} if profile is None else {"profile": stored(profile), "parsed": None}
    origins = (FileState.UPLOADED, FileState.READY, FileState.TAKING)
    return await move(session, file_id, origins, state=FileState.READING.value, counts=counts, **values)


async def set_taking(session: AsyncSession, file: BankFile) -> bool:
    """The file's lines wait to be taken by a job; false when somebody else has gone on with it."""
    return await move(session, file.id, (FileState.READY,), state=FileState.TAKING.value)


async def set_ready(session: AsyncSession, file_id: str) -> bool:
    """The file waits for a person again, and nothing of it was taken; false when it was taken meanwhile."""
    return await move(session, file_id, (FileState.TAKING,), state=FileState.READY.value)


async def set_refused(session: AsyncSession, file: BankFile, why: str) -> bool:
    """The file is erased and only says why it can't be read; a table waits for other columns."""
    words = why.encode()
    if file.format == "csv":
        return await move(
            session, file.id, (FileState.READING,), state=FileState.UPLOADED.value, counts={}, parsed=words
        )
    refused: dict[str, Any] = {"state": FileState.REFUSED.value, "counts": {}, "content": None, "parsed": words}
    return await move(session, file.id, (FileState.READING,), **refused)


async def forget_refusal(session: AsyncSession, file_id: str) -> None:
    """Why the file could not be read is said no more: the words may name what stood in it."""
    await move(session, file_id, (FileState.REFUSED,), **ERASED)


async def set_checked(session: AsyncSession, file_id: str, checked: Checked) -> bool:
    """The file is read and waits for a person; false when it was taken or dropped meanwhile.

    The body of a table stays, since its columns may still be changed; any other is needed no more.
    """
    found = msgspec.to_builtins(checked.findings)
    erased = {} if checked.profile else {"content": None}
    return await move(
        session,
        file_id,
        WAITING,
        state=FileState.READY.value,
        format=checked.parsed.format,
        layout=checked.layout,
        profile=stored(checked.profile) if checked.profile else None,
        parsed=msgspec.msgpack.encode(Body(checked.parsed, checked.glimpse)),
        counts={**found, "revision": checked.revision, "has_changed": checked.has_changed},
        **erased,
    )


async def set_guessed(session: AsyncSession, file_id: str, guessed: CsvProfile) -> bool:
    """The table's columns are guessed, and a person is asked whether they are right."""
    return await move(session, file_id, (FileState.UPLOADED,), profile=stored(guessed))


def parsed_of(body: bytes) -> ParsedFile:
    """The file as it was read before."""
    return body_of(body).parsed


def body_of(body: bytes) -> Body:
    """The file as it waits for a person."""
    try:
        return msgspec.msgpack.decode(body, type=Body)
    except msgspec.ValidationError:  # it has waited since before there were glimpses
        return Body(msgspec.msgpack.decode(body, type=ParsedFile))


def findings_of(counts: dict[str, Any]) -> Findings:
    """What was found in a file, as it is stored."""
    known = {field.name for field in msgspec.structs.fields(Findings)}
    return msgspec.convert({name: value for name, value in counts.items() if name in known}, Findings)


async def drop_file(session: AsyncSession, file_id: str, *, actor_id: str | None, now: datetime) -> bool:
    """The file is erased and nothing of it was taken; false when it was taken or dropped meanwhile."""
    dropped = await move(session, file_id, WAITING, state=FileState.ABANDONED.value, counts={}, **ERASED)
    if dropped:
        await note(session, KIND, file_id, "bank.drop", actor_id=actor_id, detail={}, now=now)
    return dropped


async def move(session: AsyncSession, file_id: str, origins: tuple[FileState, ...], **values: object) -> bool:
    """The file is in another state, if it was in one of these; of two who move it at once one does."""
    moved = await session.execute(
        update(BankFile)
        .where(BankFile.id == file_id, BankFile.state.in_([state.value for state in origins]))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return changed_rows(moved) == 1
