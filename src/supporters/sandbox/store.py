"""The sandbox's SQLite file: objects as documents, what falls due, webhook deliveries, saved answers, settings."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from supporters.sandbox.errors import Json

SCHEMA = """
create table if not exists object (
  seq integer primary key autoincrement, id text not null unique, kind text not null,
  created integer not null, json blob not null, intent text, customer text, source text, charge text);
create index if not exists object_kind on object (kind, seq);
create index if not exists object_intent on object (intent, kind, seq) where intent is not null;
create index if not exists object_customer on object (customer, kind, seq) where customer is not null;
create index if not exists object_source on object (source, kind, seq) where source is not null;
create index if not exists object_charge on object (charge, kind, seq) where charge is not null;
create table if not exists due (seq integer primary key autoincrement, at integer not null, task text not null,
  id text not null, json blob not null);
create index if not exists due_at on due (at, seq);
create table if not exists delivery (seq integer primary key autoincrement, event text not null,
  endpoint text not null, due_at integer not null, state text not null, attempts integer not null default 0,
  status integer, error text);
create index if not exists delivery_due on delivery (state, due_at, seq);
create index if not exists delivery_event on delivery (event);
create table if not exists answer (key text primary key, created integer not null, print text not null,
  status integer not null, body blob not null);
create table if not exists setting (name text primary key, json blob not null);
"""

LINKS = {"payment_intent": "intent", "customer": "customer", "source": "source", "charge": "charge"}
"""Ids of other objects that have a column of their own, so that they are found without reading every document."""

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def equals(name: str) -> str:
    """The condition that an object's field has a given value."""
    return f"{LINKS[name]} = ?" if name in LINKS else f"json_extract(json, '$.{name}') = ?"


def _links(document: Json) -> list[str | None]:
    found = [document.get(name) for name in LINKS]
    return [one if isinstance(one, str) else None for one in found]


class Due(NamedTuple):
    """Something that the clock brings about: expire a session, settle a charge."""

    seq: int
    at: int
    task: str
    id: str
    note: Json


class Delivery(NamedTuple):
    """One event on its way to one endpoint."""

    seq: int
    event: str
    endpoint: str
    due_at: int
    state: str
    attempts: int
    status: int | None
    error: str | None


class Answer(NamedTuple):
    """The answer that an idempotency key replays."""

    created: int
    print: str
    status: int
    body: bytes


class Store:
    """One SQLite file, written from one event loop."""

    def __init__(self, path: Path | None) -> None:
        self.db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = normal")
        self.db.execute("pragma busy_timeout = 5000")
        self.db.executescript(SCHEMA)

    def close(self) -> None:
        """The file is closed."""
        self.db.close()

    @contextmanager
    def atomic(self) -> Generator[None]:
        """All of the block is kept, or none of it. A block inside a block joins it."""
        if self.db.in_transaction:
            yield
            return
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    # objects

    def insert(self, kind: str, document: Json) -> None:
        """`document` is on file under its id."""
        row = (document["id"], kind, document.get("created", 0), _encode(document).decode(), *_links(document))
        columns = "id, kind, created, json, intent, customer, source, charge"
        self.db.execute(f"insert into object ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - fixed

    def update(self, document: Json) -> None:
        """The document of that id says what `document` says."""
        query = "update object set json = ?, intent = ?, customer = ?, source = ?, charge = ? where id = ?"
        self.db.execute(query, (_encode(document).decode(), *_links(document), document["id"]))

    def retire(self, object_id: str, kind: str, document: Json) -> None:
        """Of the object only `document` is left, under another kind."""
        values = (kind, _encode(document).decode(), object_id)
        self.db.execute("update object set kind = ?, json = ? where id = ?", values)

    def find(self, kind: str, object_id: str) -> Json | None:
        """The document of that kind and id, if there is one."""
        query = "select json from object where id = ? and kind = ?"
        row = self.db.execute(query, (object_id, kind)).fetchone()
        return _decode(row[0]) if row else None

    def seq_of(self, kind: str, object_id: str) -> int | None:
        """Where the document stands in the order of making."""
        row = self.db.execute("select seq from object where id = ? and kind = ?", (object_id, kind)).fetchone()
        return row[0] if row else None

    def select(self, kind: str, where: Sequence[str], values: Sequence[Any], *, newest: bool, limit: int) -> list[Json]:
        """Documents of `kind` that meet every condition of `where`, in order of making."""
        conditions = " and ".join(["kind = ?", *where])
        order = "desc" if newest else "asc"
        query = f"select json from object where {conditions} order by seq {order} limit ?"  # noqa: S608 - fixed texts
        return [_decode(row[0]) for row in self.db.execute(query, (kind, *values, limit))]

    def all(self, kind: str) -> list[Json]:
        """Every document of `kind`, oldest first."""
        return self.select(kind, (), (), newest=False, limit=-1)

    # what falls due

    def schedule(self, at: int, task: str, object_id: str, note: Json) -> None:
        """`task` falls due for that object at `at` (epoch seconds)."""
        values = (at, task, object_id, _encode(note).decode())
        self.db.execute("insert into due (at, task, id, json) values (?, ?, ?, ?)", values)

    def due(self, now: int, task: str | None = None) -> list[Due]:
        """What has fallen due by `now`, earliest first."""
        query = "select seq, at, task, id, json from due where at <= ?1 and (?2 is null or task = ?2) order by at, seq"
        rows = self.db.execute(query, (now, task)).fetchall()
        return [Due(seq, at, name, object_id, _decode(note)) for seq, at, name, object_id, note in rows]

    def unschedule(self, seq: int) -> None:
        """That due entry is gone."""
        self.db.execute("delete from due where seq = ?", (seq,))

    # saved answers

    def answer(self, key: str) -> Answer | None:
        """The answer saved under an idempotency key."""
        row = self.db.execute("select created, print, status, body from answer where key = ?", (key,)).fetchone()
        return Answer(*row) if row else None

    def save_answer(self, key: str, answer: Answer) -> None:
        """That key answers so from now on."""
        self.db.execute("insert or replace into answer values (?, ?, ?, ?, ?)", (key, *answer))

    # settings

    def setting(self, name: str, default: Any) -> Any:
        """What was last set under `name`."""
        row = self.db.execute("select json from setting where name = ?", (name,)).fetchone()
        return _decode(row[0]) if row else default

    def set(self, name: str, value: Any) -> None:
        """`name` says `value` from now on, also after a restart."""
        self.db.execute("insert or replace into setting values (?, ?)", (name, _encode(value).decode()))

    # deliveries

    def add_delivery(self, event: str, endpoint: str, due_at: int, state: str) -> None:
        """An event waits to be sent to an endpoint."""
        values = (event, endpoint, due_at, state)
        self.db.execute("insert into delivery (event, endpoint, due_at, state) values (?, ?, ?, ?)", values)

    def deliveries(self, where: str, values: Sequence[Any], limit: int = -1) -> list[Delivery]:
        """Deliveries that meet `where`, in order of their due time."""
        query = f"select seq, event, endpoint, due_at, state, attempts, status, error from delivery where {where} "  # noqa: S608 - fixed texts
        rows = self.db.execute(query + "order by due_at, seq limit ?", (*values, limit))
        return [Delivery(*row) for row in rows]

    def mark_delivery(self, delivery: Delivery) -> None:
        """The delivery of that number stands as `delivery` says."""
        query = "update delivery set due_at = ?, state = ?, attempts = ?, status = ?, error = ? where seq = ?"
        values = (delivery.due_at, delivery.state, delivery.attempts, delivery.status, delivery.error, delivery.seq)
        self.db.execute(query, values)
