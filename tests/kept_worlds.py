"""SQLite databases in which something long has happened already: it is played once, and laid where it is wanted again."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from prepared import file_of
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database

_kept: dict[Any, tuple[Path, datetime]] = {}


def lay(db: Database, clock: FixedClock, key: object) -> bool:
    """The database holds what one held when it was kept under that key, and it is as late; False where none was kept."""
    if (found := _kept.get(_whole_key(db, key))) is None:
        return False
    file, moment = found
    with closing(sqlite3.connect(file)) as kept, closing(sqlite3.connect(file_of(db))) as own:
        kept.backup(own)
    clock.set(moment)
    return True


def keep(db: Database, clock: FixedClock, key: object) -> None:
    """What the database holds now can be laid into another that was prepared at the same moment for the same settings."""
    file = file_of(db).with_name(f"kept{len(_kept)}.db")
    with closing(sqlite3.connect(file_of(db))) as own, closing(sqlite3.connect(file)) as kept:
        own.backup(kept)
    _kept[_whole_key(db, key)] = file, clock.now()


def _whole_key(db: Database, key: object) -> tuple[Path, object]:
    return file_of(db).parent, key
