"""Pages at Stripe for another card: not without end, and not waited for for ever."""

from datetime import timedelta

from changing.conftest import Giver
from supporters.jobs.queue import enqueue
from supporters.plans.cards import KEEP_LEFT, MOST_PAGES, PAGE_LIVES, give_up_left_pages
from supporters.plans.history import note
from supporters.plans.models import ChangeState, Plan, PlanChange, PlanState
from supporters.plans.tend import TEND
from whole import words


async def tidy(giver: Giver) -> int:
    async with giver.site.db.unit_of_work() as session:
        return await give_up_left_pages(session, now=giver.site.clock.now())


async def test_eleventh_page_of_a_day_is_not_opened_and_the_next_day_it_is(giver: Giver) -> None:
    opened = [(await giver.send("/payment")).status_code for _ in range(MOST_PAGES)]

    refused = await giver.send("/payment")
    giver.site.clock.advance(timedelta(days=1, minutes=1))
    again = await giver.send("/payment")

    assert set(opened) == {303}
    assert refused.status_code == 409
    assert "opened very often today. Try again tomorrow" in words(refused.text)
    assert again.status_code == 303


async def test_page_that_was_left_is_given_up_by_the_timer_and_forgotten_after_a_month(giver: Giver) -> None:
    site = giver.site
    await giver.send("/payment")
    site.clock.advance(PAGE_LIVES - timedelta(minutes=1))
    before = await tidy(giver)
    site.clock.advance(timedelta(minutes=2))

    async with site.db.unit_of_work() as session:
        await enqueue(session, TEND, {}, ids=site.ids, now=site.clock.now())
    await site.worker.drain()

    change = await giver.last_change()
    assert before == 0
    assert (change.state, change.failure) == (ChangeState.FAILED, "page_left")
    assert "left before a card or account was given" in words((await giver.get(f"/change/{change.id}")).text)
    site.clock.advance(KEEP_LEFT)
    await tidy(giver)
    assert await giver.rows(PlanChange) == []


async def test_card_that_we_hear_of_after_its_page_was_given_up_counts(giver: Giver) -> None:
    opened = await giver.send("/payment")
    async with giver.site.db.unit_of_work() as session:
        await give_up_left_pages(session, now=giver.site.clock.now() + PAGE_LIVES + timedelta(hours=1))
    given_up = (await giver.last_change()).state
    await giver.site.pay(opened)

    await giver.site.settle()

    assert given_up == ChangeState.FAILED
    assert (await giver.last_change()).state == ChangeState.DONE
    assert "changed_method" in await giver.history()


async def test_card_that_waits_for_its_turn_is_not_given_up(giver: Giver) -> None:
    opened = await giver.send("/payment")
    await giver.send("/amount", amount="5")
    giver.site.sandbox.fail_next("500", count=40, path="/v1/subscriptions")
    await giver.site.pay(opened)
    await giver.site.settle()
    waiting = {row.kind: row.state for row in await giver.rows(PlanChange)}
    giver.site.clock.advance(PAGE_LIVES + timedelta(hours=1))

    assert await tidy(giver) == 0
    assert waiting == {"method": ChangeState.WAITING, "amount": ChangeState.REQUESTED}


async def test_page_says_what_is_owed_in_all_and_in_which_order_it_is_taken(giver: Giver) -> None:
    site = giver.site
    async with site.db.unit_of_work() as session:
        for number, minor in enumerate((1000, 1250)):
            told = {"tries": 1, "bill": f"in_{number}", "amount_minor": minor, "currency": "GBP"}
            at = site.clock.now() + timedelta(days=number)
            cause = f"in_{number}:1"
            await note(session, giver.plan_id, "failed", cause=cause, ids=site.ids, now=at, detail=told)
        plan = await session.get_one(Plan, giver.plan_id)
        plan.state, plan.failed_invoice_id = PlanState.FAILING, "in_0"

    tried, card = words((await giver.get("/try")).text), words((await giver.get("/payment")).text)

    assert "Try £22.50 again now?" in tried
    assert "These are 2 payments. They are taken one by one, the oldest first." in tried
    assert "The £22.50 that could not be taken is then taken from it at once." in card
