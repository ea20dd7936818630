"""From a checked form to the address of a payment page: two transactions with the call to Stripe between them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

import structlog
from sqlalchemy import select

from supporters.donations import give
from supporters.donations.forms import AlreadyGiven, GiveForm, GoTo, NotCharged, Outcome
from supporters.donations.gate import Gate, Visitor
from supporters.donations.give import Ticket
from supporters.donations.links import Links
from supporters.donations.models import Checkout, Frequency
from supporters.guard.limits import Limits
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments.facts import CreatedCheckout
from supporters.payments.gateway import GatewayRefused, GatewayUnavailable
from supporters.payments.pages import CheckoutRequest
from supporters.settings import Settings

ROUNDS = 4  # how often the attempt may have moved on under us before we give up
POLL = timedelta(milliseconds=100)
INTERVALS: dict[str, str] = {Frequency.ONCE: "", Frequency.MONTHLY: "month", Frequency.YEARLY: "year"}
POLLS = 80  # eight seconds: a reader waits no longer for somebody else's call

Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger("donations")


class PaymentPages(Protocol):
    """What giving needs of Stripe. `payments.gateway.Gateway` is one."""

    @property
    def is_live(self) -> bool: ...

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CreatedCheckout: ...

    async def expire_session(self, session_id: str) -> bool: ...


async def begin_checkout(
    db: Database,
    gateway: PaymentPages,
    form: GiveForm,
    *,
    attempt_id: str,
    visitor: Visitor,
    limits: Limits,
    settings: Settings,
    ids: Ids,
    clock: Clock,
    sleep: Sleep = asyncio.sleep,
) -> Outcome:
    """The reader may go on to one payment page for this attempt, or hears why not.

    *Idempotent by* the attempt id and the form's content: the same form sent again, even at the same moment, leads to the
    same page. Raises Refused (limit or switch), Conflict, DatabaseBusy; in each case nothing was charged.
    """
    door = _Door(db, gateway, settings, Links(settings.secret_key, settings.base_url), clock)
    limits.check_memory(visitor.network, now=clock.now())
    for _round in range(ROUNDS):
        async with db.unit_of_work() as session:
            attempt = await give.start_attempt(
                session,
                form,
                attempt_id=attempt_id,
                visitor=visitor,
                limits=limits,
                locale=settings.locale,
                livemode=gateway.is_live,
                offers_monthly=offers_monthly(settings),
                ids=ids,
                now=clock.now(),
            )
        if isinstance(attempt, give.Replace):
            attempt = await door.replace(attempt, form, gate=Gate(visitor, limits), ids=ids)
        elif isinstance(attempt, give.Wait):
            attempt = await door.wait(attempt, sleep=sleep)
        if attempt is not None:
            return await door.answer(attempt)
    return NotCharged(_not_charged())


class _Door:
    """One request's way to Stripe."""

    def __init__(self, db: Database, gateway: PaymentPages, settings: Settings, links: Links, clock: Clock) -> None:
        self._db = db
        self._gateway = gateway
        self._settings = settings
        self._links = links
        self._clock = clock

    async def answer(self, attempt: give.Attempt | NotCharged) -> Outcome:
        """What the reader is told."""
        match attempt:
            case give.Reuse(url):
                return GoTo(url)
            case give.AlreadyPaid(donation_id):
                return AlreadyGiven(donation_id, self._links.thanks_url(donation_id))
            case give.Call(ticket):
                return await self._call(ticket)
            case NotCharged():
                return attempt
            case give.Wait() | give.Replace():
                raise AssertionError("settled before")

    async def replace(
        self, attempt: give.Replace, form: GiveForm, *, gate: Gate, ids: Ids
    ) -> give.Attempt | NotCharged | None:
        """The old page is closed at Stripe and the attempt goes on; None when it has moved on meanwhile."""
        try:
            is_closed = await self._gateway.expire_session(attempt.stripe_session_id)
        except (GatewayUnavailable, GatewayRefused) as error:
            log.warning("checkout_not_replaced", donation_id=attempt.donation_id, code=error.code)
            return NotCharged(_not_charged())
        if not is_closed:
            return give.AlreadyPaid(attempt.donation_id)
        async with self._db.unit_of_work() as session:
            return await give.go_on(
                session,
                attempt.donation_id,
                form,
                seen_revision=attempt.revision,
                gate=gate,
                offers_monthly=offers_monthly(self._settings),
                ids=ids,
                now=self._clock.now(),
            )

    async def wait(self, attempt: give.Wait, *, sleep: Sleep) -> give.Attempt | NotCharged | None:
        """None once the other request has stored the page; if it never does, the same key is sent from here."""
        for _poll in range(POLLS):
            await sleep(POLL.total_seconds())
            async with self._db.reading() as session:
                wanted = select(Checkout.url, Checkout.failed_at).where(Checkout.id == attempt.ticket.checkout_id)
                url, failed_at = (await session.execute(wanted)).one()
            if url is not None:
                return None
            if failed_at is not None:
                return NotCharged(_not_charged())
        return give.Call(attempt.ticket)

    async def _call(self, ticket: Ticket) -> Outcome:
        try:
            made = await self._gateway.create_checkout(self._request(ticket), idempotency_key=ticket.idempotency_key)
        except (GatewayUnavailable, GatewayRefused) as error:
            log.warning("checkout_not_created", donation_id=ticket.donation_id, code=error.code)
            async with self._db.unit_of_work() as session:
                is_final = isinstance(error, GatewayRefused)
                await give.store_failure(session, ticket.checkout_id, is_final=is_final, now=self._clock.now())
            return NotCharged(_not_charged())
        async with self._db.unit_of_work() as session:
            is_wanted = await give.store_checkout(
                session,
                ticket.checkout_id,
                stripe_session_id=made.session_id,
                url=made.url,
                expires_at=made.expires_at,
            )
        return GoTo(made.url) if is_wanted else await self._too_late(ticket, made.session_id)

    async def _too_late(self, ticket: Ticket, stripe_session_id: str) -> Outcome:
        """The attempt went on while Stripe was slow: its late page is closed, and the reader is sent to the newest."""
        try:
            await self._gateway.expire_session(stripe_session_id)
        except (GatewayUnavailable, GatewayRefused) as error:  # nobody has its address: it runs out by itself
            log.warning("late_checkout_not_closed", donation_id=ticket.donation_id, code=error.code)
        async with self._db.reading() as session:
            current = await give.current_page(session, ticket.donation_id)
        return await self.answer(current or NotCharged(_not_charged()))

    def _request(self, ticket: Ticket) -> CheckoutRequest:
        """Built from the row and the settings only: the same key must always carry the same content."""
        return CheckoutRequest(
            donation_id=ticket.donation_id,
            amount=Money(ticket.amount_minor, ticket.currency),
            product_name=_("Donation to {publisher}").format(publisher=self._settings.publisher_name),
            email=ticket.email,
            success_url=self._links.thanks_url(ticket.donation_id),
            cancel_url=self._links.attempt_url(ticket.attempt_id),
            expires_at=ticket.expires_at,
            locale=self._settings.locale,
            interval=INTERVALS[ticket.frequency],
            saves_method=ticket.terms.saves_method,
            excluded_methods=ticket.terms.excluded_methods,
        )


def offers_monthly(settings: Settings) -> bool:
    """Whether this installation offers monthly after a one-off. The desk's switch may still say no."""
    return settings.offer_monthly and settings.recurring_enabled


def _not_charged() -> str:
    return _(
        "Your card was not charged: the payment page could not be opened just now. "
        "What you filled in is still here. Please try again in a moment."
    )
