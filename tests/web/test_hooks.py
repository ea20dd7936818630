"""POST /hooks/stripe: stored once, committed, then answered; everything else a clear refusal and never a 500."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from sqlalchemy import func, select, text

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.payments.gateway import API_VERSION
from supporters.payments.models import InboxEvent, InboxState
from supporters.payments.verifier import LARGEST_BODY, Verifier
from supporters.web.common.access import access_guard
from supporters.web.common.shell import EXCEPTION_HANDLERS
from supporters.web.hooks.door import take_stripe_event

SECRET = "whsec_test_secret"
URL = "/hooks/stripe"


def event(event_id: str = "evt_1", **changes: object) -> bytes:
    made = {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": 1795340162,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
        "livemode": False,
        "type": "payment_intent.succeeded",
    }
    return json.dumps(made | changes).encode()


class Hooks:
    """The door in a bare application, and Stripe's side of it."""

    def __init__(self, db: Database, clock: FixedClock, settings: Any, secrets: tuple[str, ...] = (SECRET,)) -> None:
        self.db = db
        self.clock = clock
        house = SimpleNamespace(settings=settings, db=db, clock=clock, verifier=Verifier(secrets, clock=clock))
        self.app = Litestar(
            route_handlers=[take_stripe_event],
            guards=[access_guard],
            exception_handlers=dict(EXCEPTION_HANDLERS),
            state=State({"house": house}),
            openapi_config=None,
            logging_config=None,
        )
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(
            transport=transport, base_url="http://test", headers={"accept": "application/json"}
        )

    def headers(self, body: bytes) -> dict[str, str]:
        at = int(self.clock.now().timestamp())
        digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={digest}", "content-type": "application/json"}

    async def send(self, body: bytes) -> httpx.Response:
        return await self.client.post(URL, content=body, headers=self.headers(body))

    async def rows(self) -> list[InboxEvent]:
        async with self.db.reading() as session:
            return list((await session.scalars(select(InboxEvent))).all())


@pytest.fixture
async def hooks(db: Database, clock: FixedClock, settings: Any) -> AsyncIterator[Hooks]:
    made = Hooks(db, clock, settings)
    yield made
    await made.client.aclose()


async def test_signed_event_is_stored_as_it_came(hooks: Hooks) -> None:
    body = event()

    reply = await hooks.send(body)

    assert (reply.status_code, reply.content) == (200, b"")
    [row] = await hooks.rows()
    assert (row.stripe_event_id, row.state, row.payload, row.via) == ("evt_1", "received", body, "webhook")
    assert (row.object_id, row.received_at) == ("pi_1", hooks.clock.now())


async def test_event_delivered_many_times_at_once_is_one_row(hooks: Hooks) -> None:
    body = event()

    replies = await asyncio.gather(*(hooks.send(body) for _ in range(20)))

    assert {reply.status_code for reply in replies} == {200}
    assert len(await hooks.rows()) == 1


async def test_second_delivery_does_not_bring_a_handled_event_back(hooks: Hooks) -> None:
    await hooks.send(event())
    async with hooks.db.unit_of_work() as session:
        await session.execute(text("UPDATE inbox_event SET state = 'handled', payload = NULL"))

    reply = await hooks.send(event())

    assert reply.status_code == 200
    assert [(row.state, row.payload) for row in await hooks.rows()] == [("handled", None)]


async def test_many_different_events_at_once_are_all_there_before_their_answer(hooks: Hooks) -> None:
    async def send_and_look(number: int) -> bool:
        reply = await hooks.send(event(f"evt_{number}"))
        async with hooks.db.reading() as session:
            is_there = await session.get(InboxEvent, ("stripe", f"evt_{number}"))
        return reply.status_code == 200 and is_there is not None

    assert all(await asyncio.gather(*(send_and_look(number) for number in range(60))))
    assert len(await hooks.rows()) == 60


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"livemode": True}, "is of the live mode"),
        ({"account": "acct_other"}, "is of another account: acct_other"),
        ({"api_version": "2019-01-01"}, f"has API version 2019-01-01, the house reads {API_VERSION}"),
    ],
)
async def test_foreign_event_is_parked_and_answered(hooks: Hooks, changes: dict[str, object], why: str) -> None:
    reply = await hooks.send(event(**changes))

    assert reply.status_code == 200
    assert [(row.state, row.last_error) for row in await hooks.rows()] == [(InboxState.PARKED, why)]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("stripe-signature", "")],
        [("stripe-signature", "t=1,v1=00")],
        [("stripe-signature", "\xe9" * 40)],
        [("stripe-signature", "x" * 5000)],
    ],
)
async def test_unsigned_body_is_400_and_nothing_is_stored(hooks: Hooks, headers: list[tuple[str, str]]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]

    reply = await hooks.client.post(URL, content=event(), headers=raw)

    assert reply.status_code == 400
    assert await hooks.rows() == []


async def test_signature_sent_twice_is_400(hooks: Hooks) -> None:
    body = event()
    twice = [("stripe-signature", hooks.headers(body)["stripe-signature"])] * 2

    reply = await hooks.client.post(URL, content=body, headers=twice)

    assert reply.status_code == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff\xfe\x00", b"{" * 5000, b"\x00" * 10])
async def test_signed_rubbish_is_400(hooks: Hooks, body: bytes) -> None:
    reply = await hooks.send(body)

    assert reply.status_code == 400
    assert await hooks.rows() == []


@pytest.mark.parametrize("size", [LARGEST_BODY + 1, 1_000_000])
async def test_body_too_large_is_413(hooks: Hooks, size: int) -> None:
    reply = await hooks.send(event() + b" " * size)

    assert reply.status_code == 413
    assert await hooks.rows() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_405(hooks: Hooks, method: str) -> None:
    assert (await hooks.client.request(method, URL)).status_code == 405


async def test_without_a_secret_there_is_no_such_address(db: Database, clock: FixedClock, settings: Any) -> None:
    hooks = Hooks(db, clock, settings, secrets=())

    assert (await hooks.send(event())).status_code == 404
    await hooks.client.aclose()


async def test_one_row_that_the_database_refuses_fails_alone(hooks: Hooks) -> None:
    async with hooks.db.unit_of_work() as session:
        await session.execute(text(_REFUSE[hooks.db.is_sqlite][0]))
        if not hooks.db.is_sqlite:
            await session.execute(text(_REFUSE[False][1]))

    replies = await asyncio.gather(*(hooks.send(event(f"evt_{number}")) for number in range(10)))

    assert [reply.status_code for reply in replies] == [500 if number == 3 else 200 for number in range(10)]
    assert {row.stripe_event_id for row in await hooks.rows()} == {f"evt_{n}" for n in range(10) if n != 3}


_REFUSE = {
    True: (
        "CREATE TRIGGER refuse BEFORE INSERT ON inbox_event WHEN NEW.stripe_event_id = 'evt_3' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END",
    ),
    False: (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.stripe_event_id = 'evt_3' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON inbox_event FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
}


async def test_busy_database_is_503_and_the_next_delivery_is_stored(
    sqlite_db: Database, clock: FixedClock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = Hooks(sqlite_db, clock, settings)
    async with sqlite_db.engine.connect() as warm:
        await warm.exec_driver_sql("PRAGMA busy_timeout=50")
    async with sqlite_db.unit_of_work() as blocker:
        await blocker.execute(select(func.count()).select_from(InboxEvent))
        busy = await hooks.send(event())
    assert busy.status_code == 503

    reply = await hooks.send(event())

    assert reply.status_code == 200
    assert len(await hooks.rows()) == 1
    await hooks.client.aclose()


async def test_dropped_connection_is_replaced_without_the_sender_noticing(
    databases: Any, clock: FixedClock, settings: Any
) -> None:
    async with databases.fresh("postgresql") as db:
        hooks = Hooks(db, clock, settings)
        await hooks.send(event("evt_1"))
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        async with db.unit_of_work() as session:
            await session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))

        reply = await hooks.send(event("evt_2"))

        assert reply.status_code == 200
        assert len(await hooks.rows()) == 2
        await hooks.client.aclose()
