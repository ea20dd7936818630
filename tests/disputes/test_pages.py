"""What the desk shows of disputes, and what supporters read in letters."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Dispute, Donation
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.sandbox.disputes import decide
from supporters.settings import Settings
from whole import Mailbag, Whole, running, words


@pytest.fixture
async def site(sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag) -> AsyncIterator[Whole]:
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        yield product


async def one(site: Whole, table: type) -> object:
    async with site.db.reading() as session:
        return (await session.scalars(select(table))).one()


async def test_dispute_is_followed_from_the_task_to_stripe_and_to_its_end(site: Whole) -> None:
    given = await site.give(name="Ben <b>Osei</b>")
    await site.pay(given, "dispute")
    await site.settle()
    desk = await site.staff("finance")
    dispute, donation, task = await one(site, Dispute), await one(site, Donation), await one(site, Discrepancy)

    listed = words((await desk.get("/desk/disputes")).text)
    page = await desk.get(f"/desk/disputes/{dispute.id}")
    about = (await desk.get(f"/desk/discrepancies/{task.id}")).text
    shown = await desk.get(f"/desk/donations/{donation.id}")

    assert "Open, 1" in listed
    folded = "Needs an answer"  # under the reason, where the window is too narrow for columns
    assert f"The card's owner says that the payment was not theirs {folded} Needs an answer £25.00" in listed
    assert f"https://dashboard.stripe.com/test/payments/{donation.stripe_payment_intent_id}" in page.text
    assert "Answer by" in page.text
    assert "<b>Osei" not in page.text
    assert f"/desk/disputes/{dispute.id}" in about
    assert f"/desk/disputes/{dispute.id}" in shown.text
    assert "Returned" in words(shown.text)
    assert "£25.00 taken back by the bank" in words(shown.text)

    world = site.sandbox.world
    with world.atomic():
        decide(world, world.get("dispute", dispute.stripe_dispute_id), "lost")
    await site.settle()

    over = words((await desk.get("/desk/disputes?state=over")).text)
    closed = words((await desk.get(f"/desk/discrepancies/{task.id}")).text)
    after = words((await desk.get(f"/desk/disputes/{dispute.id}")).text)
    assert "Lost £25.00" in over
    assert "Supporters itself" in closed
    assert "Answer by" not in after
    assert "Look at Stripe" in after
    await site.books_hold()
    await desk.aclose()


async def test_warning_of_fraud_leads_to_the_refund_form(site: Whole) -> None:
    given = await site.give()
    await site.pay(given, "warning")
    await site.settle()
    desk = await site.staff("finance")
    task, donation = await one(site, Discrepancy), await one(site, Donation)

    page = (await desk.get(f"/desk/discrepancies/{task.id}")).text

    assert task.code == "FRAUD_WARNING"
    assert f'href="/desk/donations/{donation.id}#refund"' in page
    await desk.aclose()


async def test_nobody_but_finance_sees_disputes_and_wrong_ids_are_not_there(site: Whole) -> None:
    desk, support = await site.staff("finance"), await site.staff("support")

    answers = [(await desk.get(f"/desk/disputes/{each}")).status_code for each in ("x", "01" + "A" * 24, "%2e%2e")]

    assert answers == [404, 404, 404]
    assert (await support.get("/desk/disputes")).status_code == 403
    assert "No dispute is open." in words((await desk.get("/desk/disputes")).text)
    await desk.aclose()
    await support.aclose()


async def test_letters_of_returned_and_failed_debits_say_what_became_of_the_money(
    site: Whole, mailbag: Mailbag
) -> None:
    for outcome in ("debit-returns", "debit-fails"):
        await site.pay(await site.give(), outcome)
        await site.settle()
    site.clock.advance(timedelta(days=7))
    await site.sandbox.tick()
    await site.settle()

    said = {str(letter["Subject"]): letter.get_body(("plain",)).get_content() for letter in mailbag.letters}

    assert "Receipt R-2026-0001 does not count any more." in said["Your bank has returned £25 to you"]
    failed = said["Your bank did not pay £25"]
    assert "No money was taken, and it will not be tried again." in failed
    assert "/give" in failed
    await site.books_hold()
