"""The sandbox as one object: what its pages, its control API and the tests do with it."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

from supporters.sandbox import charging, checkout, invoices_api, payouts, setups
from supporters.sandbox.api import Api
from supporters.sandbox.clocks import time_of
from supporters.sandbox.clockwork import FOLLOWERS, run_due, run_some
from supporters.sandbox.config import Deliver, SandboxConfig
from supporters.sandbox.courier import Courier
from supporters.sandbox.customers import new_method, renew_card
from supporters.sandbox.errors import ApiError, Json, invalid
from supporters.sandbox.faults import Effect, Fault, FaultKind
from supporters.sandbox.news import new_endpoint, with_pending
from supporters.sandbox.store import Delivery, equals
from supporters.sandbox.world import Post, World, shown

Outcome = Literal[
    "pay", "declined", "funds", "challenge", "challenge-yes", "challenge-no", "slow", "twice", "expired",
    "debit", "debit-fails", "debit-returns", "dispute", "inquiry", "warning",
]  # fmt: skip
CARD_OF = {
    "pay": "visa",
    "slow": "visa",
    "twice": "visa",
    "declined": "chargeDeclined",
    "funds": "chargeDeclinedInsufficientFunds",
    "challenge": "threeDSecure2Required",
    "challenge-yes": "threeDSecure2Required",
    "challenge-no": "threeDSecure2Required",
    "dispute": "createDispute",
    "inquiry": "createDisputeInquiry",
    "warning": "createIssuerFraudRecord",
}
ACCOUNT_OF = {
    "debit": {"gbp": "bacsDebit_successDelayed", "eur": "sepaDebit_successDelayed_at"},
    "debit-fails": {"gbp": "bacsDebit_insufficientFundsDelayed", "eur": "sepaDebit_failedDelayed_at"},
    "debit-returns": {"gbp": "bacsDebit_dispute", "eur": "sepaDebit_dispute_at"},
}
"""Which test bank account pays, by outcome and currency."""
POSTS = {"slow": Post(delay_seconds=600), "twice": Post(copies=2)}
POLL_SECONDS = 0.2


@contextmanager
def suppress_refusals() -> Generator[None]:
    """A bank's refusal in the block is no error: what happened stays, and can be read from the objects."""
    try:
        yield
    except ApiError as error:
        if not error.keeps_effects:
            raise


def payer_of(session: Json, outcome: str) -> str:
    """The test card or bank account that brings that outcome about. Raises: ApiError when the currency has none."""
    if outcome not in ACCOUNT_OF:
        return CARD_OF[outcome]
    found = ACCOUNT_OF[outcome].get(session["currency"] or "gbp")
    if found is None:
        raise invalid("Bank debits are taken in pounds and euros only.", code="payment_method_unactivated")
    return found


class Sandbox:
    """A Stripe account on this machine."""

    def __init__(self, config: SandboxConfig, deliver: Deliver | None = None) -> None:
        self.config = config
        self.world = World(config)
        self.world.followers = FOLLOWERS
        self.courier = Courier(self.world, deliver)
        self._news = asyncio.Event()
        self._advancing = asyncio.Lock()
        self.api = Api(self.world, self._news.set)
        self._add_configured_endpoint()
        with self.world.atomic():
            payouts.start_schedule(self.world)

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

    def wake(self) -> None:
        """News that waits leaves now."""
        self._news.set()

    # the card holder

    async def pay(self, session_id: str, outcome: Outcome = "pay") -> Json:
        """The hosted page was used with that outcome; gives the session as it stands then.

        A refusal leaves the session open and is found under `refusal(session_id)`.
        Raises: ApiError when the session is not open.
        """
        run_due(self.world)
        with self.world.atomic(), time_of(self.world, session_id):
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
        with self.world.sending(POSTS.get(outcome, Post())), suppress_refusals():
            method = checkout.guest_method(self.world, session, payer_of(session, outcome))
            checkout.pay(self.world, session, method)
            if outcome in ("challenge-yes", "challenge-no"):
                checkout.give_proof(self.world, session, passed=outcome == "challenge-yes")

    async def pay_invoice(self, invoice_id: str, outcome: Outcome = "pay") -> str | None:
        """The page of an invoice was used with that outcome; gives what the bank said, if it refused."""
        with self.world.atomic(), time_of(self.world, invoice_id), suppress_refusals():
            invoice = self.world.get("invoice", invoice_id)
            method = new_method(self.world, CARD_OF[outcome], billing={"email": invoice["customer_email"]})
            invoices_api.pay_now(self.world, invoice, method, off_session=False)
        self._news.set()
        intent = self.world.get("payment_intent", self.world.get("invoice", invoice_id)["_payment_intent"])
        problem: Json | None = intent["last_payment_error"]
        return problem["message"] if problem else None

    async def give_proof(self, intent_id: str, *, passed: bool) -> Json:
        """The card holder answered the bank's question on the proof page; gives the intent as it stands then."""
        with self.world.atomic(), time_of(self.world, intent_id), suppress_refusals():
            intent = self.world.get("payment_intent", intent_id)
            session = self.session_of(intent_id)
            if session and session["status"] == "open":
                checkout.give_proof(self.world, session, passed=passed)
            elif intent["status"] != "requires_action":
                raise invalid("This payment does not wait for proof.", code="payment_intent_unexpected_state")
            else:
                charging.answer_proof(self.world, intent, passed=passed)
        self._news.set()
        return shown(self.world.get("payment_intent", intent_id))

    async def give_setup_proof(self, setup_id: str, *, passed: bool) -> Json:
        """The same for a card that is only to be kept; gives the setup intent as it stands then."""
        with self.world.atomic(), time_of(self.world, setup_id), suppress_refusals():
            session = self.session_of_setup(setup_id)
            if session:
                checkout.give_proof(self.world, session, passed=passed)
            else:
                setups.answer_proof(self.world, self.world.get("setup_intent", setup_id), passed=passed)
        self._news.set()
        return shown(self.world.get("setup_intent", setup_id))

    def proof_path(self, session_id: str) -> str:
        """The page on which the bank asks about the session's payment or card."""
        session = self._session(session_id)
        setup_id = checkout.setup_of(session)
        return f"/c/setup-proof/{setup_id}" if setup_id else f"/c/proof/{checkout.intent_of(session)}"

    def refusal(self, session_id: str) -> str | None:
        """What the bank said to the last attempt, if it refused."""
        session = self._session(session_id)
        setup_id, intent_id = checkout.setup_of(session), checkout.intent_of(session)
        problem: Json | None = None
        if setup_id:
            problem = self.world.get("setup_intent", setup_id)["last_setup_error"]
        elif intent_id:
            problem = self.world.get("payment_intent", intent_id)["last_payment_error"]
        return problem["message"] if problem else None

    def update_card(self, method_id: str) -> Json:
        """The card's network gave its new expiry date; gives the payment method as it stands then."""
        with self.world.atomic(), time_of(self.world, method_id):
            method = renew_card(self.world, self.world.get("payment_method", method_id))
        self._news.set()
        return shown(method)

    # time

    async def advance(self, by: timedelta) -> None:
        """The sandbox's clock stands later, and what fell due has happened (webhooks still wait to be sent).

        The clock goes step by step, each kept with what it brought about: others are answered in between, and after
        a sudden end it stands where it had come to.
        """
        if by < timedelta(0):
            raise ValueError("the sandbox's clock only moves forward")
        async with self._advancing:
            offset = self.world.clock.offset + by
            while self._advance_some(offset):
                self._news.set()
                await asyncio.sleep(0)
        self._news.set()

    def _advance_some(self, offset: timedelta) -> bool:
        """Some of what falls due has happened, and the clock stands at the next of it; False when it has arrived."""
        world = self.world
        with world.atomic():
            ahead = max(offset - world.clock.offset, timedelta(0))
            until = world.wall() + int(ahead.total_seconds())
            run_some(world, until)
            left = world.store.due(until, limit=1)
            step = timedelta(seconds=max(0, left[0].at - world.wall())) if left else ahead
            world.advance(min(step, ahead))
        return bool(left)

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
        retry_after: int | None = None,
    ) -> None:
        """The next `count` API calls under `path` go wrong; `effect` says whether they do their work all the same."""
        fault = Fault(kind, count, effect, method, path, seconds, should_retry, retry_after)
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

    def session_of_setup(self, setup_id: str) -> Json | None:
        """The session that the setup intent belongs to, with the sandbox's own notes."""
        sides = "(json_extract(json, '$.setup_intent') = ?1 or json_extract(json, '$._setup_intent') = ?1)"
        query = f"select id from object where kind = 'checkout.session' and {sides} order by seq desc limit 1"  # noqa: S608 - fixed texts
        row = self.world.store.db.execute(query, (setup_id,)).fetchone()
        return self._session(row[0]) if row else None

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
