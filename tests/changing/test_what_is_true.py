"""A plan's pages say what is true now: what a bank is asked for, what is owed, why it is held, when money is next taken."""

import re
from datetime import UTC, datetime

import pytest

from changing.conftest import Giver
from changing.test_when_things_go_wrong import give_card
from supporters.donations.links import Links
from supporters.mail.models import Letter
from supporters.plans.dates import answered_by
from supporters.plans.models import Actor, ChangeKind, Plan
from supporters.plans.possible import Hindrance, why_not, words_of
from supporters.sandbox.acts import ACTIONS
from whole import Whole, hidden_fields, words

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_debit_that_is_at_the_bank_is_shown_until_the_bank_has_answered(site: Whole) -> None:
    giver = await Giver(site).begin("debit")
    await giver.pass_time(days=8)
    before = await giver.letters()
    await giver.pass_time(days=22, hours=3)
    written = await giver.letters()

    asked = words((await giver.get()).text)
    staff = await site.staff("admin")
    desk, board = await staff.get(f"/desk/plans/{giver.plan_id}"), await staff.get("/desk/plans")
    await giver.pass_time(days=8)
    answered = words((await giver.get()).text)

    assert written == before
    assert "At the bank: £10, asked for on 22 December. We shall know by 31 December" in asked
    assert "£10 is at the bank since 22 Dec" in words(desk.text)
    assert "at the bank" in words(board.text)
    assert "At the bank" not in answered
    assert "£20.00 in 2 payments" in answered


async def test_debit_that_failed_is_at_the_bank_again_when_stripe_tries_once_more(site: Whole) -> None:
    giver = await Giver(site).begin("debit")
    await giver.pass_time(days=8)
    await give_card(giver, "bacsDebit_insufficientFundsDelayed")
    await giver.pass_time(days=22, hours=3)
    await giver.pass_time(days=4, hours=2)
    failed, due = words((await giver.get()).text), (await giver.plan()).next_try_at
    assert due

    site.clock.set(due)
    await giver.pass_time(minutes=5)
    tried = words((await giver.get()).text)

    assert "there was not enough in the account" in failed
    assert "At the bank" not in failed
    assert "At the bank: £10" in tried
    assert "there was not enough in the account" not in tried
    assert (await giver.history()).count("at_bank") == 3  # with the first payment


async def test_paused_plan_names_the_day_on_which_money_is_next_taken(giver: Giver) -> None:
    await giver.change("/pause", months="2")

    page, letter = words((await giver.get()).text), await giver.rows(Letter)

    assert "Next payment 22 February 2027" in page
    assert "Nothing is taken before Monday 22 February" in str(letter[-1].context)


async def test_held_plan_says_why_and_only_staff_may_let_it_go_on(giver: Giver, site: Whole) -> None:
    shape, act = ACTIONS["dispute"]
    await act(site.sandbox, shape(charge=str(site.sandbox.objects("charge")[-1]["id"])))
    await giver.pass_time(minutes=1)

    page = (await giver.get()).text
    asked, forced = (
        await giver.get("/pause"),
        await giver.post("/go-on", **hidden_fields((await giver.get("/stop")).text)),
    )
    async with site.db.unit_of_work() as session:
        plan = await session.get_one(Plan, giver.plan_id)
        for_staff = why_not(plan, ChangeKind.GO_ON, now=site.clock.now(), is_held=True, actor=Actor.STAFF)

    assert "Your bank is looking at a payment" in words(page)
    assert "None until your bank has decided" in words(page)
    assert f"{giver.base}/pause" not in page
    assert "Until it has decided, nothing is taken" in words(asked.text)
    assert forced.status_code == 409
    assert for_staff is None


async def test_what_had_failed_is_named_by_its_own_amount_and_told_as_taken(giver: Giver, site: Whole) -> None:
    shape, act = ACTIONS["decline-next"]
    await act(site.sandbox, shape(code="insufficient_funds"))
    await giver.pass_time(days=30, hours=3)
    async with site.db.unit_of_work() as session:
        (await session.get_one(Plan, giver.plan_id)).amount_minor = 1500

    failing = words((await giver.get()).text)
    opened = await giver.send("/payment")
    await site.pay(opened)
    await site.settle()
    done = await giver.get(f"/change/{(await giver.last_change()).id}")

    assert "We could not take £10 on 22 December." in failing
    assert "The £10 that could not be taken before was taken now." in words(done.text)


async def test_undone_gift_is_told_as_returned_and_nothing_is_asked_for(giver: Giver, site: Whole) -> None:
    links = Links(site.settings.secret_key, site.settings.base_url)
    thanks = links.thanks_url((await giver.plan()).first_donation_id)
    sent = await site.reader.post(f"{thanks}/undo", headers=FORM)
    assert sent.status_code == 303, sent.text
    await site.settle()

    said = words((await site.reader.get(thanks)).text)

    assert "Your £10 goes back to you" in said
    assert "should be there by 2 December 2026" in said
    assert "A receipt is on its way" not in said
    assert "Sign up" not in said


@pytest.mark.parametrize("found", Hindrance)
def test_desk_is_told_about_the_supporter_and_not_spoken_to_as_one(found: Hindrance) -> None:
    assert not re.search(r"\b(you|your|we|us)\b", words_of(found, Actor.STAFF), re.IGNORECASE)


def test_bank_has_answered_by_so_many_working_days() -> None:
    friday = datetime(2026, 12, 18, 12, tzinfo=UTC)

    assert answered_by(friday, "bacs_debit") == datetime(2026, 12, 29, 12, tzinfo=UTC)
    assert answered_by(friday, "sepa_debit") == datetime(2027, 1, 7, 12, tzinfo=UTC)
