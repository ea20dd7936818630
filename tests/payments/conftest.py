"""One donation after another through the real verbs, with the sandbox as Stripe and no network."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from stripe_in_process import API, KEY, SECRET, StripeWorld
from supporters import events
from supporters.appeals.actions import ensure_general
from supporters.discrepancies.models import Discrepancy
from supporters.donations.checkout import begin_checkout
from supporters.donations.forms import GiveForm, GoTo
from supporters.donations.give import Visitor
from supporters.donations.models import Checkout, Donation, Frequency
from supporters.guard.limits import Limits
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.signing import Signer
from supporters.mail.models import Letter
from supporters.payments import inbox
from supporters.payments.catchup import fetch_missed
from supporters.payments.facts import RawEvent
from supporters.payments.gateway import Gateway
from supporters.payments.models import InboxEvent, Ownership
from supporters.payments.sweep import sweep
from supporters.payments.verifier import Verifier
from supporters.receipts.models import Receipt
from supporters.settings import Settings


@dataclass
class Journey:
    """Everything between a reader's form and the inbox being empty, driven by hand."""

    db: Database
    world: StripeWorld
    gateway: Gateway
    context: events.Context
    settings: Settings
    clock: FixedClock
    ids: Ids
    seen: int = 0
    verifier: Verifier = field(init=False)
    arrival: FixedClock = field(init=False)

    def __post_init__(self) -> None:
        self.arrival = FixedClock(self.clock.now())
        self.verifier = Verifier([SECRET], clock=self.arrival)

    async def open_page(self, amount_minor: int = 2500) -> tuple[str, str]:
        """A reader sent the form; returns the donation's id and its session's."""
        return await self.send_form(amount_minor, Frequency.ONCE, "Ben Okafor")

    async def send_form(self, amount_minor: int, frequency: Frequency, name: str) -> tuple[str, str]:
        """Somebody new of that name sent the form; returns the donation's id and its session's."""
        attempt_id = self.ids.ulid()
        form = GiveForm(
            frequency=frequency,
            amount=Money(amount_minor, "GBP"),
            email=f"{name.partition(' ')[0].lower()}.{attempt_id[-6:].lower()}@example.org",
            name=name,
            wants_newsletter=False,
            appeal_slug="general",
        )
        outcome = await begin_checkout(
            self.db,
            self.gateway,
            form,
            attempt_id=attempt_id,
            visitor=Visitor(network=f"198.51.100.{self.seen % 200 + 1}"),
            limits=self.context.limits,
            settings=self.settings,
            ids=self.ids,
            clock=self.clock,
        )
        assert isinstance(outcome, GoTo), outcome
        async with self.db.reading() as session:
            donation_id = await session.scalar(select(Donation.id).where(Donation.attempt_id == attempt_id))
            page = await session.scalar(select(Checkout.stripe_session_id).where(Checkout.donation_id == donation_id))
        assert donation_id
        assert page
        return donation_id, page

    async def settle(self) -> None:
        """Stripe has booked the fees of what was paid."""
        self.clock.advance(timedelta(seconds=2))
        await self.world.sandbox.tick()

    async def take_webhooks(self) -> list[RawEvent]:
        """Webhooks that Stripe has sent since the last time, verified and on their way."""
        await self.world.sandbox.tick()
        fresh = self.world.hooks.tries[self.seen :]
        self.seen = len(self.world.hooks.tries)
        return [self._verified(headers, body) for headers, body in fresh]

    def _verified(self, headers: dict[str, str], body: bytes) -> RawEvent:
        self.arrival.set(datetime.fromtimestamp(int(headers["Stripe-Signature"][2:12]), UTC))
        event = self.verifier.verify(body, headers["Stripe-Signature"])
        assert self.verifier.why_foreign(event) is None
        return event

    async def store(self, event: RawEvent) -> None:
        """The event is in the inbox, as the door puts it there."""
        row = inbox.row_of(event, via=inbox.WEBHOOK, now=self.clock.now(), why_foreign=self.verifier.why_foreign(event))
        await self.db.accept(inbox.accept_statement(is_sqlite=self.db.is_sqlite), row)

    async def bring_webhooks(self, *, only: Sequence[str] = ()) -> int:
        """Webhooks that Stripe has sent are verified and stored; returns how many came."""
        fresh = await self.take_webhooks()
        for event in fresh:
            if not only or event.type in only:
                await self.store(event)
        return len(fresh)

    async def bring_one_by_one(self, seed: int) -> int:
        """Webhooks come in an order made by `seed`, each applied before the next one comes; returns how many came."""
        fresh = await self.take_webhooks()
        Random(seed).shuffle(fresh)
        for event in fresh:
            await self.store(event)
            self.clock.advance(timedelta(seconds=1))
            await self.apply(limit=1)
        return len(fresh)

    async def apply(self, limit: int = 100) -> int:
        """Everything in the inbox that is due is applied; returns how many events were looked at."""
        total = 0
        while count := await events.apply_batch(self.db, self.context, limit=limit):
            total += count
        return total

    async def catch_up(self) -> int:
        return await fetch_missed(self.db, self.gateway, clock=self.clock)

    async def sweep(self) -> None:
        """The job of the sweep runs once."""
        work = Work(self.db, self.clock, self.ids, Job(id="none", kind="stripe.sweep"))
        await sweep(work, {}, gateway=self.gateway, context=self.context)

    async def donation(self, donation_id: str) -> Donation:
        async with self.db.reading() as session:
            found = await session.get(Donation, donation_id)
        assert found
        return found

    async def states(self) -> dict[str, int]:
        """How many events are in each state."""
        found: dict[str, int] = {}
        for event in await self.rows(InboxEvent):
            found[event.state] = found.get(event.state, 0) + 1
        return found

    async def rows(self, table: type) -> list:
        async with self.db.reading() as session:
            return list((await session.scalars(select(table))).all())

    async def books(self) -> dict[str, object]:
        """What must be the same however the news came."""
        return {
            "donations": sorted(
                (
                    row.id,
                    row.state,
                    row.refunded_minor,
                    row.stripe_payment_intent_id,
                    row.stripe_charge_id,
                    row.card_last4,
                )
                for row in await self.rows(Donation)
            ),
            "receipts": sorted((row.donation_id, row.number, row.amount_minor) for row in await self.rows(Receipt)),
            "letters": sorted((row.kind, row.about) for row in await self.rows(Letter)),
            "payments": sorted((row.stripe_id, row.owner) for row in await self.rows(Ownership)),
            "discrepancies": sorted((row.code, row.subject) for row in await self.rows(Discrepancy)),
        }


@pytest.fixture
async def world(clock: FixedClock) -> AsyncIterator[StripeWorld]:
    made = StripeWorld(clock)
    yield made
    await made.close()
    made.app.assert_clean()


@pytest.fixture
def gateway(world: StripeWorld) -> Gateway:
    return Gateway(KEY, api_base=API, http_client=world.http, max_network_retries=0)


@pytest.fixture
def context(settings: Settings, clock: FixedClock, ids: Ids) -> events.Context:
    return events.Context(settings, clock, ids, Limits(Signer(settings.secret_key, "limits")))


@pytest.fixture
async def journey(
    db: Database,
    world: StripeWorld,
    gateway: Gateway,
    context: events.Context,
    settings: Settings,
    clock: FixedClock,
    ids: Ids,
) -> Journey:
    async with db.unit_of_work() as session:
        await ensure_general(session, currency="GBP", ids=ids, now=clock.now())
    return Journey(db, world, gateway, context, settings, clock, ids)
