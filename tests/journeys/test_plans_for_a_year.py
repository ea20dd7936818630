"""A year of monthly donations: renewals, failures, refunds, disputes and payouts, and books that equal Stripe's to the penny."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

import plan_books
from supporters.donations.checkout import begin_checkout
from supporters.donations.forms import GiveForm, GoTo
from supporters.donations.give import Visitor
from supporters.donations.models import Donation, Frequency, RefundReason
from supporters.donations.reverse import request_refund
from supporters.jobs.queue import enqueue
from supporters.kit.money import Money
from supporters.payments.translate import HEARD
from supporters.plans.models import PlanState
from supporters.plans.tend import TEND
from supporters.sandbox import payouts
from supporters.sandbox.acts import ACTIONS
from whole import Whole

PLANS = {
    "sqlite": 25,
    "postgresql": 6,
}  # the default engine carries the whole year; the other takes a piece of the same road
MONTHS = {"sqlite": 12, "postgresql": 3}
STEP = timedelta(days=6)  # Stripe's days go by one at a time in between, each with its payout
BY_TIMERS = (TEND, "balance.pull")


@pytest.mark.timeout(240)
async def test_a_year_of_plans_ends_with_books_that_equal_stripes(whole: Whole) -> None:
    year = Year(whole, plans=PLANS[kind_of(whole)], months=MONTHS[kind_of(whole)])
    await year.begin()

    await year.pass_by()

    assert year.happened["declined"] >= 3, "some renewals failed, or the year proves nothing"
    assert sorted(one["status"] for one in whole.sandbox.objects("dispute")) == ["lost", "won"]
    await year.check_states()
    await year.check_books()


def kind_of(whole: Whole) -> str:
    return "sqlite" if whole.db.is_sqlite else "postgresql"


class Year:
    """So many plans for so many months, and all that befalls them on the way."""

    def __init__(self, whole: Whole, *, plans: int, months: int) -> None:
        self.whole, self.plans = whole, plans
        self.steps = months * 30 // STEP.days + 8  # the last renewals' retries and payouts are over by then
        self.happened: Counter[str] = Counter()
        world = whole.sandbox.world
        [endpoint] = world.store.endpoints()
        with world.atomic():
            world.change(endpoint, {"enabled_events": sorted(HEARD)})
            payouts.set_schedule(world, "daily")

    async def begin(self) -> None:
        """The plans have begun, a few each day, so that renewals fall on many days."""
        for number in range(self.plans):
            await self.whole.sandbox.pay(await self._open_page(number))
            if number % 3 == 2:
                await self._step(timedelta(days=1))

    async def pass_by(self) -> None:
        """The months have gone by."""
        for step in range(self.steps):
            await self._befall(step)
            await self._step(STEP)

    async def _step(self, by: timedelta) -> None:
        whole = self.whole
        whole.clock.advance(by)
        while await whole.sandbox.deliver_due():
            await whole.worker.drain()
        async with whole.db.unit_of_work() as session:
            for kind in BY_TIMERS:
                await enqueue(session, kind, {}, ids=whole.tools.ids, now=whole.clock.now())
        await whole.worker.drain()

    async def _befall(self, step: int) -> None:
        """Cards are refused, one for good; money is asked back by a reader and by banks, one of which must be given in to."""
        sandbox = self.whole.sandbox
        if step % 8 == 4:
            self.happened["declined"] += 1
            await self._act("decline-next", code="insufficient_funds")
        if step == 12:
            self._break_card(sandbox.objects("subscription")[0])
        if step % 20 == 9:
            await self._refund(self._untouched())
        if step in (10, 13):
            await self._act("dispute", charge=self._untouched()["id"])
        if step == 11:
            [dispute] = sandbox.objects("dispute")
            await self._act("close-dispute", dispute=dispute["id"], outcome="won")

    async def _act(self, name: str, **told: Any) -> None:
        shape, act = ACTIONS[name]
        await act(self.whole.sandbox, shape(**told))

    def _untouched(self) -> dict[str, Any]:
        charges = self.whole.sandbox.objects("charge")
        return next(one for one in reversed(charges) if one["paid"] and not (one["disputed"] or one["amount_refunded"]))

    def _break_card(self, plan: dict[str, Any]) -> None:
        """From now on the card of this plan is refused, whatever is tried."""
        world = self.whole.sandbox.world
        method = world.get("payment_method", plan["default_payment_method"])
        with world.atomic():
            world.change(method, {"_card": "chargeCustomerFail"})
        self.happened["declined"] += 1

    async def _refund(self, charge: dict[str, Any]) -> None:
        self.happened["refunded"] += 1
        whole = self.whole
        async with whole.db.unit_of_work() as session:
            wanted = select(Donation.id).where(Donation.stripe_charge_id == charge["id"])
            await request_refund(
                session,
                (await session.scalars(wanted)).one(),
                amount=Money(charge["amount"] // 2, "GBP"),
                reason=RefundReason.SUPPORTER_ASKED,
                note_text=None,
                actor_id="0" * 26,
                ids=whole.tools.ids,
                now=whole.clock.now(),
            )

    async def _open_page(self, number: int) -> str:
        """The payment page of one more reader who wants to give monthly; its session's id."""
        whole = self.whole
        form = GiveForm(
            frequency=Frequency.MONTHLY,
            amount=Money(500 + number * 7, "GBP"),
            email=f"reader{number}@example.org",
            name=f"Reader {number}",
            wants_newsletter=False,
            appeal_slug="general",
        )
        answer = await begin_checkout(
            whole.db,
            whole.tools.gateway,
            form,
            attempt_id=whole.tools.ids.ulid(),
            visitor=Visitor(network=f"10.0.{number}.1"),
            limits=whole.tools.limits,
            settings=whole.settings,
            ids=whole.tools.ids,
            clock=whole.clock,
        )
        assert isinstance(answer, GoTo)
        return answer.url.rpartition("/")[2]

    async def check_states(self) -> None:
        """What ended at Stripe has stopped here, and nothing else; every one that could go on does."""
        sandbox = self.whole.sandbox
        async with self.whole.db.reading() as session:
            ours = await plan_books.states_of_plans(session)
        ended = {one["id"] for one in sandbox.objects("subscription") if one["status"] == "canceled"}
        assert len(ours) == self.plans
        assert {plan for plan, state in ours.items() if state is PlanState.STOPPED} == ended
        assert len(ended) >= 1

    async def check_books(self) -> None:
        """Each bill is one donation, each receipt has its number, and every account is what Stripe's lines say."""
        sandbox = self.whole.sandbox
        async with self.whole.db.reading() as session:
            bills = await plan_books.instalments_and_bills(session, sandbox.objects("invoice"))
            payments = await plan_books.donations_and_payments(session, sandbox.objects("charge"))
            gaps = await plan_books.gaps_in_receipts(session)
            booked = await plan_books.booked(session)
        assert bills[0] == bills[1]
        assert payments[0] == payments[1]
        assert gaps == []
        assert booked == plan_books.told_by_lines(sandbox.objects("balance_transaction"), sandbox.objects("dispute"))
        await self.whole.books_hold()
