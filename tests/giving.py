"""Giving, for tests: a house with a sandbox behind the real gateway, and a reader who fills the form in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from stripe_in_process import API, KEY, StripeWorld
from supporters.appeals.actions import ensure_general
from supporters.donations.checkout import PaymentPages, begin_checkout
from supporters.donations.collect import PaidDonation, collect_paid
from supporters.donations.forms import GiveForm, GoTo, Outcome
from supporters.donations.give import Visitor
from supporters.donations.models import Donation, Frequency
from supporters.guard.limits import Limits
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.signing import Signer
from supporters.payments.facts import CheckoutCompleted, CreatedCheckout
from supporters.payments.gateway import Gateway
from supporters.payments.pages import CheckoutRequest
from supporters.receipts.issue import IssuedReceipt, issue
from supporters.settings import Settings


async def at_once(_seconds: float) -> None:
    """Waiting takes no time."""


def form(pounds: int = 25, **changes: Any) -> GiveForm:
    """Ben's form: £25, once."""
    told: dict[str, Any] = {
        "frequency": Frequency.ONCE,
        "amount": Money(pounds * 100, "GBP"),
        "email": "ben.carter@example.org",
        "name": "Ben Carter",
        "wants_newsletter": False,
        "appeal_slug": "general",
    }
    return GiveForm(**(told | changes))


@dataclass
class QuickPages:
    """Payment pages without a Stripe behind them, for tests that open a thousand."""

    clock: FixedClock
    is_live: bool = False
    first: int = 1
    made: list[CheckoutRequest] = field(default_factory=list)

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CreatedCheckout:
        self.made.append(request)
        number = self.first + len(self.made) - 1
        return CreatedCheckout(f"cs_{number}", f"https://pay.example/{number}", request.expires_at)

    async def expire_session(self, session_id: str) -> bool:
        return True

    def completed(self) -> CheckoutCompleted:
        """What Stripe would say of the page that was made last, once it is paid."""
        number, amount = self.first + len(self.made) - 1, self.made[-1].amount
        return CheckoutCompleted(f"cs_{number}", f"pi_{number}", True, amount.minor, amount.currency, False)


@dataclass
class House:
    """What giving needs, put together."""

    db: Database
    settings: Settings
    clock: FixedClock
    ids: Ids
    world: StripeWorld
    limits: Limits = field(init=False)
    gateway: Gateway = field(init=False)
    pages: PaymentPages = field(init=False)

    def __post_init__(self) -> None:
        self.limits = Limits(Signer(self.settings.secret_key, "limits"))
        self.pages = self.gateway = Gateway(KEY, api_base=API, http_client=self.world.http, max_network_retries=0)

    async def give(
        self,
        sent: GiveForm | None = None,
        *,
        attempt_id: str | None = None,
        network: str = "192.0.2.7",
        sleep: Callable[[float], Awaitable[None]] = at_once,
        is_suspicious: bool = False,
    ) -> Outcome:
        """The form was sent."""
        return await begin_checkout(
            self.db,
            self.pages,
            sent or form(),
            attempt_id=attempt_id or self.ids.ulid(),
            visitor=Visitor(network, is_suspicious=is_suspicious),
            limits=self.limits,
            settings=self.settings,
            ids=self.ids,
            clock=self.clock,
            sleep=sleep,
        )

    async def open_session(self, sent: GiveForm | None = None, **told: Any) -> str:
        """The form was sent and a payment page is open; the id of its session."""
        outcome = await self.give(sent, **told)
        assert isinstance(outcome, GoTo), outcome
        return next(each["id"] for each in reversed(self.sessions) if each["url"] == outcome.url)

    async def completed(self, session_id: str) -> CheckoutCompleted:
        """What Stripe says about a session that was completed."""
        facts = await self.gateway.retrieve_session(session_id)
        return next(fact for fact in facts if isinstance(fact, CheckoutCompleted))

    async def collect(self, fact: CheckoutCompleted) -> tuple[PaidDonation, IssuedReceipt] | None:
        """The fact is applied as `events` does it."""
        now = self.clock.now()
        async with self.db.unit_of_work() as session:
            paid = await collect_paid(session, fact, ids=self.ids, now=now)
            if paid is None:
                return None
            return paid, await issue(session, paid, ids=self.ids, now=now, settings=self.settings)

    async def donate(self, sent: GiveForm | None = None, **told: Any) -> PaidDonation:
        """A donation that was paid."""
        session_id = await self.open_session(sent, **told)
        self.clock.advance(timedelta(seconds=30))
        await self.world.sandbox.pay(session_id)
        done = await self.collect(await self.completed(session_id))
        assert done is not None
        return done[0]

    async def donations(self) -> list[Donation]:
        """Every donation, oldest first."""
        async with self.db.reading() as session:
            return list(await session.scalars(select(Donation).order_by(Donation.id)))

    async def rows(self, model: Any) -> list[Any]:
        """Every row of a table."""
        async with self.db.reading() as session:
            return list(await session.scalars(select(model).order_by(model.id)))

    @property
    def sessions(self) -> list[Any]:
        """Every checkout session at Stripe, oldest first."""
        return self.world.sandbox.objects("checkout.session")


@asynccontextmanager
async def open_house(db: Database, settings: Settings, clock: FixedClock, ids: Ids) -> AsyncIterator[House]:
    """A house with its general appeal. At the end, all that was said to Stripe fits Stripe's own document."""
    world = StripeWorld(clock)
    async with db.unit_of_work() as session:
        await ensure_general(session, currency=settings.currency, ids=ids, now=clock.now())
    yield House(db, settings, clock, ids, world)
    await world.close()
    world.app.assert_clean()
