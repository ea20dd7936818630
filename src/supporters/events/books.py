"""One transaction's worth of facts being applied."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations import collect
from supporters.donations.collect import NotOurs, PaidDonation, PaymentMismatch
from supporters.donations.messages import paid_message
from supporters.donations.models import Checkout
from supporters.donations.reverse import RefundEffect, apply_refund
from supporters.events import disputes, plans
from supporters.guard.limits import Limits
from supporters.jobs.queue import enqueue
from supporters.kit.clock import Clock
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.outgoing.emit import Message, emit_all
from supporters.payments import inbox, owners
from supporters.payments.facts import (
    LATE_REFUSAL,
    BalanceMoved,
    ChargeSeen,
    CheckoutCompleted,
    CheckoutExpired,
    DisputeSeen,
    Fact,
    FraudWarned,
    InvoicePaidBy,
    InvoiceSeen,
    MandateSeen,
    MethodSeen,
    PaymentProcessing,
    PaymentRefused,
    PayoutSeen,
    PlanSeen,
    RefundChanged,
    Tied,
    Unknown,
    ids_of,
)
from supporters.payments.models import InboxEvent, Owner, Ownership
from supporters.payments.news import News, Outcome
from supporters.payments.owners import Owned
from supporters.payments.payouts import mirror_payouts
from supporters.plans import refused
from supporters.receipts import issue
from supporters.receipts.yearly import prove
from supporters.settings import Settings

PULL_JOB = "balance.pull"
PROVE_JOB = "payouts.prove"
PULL_AFTER = timedelta(seconds=2)  # a burst of payments asks for one pull
SUBSCRIPTION = "sub_"

log = structlog.stdlib.get_logger("events")


class Tools:
    """What facts are applied with."""

    def __init__(self, settings: Settings, clock: Clock, ids: Ids, limits: Limits) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = ids
        self.limits = limits


class Books:
    """One transaction's worth of facts being applied."""

    def __init__(self, session: AsyncSession, tools: Tools, now: datetime) -> None:
        self.session = session
        self.tools = tools
        self.now = now
        self._owners: dict[str, Owner] = {}
        self._found: dict[str, Owned] = {}
        self._charges: dict[str, str] = {}
        self._known_charges: dict[str, str] = {}
        self._released: set[str] = set()
        self._told: list[Message] = []
        self._has_moved = False
        self._has_payouts = False

    async def hold(self, stripe_ids: Sequence[str]) -> None:
        """These payments, subscriptions and bills are on file and nobody else changes whose they are meanwhile."""
        held = await owners.lock_owners(self.session, stripe_ids, now=self.now)
        self._owners |= {stripe_id: known.owner for stripe_id, known in held.items()}
        self._known_charges |= {stripe_id: known.charge_id for stripe_id, known in held.items() if known.charge_id}

    async def close(self) -> None:
        """What was found out is stored, what waited for it is due, others are told, and new balance lines are asked for."""
        await self.session.flush()
        await owners.store_owners(self.session, self._found)
        await owners.store_charges(self.session, self._charges)
        await inbox.release_waiting(self.session, sorted({*self._found, *self._released}), now=self.now)
        await emit_all(self.session, self._told, ids=self.tools.ids, now=self.now)
        if self._has_moved:
            due = self.now + PULL_AFTER
            await enqueue(self.session, PULL_JOB, {}, ids=self.tools.ids, now=self.now, run_at=due, dedupe="timer")
        if self._has_payouts:
            due = self.now + PULL_AFTER
            await enqueue(self.session, PROVE_JOB, {}, ids=self.tools.ids, now=self.now, run_at=due, dedupe="timer")

    async def apply_carefully(self, news: News) -> Outcome:
        """As `apply_news`, and what goes wrong goes wrong for this event alone."""
        found, charges, known, told = dict(self._found), dict(self._charges), dict(self._owners), list(self._told)
        try:
            async with self.session.begin_nested():
                return await self.apply_news(news)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            failure: Exception = error
        except Exception as error:  # poison: others must go on
            failure = error
        self._found, self._charges, self._owners, self._told = found, charges, known, told
        await self._fail(news.row, failure)
        return Outcome.FAILED

    async def apply_news(self, news: News) -> Outcome:
        """Everything that one event says is applied, or it waits."""
        if news.error:
            await self._park(news.row, why=news.error, subject=news.row.stripe_event_id)
            return Outcome.UNKNOWN
        outcome = await self.apply_all(news.facts, cause=news.row.stripe_event_id)
        unknown = news.unknown
        if unknown and outcome is Outcome.HANDLED:
            await self._park(news.row, why=f"nobody knows what to do with {unknown.type}", subject=unknown.type)
            return Outcome.UNKNOWN
        return Outcome.SILENT if news.is_silent else outcome

    async def apply_all(self, facts: Sequence[Fact], *, cause: str) -> Outcome:
        """The facts are applied in order; the first that waits or is not ours decides for those that need a donation."""
        outcome = Outcome.HANDLED
        for fact in facts:
            if isinstance(fact, BalanceMoved):
                self._has_moved = True
            elif outcome is Outcome.HANDLED:
                outcome = await self._apply(fact, cause=cause)
        return outcome

    async def tie_payment(self, payment_intent_id: str, session_id: str | None) -> None:
        """The payment is of the checkout with this session, or of nothing of ours."""
        owned = await self._tie_payment(payment_intent_id, session_id) if session_id else Owned(Owner.NOT_OURS)
        self.own(payment_intent_id, owned)

    async def _tie_payment(self, payment_intent_id: str, session_id: str) -> Owned:
        try:
            await collect.tie_payment(self.session, session_id, payment_intent_id)
        except PaymentMismatch as mismatch:
            await self._tell_mismatch(mismatch, payment_intent_id, None)
        except NotOurs:
            return Owned(Owner.NOT_OURS, session_id)
        return Owned(Owner.OURS, session_id)

    async def _apply(self, fact: Fact, *, cause: str) -> Outcome:
        match fact:
            case CheckoutCompleted():
                return await self._complete(fact)
            case CheckoutExpired():
                return await self._expire(fact)
            case (
                PaymentRefused() | PaymentProcessing() | ChargeSeen() | RefundChanged() | DisputeSeen() | FraudWarned()
            ):
                return await self._apply_tied(fact, cause=cause)
            case PlanSeen() | InvoiceSeen() | InvoicePaidBy() | MethodSeen() | MandateSeen():
                return await plans.apply(self, fact)
            case PayoutSeen():
                await mirror_payouts(self.session, [fact], now=self.now)
                self._has_payouts = True
                return Outcome.HANDLED
            case Unknown():
                return self.whose(fact.payment_intent_id) if fact.payment_intent_id else Outcome.HANDLED
            case BalanceMoved():
                return Outcome.HANDLED

    async def _complete(self, fact: CheckoutCompleted) -> Outcome:
        if fact.mode == "setup":
            return await plans.finish_setup(self, fact)
        owned = Owned(Owner.OURS, fact.session_id)
        outcome = Outcome.HANDLED
        try:
            paid = await collect.collect_paid(self.session, fact, ids=self.tools.ids, now=self.now)
            if paid:
                await self.thank(paid)
            if fact.subscription_id:
                await plans.begin(self, fact)
        except NotOurs:
            owned, outcome = Owned(Owner.NOT_OURS, fact.session_id), Outcome.NOT_OURS
        except PaymentMismatch as mismatch:
            await self._tell_mismatch(mismatch, fact.payment_intent_id or fact.session_id, fact)
        for stripe_id in ids_of([fact]):
            self.own(stripe_id, owned)
            self.release(stripe_id)
        return outcome

    async def thank(self, paid: PaidDonation, *, with_receipt: bool = True) -> None:
        """What was paid has its receipt and its letter, or its place in the year's statement; others are told."""
        settings = self.tools.settings
        await prove(self.session, paid, each=with_receipt, ids=self.tools.ids, now=self.now, settings=settings)
        self._told.append(paid_message(paid))

    async def _expire(self, fact: CheckoutExpired) -> Outcome:
        try:
            await collect.collect_expired(self.session, fact, ids=self.tools.ids, now=self.now)
        except NotOurs:
            return Outcome.NOT_OURS
        return Outcome.HANDLED

    async def _apply_tied(self, fact: Tied, *, cause: str) -> Outcome:
        payment_intent_id = fact.payment_intent_id
        if payment_intent_id is None:  # a refund of a charge that was made without a payment intent
            return Outcome.NOT_OURS
        outcome = self.whose(payment_intent_id)
        if outcome is Outcome.WAITING and isinstance(fact, PaymentProcessing):
            await plans.see_processing(self, fact)
        if outcome is not Outcome.HANDLED:
            return outcome
        try:
            return await self._apply_ours(fact, cause=cause)
        except NotOurs:
            return await self._without_donation(fact, payment_intent_id)

    async def _without_donation(self, fact: Tied, payment_intent_id: str) -> Outcome:
        """Of a bill that is not paid yet: what comes of a payment waits until it is, a refusal is told by the bill.

        Else it is a mismatched payment: ours to explain, but no donation is made of it.
        """
        if await plans.is_of_open_bill(self, payment_intent_id):
            if isinstance(fact, PaymentProcessing):
                await plans.see_processing(self, fact)
            return Outcome.HANDLED if isinstance(fact, PaymentRefused | PaymentProcessing) else Outcome.WAITING
        log.info("payment_without_donation", payment_intent_id=payment_intent_id)
        return Outcome.HANDLED

    def whose(self, stripe_id: str) -> Outcome:
        """What is done about news of this: it is applied, it waits, or it is none of ours."""
        owner = self._owners[stripe_id]
        if owner is Owner.UNKNOWN:
            return Outcome.WAITING
        return Outcome.NOT_OURS if owner is Owner.NOT_OURS else Outcome.HANDLED

    async def _apply_ours(self, fact: Tied, *, cause: str) -> Outcome:
        session, ids, now = self.session, self.tools.ids, self.now
        match fact:
            case ChargeSeen():
                await self._see_charge(fact)
            case PaymentProcessing():
                await collect.collect_processing(session, fact, ids=ids, now=now)
            case PaymentRefused():
                once = fact.payment_intent_id if fact.code == LATE_REFUSAL else cause
                limits = self.tools.limits
                if await collect.collect_refusal(session, fact, cause=once, limits=limits, ids=ids, now=now):
                    await disputes.tell_failed(self, fact)
            case RefundChanged():
                return await self._refund(fact)
            case DisputeSeen() | FraudWarned():
                return await disputes.apply(self, fact)
        return Outcome.HANDLED

    async def _see_charge(self, fact: ChargeSeen) -> None:
        """Stripe tells of every charge at least twice: the second time needs no look at the donation."""
        known = self._charges.get(fact.payment_intent_id) or self._known_charges.get(fact.payment_intent_id)
        if known == fact.charge_id:
            return
        donation_id = await collect.see_charge(self.session, fact, now=self.now)
        self._charges[fact.payment_intent_id] = fact.charge_id  # not before: a bill may be open, and this come again
        if donation_id:
            await issue.tell_card(self.session, donation_id, fact.card_last4)

    async def _refund(self, fact: RefundChanged) -> Outcome:
        settings = self.tools.settings
        applied = await apply_refund(self.session, fact, ids=self.tools.ids, now=self.now, settings=settings)
        if applied is None and await self._is_open(fact.payment_intent_id):
            return Outcome.WAITING
        if applied and applied.effect is RefundEffect.CAME_BACK:
            await open_discrepancy(
                self.session,
                code=Code.REFUND_FAILED,
                subject=applied.refund_id,
                ids=self.tools.ids,
                now=self.now,
                donation_id=applied.donation_id,
                amount=Money(fact.amount_minor, fact.currency),
                detail={"failure_reason": fact.failure_reason},
            )
        return Outcome.HANDLED

    async def _is_open(self, payment_intent_id: str | None) -> bool:
        """Whether the payment is known by a look-up at a page of whose end nobody has told us yet."""
        page = select(Checkout.id).where(Checkout.stripe_payment_intent_id == payment_intent_id)
        return await self.session.scalar(page.where(Checkout.is_over.is_(False))) is not None

    async def _tell_mismatch(
        self, mismatch: PaymentMismatch, payment_intent_id: str, fact: CheckoutCompleted | None
    ) -> None:
        """The page is over, so that the sweep stops asking about it; what to do with the money a person says.

        A subscription that it has begun is ended by a job.
        """
        log.error("payment_mismatch", donation_id=mismatch.donation_id, payment_intent_id=payment_intent_id)
        is_second = "paid_by" in mismatch.detail
        await open_discrepancy(
            self.session,
            code=Code.DUPLICATE_PAYMENT if is_second else Code.PAYMENT_MISMATCH,
            subject=payment_intent_id,
            ids=self.tools.ids,
            now=self.now,
            donation_id=mismatch.donation_id,
            amount=Money(fact.amount_minor, fact.currency) if fact and fact.currency else None,
            detail=mismatch.detail,
        )
        if fact and fact.subscription_id:
            await refused.ask_to_end(
                self.session, fact.subscription_id, page=fact.session_id, ids=self.tools.ids, now=self.now
            )
        if fact:
            over = update(Checkout).where(Checkout.stripe_session_id == fact.session_id).values(is_over=True)
            await self.session.execute(over.execution_options(synchronize_session=False))

    def own(self, stripe_id: str, owned: Owned) -> None:
        """Once ours, a thing stays ours; what is known already is not written again."""
        known = self._owners[stripe_id]
        if known not in (Owner.OURS, owned.owner):
            self._owners[stripe_id] = owned.owner
            self._found[stripe_id] = owned

    async def made_by(self, stripe_id: str) -> str | None:
        """What said whose this is."""
        found = self._found.get(stripe_id)
        if found:
            return found.made_by
        return await self.session.scalar(select(Ownership.made_by).where(Ownership.stripe_id == stripe_id))

    def release(self, stripe_id: str) -> None:
        """What waited for this is due."""
        self._released.add(stripe_id)

    async def _park(self, row: InboxEvent, *, why: str, subject: str) -> None:
        await inbox.park(self.session, row, why=why)
        await self._tell_parked(row, why=why, subject=subject)

    async def _fail(self, row: InboxEvent, error: Exception) -> None:
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        log.warning("event_failed", event_id=row.stripe_event_id, error=type(error).__name__)
        if await inbox.mark_failed(self.session, row, error=why, now=self.now):
            await self._tell_parked(row, why=why, subject=row.stripe_event_id)

    async def _tell_parked(self, row: InboxEvent, *, why: str, subject: str) -> None:
        log.error("event_parked", event_id=row.stripe_event_id, type=row.type)
        detail = {"event": row.stripe_event_id, "type": row.type, "why": why}
        await open_discrepancy(
            self.session, code=Code.EVENT_PARKED, subject=subject, ids=self.tools.ids, now=self.now, detail=detail
        )
