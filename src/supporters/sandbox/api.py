"""The API's front: keys, versions, idempotency, faults, and Stripe's way of answering."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import msgspec
from litestar.types import Receive, Scope, Send

from supporters.sandbox import (
    balance,
    catalogue,
    checkout_api,
    clocks,
    customers,
    disputes,
    fraud,
    intents,
    invoices_api,
    items,
    mandates,
    news,
    payouts,
    refunds,
    reports_api,
    setups,
    subscriptions_api,
    topups,
)
from supporters.sandbox.calls import Call, Operation, Raw
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.errors import ApiError, Json, malformed
from supporters.sandbox.expand import expand
from supporters.sandbox.faults import Fault, ReplyLost, error_of
from supporters.sandbox.intents import refuse_method_types
from supporters.sandbox.keys import RateLimit, check_restricted
from supporters.sandbox.params import Pairs, nest, read_pairs
from supporters.sandbox.store import Answer
from supporters.sandbox.world import Cause, World, shown

OPERATIONS: tuple[Operation, ...] = (
    *customers.OPERATIONS,
    *catalogue.OPERATIONS,
    *checkout_api.OPERATIONS,
    *intents.OPERATIONS,
    *refunds.OPERATIONS,
    *balance.OPERATIONS,
    *disputes.OPERATIONS,
    *fraud.OPERATIONS,
    *mandates.OPERATIONS,
    *payouts.OPERATIONS,
    *topups.OPERATIONS,
    *reports_api.OPERATIONS,
    *news.OPERATIONS,
    *clocks.OPERATIONS,
    *invoices_api.OPERATIONS,
    *items.OPERATIONS,
    *setups.OPERATIONS,
    *subscriptions_api.OPERATIONS,
)
VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z]+)?")
KEY_LIFE_SECONDS = 86_400
LONGEST_BODY = 1_000_000
Headers = dict[str, str]


@dataclass
class Reply:
    """What goes back."""

    status: int
    body: bytes
    headers: Headers


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    pairs: Pairs
    headers: Headers

    @property
    def key(self) -> str | None:
        """The idempotency key, which only counts on a POST."""
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def print(self) -> str:
        """What makes two requests the same."""
        parts = (self.method, self.path, sorted(self.pairs))
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


class Api:
    """Answers `/v1/...` as an ASGI application of its own."""

    def __init__(self, world: World, wake: Callable[[], None]) -> None:
        self._world = world
        self._wake = wake
        self._under_way: set[str] = set()
        self._limit = RateLimit(world)
        self.faults: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request is answered."""
        asked = await _read(scope, receive)
        fault = self._next_fault(asked) if isinstance(asked, Asked) else None
        if fault is None and isinstance(asked, Asked) and self._limit.refuses(asyncio.get_running_loop().time()):
            fault = Fault("429", retry_after=1)
        reply = self._refusal(asked) if isinstance(asked, ApiError) else await self._reply(asked, fault)
        if self._world.has_news:
            self._world.has_news = False
            self._wake()
        if fault and fault.kind == "reply_lost":
            await _lose(reply, send)
        await _send(reply, send)

    def _next_fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.meets(asked.method, asked.path):
                fault.count -= 1
                self.faults = [one for one in self.faults if one.count > 0]
                return fault
        return None

    def _refusal(self, error: ApiError) -> Reply:
        return self._error_reply(error, self._world.new_id("req", 14))

    async def _reply(self, asked: Asked, fault: Fault | None) -> Reply:
        request_id = self._world.new_id("req", 14)
        key = asked.key
        try:
            version = self._check_version(asked)
            self._check_key(asked)
            if key:
                saved = self._saved(asked, key)
                if saved:
                    replay = {"Idempotent-Replayed": "true"}
                    return self._finish(Reply(saved.status, saved.body, replay), asked, request_id, version)
                self._under_way.add(key)
            try:
                reply = await self._carry_out(asked, fault, request_id, version)
            finally:
                self._under_way.discard(key or "")
        except ApiError as error:
            return self._finish(self._error_reply(error, request_id), asked, request_id, None)
        if fault and fault.should_retry is not None and reply.status >= 400:
            reply.headers["Stripe-Should-Retry"] = str(fault.should_retry).lower()
        if fault and fault.retry_after is not None and reply.status >= 400:
            reply.headers["Retry-After"] = str(fault.retry_after)
        return self._finish(reply, asked, request_id, version)

    async def _carry_out(self, asked: Asked, fault: Fault | None, request_id: str, version: str) -> Reply:
        await asyncio.sleep(0)  # lets a second request with the same key meet this one, as it can at Stripe
        if fault and fault.effect == "none":
            if fault.kind == "timeout":
                await asyncio.sleep(fault.seconds)
            return self._error_reply(error_of(fault), request_id)
        with self._world.atomic():
            reply, is_final = self._answer(asked, request_id, version)
            if fault and fault.kind not in ("timeout", "reply_lost"):
                reply, is_final = self._error_reply(error_of(fault), request_id), True
            if asked.key and is_final:
                answer = Answer(self._world.now(), asked.print, reply.status, reply.body)
                self._world.store.save_answer(asked.key, answer)
        if fault and fault.kind == "timeout":
            await asyncio.sleep(fault.seconds)
        return reply

    def _answer(self, asked: Asked, request_id: str, version: str) -> tuple[Reply, bool]:
        run_due(self._world)
        store = self._world.store.db
        store.execute("savepoint work")
        try:
            with self._world.caused_by(Cause(request_id, asked.key)):
                document = self._document(asked, version)
            reply, is_final = _reply_with(document), True
        except ApiError as error:
            if not error.keeps_effects:
                store.execute("rollback to work")
                self._world.store.forget()
            reply, is_final = self._error_reply(error, request_id), error.is_final
        store.execute("release work")
        return reply, is_final

    def _document(self, asked: Asked, version: str) -> Json | Raw:
        segments = tuple(asked.path.removeprefix("/").split("/"))
        for operation in OPERATIONS:
            ids = operation.match(segments) if operation.method == asked.method else None
            if ids is not None:
                call = Call(ids, operation.fields.read_all(nest(asked.pairs)), version)
                refuse_method_types(call)
                with clocks.time_of(self._world, *clocks.named_by(call)):
                    document = operation.answer(self._world, call)
                if isinstance(document, Raw):
                    return document
                return shown(expand(self._world, document, call.params.get("expand") or []))
        message = (
            f"Unrecognized request URL ({asked.method}: {asked.path}). If you are trying to list objects, remove the "
            "trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) "
            "identifier in your code."
        )
        raise ApiError(404, message, is_final=False)

    def _saved(self, asked: Asked, key: str) -> Answer | None:
        if key in self._under_way:
            message = (
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later."
            )
            raise ApiError(409, message, kind="idempotency_error", code="idempotency_key_in_use", is_final=False)
        saved = self._world.store.answer(key)
        if saved is None or saved.created < self._world.now() - KEY_LIFE_SECONDS:
            return None
        if saved.print != asked.print:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
            raise ApiError(400, message, kind="idempotency_error", is_final=False)
        return saved

    def _check_key(self, asked: Asked) -> None:
        given = _key_of(asked.headers.get("authorization", ""))
        if given == self._world.config.api_key:
            if len(asked.key or "") > 255:
                raise malformed("Idempotency keys can be at most 255 characters long.")
            return
        if check_restricted(self._world, given, asked.method, asked.path):
            return
        if not given:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        elif given.startswith(("sk_live_", "rk_live_")):
            message = "The sandbox refuses live keys. A live key was sent to it: take it out of your settings."
        else:
            message = f"Invalid API Key provided: {given[:8]}{'*' * max(0, len(given) - 12)}{given[-4:]}"
        raise ApiError(401, message, is_final=False)

    def _check_version(self, asked: Asked) -> str:
        version = asked.headers.get("stripe-version") or self._world.config.account_version
        if not VERSION.fullmatch(version):
            raise malformed(f"Invalid Stripe API version: {version}")
        return version

    def _error_reply(self, error: ApiError, request_id: str) -> Reply:
        address = f"{self._world.config.base_url}/_control?request={request_id}"
        return Reply(error.status, msgspec.json.format(msgspec.json.encode(error.body(address)), indent=2), {})

    def _finish(self, reply: Reply, asked: Asked, request_id: str, version: str | None) -> Reply:
        reply.headers["Request-Id"] = request_id
        if version:
            reply.headers["Stripe-Version"] = version
        if asked.key:
            reply.headers["Idempotency-Key"] = asked.key
        return reply


def _reply_with(document: Json | Raw) -> Reply:
    if isinstance(document, Raw):
        return Reply(200, document.body, {"Content-Type": document.kind})
    return Reply(200, msgspec.json.format(msgspec.json.encode(document), indent=2), {})


def _key_of(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode("ascii").partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


async def _read(scope: Scope, receive: Receive) -> Asked | ApiError:
    if scope["type"] != "http":
        return malformed("The sandbox speaks HTTP only.")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            return ApiError(413, "The request is too large.", is_final=False)
        if not message.get("more_body"):
            break
    method, path = scope["method"], scope["raw_path"].decode("latin-1").partition("?")[0]
    try:
        text = bytes(body).decode() if method == "POST" else scope["query_string"].decode()
        _check_type(headers, bytes(body))
        return Asked(method, path, read_pairs(text), headers)
    except UnicodeDecodeError:
        return malformed("Invalid request: the parameters are not text in UTF-8.")
    except ApiError as error:
        return error


def _check_type(headers: Headers, body: bytes) -> None:
    kind = headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded)."
        raise malformed(message)


async def _send(reply: Reply, send: Send) -> None:
    named = {"Content-Type": "application/json", "Cache-Control": "no-cache, no-store", **reply.headers}
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})


async def _lose(reply: Reply, send: Send) -> NoReturn:
    length = str(len(reply.body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    raise ReplyLost("the sandbox was told to lose this reply")
