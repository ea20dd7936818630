"""Stripe's facts -> which verbs run, in which order, in one transaction. The only file that knows all of them.

Events come out of the inbox many at a time. What ties a payment to a donation runs first; what needs a tie and has none
waits in the inbox until it comes. Every verb may be repeated, so that an event seen twice changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations import collect
from supporters.donations.collect import NotOurs, PaymentMismatch
from supporters.donations.messages import paid_message
from supporters.donations.models import Checkout, Donation, DonationState
from supporters.donations.reverse import RefundEffect, apply_refund
from supporters.guard.limits import Limits
from supporters.jobs.queue import enqueue
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.errors import DatabaseBusy
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
    Fact,
    PaymentProcessing,
    PaymentRefused,
    RefundChanged,
    SessionLink,
    Tied,
    Unknown,
    payments_of,
)
from supporters.payments.models import InboxEvent, PaymentOwner
from supporters.payments.news import News, Outcome, file_all, read
from supporters.payments.owners import Owned
from supporters.receipts import issue
from supporters.settings import Settings

PULL_JOB = "balance.pull"
PULL_AFTER = timedelta(seconds=2)  # a burst of payments asks for one pull
PAGE_OVER_FOR = timedelta(minutes=5)  # Stripe tells of the end itself; after that we ask
ASKED_FOR = timedelta(days=7)
BANK_ANSWERS_IN = timedelta(hours=1)
BANK_ASKED_FOR = timedelta(days=30)

log = structlog.stdlib.get_logger("events")


class Context:
    """What facts are applied with. Also the house's side of the sweep: see `payments.sweep.Books`."""

    def __init__(self, settings: Settings, clock: Clock, ids: Ids, limits: Limits) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = ids
        self.limits = limits

    async def apply_link(self, session: AsyncSession, payment_intent_id: str, link: SessionLink | None) -> None:
        """What Stripe says about whose a payment is, is stored, and what waited for it is due."""
        books = Books(session, self, self.clock.now())
        await books.hold([payment_intent_id, *payments_of(link.facts if link else [])])
        await books.tie(payment_intent_id, link.session_id if link else None)
        if link:
            await books.apply_all(_looked_up(link.facts), cause=link.session_id)
        await books.close()

    async def apply_facts(self, session: AsyncSession, facts: Sequence[Fact], *, cause: str) -> None:
        """What a look-up found is applied as if an event had said it."""
        books = Books(session, self, self.clock.now())
        await books.hold(payments_of(facts))
        await books.apply_all(_looked_up(facts), cause=cause)
        await books.close()

    async def stuck_sessions(self, session: AsyncSession, *, limit: int) -> Sequence[str]:
        """Payment pages of ours of whose end nobody has told us, the oldest first, then payments that banks sit on."""
        now = self.clock.now()
        wanted = (
            select(Checkout.stripe_session_id)
            .where(Checkout.is_over.is_(False), Checkout.stripe_session_id.is_not(None))
            .where(Checkout.expires_at.between(now - ASKED_FOR, now - PAGE_OVER_FOR))
            .order_by(Checkout.expires_at)
            .limit(limit)
        )
        stuck = [found for found in (await session.scalars(wanted)).all() if found]
        return [*stuck, *await self._at_banks(session, now, limit=limit - len(stuck))]

    async def _at_banks(self, session: AsyncSession, now: datetime, *, limit: int) -> list[str]:
        """Which of many are asked about is left to chance: banks may take days, and none must wait behind the others."""
        wanted = (
            select(Checkout.stripe_session_id)
            .join(Donation, (Donation.id == Checkout.donation_id) & (Donation.revision == Checkout.revision))
            .where(Donation.state == DonationState.PROCESSING, Checkout.stripe_session_id.is_not(None))
            .where(Checkout.is_over, Donation.created_at >= now - BANK_ASKED_FOR)
            .where(Donation.updated_at <= now - BANK_ANSWERS_IN)
            .order_by(func.random())
            .limit(limit)
        )
        return [found for found in (await session.scalars(wanted)).all() if found]


async def apply_batch(db: Database, context: Context, *, limit: int = 100) -> int:
    """Up to `limit` due events are applied in one transaction; returns how many were looked at.

    All are tried together first. When that fails, each gets a savepoint of its own, so that the one at fault waits for
    its next try, or is parked after eight, and the others go on. Raises DatabaseBusy.
    """
    try:
        return await _apply(db, context, limit=limit, is_careful=False)
    except DatabaseBusy:
        raise
    except Exception as error:  # whose fault it is shows in the second run
        log.warning("batch_failed", error=type(error).__name__)
        return await _apply(db, context, limit=limit, is_careful=True)


async def _apply(db: Database, context: Context, *, limit: int, is_careful: bool) -> int:
    async with db.unit_of_work() as session:
        now = context.clock.now()
        rows = await inbox.take_batch(session, limit=limit, now=now)
        if not rows:
            return 0
        books = Books(session, context, now)
        news = sorted((read(row) for row in rows), key=lambda one: not one.ties)
        await books.hold(payments_of([fact for one in news for fact in one.facts]))
        outcomes: list[tuple[News, Outcome]] = []
        for one in news:
            outcome = await (books.apply_carefully(one) if is_careful else books.apply_news(one))
            outcomes.append((one, outcome))
        await file_all(session, outcomes, now=now)
        await books.close()
    return len(rows)


class Books:
    """One transaction's worth of facts being applied."""

    def __init__(self, session: AsyncSession, context: Context, now: datetime) -> None:
        self._session = session
        self._context = context
        self._ids = context.ids
        self._now = now
        self._owners: dict[str, PaymentOwner] = {}
        self._found: dict[str, Owned] = {}
        self._charges: dict[str, str] = {}
        self._known_charges: dict[str, str] = {}
        self._completed: set[str] = set()
        self._told: list[Message] = []
        self._has_moved = False

    async def hold(self, payment_intent_ids: Sequence[str]) -> None:
        """These payments are on file and nobody else changes whose they are meanwhile."""
        held = await owners.lock_payments(self._session, payment_intent_ids, now=self._now)
        self._owners |= {payment: known.owner for payment, known in held.items()}
        self._known_charges |= {payment: known.charge_id for payment, known in held.items() if known.charge_id}

    async def close(self) -> None:
        """What was found out is stored, what waited for it is due, others are told, and new balance lines are asked for."""
        await self._session.flush()
        await owners.store_owners(self._session, self._found)
        await owners.store_charges(self._session, self._charges)
        await inbox.release_waiting(self._session, sorted({*self._found, *self._completed}), now=self._now)
        await emit_all(self._session, self._told, ids=self._ids, now=self._now)
        if self._has_moved:
            due = self._now + PULL_AFTER
            await enqueue(self._session, PULL_JOB, {}, ids=self._ids, now=self._now, run_at=due, dedupe="timer")

    async def apply_carefully(self, news: News) -> Outcome:
        """As `apply_news`, and what goes wrong goes wrong for this event alone."""
        found, charges, known, told = dict(self._found), dict(self._charges), dict(self._owners), list(self._told)
        try:
            async with self._session.begin_nested():
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

    async def tie(self, payment_intent_id: str, session_id: str | None) -> None:
        """The payment is of the checkout with this session, or of nothing of ours."""
        owned = Owned(PaymentOwner.NOT_OURS)
        if session_id:
            try:
                await collect.tie_payment(self._session, session_id, payment_intent_id)
                owned = Owned(PaymentOwner.OURS, session_id)
            except PaymentMismatch as mismatch:
                await self._tell_mismatch(mismatch, payment_intent_id, None)
                owned = Owned(PaymentOwner.OURS, session_id)
            except NotOurs:
                owned = Owned(PaymentOwner.NOT_OURS, session_id)
        self._own(payment_intent_id, owned)

    async def _apply(self, fact: Fact, *, cause: str) -> Outcome:
        match fact:
            case CheckoutCompleted():
                return await self._complete(fact)
            case CheckoutExpired():
                return await self._expire(fact)
            case PaymentRefused() | PaymentProcessing() | ChargeSeen() | RefundChanged():
                return await self._apply_tied(fact, cause=cause)
            case Unknown():
                return self._whose(fact.payment_intent_id) if fact.payment_intent_id else Outcome.HANDLED
            case BalanceMoved():
                return Outcome.HANDLED

    async def _complete(self, fact: CheckoutCompleted) -> Outcome:
        owned = Owned(PaymentOwner.OURS, fact.session_id)
        outcome = Outcome.HANDLED
        try:
            paid = await collect.collect_paid(self._session, fact, ids=self._ids, now=self._now)
            if paid:
                await issue.issue(self._session, paid, ids=self._ids, now=self._now, settings=self._context.settings)
                self._told.append(paid_message(paid))
        except NotOurs:
            owned, outcome = Owned(PaymentOwner.NOT_OURS, fact.session_id), Outcome.NOT_OURS
        except PaymentMismatch as mismatch:
            await self._tell_mismatch(mismatch, fact.payment_intent_id or fact.session_id, fact)
        if fact.payment_intent_id:
            self._own(fact.payment_intent_id, owned)
            self._completed.add(fact.payment_intent_id)
        return outcome

    async def _expire(self, fact: CheckoutExpired) -> Outcome:
        try:
            await collect.collect_expired(self._session, fact, ids=self._ids, now=self._now)
        except NotOurs:
            return Outcome.NOT_OURS
        return Outcome.HANDLED

    async def _apply_tied(self, fact: Tied, *, cause: str) -> Outcome:
        payment_intent_id = fact.payment_intent_id
        if payment_intent_id is None:  # a refund of a charge that was made without a payment intent
            return Outcome.NOT_OURS
        outcome = self._whose(payment_intent_id)
        if outcome is not Outcome.HANDLED:
            return outcome
        try:
            return await self._apply_ours(fact, cause=cause)
        except NotOurs:  # a mismatched payment: it is ours to explain, but no donation is made of it
            log.info("payment_without_donation", payment_intent_id=payment_intent_id)
        return Outcome.HANDLED

    def _whose(self, payment_intent_id: str) -> Outcome:
        owner = self._owners[payment_intent_id]
        if owner is PaymentOwner.UNKNOWN:
            return Outcome.WAITING
        return Outcome.NOT_OURS if owner is PaymentOwner.NOT_OURS else Outcome.HANDLED

    async def _apply_ours(self, fact: Tied, *, cause: str) -> Outcome:
        session, ids, now = self._session, self._ids, self._now
        match fact:
            case ChargeSeen():
                await self._see_charge(fact)
            case PaymentProcessing():
                await collect.collect_processing(session, fact, ids=ids, now=now)
            case PaymentRefused():
                once = fact.payment_intent_id if fact.code == LATE_REFUSAL else cause
                await collect.collect_refusal(session, fact, cause=once, limits=self._context.limits, ids=ids, now=now)
            case RefundChanged():
                return await self._refund(fact)
        return Outcome.HANDLED

    async def _see_charge(self, fact: ChargeSeen) -> None:
        """Stripe tells of every charge at least twice: the second time needs no look at the donation."""
        known = self._charges.get(fact.payment_intent_id) or self._known_charges.get(fact.payment_intent_id)
        if known == fact.charge_id:
            return
        self._charges[fact.payment_intent_id] = fact.charge_id
        donation_id = await collect.see_charge(self._session, fact, now=self._now)
        if donation_id:
            await issue.tell_card(self._session, donation_id, fact.card_last4)

    async def _refund(self, fact: RefundChanged) -> Outcome:
        settings = self._context.settings
        applied = await apply_refund(self._session, fact, ids=self._ids, now=self._now, settings=settings)
        if applied is None and await self._is_open(fact.payment_intent_id):
            return Outcome.WAITING
        if applied and applied.effect is RefundEffect.CAME_BACK:
            await open_discrepancy(
                self._session,
                code=Code.REFUND_FAILED,
                subject=applied.refund_id,
                ids=self._ids,
                now=self._now,
                donation_id=applied.donation_id,
                amount=Money(fact.amount_minor, fact.currency),
                detail={"failure_reason": fact.failure_reason},
            )
        return Outcome.HANDLED

    async def _is_open(self, payment_intent_id: str | None) -> bool:
        """Whether the payment is known by a look-up at a page of whose end nobody has told us yet."""
        page = select(Checkout.id).where(Checkout.stripe_payment_intent_id == payment_intent_id)
        return await self._session.scalar(page.where(Checkout.is_over.is_(False))) is not None

    async def _tell_mismatch(
        self, mismatch: PaymentMismatch, payment_intent_id: str, fact: CheckoutCompleted | None
    ) -> None:
        """The page is over, so that the sweep stops asking about it; what to do with the money a person says."""
        log.error("payment_mismatch", donation_id=mismatch.donation_id, payment_intent_id=payment_intent_id)
        is_second = "paid_by" in mismatch.detail
        await open_discrepancy(
            self._session,
            code=Code.DUPLICATE_PAYMENT if is_second else Code.PAYMENT_MISMATCH,
            subject=payment_intent_id,
            ids=self._ids,
            now=self._now,
            donation_id=mismatch.donation_id,
            amount=Money(fact.amount_minor, fact.currency) if fact and fact.currency else None,
            detail=mismatch.detail,
        )
        if fact:
            over = update(Checkout).where(Checkout.stripe_session_id == fact.session_id).values(is_over=True)
            await self._session.execute(over.execution_options(synchronize_session=False))

    def _own(self, payment_intent_id: str, owned: Owned) -> None:
        """Once ours, a payment stays ours; what is known already is not written again."""
        known = self._owners[payment_intent_id]
        if known not in (PaymentOwner.OURS, owned.owner):
            self._owners[payment_intent_id] = owned.owner
            self._found[payment_intent_id] = owned

    async def _park(self, row: InboxEvent, *, why: str, subject: str) -> None:
        await inbox.park(self._session, row, why=why)
        await self._tell_parked(row, why=why, subject=subject)

    async def _fail(self, row: InboxEvent, error: Exception) -> None:
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        log.warning("event_failed", event_id=row.stripe_event_id, error=type(error).__name__)
        if await inbox.mark_failed(self._session, row, error=why, now=self._now):
            await self._tell_parked(row, why=why, subject=row.stripe_event_id)

    async def _tell_parked(self, row: InboxEvent, *, why: str, subject: str) -> None:
        log.error("event_parked", event_id=row.stripe_event_id, type=row.type)
        detail = {"event": row.stripe_event_id, "type": row.type, "why": why}
        await open_discrepancy(
            self._session, code=Code.EVENT_PARKED, subject=subject, ids=self._ids, now=self._now, detail=detail
        )


def _looked_up(facts: Sequence[Fact]) -> list[Fact]:
    """A look-up sees only the last refusal and cannot say whether its event was counted: events alone tell of them.

    But for a refusal after the page was completed, which is the end of the payment and comes once.
    """
    return [fact for fact in facts if not isinstance(fact, PaymentRefused) or fact.code == LATE_REFUSAL]
