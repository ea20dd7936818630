"""Money returned: never more than was given, sent once, believed when Stripe says so."""

import asyncio
from datetime import timedelta
from functools import partial

import msgspec
import pytest
from sqlalchemy import select

from giving import House
from supporters.audit.models import AuditEntry
from supporters.discrepancies.models import Discrepancy
from supporters.donations.jobs import Refunding, send_refund
from supporters.donations.models import Refund, RefundReason, RefundState
from supporters.donations.queries import timeline
from supporters.donations.reverse import RefundEffect, apply_refund, refundable, request_refund
from supporters.jobs.models import Job, WorkState
from supporters.jobs.queue import run_due
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.money import Money
from supporters.mail.models import Letter
from supporters.payments.facts import RefundChanged
from supporters.payments.gateway import GatewayRefused

DANA = "01STAFFDANA000000000000000"


async def ask(house: House, donation_id: str, pounds: int) -> str:
    """Dana asks for a refund at the desk."""
    async with house.db.unit_of_work() as session:
        refund = await request_refund(
            session,
            donation_id,
            amount=Money(pounds * 100, "GBP"),
            reason=RefundReason.SUPPORTER_ASKED,
            note_text="Gave twice\u202e by mistake",
            actor_id=DANA,
            ids=house.ids,
            now=house.clock.now(),
        )
        return refund.id


class Refusing:
    """Stripe as it is, but every request for a refund is refused with this status."""

    def __init__(self, house: House, http_status: int) -> None:
        self.house, self.http_status = house, http_status

    async def create_refund(self, *_: object, **__: object) -> RefundChanged:
        raise GatewayRefused("no", code="refused_here", http_status=self.http_status)

    async def list_refunds(self, payment_intent_id: str) -> list[RefundChanged]:
        return await self.house.gateway.list_refunds(payment_intent_id)


async def work(house: House, gateway: Refunding | None = None) -> int:
    """The worker runs what is due."""
    handler = partial(send_refund, gateway=gateway or house.gateway, settings=house.settings)
    return await run_due(house.db, {"refund.send": handler}, clock=house.clock, ids=house.ids)


async def apply(house: House, fact: RefundChanged) -> RefundEffect | None:
    async with house.db.unit_of_work() as session:
        done = await apply_refund(session, fact, ids=house.ids, now=house.clock.now(), settings=house.settings)
    return done.effect if done else None


async def external(house: House, **changes: object) -> RefundChanged:
    """A refund of £10 that was made at Stripe itself."""
    [donation] = await house.donations()
    fact = RefundChanged("re_ext", None, donation.stripe_payment_intent_id, 1000, "GBP", "succeeded", None, None)
    return msgspec.structs.replace(fact, **changes)


async def letters(house: House) -> list[tuple[str, int]]:
    return [(each.kind, each.context["amount_minor"]) for each in await house.rows(Letter) if each.kind == "refund"]


async def test_refund_goes_through_job_to_stripe_and_letter(house: House) -> None:
    paid = await house.donate()
    refund_id = await ask(house, paid.id, 10)
    assert house.world.sandbox.objects("refund") == []

    assert await work(house) == 1

    [at_stripe] = house.world.sandbox.objects("refund")
    assert (at_stripe["amount"], at_stripe["metadata"]) == (1000, {"refund": refund_id})
    [refund] = await house.rows(Refund)
    [donation] = await house.donations()
    assert (refund.state, refund.stripe_refund_id) == (RefundState.SUCCEEDED, at_stripe["id"])
    assert (refund.origin, refund.requested_by, refund.note) == ("desk", DANA, "Gave twice by mistake")
    assert (donation.amount_minor, donation.refunded_minor) == (2500, 1000)
    assert await letters(house) == [("refund", 1000)]
    async with house.db.reading() as session:
        [entry] = await session.scalars(select(AuditEntry))
        kinds = {line.kind for line in await timeline(session, paid.id)}
    assert (entry.action, entry.record_id, entry.actor_id) == ("donation.refund", paid.id, DANA)
    assert kinds == {"started", "paid", "refund_requested", "refund_succeeded"}


async def test_webhook_after_job_changes_nothing_more(house: House) -> None:
    paid = await house.donate()
    refund_id = await ask(house, paid.id, 10)
    await work(house)
    [refund] = await house.rows(Refund)
    fact = await external(house, refund_id=refund.stripe_refund_id, our_refund_id=refund_id)

    effects = [await apply(house, fact) for _ in range(3)]

    assert effects == [RefundEffect.NOTHING] * 3
    assert len(await house.rows(Refund)) == 1
    assert await letters(house) == [("refund", 1000)]
    [donation] = await house.donations()
    assert donation.refunded_minor == 1000


async def test_webhook_before_job_is_the_same_refund(house: House) -> None:
    paid = await house.donate()
    refund_id = await ask(house, paid.id, 10)
    fact = await external(house, refund_id="re_first", our_refund_id=refund_id)

    assert await apply(house, fact) is RefundEffect.RETURNED
    assert await work(house) == 1

    [refund] = await house.rows(Refund)
    assert (refund.id, refund.stripe_refund_id, refund.state) == (refund_id, "re_first", RefundState.SUCCEEDED)
    assert house.world.sandbox.objects("refund") == []


async def test_refunds_never_exceed_what_was_given(house: House) -> None:
    paid = await house.donate()
    await ask(house, paid.id, 15)

    with pytest.raises(Conflict, match="more than is left"):
        await ask(house, paid.id, 11)

    await ask(house, paid.id, 10)
    await work(house)
    with pytest.raises(Conflict):
        await ask(house, paid.id, 1)
    [donation] = await house.donations()
    assert donation.refunded_minor == 2500
    async with house.db.reading() as session:
        assert await refundable(session, paid.id) == Money(0, "GBP")


async def test_two_refunds_at_once_share_what_is_left(house: House) -> None:
    paid = await house.donate()

    results = await asyncio.gather(*(ask(house, paid.id, 20) for _ in range(5)), return_exceptions=True)

    assert len([each for each in results if isinstance(each, str)]) == 1
    assert len([each for each in results if isinstance(each, Conflict)]) == 4


async def test_unpaid_or_unknown_or_other_currency_is_not_refunded(house: House) -> None:
    await house.open_session()
    [unpaid] = await house.donations()
    paid = await house.donate()

    with pytest.raises(Conflict, match="was paid"):
        await ask(house, unpaid.id, 1)
    with pytest.raises(NotFound):
        await ask(house, "01NOSUCHDONATION0000000000", 1)
    with pytest.raises(Conflict):
        await ask(house, paid.id, 0)


async def test_lost_answer_is_asked_again_with_the_same_key(house: House) -> None:
    paid = await house.donate()
    await ask(house, paid.id, 10)
    house.world.sandbox.fail_next("reply_lost", effect="done")

    await work(house)
    [job] = await house.rows(Job)
    assert job.state == WorkState.READY
    house.clock.advance(timedelta(minutes=11))
    await work(house)

    assert len(house.world.sandbox.objects("refund")) == 1
    [donation] = await house.donations()
    assert donation.refunded_minor == 1000


@pytest.mark.parametrize(("effect", "state"), [("done", RefundState.SUCCEEDED), ("none", RefundState.FAILED)])
async def test_key_older_than_23_hours_is_looked_up_never_sent(house: House, effect: str, state: RefundState) -> None:
    paid = await house.donate()
    await ask(house, paid.id, 10)
    house.world.sandbox.fail_next("reply_lost", effect=effect)
    await work(house)
    house.clock.advance(timedelta(hours=24))

    await work(house)

    [refund] = await house.rows(Refund)
    assert refund.state == state
    assert len(house.world.sandbox.objects("refund")) == (1 if effect == "done" else 0)


async def test_refund_that_stripe_refuses_frees_its_money(house: House) -> None:
    paid = await house.donate()
    [donation] = await house.donations()
    await house.gateway.create_refund(
        str(donation.stripe_payment_intent_id), amount_minor=2500, our_refund_id="x", idempotency_key="elsewhere"
    )
    await ask(house, paid.id, 10)

    await work(house)

    [refund] = await house.rows(Refund)
    assert refund.state == RefundState.FAILED
    async with house.db.reading() as session:
        assert await refundable(session, paid.id) == Money(2500, "GBP")
    [told] = await house.rows(Discrepancy)
    assert (told.code, told.subject, told.donation_id) == ("REFUND_NOT_MADE", refund.id, paid.id)
    assert (told.amount_minor, told.currency, told.state) == (1000, "GBP", "open")
    assert told.detail == {"failure_reason": refund.failure_reason}


async def test_refund_that_fails_after_success_takes_the_sum_back(house: House) -> None:
    await house.donate()
    fact = await external(house)
    assert await apply(house, fact) is RefundEffect.RETURNED

    failed = await apply(house, msgspec.structs.replace(fact, status="failed", failure_reason="lost_or_stolen_card"))
    late = await apply(house, fact)

    assert (failed, late) == (RefundEffect.CAME_BACK, RefundEffect.NOTHING)
    [donation] = await house.donations()
    [refund] = await house.rows(Refund)
    assert donation.refunded_minor == 0
    assert (refund.state, refund.origin, refund.failure_reason) == ("failed", "external", "lost_or_stolen_card")


async def test_pending_after_success_changes_nothing(house: House) -> None:
    await house.donate()
    fact = await external(house)
    await apply(house, fact)

    assert await apply(house, msgspec.structs.replace(fact, status="pending")) is RefundEffect.NOTHING

    [donation] = await house.donations()
    assert donation.refunded_minor == 1000


async def test_refund_of_a_stranger_is_not_ours_whatever_its_metadata_says(house: House) -> None:
    paid = await house.donate()
    refund_id = await ask(house, paid.id, 10)

    fact = await external(house, payment_intent_id="pi_of_the_shop", our_refund_id=refund_id)
    assert await apply(house, fact) is None

    [refund] = await house.rows(Refund)
    assert refund.state == RefundState.REQUESTED


async def test_refund_whose_reply_was_lost_is_found_when_the_next_call_is_refused(house: House) -> None:
    paid = await house.donate()
    await ask(house, paid.id, 10)
    house.world.sandbox.fail_next("reply_lost", effect="done")
    await work(house)
    house.clock.advance(timedelta(minutes=11))

    await work(house, Refusing(house, 400))

    [refund] = await house.rows(Refund)
    [at_stripe] = house.world.sandbox.objects("refund")
    assert (refund.state, refund.stripe_refund_id) == (RefundState.SUCCEEDED, at_stripe["id"])
    [donation] = await house.donations()
    assert donation.refunded_minor == 1000
    assert await house.rows(Discrepancy) == []
    async with house.db.reading() as session:
        assert await refundable(session, paid.id) == Money(1500, "GBP")


@pytest.mark.parametrize("http_status", [401, 403])
async def test_refused_key_says_nothing_about_the_refund(house: House, http_status: int) -> None:
    paid = await house.donate()
    await ask(house, paid.id, 10)

    await work(house, Refusing(house, http_status))

    [refund] = await house.rows(Refund)
    [job] = await house.rows(Job)
    assert (refund.state, job.state) == (RefundState.REQUESTED, WorkState.READY)
    house.clock.advance(timedelta(minutes=11))
    await work(house)
    [refund] = await house.rows(Refund)
    assert refund.state == RefundState.SUCCEEDED


@pytest.mark.parametrize(("status", "left"), [("succeeded", 1500), ("pending", 1500), ("failed", 2500)])
async def test_refund_given_up_here_stands_as_stripe_says(house: House, status: str, left: int) -> None:
    paid = await house.donate()
    refund_id = await ask(house, paid.id, 10)
    await work(house, Refusing(house, 400))

    fact = await external(house, our_refund_id=refund_id, status=status)
    await apply(house, fact)
    await apply(house, fact)

    [refund] = await house.rows(Refund)
    assert (refund.state, refund.stripe_refund_id) == (status, "re_ext")
    async with house.db.reading() as session:
        assert await refundable(session, paid.id) == Money(left, "GBP")
    if left == 1500:
        with pytest.raises(Conflict, match="more than is left"):
            await ask(house, paid.id, 20)
