"""The sandbox's SQLite file: objects as documents, what falls due, webhook deliveries, saved answers, settings."""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from supporters.sandbox.errors import Json

SCHEMA = """
create table if not exists object (
  seq integer primary key autoincrement, id text not null unique, kind text not null,
  created integer not null, json blob not null, intent text, customer text, source text, charge text,
  subscription text, invoice text, payout text);
create index if not exists object_kind on object (kind, seq);
create index if not exists object_time on object (kind, created, seq);
create index if not exists object_intent on object (intent, kind, seq) where intent is not null;
create index if not exists object_customer on object (customer, kind, seq) where customer is not null;
create index if not exists object_source on object (source, kind, seq) where source is not null;
create index if not exists object_charge on object (charge, kind, seq) where charge is not null;
create index if not exists object_subscription on object (subscription, kind, seq) where subscription is not null;
create index if not exists object_invoice on object (invoice, kind, seq) where invoice is not null;
create index if not exists object_payout on object (payout, kind, seq) where payout is not null;
create index if not exists object_unpaid on object (seq) where kind = 'balance_transaction' and payout is null;
create table if not exists due (seq integer primary key autoincrement, at integer not null, task text not null,
  id text not null, json blob not null, timeline text not null default '');
drop index if exists due_at;
create index if not exists due_timeline on due (timeline, at, seq);
create index if not exists due_id on due (id, task);
create table if not exists delivery (seq integer primary key autoincrement, event text not null,
  endpoint text not null, due_at integer not null, state text not null, attempts integer not null default 0,
  status integer, error text);
create index if not exists delivery_due on delivery (state, due_at, seq);
create index if not exists delivery_event on delivery (event);
create table if not exists answer (key text primary key, created integer not null, print text not null,
  status integer not null, body blob not null);
create table if not exists setting (name text primary key, json blob not null);
create table if not exists body (id text primary key, body blob not null);
"""

LINKS = {
    "payment_intent": "intent", "customer": "customer", "source": "source", "charge": "charge",
    "subscription": "subscription", "invoice": "invoice", "payout": "payout",
}  # fmt: skip
"""Ids of other objects that have a column of their own, so that they are found without reading every document.

A field may also be a note of the sandbox's own: `_subscription` counts as `subscription`.
"""
_NAMES = ", ".join(LINKS.values())
INSERT = f"insert into object (id, kind, created, json, {_NAMES}) values (?, ?, ?, ?{', ?' * len(LINKS)})"  # noqa: S608 - fixed
UPDATE = f"update object set json = ?, {' = ?, '.join(LINKS.values())} = ? where id = ?"  # noqa: S608 - fixed texts

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def equals(name: str) -> str:
    """The condition that an object's field has a given value."""
    return f"{LINKS[name]} = ?" if name in LINKS else f"json_extract(json, '$.{name}') = ?"


def _links(document: Json) -> list[str | None]:
    found = [document.get(name) or document.get(f"_{name}") for name in LINKS]
    return [one if isinstance(one, str) else None for one in found]


def _row(kind: str, document: Json) -> tuple[Any, ...]:
    return document["id"], kind, document.get("created", 0), _encode(document).decode(), *_links(document)


class Due(NamedTuple):
    """Something that a clock brings about: expire a session, settle a charge. `timeline` is a test clock, or empty."""

    seq: int
    at: int
    task: str
    id: str
    note: Json
    timeline: str = ""


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
        self._add_columns()
        self.db.executescript(SCHEMA)
        self._endpoints: list[Json] | None = None
        self._settings: dict[str, str | None] = {}

    def _add_columns(self) -> None:
        """A file of an earlier sandbox has what this one writes."""
        for table, names in (("object", ("subscription", "invoice", "payout")), ("due", ("timeline",))):
            have = {row[1] for row in self.db.execute(f"pragma table_info({table})")}
            for name in names if have else ():
                if name not in have:
                    kind = "text not null default ''" if name == "timeline" else "text"
                    self.db.execute(f"alter table {table} add column {name} {kind}")

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
            self.forget()
            raise
        self.db.execute("commit")

    # objects

    def insert(self, kind: str, document: Json) -> None:
        """`document` is on file under its id."""
        self._endpoints = None if kind == "webhook_endpoint" else self._endpoints
        self.db.execute(INSERT, _row(kind, document))

    def insert_many(self, documents: Iterable[Json]) -> None:
        """Every document is on file under its id, as the kind that it says it is."""
        self.db.executemany(INSERT, (_row(document["object"], document) for document in documents))

    def update(self, document: Json) -> None:
        """The document of that id says what `document` says."""
        self._endpoints = None if document["object"] == "webhook_endpoint" else self._endpoints
        self.db.execute(UPDATE, (_encode(document).decode(), *_links(document), document["id"]))

    def retire(self, object_id: str, kind: str, document: Json) -> None:
        """Of the object only `document` is left, under another kind."""
        self._endpoints = None
        values = (kind, _encode(document).decode(), object_id)
        self.db.execute("update object set kind = ?, json = ? where id = ?", values)

    def find(self, kind: str, object_id: str) -> Json | None:
        """The document of that kind and id, if there is one."""
        query = "select json from object where id = ? and kind = ?"
        row = self.db.execute(query, (object_id, kind)).fetchone()
        return _decode(row[0]) if row else None

    def place_of(self, kind: str, object_id: str) -> tuple[int, int] | None:
        """When the document was made, and where it stands in the order of making."""
        row = self.db.execute("select created, seq from object where id = ? and kind = ?", (object_id, kind)).fetchone()
        return (row[0], row[1]) if row else None

    def select(
        self,
        kind: str,
        where: Sequence[str],
        values: Sequence[Any],
        *,
        newest: bool,
        limit: int,
        by_time: bool = False,
    ) -> list[Json]:
        """Documents of `kind` that meet every condition of `where`, in order of making or of their own time."""
        conditions = " and ".join(["kind = ?", *where])
        way = "desc" if newest else "asc"
        order = f"created {way}, seq {way}" if by_time else f"seq {way}"
        query = f"select json from object where {conditions} order by {order} limit ?"  # noqa: S608 - fixed texts
        return [_decode(row[0]) for row in self.db.execute(query, (kind, *values, limit))]

    def all(self, kind: str) -> list[Json]:
        """Every document of `kind`, oldest first."""
        return self.select(kind, (), (), newest=False, limit=-1)

    def endpoints(self) -> list[Json]:
        """Every webhook endpoint; not to be changed in place."""
        if self._endpoints is None:
            self._endpoints = self.all("webhook_endpoint")
        return self._endpoints

    def forget(self) -> None:
        """What was remembered between reads is read anew: a part of the work has been undone."""
        self._endpoints = None
        self._settings.clear()

    # files

    def keep(self, file_id: str, body: bytes) -> None:
        """The contents of that file are on file."""
        self.db.execute("insert into body (id, body) values (?, ?)", (file_id, body))

    def kept(self, file_id: str) -> bytes:
        """The contents of that file."""
        return self.db.execute("select body from body where id = ?", (file_id,)).fetchone()[0]

    # what falls due

    def schedule(self, at: int, task: str, object_id: str, note: Json, timeline: str = "") -> None:
        """`task` falls due for that object at `at` (epoch seconds), by the world's clock or by that test clock."""
        values = (at, task, object_id, _encode(note).decode(), timeline)
        self.db.execute("insert into due (at, task, id, json, timeline) values (?, ?, ?, ?, ?)", values)

    def due(self, now: int, task: str | None = None, timeline: str = "", *, limit: int = -1) -> list[Due]:
        """What has fallen due by `now` on that timeline, earliest first."""
        query = "select seq, at, task, id, json, timeline from due where timeline = ?1 and at <= ?2"
        only = " and task = ?4" if task else ""
        rows = self.db.execute(
            f"{query}{only} order by at, seq limit ?3", (timeline, now, limit, *([task] * bool(task)))
        )
        return [Due(seq, at, name, object_id, _decode(note), line) for seq, at, name, object_id, note, line in rows]

    def call_off(self, object_id: str, task: str) -> None:
        """That task no longer falls due for that object."""
        self.db.execute("delete from due where id = ? and task = ?", (object_id, task))

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
        if name not in self._settings:
            row = self.db.execute("select json from setting where name = ?", (name,)).fetchone()
            self._settings[name] = row[0] if row else None
        said = self._settings[name]
        return default if said is None else _decode(said)

    def set(self, name: str, value: Any) -> None:
        """`name` says `value` from now on, also after a restart."""
        said = _encode(value).decode()
        self.db.execute("insert or replace into setting values (?, ?)", (name, said))
        self._settings[name] = said

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
