"""Webhooks on their way: signed when they are sent, sent again with growing pauses until they are taken."""

import asyncio
import hashlib
import hmac
import secrets
import ssl
from functools import cache
from random import Random

import httpx
import msgspec

from supporters.sandbox.config import Deliver
from supporters.sandbox.errors import Json
from supporters.sandbox.news import with_pending
from supporters.sandbox.store import Delivery
from supporters.sandbox.world import World

USER_AGENT = "Stripe/1.0 (+https://stripe.com/docs/webhooks; sandbox)"


def signature(secret: str, body: bytes, *, at: int) -> str:
    """The header that proves who sent `body`, and when (epoch seconds).

    Source: docs.stripe.com/webhooks/signature, read 22 November 2026.
    """
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


@cache
def _trusted() -> ssl.SSLContext:
    """Whom https receivers are trusted by; read once, since reading it takes longer than many a webhook."""
    return httpx.create_ssl_context(trust_env=False)


class Courier:
    """Takes deliveries that are due to where they go."""

    def __init__(self, world: World, deliver: Deliver | None = None) -> None:
        self._world = world
        self._client: httpx.AsyncClient | None = None
        self._deliver = deliver or self._send
        self._on_the_way: set[int] = set()

    async def close(self) -> None:
        """No connection stays open."""
        if self._client:
            await self._client.aclose()
            self._client = None

    async def deliver_due(self, *, at_once: int = 1) -> int:
        """Every delivery that is due has been tried once; gives how many were taken."""
        world = self._world
        if world.store.setting("hold", default=False):
            return 0
        due = world.store.deliveries("state = 'pending' and due_at <= ?", (world.now(),), 500)
        due = [delivery for delivery in due if delivery.seq not in self._on_the_way]
        self._on_the_way.update(delivery.seq for delivery in due)
        turns = asyncio.Semaphore(at_once)

        async def one(delivery: Delivery) -> bool:
            try:
                async with turns:
                    return await self.try_one(delivery)
            finally:
                self._on_the_way.discard(delivery.seq)

        if at_once == 1:
            return sum([await one(delivery) for delivery in due])
        return sum(await asyncio.gather(*(one(delivery) for delivery in due)))

    async def try_one(self, delivery: Delivery) -> bool:
        """The delivery has been tried once more; says whether it was taken."""
        event = self._world.store.find("event", delivery.event)
        endpoint = self._world.store.find("webhook_endpoint", delivery.endpoint)
        if event is None or endpoint is None or endpoint["status"] != "enabled":
            self._world.store.mark_delivery(delivery._replace(state="failed", error="the endpoint is gone"))
            return False
        status, error = await self._post(endpoint, self._body(event, endpoint))
        self._world.store.mark_delivery(self._after(delivery, status, error))
        return status is not None and 200 <= status < 300

    def _body(self, event: Json, endpoint: Json) -> bytes:
        version = endpoint["api_version"] or event["api_version"]
        told = {**with_pending(self._world, event), "api_version": version}
        return msgspec.json.format(msgspec.json.encode(told), indent=2)

    async def _post(self, endpoint: Json, body: bytes) -> tuple[int | None, str | None]:
        at = int(self._world.config.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(endpoint["_secret"], body, at=at),
            "User-Agent": USER_AGENT,
        }
        try:
            return await self._deliver(endpoint["url"], headers, body), None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            return None, type(error).__name__

    def _after(self, delivery: Delivery, status: int | None, error: str | None) -> Delivery:
        attempts = delivery.attempts + 1
        tried = delivery._replace(attempts=attempts, status=status, error=error)
        if status is not None and 200 <= status < 300:
            return tried._replace(state="delivered")
        pauses = self._world.config.webhook_backoff
        if attempts > len(pauses):
            return tried._replace(state="failed")
        return tried._replace(state="pending", due_at=self._world.now() + pauses[attempts - 1])

    async def _send(self, url: str, headers: dict[str, str], body: bytes) -> int:
        if self._client is None:
            patience = self._world.config.webhook_timeout_seconds
            self._client = httpx.AsyncClient(timeout=patience, trust_env=False, verify=_trusted())
        answer = await self._client.post(url, headers=headers, content=body)
        return answer.status_code

    def shuffle(self, seed: int | None = None) -> int:
        """Deliveries that wait are due now, in an order made by chance; gives how many."""
        waiting = self._world.store.deliveries("state = 'pending'", ())
        Random(secrets.randbits(64) if seed is None else seed).shuffle(waiting)  # noqa: S311 - no secret
        start = self._world.now() - len(waiting)
        for place, delivery in enumerate(waiting):
            self._world.store.mark_delivery(delivery._replace(due_at=start + place))
        return len(waiting)

    def delay(self, event_id: str, seconds: int) -> int:
        """Deliveries of that event which wait leave so many seconds later; gives how many."""
        waiting = self._world.store.deliveries("event = ? and state = 'pending'", (event_id,))
        for delivery in waiting:
            self._world.store.mark_delivery(delivery._replace(due_at=delivery.due_at + seconds))
        return len(waiting)

    def resend(self, event_id: str, copies: int = 1) -> int:
        """The event is sent again to every endpoint it was meant for; gives how many deliveries that makes."""
        endpoints = {delivery.endpoint for delivery in self._world.store.deliveries("event = ?", (event_id,))}
        for endpoint in sorted(endpoints):
            for _ in range(copies):
                self._world.store.add_delivery(event_id, endpoint, self._world.now(), "pending")
        self._world.has_news = True
        return len(endpoints) * copies
