"""Giving monthly and yearly from the donation page, and the one-off that becomes monthly."""

import json
import re
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import func, select

from pages import Page
from supporters.donations.models import Checkout, Donation, MonthlyOffer
from supporters.guard.switches import RECURRING, set_switch
from supporters.people.models import Supporter
from supporters.plans.models import Plan
from supporters.plans.offered import suggest
from supporters.prompts.models import PromptFile
from supporters.publishing import publish_all
from supporters.web.common.promise import rhythm
from whole import Whole, hidden_fields, session_id, words

CODE = re.compile(r"(\d{3} \d{3})")


async def give_by_plan(site: Whole, frequency: str = "monthly", amount: str = "10", **more: str) -> httpx.Response:
    return await site.give(amount=amount, frequency=frequency, **{frequency: "other"}, **more)


async def landed(site: Whole, given: httpx.Response) -> str:
    """The path of the page that the reader lands on after paying."""
    return site.sandbox.session(session_id(given))["success_url"].removeprefix(site.settings.base_url)


async def sign_in(site: Whole, email: str) -> None:
    """The reader's browser is signed in by the code that was mailed."""
    await site.reader.post("/sign-in", data={"email": email})
    await site.worker.drain()
    code = next(found[1] for letter in reversed(site.mailbag.letters) if (found := CODE.search(str(letter["Subject"]))))
    answer = await site.reader.post("/sign-in/check", data={"code": code})
    assert answer.status_code == 303, answer.text


async def press(site: Whole, path: str) -> httpx.Response:
    """The button of a form without fields."""
    return await site.reader.post(path, headers={"content-type": "application/x-www-form-urlencoded"})


async def one_plan(site: Whole) -> Plan:
    async with site.db.reading() as session:
        return (await session.scalars(select(Plan))).one()


async def count(site: Whole, model: type) -> int:
    async with site.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def turn_off(site: Whole, name: str, said: str = "Back on Monday.") -> None:
    async with site.db.unit_of_work() as session:
        await set_switch(session, name, is_off=True, words=said, actor_id=None, now=site.clock.now())
    site.app.state.house.switches.forget()


@pytest.mark.parametrize(
    ("frequency", "start", "said"),
    [
        ("monthly", date(2026, 11, 22), "on the 22nd of each month"),
        ("monthly", date(2026, 11, 1), "on the 1st of each month"),
        ("monthly", date(2026, 1, 29), "on the 29th of each month, or on its last day where it is shorter"),
        ("monthly", date(2026, 11, 30), "on the 30th of each month, or on its last day where it is shorter"),
        ("monthly", date(2026, 12, 31), "on the last day of each month"),
        ("yearly", date(2026, 11, 22), "on 22 November each year"),
        ("yearly", date(2028, 2, 29), "on 29 February each year, or the day before where there is none"),
    ],
)
def test_later_dates_are_said_as_stripe_takes_them(frequency: str, start: date, said: str) -> None:
    assert rhythm(frequency, start, "en_GB") == said


@pytest.mark.parametrize(("given", "offered"), [(2500, 500), (4000, 1000), (500, 300), (100, 300), (100_000, 2000)])
def test_the_offer_is_a_quarter_of_what_was_given_or_the_rung_below(given: int, offered: int) -> None:
    assert suggest(given, (300, 500, 1000, 2000), least=200) == offered


def test_nothing_below_the_smallest_donation_is_offered() -> None:
    assert suggest(2500, (300, 500), least=600) is None


async def test_every_choice_has_its_whole_sentence_and_its_dates(site: Whole) -> None:
    page = Page((await site.reader.get("/give")).text)

    said = {
        (marks["class"], text) for tag, marks, text in page.texts if tag == "span" and "say " in str(marks.get("class"))
    }
    assert ("say say-monthly-3", "Give £10 a month") in said
    assert ("say say-monthly-3", "£10 today, then £10 on the 22nd of each month until you stop.") in said
    assert ("say say-yearly-1", "Give £25 a year") in said
    assert ("say say-yearly-1", "£25 today, then £25 on 22 November each year until you stop.") in said
    assert ("say say-once-2", "Give £10") in said
    assert ("say say-monthly-other", "Give this amount every month") in said
    assert page.chosen() == []


@pytest.mark.parametrize(("frequency", "interval"), [("monthly", "month"), ("yearly", "year")])
async def test_a_promise_is_paid_on_a_page_that_starts_a_plan(site: Whole, frequency: str, interval: str) -> None:
    given = await give_by_plan(site, frequency)
    await site.pay(given)
    await site.settle()

    plan = await one_plan(site)
    assert (plan.state, plan.frequency, plan.amount_minor) == ("active", frequency, 1000)
    assert site.sandbox.session(session_id(given))["mode"] == "subscription"
    (subscription,) = site.sandbox.objects("subscription")
    assert subscription["items"]["data"][0]["price"]["recurring"]["interval"] == interval
    await site.books_hold()


async def test_the_thank_you_page_says_what_was_started_and_when_it_goes_on(site: Whole) -> None:
    given = await give_by_plan(site)
    await site.pay(given)
    await site.settle()

    answer = await site.reader.get(await landed(site, given))

    page = words(answer.text)
    assert "Your £10 a month has started" in page
    assert "The next £10 is taken on 22 December 2026" in page
    assert "Every month" in page
    assert "Did you mean to give once?" in page
    (link,) = [link for link in Page(answer.text).links() if "/giving/" in link]
    assert (await site.reader.get(link)).status_code == 200


async def test_made_one_off_keeps_the_payment_and_takes_no_other(site: Whole) -> None:
    given = await give_by_plan(site)
    await site.pay(given)
    await site.settle()
    path = await landed(site, given)

    first = await press(site, f"{path}/one-off")
    second = await press(site, f"{path}/one-off")
    await site.settle()

    plan = await one_plan(site)
    assert (first.status_code, second.status_code) == (303, 303)
    assert (plan.state, plan.stop_reason) == ("stopped", "undone")
    assert site.sandbox.objects("refund") == []
    (subscription,) = site.sandbox.objects("subscription")
    assert subscription["status"] == "canceled"
    assert "kept as a one-off" in words((await site.reader.get(path)).text)
    await site.books_hold()


async def test_undone_as_a_whole_returns_the_money_after_a_page_that_says_so(site: Whole) -> None:
    given = await give_by_plan(site)
    await site.pay(given)
    await site.settle()
    path = await landed(site, given)

    asked = await site.reader.get(f"{path}/undo")
    assert "Your £10 goes back" in words(asked.text)
    assert (await one_plan(site)).state == "active"
    await press(site, f"{path}/undo")
    await site.settle()
    await site.settle()

    (refund,) = site.sandbox.objects("refund")
    assert refund["amount"] == 1000
    assert (await one_plan(site)).state == "stopped"
    assert "All undone" in words((await site.reader.get(path)).text)
    await site.books_hold()


async def test_after_a_day_nothing_is_undone_from_the_thank_you_page(site: Whole) -> None:
    given = await give_by_plan(site)
    await site.pay(given)
    await site.settle()
    site.clock.advance(timedelta(hours=25))
    path = await landed(site, given)

    page = await site.reader.get(path)
    late = [await press(site, f"{path}/one-off"), await press(site, f"{path}/undo")]
    late.append(await site.reader.get(f"{path}/undo"))

    assert "Did you mean" not in page.text
    assert "/giving/" not in page.text
    assert [answer.status_code for answer in late] == [409, 409, 409]
    assert (await one_plan(site)).state == "active"


async def paid_once(site: Whole) -> str:
    given = await site.give(amount="25")
    await site.pay(given)
    await site.settle()
    return await landed(site, given)


async def test_a_one_off_is_offered_monthly_and_begins_a_month_ahead_with_the_same_card(site: Whole) -> None:
    path = await paid_once(site)
    offered = await site.reader.get(path)
    assert "Give £5 a month from 22 December?" in words(offered.text)
    assert "until 23 November" in words(offered.text)

    await site.reader.post(f"{path}/monthly", data=hidden_fields(offered.text))
    await site.reader.post(f"{path}/monthly", data=hidden_fields(offered.text))
    await site.settle()

    plan = await one_plan(site)
    (subscription,) = site.sandbox.objects("subscription")
    assert (plan.state, plan.amount_minor, plan.stripe_subscription_id) == ("active", 500, subscription["id"])
    assert plan.next_at is not None
    assert plan.next_at.date() == date(2026, 12, 22)
    assert subscription["status"] == "trialing"
    assert subscription["default_payment_method"] == plan.stripe_payment_method_id
    assert await count(site, Donation) == 1
    assert "Your £5 a month is set up" in words((await site.reader.get(path)).text)
    site.clock.advance(timedelta(hours=25))
    await site.worker.tick()
    await site.settle()
    (method,) = site.sandbox.objects("payment_method")
    assert method["customer"], "the plan's card is kept"
    await site.books_hold()


async def test_a_no_forgets_the_card_at_once_and_is_not_asked_again(site: Whole) -> None:
    path = await paid_once(site)

    answer = await press(site, f"{path}/once")
    await site.settle()

    (method,) = site.sandbox.objects("payment_method")
    assert answer.status_code == 303
    assert method["customer"] is None
    assert "a month from" not in (await site.reader.get(path)).text
    late = await site.reader.post(f"{path}/monthly", data={"amount": "5"})
    assert late.status_code == 303
    await site.settle()
    assert await count(site, Plan) == 0


async def test_without_an_answer_the_card_is_forgotten_after_a_day(site: Whole) -> None:
    path = await paid_once(site)
    site.clock.advance(timedelta(hours=24))

    await site.worker.tick()
    await site.settle()

    (method,) = site.sandbox.objects("payment_method")
    assert method["customer"] is None
    assert "a month from" not in (await site.reader.get(path)).text
    assert (await site.reader.post(f"{path}/monthly", data={"amount": "5"})).status_code == 409
    async with site.db.reading() as session:
        assert (await session.scalars(select(Checkout.forget_method_at))).all() == [None]
    assert await count(site, MonthlyOffer) == 0


@pytest.mark.parametrize("amount", ["0.50", "99999", "-5", "ten", "", "5' OR 1"])
async def test_an_offer_with_another_amount_than_can_be_given_begins_nothing(site: Whole, amount: str) -> None:
    path = await paid_once(site)

    answer = await site.reader.post(f"{path}/monthly", data={"amount": amount})

    assert answer.status_code == 400
    assert await count(site, MonthlyOffer) == 0


async def test_addresses_of_nobody_answer_with_a_page(site: Whole) -> None:
    for way in ("monthly", "once", "one-off", "undo"):
        assert (await press(site, f"/thanks/forged/{way}")).status_code == 404


async def test_a_one_off_of_somebody_with_a_plan_makes_no_second_person(site: Whole) -> None:
    await site.pay(await give_by_plan(site, email="Ada@example.org"))
    await site.settle()

    await site.pay(await site.give(email="ada@EXAMPLE.org"))
    await site.settle()

    assert await count(site, Supporter) == 1
    async with site.db.reading() as session:
        assert len(set((await session.scalars(select(Donation.supporter_id))).all())) == 1


async def test_recurring_switched_off_is_not_offered_and_its_words_are_shown(site: Whole) -> None:
    await turn_off(site, RECURRING)

    page = await site.reader.get("/give", params={"frequency": "monthly", "amount": "10"})
    refused = await give_by_plan(site)

    assert "Back on Monday." in page.text
    assert "not possible at the moment" in page.text
    assert hidden_fields(page.text)["frequency"] == "once"
    assert refused.status_code == 422
    assert await count(site, Donation) == 0


async def test_recurring_switched_off_between_page_and_button_charges_nothing(site: Whole) -> None:
    house = site.app.state.house
    await house.switches.get(RECURRING)
    async with site.db.unit_of_work() as session:
        await set_switch(session, RECURRING, is_off=True, words="Back on Monday.", actor_id=None, now=site.clock.now())

    answer = await give_by_plan(site)

    assert answer.status_code == 409
    assert "Back on Monday. You can give once. No money has been taken." in words(answer.text)
    assert site.sandbox.objects("checkout.session") == []


async def test_a_method_switched_off_is_on_no_new_payment_page(site: Whole) -> None:
    await turn_off(site, "card", "No cards today.")

    page = await site.reader.get("/give")
    given = await site.give()

    assert "No cards today." in page.text
    assert "payment by card" not in page.text
    assert given.status_code == 303
    async with site.db.reading() as session:
        assert (await session.scalars(select(Checkout.excluded_methods))).all() == ["card"]


async def test_a_signed_in_supporter_with_a_plan_is_asked_before_a_second_one(site: Whole) -> None:
    await site.pay(await give_by_plan(site, email="ada.brook@example.org"))
    await site.settle()
    await sign_in(site, "ada.brook@example.org")

    asked = await give_by_plan(site, amount="4", email="ada.brook@example.org")
    second = await site.reader.post("/give", data=Page(asked.text).sent())

    plan = await one_plan(site)
    assert asked.status_code == 200
    assert f"/me/giving/{plan.id}/amount" in Page(asked.text).links()
    assert "£10 a month, since 22 November 2026" in words(asked.text)
    assert "Start a second one of £4 a month" in words(asked.text)
    assert second.status_code == 303


async def test_nobody_who_only_types_an_address_is_asked(site: Whole) -> None:
    await site.pay(await give_by_plan(site, email="ada.brook@example.org"))
    await site.settle()

    typed = await give_by_plan(site, amount="4", email="ada.brook@example.org")

    assert typed.status_code == 303


async def test_the_desk_turns_recurring_and_each_method_but_never_the_last(site: Whole) -> None:
    desk = await site.staff("finance")
    seal = hidden_fields((await desk.get("/desk/switches")).text)["seal"]

    async def turn(name: str) -> httpx.Response:
        return await desk.post(f"/desk/switches/{name}", data={"seal": seal, "turn": "off", "words": f"No {name}."})

    answers = [(await turn(name)).status_code for name in ("recurring", "card", "bacs_debit", "sepa_debit")]
    page = words((await desk.get("/desk/switches")).text)

    assert answers == [303, 303, 303, 422]
    assert "No recurring." in page
    assert "Turn giving off instead." in words((await turn("sepa_debit")).text)
    assert "No recurring." in words((await site.reader.get("/give")).text)
    await desk.aclose()


async def test_article_pages_stop_offering_what_is_switched_off_within_a_minute(site: Whole) -> None:
    async def offered() -> list[str]:
        async with site.db.unit_of_work() as session:
            await publish_all(session, settings=site.settings, ids=site.ids, now=site.clock.now())
            newest = select(PromptFile.json).order_by(PromptFile.version.desc()).limit(1)
            return json.loads(await session.scalar(newest) or b"")["frequencies"]

    before = await offered()
    await turn_off(site, RECURRING)

    assert before == ["monthly", "yearly", "once"]
    assert await offered() == ["once"]
