"""From a sent form to a payment page: once, whatever readers, browsers and Stripe do."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from giving import House, QuickPages, form
from supporters.donations.forms import AlreadyGiven, GoTo, NotCharged
from supporters.donations.models import Checkout, DonationEvent, DonationState
from supporters.donations.queries import attempt_values
from supporters.guard.switches import set_switch
from supporters.kit.errors import Refused
from supporters.kit.money import Money
from supporters.payments.facts import CreatedCheckout
from supporters.payments.pages import CheckoutRequest


async def test_row_is_written_before_stripe_is_called(house: House) -> None:
    house.world.sandbox.fail_next("reply_lost")

    outcome = await house.give()

    assert isinstance(outcome, NotCharged)
    [donation] = await house.donations()
    assert donation.state == DonationState.STARTED
    assert donation.supporter_id is None
    assert (donation.amount_minor, donation.currency) == (2500, "GBP")


async def test_form_leads_to_payment_page_for_its_amount(house: House) -> None:
    outcome = await house.give()

    [session] = house.sessions
    [donation] = await house.donations()
    assert outcome == GoTo(session["url"])
    assert (session["amount_total"], session["currency"]) == (2500, "gbp")
    assert session["metadata"] == {"donation": donation.id}
    assert session["customer_email"] == "ben.carter@example.org"
    assert session["expires_at"] == int((house.clock.now() + timedelta(minutes=35)).timestamp())


async def test_same_form_again_leads_to_same_page(house: House) -> None:
    attempt = house.ids.ulid()
    first = await house.give(attempt_id=attempt)

    second = await house.give(attempt_id=attempt)

    assert first == second
    assert len(house.sessions) == 1
    assert len(await house.donations()) == 1


async def test_two_pages_are_two_donations(house: House) -> None:
    await house.give()
    await house.give()

    assert len(house.sessions) == 2
    assert len(await house.donations()) == 2


async def test_fifty_identical_forms_at_once_make_one_session(house: House) -> None:
    attempt = house.ids.ulid()

    async def briefly(_seconds: float) -> None:
        await asyncio.sleep(0.01)

    outcomes = await asyncio.gather(*(house.give(attempt_id=attempt, sleep=briefly) for _ in range(50)))

    [session] = house.sessions
    assert set(outcomes) == {GoTo(session["url"])}
    assert len(await house.donations()) == 1
    assert len(await house.rows(Checkout)) == 1


async def test_changed_form_expires_old_page_and_opens_another(house: House) -> None:
    attempt = house.ids.ulid()
    await house.give(form(25), attempt_id=attempt)
    house.clock.advance(timedelta(seconds=20))

    outcome = await house.give(form(10), attempt_id=attempt)

    old, new = house.sessions
    assert (old["status"], new["status"]) == ("expired", "open")
    assert new["amount_total"] == 1000
    assert outcome == GoTo(new["url"])
    [donation] = await house.donations()
    assert (donation.amount_minor, donation.revision) == (1000, 2)
    first, second = await house.rows(Checkout)
    assert (first.is_over, second.is_over) == (True, False)
    assert second.idempotency_key == f"v1:checkout:{donation.id}:2"


async def test_changed_form_after_payment_is_already_given(house: House) -> None:
    attempt = house.ids.ulid()
    session_id = await house.open_session(form(25), attempt_id=attempt)
    await house.world.sandbox.pay(session_id)

    outcome = await house.give(form(10), attempt_id=attempt)

    assert isinstance(outcome, AlreadyGiven)
    [donation] = await house.donations()
    assert donation.amount_minor == 2500
    assert len(house.sessions) == 1


async def test_form_sent_again_after_it_was_paid_charges_nothing(house: House) -> None:
    attempt = house.ids.ulid()
    paid = await house.donate(attempt_id=attempt)

    outcome = await house.give(attempt_id=attempt)

    assert isinstance(outcome, AlreadyGiven)
    assert outcome.donation_id == paid.id
    assert outcome.thanks_url.startswith(f"{house.settings.base_url}/thanks/")
    assert len(house.sessions) == 1


async def test_page_that_ran_out_is_replaced(house: House) -> None:
    attempt = house.ids.ulid()
    await house.give(attempt_id=attempt)
    house.clock.advance(timedelta(minutes=40))

    outcome = await house.give(attempt_id=attempt)

    old, new = house.sessions
    assert (old["status"], outcome) == ("expired", GoTo(new["url"]))
    [donation] = await house.donations()
    assert (donation.state, donation.revision) == (DonationState.STARTED, 2)


@pytest.mark.parametrize("kind", ["reply_lost", "500", "429"])
async def test_stripe_that_fails_charges_nothing_and_attempt_goes_on(house: House, kind: str) -> None:
    attempt = house.ids.ulid()
    house.world.sandbox.fail_next(kind)

    failed = await house.give(attempt_id=attempt)

    assert isinstance(failed, NotCharged)
    assert failed.words.startswith("Your card was not charged")
    again = [await house.give(attempt_id=attempt) for _ in range(3)][-1]
    assert isinstance(again, GoTo)
    assert len(await house.donations()) == 1
    assert len([each for each in house.sessions if each["status"] == "open"]) == 1


async def test_answer_that_was_lost_leads_to_the_page_that_was_made(house: House) -> None:
    attempt = house.ids.ulid()
    house.world.sandbox.fail_next("reply_lost", effect="done")
    await house.give(attempt_id=attempt)

    outcome = await house.give(attempt_id=attempt)

    [session] = house.sessions
    assert outcome == GoTo(session["url"])


async def test_attempt_left_by_a_crash_is_asked_again_with_its_key(house: House) -> None:
    attempt = house.ids.ulid()
    await house.give(attempt_id=attempt)
    [page] = await house.rows(Checkout)
    async with house.db.unit_of_work() as session:
        crashed = await session.merge(page)
        crashed.url, crashed.stripe_session_id = None, None
    house.clock.advance(timedelta(minutes=1))

    outcome = await house.give(attempt_id=attempt)

    [made] = house.sessions
    assert outcome == GoTo(made["url"])
    [page] = await house.rows(Checkout)
    assert (page.calls, page.stripe_session_id) == (2, made["id"])


async def test_key_older_than_its_page_is_never_sent_again(house: House) -> None:
    attempt = house.ids.ulid()
    house.world.sandbox.fail_next("reply_lost", effect="done")
    await house.give(attempt_id=attempt)
    house.clock.advance(timedelta(hours=24))

    outcome = await house.give(attempt_id=attempt)

    first, second = await house.rows(Checkout)
    assert isinstance(outcome, GoTo)
    assert (first.calls, first.is_over, second.revision) == (1, True, 2)


async def test_other_call_that_never_answers_is_made_from_here(house: House) -> None:
    attempt = house.ids.ulid()
    await house.give(attempt_id=attempt)
    [page] = await house.rows(Checkout)
    async with house.db.unit_of_work() as session:
        crashed = await session.merge(page)
        crashed.url, crashed.stripe_session_id = None, None
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    outcome = await house.give(attempt_id=attempt, sleep=nap)

    [session_made] = house.sessions
    assert outcome == GoTo(session_made["url"])
    assert sum(naps) == pytest.approx(8.0)


async def test_switched_off_giving_refuses_with_staffs_words(house: House) -> None:
    async with house.db.unit_of_work() as session:
        words = "We are moving house. Back on Monday."
        await set_switch(session, "giving", is_off=True, words=words, actor_id=None, now=house.clock.now())

    with pytest.raises(Refused, match="moving house"):
        await house.give()

    assert house.sessions == []
    assert await house.donations() == []


async def test_attempt_link_gives_values_back_until_paid(house: House) -> None:
    attempt = house.ids.ulid()
    session_id = await house.open_session(form(7), attempt_id=attempt)

    async with house.db.reading() as session:
        values = await attempt_values(session, attempt)

    assert values is not None
    assert (values.amount, values.email, values.name) == (Money(700, "GBP"), "ben.carter@example.org", "Ben Carter")
    await house.world.sandbox.pay(session_id)
    await house.collect(await house.completed(session_id))
    async with house.db.reading() as session:
        assert await attempt_values(session, attempt) is None


async def test_unknown_appeal_gives_to_the_general_one(house: House) -> None:
    await house.give(form(appeal_slug="no-such-appeal"))

    [donation] = await house.donations()
    [event] = await house.rows(DonationEvent)
    assert donation.appeal_id is not None
    assert (event.kind, event.detail["amount_minor"]) == ("started", 2500)


@dataclass
class SlowPages(QuickPages):
    """The first page takes so long that its answer comes when the test says so."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    expired: list[str] = field(default_factory=list)

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CreatedCheckout:
        made = await super().create_checkout(request, idempotency_key=idempotency_key)
        if made.session_id == "cs_1":
            self.asked.set()
            await self.go.wait()
        return made

    async def expire_session(self, session_id: str) -> bool:
        self.expired.append(session_id)
        return True


async def test_late_answer_for_a_page_that_was_left_leads_to_the_newest(house: House) -> None:
    attempt = house.ids.ulid()
    house.pages = pages = SlowPages(house.clock)
    slow = asyncio.create_task(house.give(form(25), attempt_id=attempt))
    await pages.asked.wait()
    house.clock.advance(timedelta(seconds=30))
    newest = await house.give(form(10), attempt_id=attempt)

    pages.go.set()

    assert await slow == newest == GoTo("https://pay.example/2")
    assert pages.expired == ["cs_1"]
    old, new = await house.rows(Checkout)
    assert (old.url, old.is_over, new.url, new.is_over) == (None, True, "https://pay.example/2", False)
    [donation] = await house.donations()
    assert donation.amount_minor == 1000
