"""Background work of the bank: long files are read and taken here, so that nobody waits for an answer meanwhile.

A job that is ended half-way is done again from its beginning: until its last statement nothing of the file is here.
"""

import asyncio
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.check import check_file, prepare_file, read_apart
from supporters.bank.files import Checked, move, parsed_of, set_checked, set_reading, set_refused
from supporters.bank.fingerprint import Keys
from supporters.bank.models import BankAccount, BankFile, FileState
from supporters.bank.parsed import Unreadable
from supporters.bank.prepare import with_days
from supporters.bank.profiles import as_profile
from supporters.bank.purge import TAKE, purge_files
from supporters.bank.queries import find_account, find_bank_file, find_body
from supporters.bank.refusals import of_file
from supporters.bank.take import lay_out, take_file
from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import enqueue
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.kit.clock import local_date
from supporters.kit.errors import Conflict
from supporters.settings import Settings

PURGE, READ = "bank.purge", "bank.read"
TIMERS: tuple[Timer, ...] = (Timer(PURGE, every=timedelta(hours=24)),)


class Step(StrEnum):
    """How far a job has come with a file."""

    WAITING = "waiting"
    READING = "reading"
    COMPARING = "comparing"
    WRITING = "writing"


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {
        PURGE: purge,
        READ: partial(read_file, settings=backstage.settings),
        TAKE: partial(take_lines, settings=backstage.settings),
    }


async def purge(work: Work, _payload: dict[str, Any]) -> None:
    """No file of a statement waits for longer than a week."""
    async with work.db.unit_of_work() as session:
        await purge_files(session, now=work.clock.now())
        await work.finish(session)


async def read_file(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `bank.read`: the file is read and checked and waits for a person, or says why it can't be read."""
    async with work.db.reading() as session:
        found = await _file_in(session, payload, FileState.READING)
        if found is None:
            return
        content, body = await find_body(session, found[0].id)
    file, account = found
    try:
        checked = await _checked(work, file, account, content, body, settings=settings)
    except Unreadable as problem:
        async with work.db.unit_of_work() as session:
            await set_refused(session, file, of_file(problem, file.name).message)
        return
    async with work.db.unit_of_work() as session:
        await set_checked(session, file.id, checked)


async def take_lines(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `bank.take`: the file's lines are here, all at once. It is checked anew where its account has changed since."""
    async with work.db.reading() as session:
        found = await _file_in(session, payload, FileState.TAKING)
        if found is None:
            return None
        file, account = found
        _content, body = await find_body(session, file.id)
    if body is None or account.revision != int(payload["seen"]):
        return await _read_anew(work, file)
    await _tell(work, file, Step.COMPARING)
    keys = Keys(settings.secret_key)
    async with work.db.reading() as session:
        prepared = await prepare_file(
            session,
            account,
            with_days(await asyncio.to_thread(parsed_of, body), _named(payload)),
            layout=file.layout,
            left_out=int(file.counts.get("left_out", 0)),
            settings=settings,
            takes_alike=bool(payload["takes_alike"]),
            joins_reworded=bool(payload.get("joins_reworded")),
        )
    rows = await asyncio.to_thread(lay_out, file, prepared, keys=keys, ids=work.ids, is_sqlite=work.db.is_sqlite)
    await _tell(work, file, Step.WRITING)
    now, actor_id = work.clock.now(), str(payload["actor_id"])
    try:
        async with work.db.unit_of_work() as session:
            is_taken = await take_file(
                session, file, account, prepared, keys=keys, actor_id=actor_id, ids=work.ids, now=now, rows=rows
            )
            if is_taken:
                await enqueue(session, str(payload["then"]), {}, ids=work.ids, now=now, dedupe="import")
    except Conflict:
        await _read_anew(work, file)


def _named(payload: dict[str, Any]) -> tuple[date, date] | None:
    """The days of the file, where a person said them as it was taken."""
    said = payload.get("days")
    return (date.fromisoformat(said[0]), date.fromisoformat(said[1])) if said else None


async def _checked(
    work: Work, file: BankFile, account: BankAccount, content: bytes | None, body: bytes | None, *, settings: Settings
) -> Checked:
    """The file as it was read, held to what is here. Raises Unreadable."""
    profile = as_profile(file.profile)
    if body is not None:
        parsed = await asyncio.to_thread(parsed_of, body)
    else:
        await _tell(work, file, Step.READING)
        parsed = await read_apart(content or b"", file.name, account=account, profile=profile, settings=settings)
    await _tell(work, file, Step.COMPARING)
    today = local_date(work.clock.now(), settings.time_zone)
    async with work.db.reading() as session:
        account = await find_account(session, account.id) or account  # as it stands now
        checked = await check_file(session, account, parsed, profile=profile, settings=settings, today=today)
    if body is None:
        return checked
    checked.findings.left_out = int(file.counts.get("left_out", 0))
    return msgspec.structs.replace(checked, has_changed=bool(file.counts.get("has_changed")))


async def _file_in(
    session: AsyncSession, payload: dict[str, Any], state: FileState
) -> tuple[BankFile, BankAccount] | None:
    file = await find_bank_file(session, str(payload["file_id"]))
    account = await find_account(session, file.bank_account_id) if file and file.state == state else None
    return (file, account) if file and account else None


async def _read_anew(work: Work, file: BankFile) -> None:
    """The account has changed since the file was checked: what would be taken is worked out again and shown."""
    now, left_out = work.clock.now(), int(file.counts.get("left_out", 0))
    async with work.db.unit_of_work() as session:
        if await set_reading(session, file.id, has_changed=True, left_out=left_out):
            await enqueue(session, READ, {"file_id": file.id}, ids=work.ids, now=now, dedupe=file.id)


async def _tell(work: Work, file: BankFile, step: Step) -> None:
    """Whoever looks at the file sees how far it has come."""
    async with work.db.unit_of_work() as session:
        origins = (FileState.READING, FileState.TAKING)
        await move(session, file.id, origins, counts={**file.counts, "step": step.value})
