"""What staff do by hand: a gift straight from a bank line, a promise for somebody, money that goes back to its giver."""

import dataclasses
import re
from asyncio import gather
from datetime import timedelta

import httpx
from other_pages import PATH, all_of, arrive, count, one, open_account, send, write_down
from sqlalchemy import insert, select

from arrivals import bank_line_row, found_bank
from supporters.app import build_house
from supporters.audit.models import AuditEntry
from supporters.bank.models import BankLine
from supporters.donations.models import Donation
from supporters.donations.other_models import OtherPayment, OtherRefund, Promise
from supporters.jobs.queue import enqueue
from supporters.people.actions import NOBODY_ID
from supporters.plans.models import Plan
from supporters.receipts.models import Receipt
from supporters.reconciliation.match_jobs import LEARN_RULES
from supporters.reconciliation.models import MatchRule
from whole import Whole, hidden_fields, words


async def test_credit_from_nobody_known_is_written_down_as_a_gift_and_taken_back_in_one_act_each(site: Whole) -> None:
    desk = await site.staff()
    await arrive(site, amount_minor=2_500, text="THANK YOU", counterparty="M RIVERA", counterparty_hash="payer")
    line = await one(site, BankLine)
    here = f"/desk/match/{line.id}"
    form = {"appeal": "general", "note": "by phone", "name": "Maya Rivera", "email": "maya@reader.example"}

    asked = [await send(desk, f"{here}/gift", **form | wrong) for wrong in ({}, {"whose": "new", "name": " "})]
    both = await gather(*(send(desk, f"{here}/gift", **form, whose="new") for _same_time in range(2)))
    made, again = sorted(both, key=lambda answer: answer.status_code)

    assert ([each.status_code for each in asked], made.status_code, again.status_code) == ([422, 422], 303, 409)
    donation = await one(site, Donation)
    assert (donation.email, donation.paid_at.date()) == ("maya@reader.example", line.booked_on)
    await site.settle()
    assert ["R-2026-0001" in str(letter) for letter in site.mailbag.letters] == [True]
    assert (await one(site, OtherPayment)).state == "cleared"
    listed = await desk.get(made.headers["location"])
    assert "Take the gift back" in words(listed.text)
    history = words((await desk.get("/desk/match/history")).text)
    assert ("Written down as a gift" in history, f"Payment {donation.reference}" in history) == (True, True)
    await site.books_hold(against_stripe=False)
    undone = await send(desk, f"{here}/undo", view="")
    assert undone.status_code == 303
    assert ((await one(site, OtherPayment)).state, (await one(site, BankLine)).state) == ("void", "open")
    assert (await one(site, Receipt)).voided_at is not None
    nobody = await send(desk, f"{here}/gift", appeal="general", whose="nobody")
    assert nobody.status_code == 303
    known = [(each.name, each.supporter_id == NOBODY_ID) for each in await all_of(site, Donation)]
    assert known == [("Maya Rivera", False), ("Anonymous", True)]
    await site.books_hold(against_stripe=False)


async def test_giver_of_a_credit_is_found_on_file(site: Whole) -> None:
    desk = await site.staff()
    await write_down(desk)
    await arrive(site, amount_minor=700, text="GIFT")
    line = await one(site, BankLine)

    page = await desk.get(f"/desk/match/{line.id}/gift?who=kane+ros")

    found = re.search(r'name="whose" value="(\w{26})"', page.text)
    assert found
    made = await send(desk, f"/desk/match/{line.id}/gift", whose=found[1], appeal="general")
    assert made.status_code == 303
    assert {(each.supporter_id, each.email) for each in await all_of(site, Donation)} == {
        (found[1], "rosa@reader.example")
    }


async def test_staff_take_a_promise_down_for_somebody_on_file_and_the_letter_brings_the_account(site: Whole) -> None:
    desk = await site.staff()
    assert "no account for readers" in words((await desk.get(f"{PATH}/promise")).text)
    await open_account(site)
    await write_down(desk)
    giver = (await one(site, Donation)).supporter_id
    await site.settle()
    site.mailbag.letters.clear()
    page = await desk.get(f"{PATH}/promise?supporter={giver}")
    form = hidden_fields(page.text) | {"whose": giver, "amount": "15", "frequency": "monthly", "appeal": "general"}

    wrong = [
        await desk.post(f"{PATH}/promise", data=form | each)
        for each in ({"amount": "1.5.5"}, {"frequency": "weekly"}, {"whose": "0" * 26}, {"attempt": "x"})
    ]
    made, again = await gather(*(desk.post(f"{PATH}/promise", data=form) for _same_time in range(2)))

    assert [each.status_code for each in wrong] == [422] * 4
    assert (made.status_code, made.headers["location"]) == (303, again.headers["location"])
    found = await one(site, Promise)
    assert (found.supporter_id, found.email, found.frequency) == (giver, "rosa@reader.example", "monthly")
    await site.settle()
    letters = [str(each) for each in site.mailbag.letters]
    assert [found.reference in each and "12345678" in each and "You told us" in each for each in letters] == [True]
    assert found.reference in words((await desk.get(made.headers["location"])).text)
    async with site.db.reading() as session:
        assert "promise.make" in set(await session.scalars(select(AuditEntry.action)))


async def test_cash_that_was_paid_back_is_a_refund_on_every_page_and_the_bank_line_is_matched_with_it(
    site: Whole,
) -> None:
    desk = await site.staff()
    await arrive(site, amount_minor=4_000, text="THANKS", counterparty="R KANE")
    line = await one(site, BankLine)
    who = {"whose": "new", "name": "Rosa Kane", "email": "rosa@reader.example", "appeal": "general"}
    await send(desk, f"/desk/match/{line.id}/gift", **who)
    payment = await one(site, OtherPayment)
    await site.settle()
    site.mailbag.letters.clear()
    here = f"{PATH}/{payment.id}"
    day = site.clock.now().date().isoformat()
    form = {"back_amount": "15", "way": "transfer", "paid_on": day, "reason": "supporter_asked", "left": "4000"}

    wrong = [
        await send(desk, f"{here}/back", **form | each)
        for each in (
            {"back_amount": "40.01"}, {"back_amount": "x"}, {"way": "barter"}, {"paid_on": "2099-01-01"},
            {"paid_on": "2001-01-01"}, {"reason": ""},
        )
    ]  # fmt: skip
    both = await gather(*(send(desk, f"{here}/back", **form) for _same_time in range(2)))
    made, again = sorted(both, key=lambda answer: answer.status_code)

    assert [each.status_code for each in wrong] == [422] * 6
    assert (made.status_code, again.status_code) == (303, 409)
    assert (await one(site, Donation)).refunded_minor == 1_500
    undone = await send(desk, f"/desk/match/{line.id}/undo", view="")
    assert undone.status_code == 409  # what was given back was here
    await site.settle()
    assert ["your bank account" in str(each) for each in site.mailbag.letters] == [True]
    await site.books_hold(against_stripe=False)
    refund = await one(site, OtherRefund)
    async with site.db.unit_of_work() as session:
        today = site.clock.now().date()
        debit = bank_line_row(2, amount_minor=-1_500, booked_on=today, counterparty="ROSA KANE", text="REFUND")
        await session.execute(insert(BankLine), [debit])
    taken = await send(desk, f"/desk/match/{debit['id']}/match", key=f"other_refund:{refund.id}", view="")
    assert (taken.status_code, (await one(site, OtherRefund)).state) == (303, "cleared")
    assert (await send(desk, f"{PATH}/refunds/{refund.id}/void")).status_code == 409
    await send(desk, f"/desk/match/{debit['id']}/undo", view="")
    assert "Bank transfer" in words((await desk.get(here)).text)
    assert "£15.00" in (await desk.get(f"/desk/donations/{payment.donation_id}")).text
    await two_pay_back(site, desk, here, form | {"back_amount": "6", "left": "2500"})
    voided = await send(desk, f"{PATH}/refunds/{refund.id}/void")
    assert (voided.status_code, (await one(site, Donation)).refunded_minor) == (303, 600)
    await site.books_hold(against_stripe=False)


async def two_pay_back(site: Whole, first: httpx.AsyncClient, here: str, form: dict[str, str]) -> None:
    """What comes to more than the limit together with what went back before takes two, or a reason."""
    site.tools.settings = dataclasses.replace(site.settings, second_person_above_minor=2_000)
    site.app.state.house = build_house(site.tools)
    silent = await send(first, f"{here}/back", **form)
    second = await site.staff("finance")
    asked, again = [await send(each, f"{here}/back", **form) for each in (first, second)]
    own = await send(first, f"{here}/back/agree")
    shown = await second.get(here)
    today = words((await second.get("/desk")).text)
    agreed = await send(second, f"{here}/back/agree", asked=hidden_fields(shown.text)["asked"])

    assert [each.status_code for each in (silent, asked, again, own, agreed)] == [422, 303, 422, 422, 303]
    assert "why you decide this alone" in words(silent.text)
    assert "Waits for Finance" in words(shown.text)
    assert "A colleague asks to pay money back" in today
    refunds = await all_of(site, OtherRefund)
    assert [(each.amount_minor, each.agreed_by is None) for each in refunds] == [(1_500, True), (600, False)]
    assert "Agreed: Finance" in words((await first.get(here)).text)
    await second.aclose()


async def test_learned_standing_order_is_looked_at_switched_on_for_somebody_and_taken_back_on_its_page(
    site: Whole,
) -> None:
    desk = await site.staff()
    today = site.clock.now().date()
    async with site.db.unit_of_work() as session:
        await found_bank(session)
        said = {"counterparty": "P LARKHAM", "counterparty_hash": "payer", "amount_minor": 1_000, "text": "THE LAMP"}
        days = [today - timedelta(days=30 * months) for months in (3, 2, 1, 0)]
        rows = [bank_line_row(number, booked_on=day, **said) for number, day in enumerate(days, 1)]
        await session.execute(insert(BankLine), rows)
        await enqueue(session, LEARN_RULES, {}, ids=site.ids, now=site.clock.now())
    await site.settle()
    rule = await one(site, MatchRule)
    here = f"/desk/match/rules/{rule.id}"
    form = {
        "whose": "new",
        "name": "Pat Larkham",
        "email": "pat@reader.example",
        "appeal": "general",
        "receipts": "each",
    }

    listed = words((await desk.get("/desk/match/rules")).text)
    unseen = await send(desk, f"{here}/standing", **form)
    await send(desk, f"{here}/test")
    page = words((await desk.get(f"{here}?who=nobody")).text)
    wrong = [
        await send(desk, f"{here}/standing", **form | each)
        for each in ({"whose": ""}, {"receipts": "weekly"}, {"appeal": "x"}, {"name": "\u200b"}, {"email": "pat"})
    ]
    both = await gather(*(send(desk, f"{here}/standing", **form) for _same_time in range(2)))
    await site.settle()

    assert "£10.00 : The same amount every month from this payer" in listed
    assert "4 open lines become donations of the plan at once" in page
    assert [each.status_code for each in (unseen, *wrong)] == [422] * 6
    assert sorted(each.status_code for each in both) == [303, 409]
    assert (await count(site, Donation), await count(site, Receipt), len(site.mailbag.letters)) == (4, 4, 4)
    assert "Pat Larkham" in words((await desk.get(here)).text)
    assert (await desk.get(f"/desk/plans/{(await one(site, Plan)).id}")).status_code == 200
    await site.books_hold(against_stripe=False)
    taken = await send(desk, f"{here}/take-back")
    await site.settle()
    assert taken.status_code == 303
    assert {each.state for each in await all_of(site, OtherPayment)} == {"void"}
    assert (await send(desk, f"{here}/off")).status_code == 409
    await site.books_hold(against_stripe=False)
