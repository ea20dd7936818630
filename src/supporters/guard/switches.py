"""The staff's off-switches, and the words that readers then see."""

import time
from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.models import Switch
from supporters.kit.db import Database, insert_for
from supporters.kit.text import clean_line
from supporters.settings import PAYMENT_METHODS

GIVING = "giving"
RECURRING = "recurring"
METHODS = PAYMENT_METHODS
NAMES = (GIVING, RECURRING, *METHODS)
WORDS_CHARS = 400
CACHE_SECONDS = 5.0


class SwitchView(msgspec.Struct, frozen=True):
    """Whether a part of the product is off, and what readers are told."""

    name: str
    is_off: bool = False
    words: str | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


async def read_switches(session: AsyncSession) -> dict[str, SwitchView]:
    """Every switch by name; one that nobody ever touched is on."""
    columns = (Switch.name, Switch.is_off, Switch.words, Switch.changed_by, Switch.changed_at)
    found = [SwitchView(*row) for row in (await session.execute(select(*columns)))]
    return {name: SwitchView(name) for name in NAMES} | {view.name: view for view in found}


async def set_switch(
    session: AsyncSession, name: str, *, is_off: bool, words: str | None, actor_id: str | None, now: datetime
) -> None:
    """The part called `name` is off (or on again), with these words. The caller records it in the audit. Raises ValueError."""
    if name not in NAMES:
        raise ValueError(f"there is no switch {name!r}")
    shown = clean_line(words or "", limit=WORDS_CHARS) or None
    values = {"is_off": is_off, "words": shown, "changed_by": actor_id, "changed_at": now}
    upsert = insert_for(session, Switch).values(name=name, **values)
    await session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=values))


class SwitchCache:
    """The switches as they were at most five seconds ago, so that a page needs no query to know them."""

    def __init__(self, db: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._monotonic = monotonic
        self._read_at = float("-inf")
        self._views: dict[str, SwitchView] = {}

    async def get(self, name: str) -> SwitchView:
        """The switch called `name`."""
        if self._monotonic() - self._read_at >= CACHE_SECONDS:
            async with self._db.reading() as session:
                self._views = await read_switches(session)
            self._read_at = self._monotonic()
        return self._views.get(name, SwitchView(name))

    def forget(self) -> None:
        """The next question reads the database. For the process that has just turned a switch."""
        self._read_at = float("-inf")
