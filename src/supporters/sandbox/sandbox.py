"""The sandbox as one object: what its pages, its control API and the tests do with it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from supporters.sandbox import charging, checkout
from supporters.sandbox.api import Api
from supporters.sandbox.clockwork import run_due
from supporters.sandbox.config import Deliver, SandboxConfig
from supporters.sandbox.courier import Courier
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.faults import Effect, Fault, FaultKind
from supporters.sandbox.news import new_endpoint, with_pending
from supporters.sandbox.store import Delivery, equals
from supporters.sandbox.world import Post, World, shown

Outcome = Literal["pay", "declined", "funds", "challenge", "challenge-yes", "challenge-no", "slow", "twice", "expired"]
CARD_OF = {
    "pay": "visa",
    "slow": "visa",
    "twice": "visa",
    "declined": "chargeDeclined",
    "funds": "chargeDeclinedInsufficientFunds",
    "challenge": "threeDSecure2Required",
    "challenge-yes": "threeDSecure2Required",
    "challenge-no": "threeDSecure2Required",
}
POSTS = {"slow": Post(delay_seconds=600), "twice": Post(copies=2)}
POLL_SECONDS = 0.2


class Sandbox:
    """A Stripe account on this machine."""

    def __init__(self, config: SandboxConfig, deliver: Deliver | None = None) -> None:
        self.config = config
        self.world = World(config)
        self.courier = Courier(self.world, deliver)
        self._news = asyncio.Event()
        self.api = Api(self.world, self._news.set)
        self._add_configured_endpoint()

    def _add_configured_endpoint(self) -> None:
        if not self.config.webhook_url:
            return
        with self.world.atomic():
            for endpoint in self.world.store.all("webhook_endpoint"):
                if endpoint["metadata"].get("from") == "configuration":
                    changes = {"url": self.config.webhook_url, "_secret": self.config.webhook_secret}
                    self.world.change(endpoint, {**changes, "api_version": self.config.endpoint_version})
                    return
            params: Json = {"url": self.config.webhook_url, "enabled_events": ["*"]}
            params.update(api_version=self.config.endpoint_version, metadata={"from": "configuration"})
            new_endpoint(self.world, params, self.config.webhook_secret)

    # life

    async def run(self) -> None:
        """Time passes and webhooks go out, until the task is cancelled."""
        while True:
            await self.tick(at_once=self.config.webhook_concurrency)
            try:
                await asyncio.wait_for(self._news.wait(), POLL_SECONDS)
            except TimeoutError:
                continue
            self._news.clear()

    async def close(self) -> None:
        """Nothing stays open."""
        await self.courier.close()
        self.world.store.close()

    async def tick(self, *, at_once: int = 1) -> int:
        """All that is due has happened and been told; gives how many webhooks were taken."""
        run_due(self.world)
        return await self.courier.deliver_due(at_once=at_once)

    # the card holder

    async def pay(self, session_id: str, outcome: Outcome = "pay") -> Json:
        """The hosted page was used with that outcome; gives the session as it stands then.

        A refusal leaves the session open and is found under `refusal(session_id)`.
        Raises: ApiError when the session is not open.
        """
        run_due(self.world)
        with self.world.atomic():
            session = self._session(session_id)
            if outcome == "expired":
                checkout.require_open(session)
                checkout.expire(self.world, session)
            else:
                self._pay(session, outcome)
        self._news.set()
        return self.session(session_id)

    def _pay(self, session: Json, outcome: Outcome) -> None:
        checkout.require_open(session)
        with self.world.sending(POSTS.get(outcome, Post())):
            method = checkout.guest_method(self.world, session, CARD_OF[outcome])
            try:
                checkout.pay(self.world, session, method)
                if outcome in ("challenge-yes", "challenge-no"):
                    checkout.give_proof(self.world, session, passed=outcome == "challenge-yes")
            except ApiError as error:
                if not error.keeps_effects:
                    raise

    async def give_proof(self, intent_id: str, *, passed: bool) -> Json:
        """The card holder answered the bank's question on the proof page; gives the intent as it stands then."""
        with self.world.atomic():
            intent = self.world.get("payment_intent", intent_id)
            session = self.session_of(intent_id)
            try:
                if session:
                    checkout.give_proof(self.world, session, passed=passed)
                elif intent["status"] != "requires_action":
                    raise invalid("This payment does not wait for proof.", code="payment_intent_unexpected_state")
                else:
                    charging.answer_proof(self.world, intent, passed=passed)
            except ApiError as error:
                if not error.keeps_effects:
                    raise
        self._news.set()
        return shown(self.world.get("payment_intent", intent_id))

    def refusal(self, session_id: str) -> str | None:
        """What the bank said to the last attempt, if it refused."""
        intent_id = self._session(session_id)["payment_intent"]
        if not intent_id:
            return None
        problem: Json | None = self.world.get("payment_intent", intent_id)["last_payment_error"]
        return problem["message"] if problem else None

    # time

    async def advance(self, by: timedelta) -> None:
        """The sandbox's clock stands later, and what fell due has happened (webhooks still wait to be sent)."""
        with self.world.atomic():
            self.world.advance(by)
        run_due(self.world)
        self._news.set()

    async def expire_due(self) -> int:
        """Sessions whose time is over are expired; gives how many were looked at."""
        return run_due(self.world, "expire")

    async def settle_due(self) -> int:
        """Charges whose time has come have their balance transaction; gives how many."""
        return run_due(self.world, "settle")

    async def settle_now(self) -> int:
        """Every charge has its balance transaction and every refund its end, due or not; gives how many."""
        far = self.world.now() + 366 * 86_400
        return run_due(self.world, "settle", at=far) + run_due(self.world, "refund", at=far)

    # webhooks

    async def deliver_due(self, *, at_once: int = 1) -> int:
        """What is due has happened, and every waiting webhook has been tried once; gives how many were taken."""
        return await self.tick(at_once=at_once)

    async def deliver_all(self, *, rounds: int = 20) -> int:
        """Everything is settled and told, retries included, ahead of the clock; gives how many webhooks were taken."""
        await self.settle_now()
        taken = 0
        for _ in range(rounds):
            waiting = self.world.store.deliveries("state = 'pending'", ())
            if not waiting:
                break
            for delivery in waiting:
                taken += await self.courier.try_one(delivery)
        return taken

    def hold(self) -> None:
        """No webhook leaves until `release`."""
        self.world.store.set("hold", value=True)

    def release(self, *, shuffle: bool = False, seed: int | None = None) -> None:
        """Webhooks leave again; shuffled ones in an order made by chance or by `seed`."""
        self.world.store.set("hold", value=False)
        if shuffle:
            with self.world.atomic():
                self.courier.shuffle(seed)
        self._news.set()

    def shuffle(self, seed: int | None = None) -> int:
        """Waiting webhooks are due now, in an order made by chance or by `seed`."""
        with self.world.atomic():
            return self.courier.shuffle(seed)

    def set_copies(self, copies: int) -> None:
        """Every event from now on is sent that many times."""
        self.world.store.set("copies", copies)

    def drop_next(self, count: int, types: Sequence[str] = ()) -> None:
        """The next `count` deliveries (of those types, if given) never leave."""
        drops: list[Json] = self.world.store.setting("drops", [])
        self.world.store.set("drops", [*drops, {"count": count, "types": list(types)}])

    def resend(self, event_id: str, copies: int = 1) -> int:
        """The event is on its way again; gives how many deliveries that makes."""
        self.world.get("event", event_id)
        with self.world.atomic():
            made = self.courier.resend(event_id, copies)
        self._news.set()
        return made

    # trouble

    def fail_next(
        self,
        kind: FaultKind,
        *,
        count: int = 1,
        effect: Effect = "none",
        method: str | None = None,
        path: str = "/v1/",
        seconds: float = 90.0,
        should_retry: bool | None = None,
    ) -> None:
        """The next `count` API calls under `path` go wrong; `effect` says whether they do their work all the same."""
        fault = Fault(kind, count, effect, method, path, seconds, should_retry)
        self.api.faults.append(fault)

    def clear_faults(self) -> None:
        """Calls go right again."""
        self.api.faults.clear()

    # looking

    def session(self, session_id: str) -> Json:
        """The session as the API shows it."""
        return shown(self._session(session_id))

    def session_of(self, intent_id: str) -> Json | None:
        """The session that the payment intent belongs to, with the sandbox's own notes."""
        condition = (equals("payment_intent"),)
        found = self.world.store.select("checkout.session", condition, (intent_id,), newest=True, limit=1)
        return found[0] if found else None

    def objects(self, kind: str) -> list[Json]:
        """Every object of that kind as the API shows it, oldest first."""
        return [shown(document) for document in self.world.store.all(kind)]

    def events(self, event_type: str | None = None) -> list[Json]:
        """Every event (of that type), oldest first."""
        found = [with_pending(self.world, event) for event in self.world.store.all("event")]
        return [event for event in found if event_type in (None, event["type"])]

    def deliveries(self) -> list[Delivery]:
        """Every delivery, in order of its due time."""
        return self.world.store.deliveries("1 = 1", ())

    def balance_minor(self, currency: str = "gbp") -> int:
        """Available and pending money together: the sum of `net` over all balance transactions."""
        lines = self.world.store.all("balance_transaction")
        return sum(line["net"] for line in lines if line["currency"] == currency)

    def _session(self, session_id: str) -> Json:
        return self.world.get("checkout.session", session_id, param="session")
