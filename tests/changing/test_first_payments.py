"""The first payment: at the bank, refused by it, kept or returned; and news of a plan that is older than what it shows."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, select, update

from changing.conftest import Giver
from changing.test_when_things_go_wrong import ask, give_card
from supporters.discrepancies.codes import Code, describe
from supporters.donations.links import Links
from supporters.donations.models import Donation, DonationState, Refund, RefundReason
from supporters.donations.reverse import refundable, request_refund
from supporters.jobs.models import Job, WorkState
from supporters.kit.errors import Conflict
from supporters.kit.money import Money
from supporters.payments.facts import MethodSeen, PlanSeen
from supporters.plans import first as first_payments
from supporters.plans import follow, methods
from supporters.plans.looks import LOOK
from supporters.plans.models import Actor, ChangeKind, Instalment, PlanState
from whole import Whole, hidden_fields, words

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def thanks_page(giver: Giver) -> str:
    """Where the page of the first payment lies."""
    settings, [donation] = giver.site.settings, await giver.rows(Donation)
    return str(Links(settings.secret_key, settings.base_url).thanks_url(donation.id)).removeprefix(settings.base_url)


def letters(giver: Giver) -> list[str]:
    """What every letter says, the newest last."""
    bodies: list[Any] = [each.get_body(("plain",)) for each in giver.site.mailbag.letters]
    return [words(str(body.get_content())) for body in bodies]


async def seen_now(giver: Giver, **other: Any) -> PlanSeen:
    """The subscription as Stripe shows it, with these differences."""
    plan = await giver.plan()
    facts = await giver.site.tools.gateway.plans.plan(plan.stripe_subscription_id or "")
    [seen] = [fact for fact in facts if isinstance(fact, PlanSeen)]
    return msgspec.structs.replace(seen, method=None, **other)


async def hear(giver: Giver, seen: PlanSeen) -> list[Job]:
    """The news is in the books; returns the looks that it asked for."""
    site = giver.site
    async with site.db.unit_of_work() as session:
        await follow.follow(session, seen, ids=site.ids, now=site.clock.now(), settings=site.settings)
        return list(await session.scalars(select(Job).where(Job.kind == LOOK, Job.state == WorkState.READY)))


async def test_stop_while_the_first_debit_is_at_the_bank_names_it_and_its_payment_is_a_task(site: Whole) -> None:
    giver = await Giver(site).begin("debit")

    page = words((await giver.change("/stop")).text)
    letter = letters(giver)[-1]
    await giver.pass_time(days=6)
    await giver.pass_time(hours=1)

    named = "your bank was asked for £10 before, and nobody can call that back. We know by Tuesday 1 December. Until"
    assert named in page
    assert named in letter
    assert "plan_started" not in await giver.letters()
    assert [(task.code, task.amount_minor) for task in await giver.tasks()] == [(Code.TAKEN_AFTER_STOP, 1000)]
    assert "Nothing more is taken. Take the stop back" in words((await site.reader.get(await thanks_page(giver))).text)


async def test_stop_that_is_taken_back_after_the_first_debit_is_told_in_one_letter(site: Whole) -> None:
    giver = await Giver(site).begin("debit")
    done = await giver.change("/stop")
    await giver.pass_time(days=6)
    await giver.pass_time(hours=1)
    before = await giver.letters()

    await giver.post("/go-on", **hidden_fields(done.text))
    await site.settle()
    await giver.pass_time(hours=1)

    assert (await giver.plan()).stops_at is None
    assert (await giver.letters())[len(before) :] == ["plan_changed"]
    assert "plan_started" not in before


async def test_first_debit_that_failed_can_be_paid_with_another_card(site: Whole) -> None:
    giver = await Giver(site).begin("debit-fails")
    await giver.pass_time(days=4)
    await giver.pass_time(minutes=2)
    [refused] = await giver.rows(Donation)

    page = words((await site.reader.get(await thanks_page(giver))).text)
    asked = words((await giver.get("/try")).text)
    opened = await giver.send("/payment")
    await site.pay(opened)
    await site.settle()

    [paid] = await giver.rows(Donation)
    assert "Pay it another way" in page
    assert "Try £10 again now?" in asked
    assert (refused.state, paid.state) == (DonationState.EXPIRED, DonationState.PAID)
    assert (await giver.plan()).state == PlanState.ACTIVE
    assert {"receipt", "plan_started"} <= set(await giver.letters())


async def test_debit_is_made_a_one_off_while_it_is_at_the_bank_and_is_kept_when_it_comes(site: Whole) -> None:
    giver = await Giver(site).begin("debit")
    address = await thanks_page(giver)
    offered = words((await site.reader.get(address)).text)

    asked = await site.reader.post(f"{address}/one-off", headers=FORM)
    await site.settle()
    waiting, letter = words((await site.reader.get(address)).text), letters(giver)[-1]
    [at_bank] = await giver.rows(Donation)
    await giver.pass_time(days=6)
    await giver.pass_time(hours=1)

    [paid] = await giver.rows(Donation)
    assert "Make it one-off" in offered
    assert asked.status_code == 303
    assert "If your bank pays it, we keep it as a one-off. Nothing more is taken." in waiting
    assert "Your bank was asked for £10 before. If it pays, we keep that, and nothing more will be taken." in letter
    assert (at_bank.state, paid.state) == (DonationState.PROCESSING, DonationState.PAID)
    assert (await giver.plan()).state == PlanState.STOPPED
    assert await giver.tasks() == []


async def test_one_off_whose_bank_says_no_was_never_paid(site: Whole) -> None:
    giver = await Giver(site).begin("debit-fails")
    await ask(giver, ChangeKind.ONE_OFF)
    await site.settle()
    [at_bank] = await giver.rows(Donation)

    await giver.pass_time(days=4)
    await giver.pass_time(minutes=2)

    [refused] = await giver.rows(Donation)
    assert (at_bank.state, refused.state) == (DonationState.PROCESSING, DonationState.EXPIRED)


async def test_day_for_undoing_a_debit_begins_when_it_is_paid(site: Whole) -> None:
    giver = await Giver(site).begin("debit")
    await giver.pass_time(days=4, hours=2)
    await giver.pass_time(minutes=1)

    page = words((await site.reader.get(await thanks_page(giver))).text)
    await ask(giver, ChangeKind.UNDO)
    await site.settle()

    assert "Undo all" in page
    assert [refund.amount_minor for refund in await giver.rows(Refund)] == [1000]


async def test_undo_names_what_goes_back_also_where_the_amount_was_changed(giver: Giver) -> None:
    await giver.change("/amount", amount="5")
    address = await thanks_page(giver)

    asks = words((await giver.site.reader.get(f"{address}/undo")).text)
    await ask(giver, ChangeKind.UNDO)
    await giver.site.settle()

    told = letters(giver)
    assert "Undo all and return £10" in asks
    assert any("Your £10 goes back the way it came" in each and "Returned: £10" in each for each in told)
    assert [refund.amount_minor for refund in await giver.rows(Refund)] == [1000]


async def test_undo_after_a_part_was_returned_names_the_rest(giver: Giver) -> None:
    site = giver.site
    [donation] = await giver.rows(Donation)
    async with site.db.unit_of_work() as session:
        await request_refund(
            session,
            donation.id,
            amount=Money(400, "GBP"),
            reason=RefundReason.OTHER,
            note_text=None,
            actor_id=donation.id,
            ids=site.ids,
            now=site.clock.now(),
        )
    await site.settle()

    await ask(giver, ChangeKind.UNDO)
    await site.settle()

    told = letters(giver)
    page = words((await site.reader.get(await thanks_page(giver))).text)
    assert any("Your £6 goes back the way it came" in each for each in told)
    assert "Banks take 5 to 10 days to return your £6." in page
    assert sorted(refund.amount_minor for refund in await giver.rows(Refund)) == [400, 600]


async def test_what_is_left_to_return_is_as_it_is_now_not_as_it_was_read_before(giver: Giver) -> None:
    [donation] = await giver.rows(Donation)
    returned = update(Donation).values(refunded_minor=400).execution_options(synchronize_session=False)

    async with giver.site.db.unit_of_work() as session:
        read_before = await session.get_one(Donation, donation.id)
        await session.execute(returned)
        was = read_before.refunded_minor
        left = await refundable(session, donation.id)

    assert (was, left) == (0, Money(600, "GBP"))


async def test_plan_that_began_after_a_gift_has_no_first_payment_to_undo(giver: Giver) -> None:
    async with giver.site.db.unit_of_work() as session:
        await session.execute(delete(Instalment))

    for kind in (ChangeKind.UNDO, ChangeKind.ONE_OFF):
        for actor in (Actor.STAFF, Actor.SUPPORTER):
            with pytest.raises(Conflict, match="made once"):
                await ask(giver, kind, actor=actor)


async def test_undo_whose_refund_cannot_be_sent_is_a_task(giver: Giver, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_given: Any, **_named: Any) -> None:
        raise Conflict("That is more than is left of this donation. Nothing was refunded.")

    monkeypatch.setattr(first_payments, "request_refund", refuse)

    await ask(giver, ChangeKind.UNDO)
    await giver.site.settle()

    [task] = await giver.tasks()
    assert (task.code, task.amount_minor) == (Code.REFUND_NOT_MADE, 1000)
    assert "nothing was sent back" in describe(Code.REFUND_NOT_MADE)
    assert task.detail["failure_reason"] == "That is more than is left of this donation. Nothing was refunded."


async def test_another_card_is_not_taken_for_one_that_its_network_renews(giver: Giver) -> None:
    site, plan = giver.site, await giver.plan()
    renewed = MethodSeen(
        payment_method_id=plan.stripe_payment_method_id or "",
        customer_id=None,
        kind="card",
        brand="visa",
        last4="1111",
        expires=(2030, 1),
        is_automatic=True,
    )
    async with site.db.unit_of_work() as session:
        await methods.see_method(session, renewed, ids=site.ids, now=site.clock.now())
    before = await giver.plan()

    await give_card(giver, "mastercard")
    await site.settle()

    after = await giver.plan()
    assert (before.is_updated_by_network, after.is_updated_by_network) == (True, False)
    assert (before.method_last4, after.method_last4) == ("1111", "4444")


async def test_card_that_was_changed_at_stripe_is_looked_up(giver: Giver) -> None:
    giver.site.clock.advance(timedelta(minutes=1))

    looks = await hear(giver, await seen_now(giver, payment_method_id="pm_new", occurred_at=giver.site.clock.now()))

    assert len(looks) == 1
    assert (await giver.plan()).stripe_payment_method_id == "pm_new"


async def test_news_from_before_a_stop_was_answered_takes_nothing_back_and_is_looked_up(giver: Giver) -> None:
    site = giver.site
    site.clock.advance(timedelta(minutes=1))
    older = await seen_now(giver, occurred_at=site.clock.now())
    site.clock.advance(timedelta(minutes=1))
    site.sandbox.hold()
    await ask(giver, ChangeKind.STOP)
    await site.worker.drain()
    stopping = await giver.plan()

    looks = await hear(giver, older)

    shown = await giver.plan()
    assert shown.stops_at == stopping.stops_at
    assert shown.stops_at is not None
    assert len(looks) == 1
