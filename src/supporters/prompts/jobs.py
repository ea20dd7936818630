"""Background work of prompts: published files on disk, reminders in their month, and forgetting."""

import asyncio
import os
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work
from supporters.prompts.files import kept_script, published_prompt, script_names
from supporters.prompts.placements import placements
from supporters.prompts.publish import WRITE_FILES
from supporters.prompts.reminders import ask_those_waiting, forget_letters, forget_unconfirmed, send_reminders
from supporters.prompts.script import prompt_script
from supporters.settings import Settings

SEND_REMINDERS = "prompts.remind"
TIMERS: tuple[Timer, ...] = (
    Timer(WRITE_FILES, every=timedelta(minutes=5)),  # besides after each change: the folder may have been emptied
    Timer(SEND_REMINDERS, every=timedelta(hours=1)),
)


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""
    return {
        WRITE_FILES: partial(_write, settings=backstage.settings),
        SEND_REMINDERS: partial(_remind, settings=backstage.settings),
    }


async def _write(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """The folder that a web server serves holds what is published, each file replaced whole."""
    if not settings.publish_dir:
        return
    async with work.db.reading() as session:
        files = await all_files(session)
    await asyncio.to_thread(write_files, Path(settings.publish_dir), files)


async def _remind(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        await forget_unconfirmed(session, now=now)
        await forget_letters(session, now=now)
        await send_reminders(session, settings=settings, ids=work.ids, now=now)
    async with work.db.unit_of_work() as session:  # holds the limit of all, and must not wait for rows above
        await ask_those_waiting(session, settings=settings, ids=work.ids, now=now)
        await work.finish(session)


async def all_files(session: AsyncSession) -> dict[str, bytes]:
    """Every published file by its name, the script under its two, and the scripts of earlier releases."""
    script = prompt_script()
    files = {script.name: script.body, "prompt.js": script.body}
    for name in await script_names(session):
        earlier = await kept_script(session, name)
        if earlier is not None:
            files[name] = earlier.body
    for placement in await placements(session):
        prompt = await published_prompt(session, placement.code)
        if prompt is not None:
            files |= {f"{placement.code}.json": prompt.json, f"{placement.code}.html": prompt.html}
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Each file that differs is replaced in one step, so that no reader meets half of it; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for name, body in sorted(files.items()):
        target = folder / name
        if target.is_file() and target.read_bytes() == body:
            continue
        handle, made = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(0o644)
        Path(made).replace(target)
        written.append(name)
    return written
