"""Other money on pages: a reader's promise from form to receipt, and staff who write down, pay in, bounce and take back."""

import asyncio
from datetime import timedelta

from other_pages import JO, PATH, all_of, arrive, count, one, open_account, promise, send, write_down
from sqlalchemy import insert, select

from arrivals import bank_line_row
from supporters.audit.models import AuditEntry
from supporters.bank.models import BankLine
from supporters.donations.models import Donation
from supporters.donations.other_models import Deposit, GivingAccount, OtherPayment, Promise
from supporters.plans.models import Plan
from supporters.receipts.models import Receipt
from whole import Whole, hidden_fields, words


async def test_promise_goes_from_form_to_letter_to_bank_line_to_receipt_without_anybodys_hand(site: Whole) -> None:
    await open_account(site)

    made = await promise(site)

    assert made.status_code == 303
    page = await site.reader.get(made.headers["location"])
    found = await one(site, Promise)
    assert found.reference in words(page.text)
    assert "12345678" in page.text
    assert "jo@reader.example" not in page.text
    await site.settle()
    assert [found.reference in letter for letter in map(str, site.mailbag.letters)] == [True]
    await arrive(site, amount_minor=4_000, text=f"GIFT {found.reference.replace('-', '')}")
    donation = await one(site, Donation)
    assert (donation.state, donation.amount_minor, donation.email) == ("paid", 4_000, "jo@reader.example")
    assert len(site.mailbag.letters) == 2
    assert "Your transfer has arrived" in words((await site.reader.get(made.headers["location"])).text)
    await site.books_hold(against_stripe=False)

    again = bank_line_row(2, amount_minor=4_000, text=found.reference, booked_on=site.clock.now().date())
    async with site.db.unit_of_work() as session:
        await session.execute(insert(BankLine), [again])
    desk = await site.staff("finance")
    for path in ("/desk/match", f"/desk/match/{again['id']}", f"/desk/match/{again['id']}/gift"):
        page = words((await desk.get(path)).text)
        assert found.reference in page, path
        assert "It was kept already" in page, path
    assert JO["email"] in page


async def test_standing_order_is_a_plan_that_only_the_givers_bank_can_change(site: Whole) -> None:
    await open_account(site)
    await promise(site, frequency="monthly", amount="10")
    found = await one(site, Promise)

    await arrive(site, amount_minor=1_000, text=found.reference)

    plan = await one(site, Plan)
    assert (plan.method, plan.state, plan.amount_minor) == ("standing_order", "active", 1_000)
    desk = await site.staff()
    page = await desk.get(f"/desk/plans/{plan.id}")
    assert page.status_code == 200
    less = bank_line_row(2, amount_minor=700, text="STO", counterparty="J", booked_on=site.clock.now().date())
    async with site.db.unit_of_work() as session:
        await session.execute(insert(BankLine), [less])
    chosen = await send(desk, f"/desk/match/{less['id']}/chosen", p1=f"promise:{found.id}:2")
    assert chosen.status_code == 303  # whatever came is what was given
    await site.settle()
    assert sorted(each.amount_minor for each in await all_of(site, OtherPayment)) == [700, 1_000]
    refused = await send(desk, f"/desk/plans/{plan.id}/stop")
    assert refused.status_code >= 400
    listed = words((await desk.get(PATH)).text)
    assert "Arrives regularly" in listed
    ended = await send(desk, f"{PATH}/promise/{found.id}/end")
    assert ended.status_code == 303
    assert (await one(site, Plan)).state == "stopped"
    site.clock.advance(timedelta(days=40))
    await site.books_hold(against_stripe=False)


async def test_promise_that_cannot_be_comes_back_filled_in(site: Whole) -> None:
    await open_account(site)
    for wrong, said in (
        ({"amount": ""}, "Enter an amount in numbers"),
        ({"amount": "-5"}, "Enter an amount in numbers"),
        ({"amount": "99999999"}, "The largest donation"),
        ({"frequency": "weekly"}, "Choose how often"),
        ({"email": "jo@@reader"}, "Enter an email address"),
        ({"email": "\u202ejo@reader.example"}, "Enter an email address"),
        ({"name": " "}, "Enter your name"),
        ({"name": "x" * 121}, "at most 120 characters"),
    ):
        answer = await promise(site, **wrong)

        assert (answer.status_code, said in words(answer.text)) == (422, True), wrong
    assert await count(site, Promise) == 0


async def test_form_sent_twice_is_one_promise_and_too_many_of_one_mailbox_are_refused(site: Whole) -> None:
    await open_account(site)
    page = await site.reader.get("/other-ways")
    fields = hidden_fields(page.text) | JO

    first, second = [await site.reader.post("/other-ways", data=fields) for _ in range(2)]

    assert first.headers["location"] == second.headers["location"]
    assert await count(site, Promise) == 1
    assert [(await promise(site)).status_code for _ in range(4)] == [303, 303, 303, 429]


async def test_without_an_account_nothing_is_promised_and_forged_links_show_nothing(site: Whole) -> None:
    page = await site.reader.get("/other-ways")

    assert "not taken at the moment" in words(page.text)
    assert (await site.reader.get("/other-ways/01JPROMISE.forged")).status_code == 404


async def test_cheque_is_written_down_paid_in_seen_at_the_bank_and_bounces(site: Whole) -> None:
    desk = await site.staff()
    made = await write_down(desk, cheque_number="000123")
    payment = await one(site, OtherPayment)

    paid = await send(
        desk, f"{PATH}/pay-in", p0=payment.id, counted="50.00", paid_in_on=payment.received_on.isoformat(), reference="SLIP-4711"
    )  # fmt: skip
    await arrive(site, amount_minor=5_000, text="CREDIT SLIP 4711")

    assert (made.status_code, paid.status_code) == (303, 303)
    assert (await one(site, Deposit)).state == "cleared"
    assert "Deposit SLIP-4711" in words((await desk.get("/desk/match/history")).text)
    assert "At the bank" in words((await desk.get(f"{PATH}/{payment.id}")).text)
    bounced = await send(desk, f"{PATH}/{payment.id}/bounce", words="no funds")
    assert bounced.status_code == 303
    assert (await one(site, Receipt)).voided_at is not None
    assert "Bounced" in words((await desk.get(PATH)).text)
    donation = await desk.get(f"/desk/donations/{payment.donation_id}")
    assert f"{PATH}/{payment.id}" in donation.text
    again = await send(desk, f"{PATH}/{payment.id}/bounce", words="no funds")
    assert again.status_code == 409
    await site.books_hold(against_stripe=False)
    async with site.db.reading() as session:
        deeds = set(await session.scalars(select(AuditEntry.action)))
    assert deeds >= {"other_money.record", "deposit.pay_in", "other_money.bounce", "receipt.void"}


async def test_mistake_is_taken_back_with_a_reason_and_nothing_else_can_be_done_to_it(site: Whole) -> None:
    desk = await site.staff()
    await write_down(desk)
    payment = await one(site, OtherPayment)

    without = await send(desk, f"{PATH}/{payment.id}/void", words=" ")
    taken = await send(desk, f"{PATH}/{payment.id}/void", words="typed twice")

    assert (without.status_code, taken.status_code) == (422, 303)
    assert (await one(site, OtherPayment)).state == "void"
    paid = await send(desk, f"{PATH}/pay-in", p0=payment.id, counted="50", paid_in_on=payment.received_on.isoformat())
    assert paid.status_code == 422
    site.clock.advance(timedelta(days=40))
    await site.settle()
    await site.books_hold(against_stripe=False)


async def test_money_that_cannot_be_written_down_comes_back_filled_in(site: Whole) -> None:
    desk = await site.staff()
    for wrong, said in (
        ({"kind": ""}, "Choose how the money came"),
        ({"kind": "standing_order"}, "Choose how the money came"),
        ({"amount": "1.234,56-"}, "Write an amount in figures"),
        ({"amount": "0"}, "more than nothing"),
        ({"currency": "XXQ"}, "three letters"),
        ({"received_on": "2099-01-01"}, "has not come yet"),
        ({"received_on": "yesterday"}, "year, month and day"),
        ({"name": "\u200b"}, "Write who gave it"),
        ({"email": "rosa"}, "Enter an email address"),
        ({"appeal": "nothing"}, "Choose what it is for"),
    ):
        answer = await write_down(desk, **wrong)

        assert (answer.status_code, said in words(answer.text)) == (422, True), wrong
    assert await count(site, OtherPayment) == 0


async def test_form_sent_twice_or_at_the_same_time_is_one_payment_and_a_changed_one_another(site: Whole) -> None:
    desk = await site.staff()
    attempt = hidden_fields((await desk.get(f"{PATH}/new")).text)["attempt"]

    both = await asyncio.gather(*(write_down(desk, attempt=attempt) for _ in range(2)), return_exceptions=True)
    again = await write_down(desk, attempt=attempt)
    other = await write_down(desk, attempt=attempt, amount="60")

    assert [each.amount_minor for each in await all_of(site, OtherPayment)] == [5_000, 6_000], both
    assert again.headers["location"] == f"{PATH}/{attempt}"
    assert other.headers["location"] != again.headers["location"]


async def test_somebody_without_an_address_is_asked_about_where_the_name_is_on_file(site: Whole) -> None:
    desk = await site.staff()
    await write_down(desk)
    known = (await one(site, OtherPayment)).donation_id

    asked = await write_down(desk, email="")
    async with site.db.reading() as session:
        supporter_id = await session.scalar(select(Donation.supporter_id).where(Donation.id == known))
    told = await write_down(desk, email="", whose=str(supporter_id))

    assert (asked.status_code, told.status_code) == (422, 303)
    assert "rosa@reader.example" in asked.text
    async with site.db.reading() as session:
        assert set(await session.scalars(select(Donation.supporter_id))) == {supporter_id}


async def test_account_for_readers_is_changed_only_by_somebody_who_proves_who_they_are(site: Whole) -> None:
    desk = await site.staff()
    site.clock.advance(timedelta(minutes=12))
    fields = {"currency": "gbp", "holder": "Lamp Ltd", "numbers": "12-34-56\n12345678", "shown": "yes"}

    asked = await send(desk, f"{PATH}/account", **fields)

    assert asked.status_code != 303
    assert await count(site, GivingAccount) == 0


async def test_account_for_readers_is_shown_once_it_is_set(site: Whole) -> None:
    desk = await site.staff()

    missing = await send(desk, f"{PATH}/account", currency="GBP", holder="Lamp Ltd", numbers=" ")
    made = await send(desk, f"{PATH}/account", currency="gbp", holder="Lamp Ltd", numbers="12345678", shown="yes")

    assert (missing.status_code, made.status_code) == (422, 303)
    assert "Get my reference" in words((await site.reader.get("/other-ways")).text)
    assert 'href="/other-ways"' in (await site.reader.get("/give")).text


async def test_who_does_not_do_the_books_has_no_other_money(site: Whole) -> None:
    for role in ("editor", "support"):
        desk = await site.staff(role)

        assert (await desk.get(PATH)).status_code == 403, role
