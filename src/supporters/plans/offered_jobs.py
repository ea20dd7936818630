"""The offered plan is begun at Stripe, and cards that nobody wants to use again are forgotten there."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Checkout, Donation, DonationState, Frequency, MonthlyOffer, OfferState
from supporters.jobs.timers import Timer
from supporters.jobs.work import TryLater, Work
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments.facts import Fact, MethodSeen, PlanSeen, SessionLink
from supporters.payments.gateway import GatewayError, GatewayRefused
from supporters.payments.gateway_plans import NewPlan
from supporters.plans import letters, methods
from supporters.plans.history import note
from supporters.plans.lifecycle import interval_of, method_of
from supporters.plans.looks import NOT_ABOUT_THE_CHANGE
from supporters.plans.models import Actor, Plan, PlanKind, PlanState, ReceiptWish
from supporters.plans.offered import EXECUTION, FORGET, keep_until
from supporters.plans.offered_letters import tell_not_begun
from supporters.plans.start import TAX_CODE
from supporters.settings import Settings

TIMERS = (Timer(FORGET, every=timedelta(minutes=10)),)
KEY_IS_SAFE_FOR = timedelta(hours=23)  # Stripe forgets idempotency keys after 24 hours
LATEST = timedelta(hours=1)  # before the first payment: later it could not be taken on the promised day
UNCLEAR = timedelta(minutes=2)
BANK_NEEDS = timedelta(days=1)  # an account that is being debited is not forgotten meanwhile
AT_ONCE = 20

log = structlog.get_logger("plans")


class Beginning(Protocol):
    """What beginning an offered plan needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def method_of_payment(self, payment_intent_id: str) -> MethodSeen | None: ...

    async def subscription_of(self, customer_id: str) -> str | None: ...

    async def plan(self, subscription_id: str) -> list[Fact]: ...

    async def product(self, name: str, *, idempotency_key: str) -> str: ...

    async def start_plan(self, new: NewPlan, *, product_id: str, idempotency_key: str) -> list[Fact]: ...


class Forgetting(Protocol):
    """What forgetting a card needs of Stripe. `payments.gateway_plans.PlanCalls` is one."""

    async def method_of_payment(self, payment_intent_id: str) -> MethodSeen | None: ...

    async def detach_method(self, payment_method_id: str, *, idempotency_key: str) -> None: ...


class Applying(Protocol):
    """What the answer's facts are handed to. `events.Context` is one."""

    async def apply_link(self, session: AsyncSession, stripe_id: str, link: SessionLink | None) -> None: ...

    async def apply_facts(self, session: AsyncSession, facts: list[Fact], *, cause: str) -> None: ...


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An offer that was taken, as its row says."""

    donation_id: str
    plan_id: str
    amount: Money
    first_at: datetime
    payment_intent_id: str
    wanted_at: datetime


class Begun(msgspec.Struct, frozen=True):
    """The subscription that Stripe has begun, on this method, and all that Stripe says of it."""

    subscription_id: str
    method: MethodSeen
    facts: list[Fact]


async def begin_offered(
    work: Work, payload: dict[str, Any], *, stripe: Beginning, books: Applying, settings: Settings
) -> None:
    """The plan that was wanted is on file and at Stripe, or the offer says that Stripe refused. Raises TryLater.

    *Idempotent by* the offer's row, whose key is sent for 23 hours; after that Stripe is asked whether it has heard, and
    another key is sent if it has not, until the first payment is near.
    """
    order = await _order(work, str(payload["donation_id"]))
    if order is None:
        return
    try:
        begun = await _begin(stripe, order, settings, now=work.clock.now())
    except GatewayRefused as refusal:
        begun = _answer(refusal)
    except GatewayError as error:
        raise TryLater(error.message, after=UNCLEAR) from error
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        if isinstance(begun, str):
            log.warning("offered_plan_refused", donation_id=order.donation_id, code=begun)
            await _give_up(session, order, begun, ids=work.ids, now=now, settings=settings)
        else:
            await _put_on_file(session, order, begun, ids=work.ids, now=now, settings=settings)
            await books.apply_link(session, begun.subscription_id, None)
            await books.apply_facts(session, begun.facts, cause=begun.subscription_id)
        await work.finish(session)


async def forget_methods(work: Work, _payload: dict[str, Any], *, stripe: Forgetting) -> None:
    """Cards and accounts whose day is over are not kept by Stripe for us any more; a portion each time."""
    now = work.clock.now()
    for checkout_id, payment_intent_id, state in await _due(work, now):
        later = now + BANK_NEEDS if state == DonationState.PROCESSING else None
        try:
            if payment_intent_id and later is None:
                await _forget(stripe, checkout_id, payment_intent_id)
        except GatewayRefused as refusal:  # it is gone already
            log.info("method_not_detached", record_id=checkout_id, code=_answer(refusal))
        except GatewayError as error:
            raise TryLater(error.message, after=UNCLEAR) from error
        async with work.db.unit_of_work() as session:
            due = (Checkout.id == checkout_id) & (Checkout.forget_method_at <= now)
            await session.execute(
                update(Checkout).where(due).values(forget_method_at=later), execution_options=EXECUTION
            )
    async with work.db.unit_of_work() as session:
        await work.finish(session)


def _answer(refusal: GatewayRefused) -> str:
    """The code of the refusal. Raises TryLater when our key was refused: that says nothing of card or plan."""
    if refusal.http_status in NOT_ABOUT_THE_CHANGE:
        raise TryLater(refusal.message, after=UNCLEAR) from refusal
    return refusal.code or "refused"


async def _order(work: Work, donation_id: str) -> Order | None:
    wanted = (
        select(MonthlyOffer, Donation.stripe_payment_intent_id)
        .join(Donation, Donation.id == MonthlyOffer.donation_id)
        .where(MonthlyOffer.donation_id == donation_id, MonthlyOffer.state == OfferState.WANTED)
    )
    async with work.db.reading() as session:
        found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    offer, payment_intent_id = found
    assert offer.plan_id, "what was wanted is whole"
    assert offer.amount_minor, "what was wanted is whole"
    assert offer.currency, "what was wanted is whole"
    assert offer.first_at, "what was wanted is whole"
    assert payment_intent_id, "a paid donation has its payment"
    return Order(
        donation_id=donation_id,
        plan_id=offer.plan_id,
        amount=Money(offer.amount_minor, offer.currency),
        first_at=offer.first_at,
        payment_intent_id=payment_intent_id,
        wanted_at=offer.created_at,
    )


async def _begin(stripe: Beginning, order: Order, settings: Settings, *, now: datetime) -> Begun | str:
    method = await stripe.method_of_payment(order.payment_intent_id)
    if method is None or method.customer_id is None:
        return "method_not_kept"
    number = 1 + (now - order.wanted_at) // KEY_IS_SAFE_FOR
    if number > 1:
        begun = await _look_up(stripe, method, method.customer_id)
        if begun:
            return begun
        if order.first_at - now < LATEST:
            return "not_begun_in_time"
    name = _("Donation to {publisher}").format(publisher=settings.publisher_name)
    product_id = await stripe.product(name, idempotency_key=f"v1:offered_product:{order.plan_id}:{number}")
    new = NewPlan(
        plan_id=order.plan_id,
        customer_id=method.customer_id,
        payment_method_id=method.payment_method_id,
        amount=order.amount,
        interval=interval_of(Frequency.MONTHLY),
        product_name=name,
        first_at=order.first_at,
    )
    key = f"v1:offered_plan:{order.plan_id}:{number}"
    facts = await stripe.start_plan(new, product_id=product_id, idempotency_key=key)
    return Begun(next(each.subscription_id for each in facts if isinstance(each, PlanSeen)), method, facts)


async def _look_up(stripe: Beginning, method: MethodSeen, customer_id: str) -> Begun | None:
    """The customer was made for this one donation, so that a subscription of theirs can only be this plan."""
    subscription_id = await stripe.subscription_of(customer_id)
    return Begun(subscription_id, method, await stripe.plan(subscription_id)) if subscription_id else None


async def _put_on_file(
    session: AsyncSession, order: Order, begun: Begun, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """It is active from its start: the first payment is promised for a day to come, and none is owed before."""
    donation = await session.get_one(Donation, order.donation_id)
    assert donation.supporter_id, "a paid donation has its supporter"
    plan = Plan(
        id=order.plan_id,
        reference=ids.reference("P"),
        supporter_id=donation.supporter_id,
        first_donation_id=donation.id,
        kind=PlanKind.DONATION,
        tax_code=TAX_CODE,
        frequency=Frequency.MONTHLY,
        amount_minor=order.amount.minor,
        currency=order.amount.currency,
        method=method_of(begun.method.kind),
        fund_id=donation.fund_id,
        appeal_id=donation.appeal_id,
        attribution_id=donation.attribution_id,
        state=PlanState.ACTIVE,
        livemode=donation.livemode,
        receipts=ReceiptWish.EACH,
        locale=donation.locale,
        stripe_subscription_id=begun.subscription_id,
        stripe_customer_id=begun.method.customer_id,
        started_at=order.wanted_at,
        next_at=order.first_at,
        created_at=now,
        updated_at=now,
    )
    session.add(plan)
    await session.flush()
    await methods.take_method(session, plan, begun.method, ids=ids, now=now)
    told = {"amount_minor": plan.amount_minor, "currency": plan.currency, "frequency": plan.frequency}
    await note(
        session,
        plan.id,
        "started",
        cause=donation.id,
        ids=ids,
        now=plan.started_at,
        actor=Actor.SUPPORTER,
        actor_id=donation.supporter_id,
        detail=told,
    )
    await _close(session, order, OfferState.TAKEN, now=now)
    await letters.tell_started(session, plan, donation.email, donation.name, ids=ids, now=now, settings=settings)


async def _give_up(
    session: AsyncSession, order: Order, why: str, *, ids: Ids, now: datetime, settings: Settings
) -> None:
    """Nothing was begun: the offer says why, the card is forgotten, and who had said yes is told."""
    await _close(session, order, OfferState.FAILED, now=now, failure=why[:60])
    await keep_until(session, order.donation_id, now)
    donation = await session.get_one(Donation, order.donation_id)
    await tell_not_begun(session, donation, order.amount, ids=ids, now=now, settings=settings)


async def _close(
    session: AsyncSession, order: Order, state: OfferState, *, now: datetime, failure: str | None = None
) -> None:
    mine = (MonthlyOffer.donation_id == order.donation_id) & (MonthlyOffer.state == OfferState.WANTED)
    values = {"state": state, "done_at": now, "failure": failure}
    await session.execute(update(MonthlyOffer).where(mine).values(**values), execution_options=EXECUTION)


async def _due(work: Work, now: datetime) -> list[tuple[str, str | None, str]]:
    wanted = (
        select(Checkout.id, Checkout.stripe_payment_intent_id, Donation.state)
        .join(Donation, Donation.id == Checkout.donation_id)
        .where(Checkout.forget_method_at <= now)
        .order_by(Checkout.forget_method_at)
        .limit(AT_ONCE)
    )
    async with work.db.reading() as session:
        return [(row[0], row[1], row[2]) for row in await session.execute(wanted)]


async def _forget(stripe: Forgetting, checkout_id: str, payment_intent_id: str) -> None:
    method = await stripe.method_of_payment(payment_intent_id)
    if method and method.customer_id:
        key = f"v1:forget_method:{checkout_id}:1"
        await stripe.detach_method(method.payment_method_id, idempotency_key=key)
