"""The sandbox's one account: its objects, its events and its clock, under whatever acts on them."""

import hashlib
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from supporters.sandbox.config import SandboxClock, SandboxConfig
from supporters.sandbox.errors import Json, missing
from supporters.sandbox.store import Store

Follower = Callable[["World", Json], None]
"""Acts when an object has changed, after the event that tells it."""
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAIRS = [first + second for second in LETTERS for first in LETTERS]


@dataclass(frozen=True)
class Cause:
    """The request that events come from; both None when Stripe acts by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Post:
    """How news is sent: so many seconds late, so many times."""

    delay_seconds: int = 0
    copies: int = 1

    def note(self) -> Json:
        """The same as stored with what falls due."""
        return {"delay_seconds": self.delay_seconds, "copies": self.copies}


class World:
    """Everything the sandbox knows."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.store = Store(config.database_path)
        self.clock = SandboxClock(config.clock, timedelta(seconds=self.store.setting("clock_offset_seconds", 0)))
        self.seed: int | None = self.store.setting("seed", config.seed)
        self._made = self.store.setting("ids_made", 0)
        self.cause = Cause()
        self.post = Post()
        self.has_news = False
        self.timeline = ""
        self.followers: Mapping[str, Sequence[Follower]] = {}
        self._moment: int | None = None

    def now(self) -> int:
        """The time of what happens, in whole seconds since 1970: the clock's, or the moment that `at` has set."""
        return self.wall() if self._moment is None else self._moment

    def wall(self) -> int:
        """The time that the sandbox's own clock shows, in whole seconds since 1970."""
        return int(self.clock.now().timestamp())

    @contextmanager
    def at(self, moment: int, timeline: str = "") -> Generator[None]:
        """The block happens at `moment`, by the sandbox's clock or by that test clock."""
        usual = self._moment, self.timeline
        self._moment, self.timeline = moment, timeline
        try:
            yield
        finally:
            self._moment, self.timeline = usual

    def advance(self, by: timedelta) -> None:
        """The sandbox's clock stands later, also after a restart."""
        self.clock.advance(by)
        self.store.set("clock_offset_seconds", int(self.clock.offset.total_seconds()))

    # ids

    def token(self, length: int) -> str:
        """Letters and digits: random, or the next of the seed's series."""
        if self.seed is None:
            number = int.from_bytes(secrets.token_bytes(64), "big")
        else:
            self._made += 1
            digest = hashlib.blake2b(f"{self.seed}:{self._made}".encode(), digest_size=64).digest()
            number = int.from_bytes(digest, "big")
        most: int = 62**length
        number %= most
        pairs: list[str] = []
        for _ in range(0, length, 2):
            number, pair = divmod(number, len(PAIRS))
            pairs.append(PAIRS[pair])
        return "".join(pairs)[:length]

    def new_id(self, prefix: str, length: int = 24) -> str:
        """An id as Stripe makes them."""
        return f"{prefix}_{self.token(length)}"

    def reseed(self, seed: int | None) -> None:
        """Ids come from `seed` from now on, or from chance."""
        self.seed = seed
        self._made = 0
        self.store.set("seed", seed)
        self.store.set("ids_made", 0)

    # objects

    @contextmanager
    def atomic(self) -> Generator[None]:
        """All that the block does is kept, or nothing."""
        made = self._made
        with self.store.atomic():
            yield
            if self._made != made:
                self.store.set("ids_made", self._made)

    def add(self, document: Json, event: str | None = None) -> Json:
        """A new object is on file and, with `event`, in the news."""
        self.store.insert(document["object"], document)
        if event:
            self.emit(event, document)
        return document

    def get(self, kind: str, object_id: str | None, *, param: str = "id") -> Json:
        """The object of that kind and id. Raises ApiError `resource_missing`."""
        found = self.store.find(kind, object_id) if object_id else None
        if found is None:
            raise missing(kind, object_id or "", param=param)
        return found

    def change(self, document: Json, changes: Json, event: str | None = None) -> Json:
        """`document` says what `changes` say; the event tells what it said before."""
        before = {key: document.get(key) for key, value in changes.items() if document.get(key) != value}
        document.update(changes)
        self.store.update(document)
        if event:
            tells_before = event.endswith((".updated", ".automatically_updated", ".refunded", ".captured"))
            self.emit(event, document, shown(before) if tells_before else None)
            for follow in self.followers.get(event, ()):
                follow(self, document)
        return document

    # events

    def emit(
        self,
        kind: str,
        document: Json,
        previous: Json | None = None,
        *,
        account: str | None = None,
        livemode: bool = False,
    ) -> Json:
        """An event is on file and on its way to every endpoint that asked for its kind, unless its kind is muted.

        Its moment is the sandbox's own also where its object lives by a test clock, as at Stripe. `account` is another
        account than the sandbox's own; `livemode` is said of an event that a test account should never see.
        """
        data: Json = {"object": {key: value for key, value in document.items() if not key.startswith("_")}}
        if previous:
            data["previous_attributes"] = previous
        event: Json = {
            "id": self.new_id("evt", 24),
            "object": "event",
            "api_version": self.config.account_version,
            "created": self.wall() if self.timeline else self.now(),
            "data": data,
            "livemode": livemode,
            "pending_webhooks": 0,
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": kind,
            **({"account": account} if account else {}),
        }
        if self._applies("mutes", kind) is None:
            self.store.insert("event", event)
            self._address(event)
        return event

    def _address(self, event: Json) -> None:
        copies = max(self.post.copies, self.store.setting("copies", 1))
        late = self._applies("delays", event["type"])
        delay = self.post.delay_seconds + (late["seconds"] if late else 0)
        due_at = event["created"] + delay
        for endpoint in self.store.endpoints():
            if endpoint["status"] == "enabled" and wants(endpoint["enabled_events"], event["type"]):
                for _ in range(copies):
                    self.store.add_delivery(event["id"], endpoint["id"], due_at, self._first_state(event["type"]))
                self.has_news = True

    def _first_state(self, event_type: str) -> str:
        return "pending" if self._applies("drops", event_type) is None else "dropped"

    def _applies(self, trouble: str, event_type: str) -> Json | None:
        """The order of that kind of trouble that this event meets, counted off; a count of None never ends."""
        orders: list[Json] = self.store.setting(trouble, [])
        for order in orders:
            if not order["types"] or wants(order["types"], event_type):
                if order["count"] is not None:
                    order["count"] -= 1
                    self.store.set(trouble, [left for left in orders if left["count"] is None or left["count"] > 0])
                return order
        return None

    @contextmanager
    def sending(self, post: Post) -> Generator[None]:
        """News of the block is sent as `post` says."""
        usual, self.post = self.post, post
        try:
            yield
        finally:
            self.post = usual

    @contextmanager
    def caused_by(self, cause: Cause) -> Generator[None]:
        """Events of the block name `cause`."""
        usual, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = usual


def wants(enabled: list[str], event_type: str) -> bool:
    """Whether a list of event names, `*` included, names this one."""
    return "*" in enabled or event_type in enabled


def shown(value: Any) -> Any:
    """A document without the sandbox's own notes (names that begin with an underscore)."""
    if isinstance(value, dict):
        return {key: shown(below) for key, below in value.items() if not key.startswith("_")}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType] - a JSON value
    if isinstance(value, list):
        return [shown(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - a JSON value
    return value
