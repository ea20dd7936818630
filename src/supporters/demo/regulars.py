"""Readers who give every month or year, and what befell them: begun at the form, renewed by the sandbox's clock.

Nothing is written by hand here: wishes go the way that the supporter's own pages and the desk go, and Stripe's news
comes as webhooks.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import select

from supporters.appeals.queries import GENERAL
from supporters.appeals.rules import Claim
from supporters.demo import sample
from supporters.demo.visits import open_page
from supporters.donations.forms import GiveForm
from supporters.donations.models import Donation, DonationState, Frequency, RefundReason
from supporters.donations.reverse import request_refund
from supporters.kit.clock import FixedClock
from supporters.kit.money import Money
from supporters.payments.translate import HEARD
from supporters.plans.change import request_change, say_why
from supporters.plans.dates import add_months
from supporters.plans.models import Actor, ChangeKind, Instalment, Plan
from supporters.prompts.placements import ARTICLE_FOOT
from supporters.sandbox.acts import ACTIONS
from supporters.sandbox.sandbox import Outcome, Sandbox
from supporters.worker import Tools, Worker

STEP = timedelta(days=7)  # Stripe's own days go by one at a time in between, each with its payout
OUTCOMES: dict[str, Outcome] = {"card": "pay", "debit": "debit"}

Happening = Callable[[], Awaitable[None]]


class Regulars:
    """The lives of the sample's plans, from the first day on."""

    def __init__(self, tools: Tools, sandbox: Sandbox, clock: FixedClock, *, until: datetime, worker: Worker) -> None:
        self._tools = tools
        self._sandbox = sandbox
        self._clock = clock
        self._until = until
        self._worker = worker
        self._ahead: list[tuple[datetime, Happening]] = []

    def plan(self, *, finance: str, also: Iterable[tuple[datetime, Happening]] = ()) -> None:
        """All that is going to happen stands in its order. `finance` is whoever does what staff do."""
        self._ahead += also
        for number, regular in enumerate(sample.REGULARS):
            self._ahead.append((begun_at(regular, self._until), partial(self._begin, number, regular)))
            for days, what in regular.later:
                befall = partial(self._befall, regular, what, finance=finance)
                self._ahead.append((self._until - timedelta(days=days), befall))
        self._ahead.sort(key=lambda pair: pair[0])

    async def pass_until(self, moment: datetime) -> None:
        """Time has gone by until then, with all that happened on the way."""
        while self._clock.now() < moment:
            due = min(self._ahead[0][0] if self._ahead else moment, moment)
            self._clock.set(max(min(due, self._clock.now() + STEP), self._clock.now()))
            await self.hear()
            while self._ahead and self._ahead[0][0] <= self._clock.now():
                _at, happen = self._ahead.pop(0)
                await happen()
                await self._worker.drain()
                await self.hear()

    async def hear(self) -> None:
        """What Stripe had to tell by now is in the books, and the letters about it are sent."""
        while await self._sandbox.deliver_due():
            await self._worker.drain()

    async def _begin(self, number: int, regular: sample.Regular) -> None:
        article = sample.ARTICLES[number % len(sample.ARTICLES)]
        settings = self._tools.settings
        form = GiveForm(
            frequency=Frequency(regular.frequency),
            amount=Money(regular.minor, settings.currency),
            email=sample.address_of(regular.name, number),
            name=regular.name,
            wants_newsletter=False,
            appeal_slug=GENERAL,
            origin=Claim(
                site=settings.site_url,
                article_path=article.path,
                issue=article.issue,
                appeal_slug=GENERAL,
                placement=ARTICLE_FOOT,
                source="article",
            ),
        )
        page = await open_page(self._tools, form, network=f"203.0.113.{number + 100}", clock=self._clock)
        if page:
            self._clock.advance(timedelta(seconds=35))
            await self._sandbox.pay(page, OUTCOMES[regular.method])

    async def _befall(self, regular: sample.Regular, what: str, *, finance: str) -> None:
        plan = await self._plan_of(regular)
        match what:
            case "card refused":
                self._break_card(plan)
            case "stops":
                change = await self._ask(plan, ChangeKind.STOP, {})
                async with self._tools.db.unit_of_work() as session:
                    await say_why(session, change, sample.WHY, ids=self._tools.ids, now=self._clock.now())
            case "pauses":
                await self._ask(plan, ChangeKind.PAUSE, {"months": 2})
            case "gives more, by telephone":
                more = plan.amount_minor + 300
                await self._ask(plan, ChangeKind.AMOUNT, {"amount_minor": more}, actor=Actor.STAFF, actor_id=finance)
            case "bank asks it back" | "bank warns of fraud":
                shape, act = ACTIONS["dispute" if what == "bank asks it back" else "warn"]
                donation = await self._last_payment(plan)
                await act(self._sandbox, shape(charge=donation.stripe_charge_id))  # pyright: ignore[reportCallIssue] - the shape that the name stands for
            case _:
                await self._refund(plan, finance=finance)

    async def _plan_of(self, regular: sample.Regular) -> Plan:
        """The plan of that reader: its first donation carries the name."""
        wanted = select(Plan).join(Donation, Donation.id == Plan.first_donation_id)
        async with self._tools.db.reading() as session:
            return (await session.scalars(wanted.where(Donation.name == regular.name))).one()

    async def _last_payment(self, plan: Plan) -> Donation:
        wanted = select(Donation).join(Instalment, Instalment.donation_id == Donation.id)
        paid = wanted.where(Instalment.plan_id == plan.id, Donation.state == DonationState.PAID)
        async with self._tools.db.reading() as session:
            return (await session.scalars(paid.order_by(Donation.paid_at.desc()).limit(1))).one()

    async def _ask(
        self,
        plan: Plan,
        kind: ChangeKind,
        wanted: dict[str, object],
        *,
        actor: Actor = Actor.SUPPORTER,
        actor_id: str | None = None,
    ) -> str:
        async with self._tools.db.unit_of_work() as session:
            return await request_change(
                session,
                plan.id,
                kind=kind,
                wanted=wanted,
                actor=actor,
                actor_id=actor_id,
                ids=self._tools.ids,
                now=self._clock.now(),
            )

    def _break_card(self, plan: Plan) -> None:
        """From now on the plan's card is refused, whatever is tried."""
        world = self._sandbox.world
        subscription = world.get("subscription", str(plan.stripe_subscription_id))
        method = world.get("payment_method", subscription["default_payment_method"])
        with world.atomic():
            world.change(method, {"_card": "chargeDeclinedInsufficientFunds"})

    async def _refund(self, plan: Plan, *, finance: str) -> None:
        donation = await self._last_payment(plan)
        async with self._tools.db.unit_of_work() as session:
            await request_refund(
                session,
                donation.id,
                amount=Money(donation.amount_minor, donation.currency),
                reason=RefundReason.SUPPORTER_ASKED,
                note_text=None,
                actor_id=finance,
                ids=self._tools.ids,
                now=self._clock.now(),
            )


def first_moment(until: datetime) -> datetime:
    """When the first of the sample's plans began, and a little before: the paper's life begins then."""
    return min(begun_at(regular, until) for regular in sample.REGULARS) - timedelta(hours=1)


def begun_at(regular: sample.Regular, until: datetime) -> datetime:
    """When that plan began: so many months and days ago."""
    near = until - timedelta(days=regular.days, hours=regular.hours)
    return datetime.combine(add_months(near.date(), -regular.months), near.time(), tzinfo=UTC)


async def subscribe(sandbox: Sandbox) -> None:
    """Stripe sends the news that the product reads, and pays out every day, as an account that is set up right does."""
    world = sandbox.world
    [endpoint] = world.store.endpoints()
    with world.atomic():
        world.change(endpoint, {"enabled_events": sorted(HEARD)})
    shape, act = ACTIONS["payout-interval"]
    await act(sandbox, shape(interval="daily"))  # pyright: ignore[reportCallIssue] - the shape that the name stands for
