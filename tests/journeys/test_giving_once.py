"""One reader gives once: form, payment page, webhooks, receipt, books, desk, refund. Over HTTP, on both engines."""

import re
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select

from supporters.donations.models import Donation
from whole import Whole, hidden_fields, session_id, words


async def test_a_donation_goes_from_the_form_to_the_books_and_back(whole: Whole) -> None:
    given = await whole.give(amount="25", article="/paper/ferry", issue="2822")
    assert given.status_code == 303
    assert given.headers["location"].startswith(whole.settings.checkout_origin)

    await whole.pay(given)
    thanks_url = whole.sandbox.session(session_id(given))["success_url"]
    early = await whole.reader.get(thanks_url)
    assert early.status_code == 200
    assert "25" in words(early.text)
    await whole.settle()

    thanks = await whole.reader.get(thanks_url)
    assert "Thank you, Ben" in words(thanks.text)
    assert "£25" in words(thanks.text)
    (receipt,) = whole.mailbag.letters
    assert receipt["To"] == "ben.osei@example.org"
    number = re.search(r"R-2026-\d{4,}", receipt.get_body(("plain",)).get_content())
    assert number
    assert number[0] in thanks.text
    assert "£25" in receipt["Subject"]
    await whole.books_hold()

    await refund_at_the_desk(whole)
    await whole.settle()

    assert len(whole.mailbag.letters) == 2
    assert "£25" in whole.mailbag.letters[1]["Subject"]
    await whole.books_hold()


async def refund_at_the_desk(whole: Whole) -> None:
    """Finance finds the donation in the list and returns all of it."""
    desk = await whole.staff("finance")
    listed = await desk.get("/desk/donations")
    link = re.search(r"/desk/donations/[0-9A-Z]{26}", listed.text)
    assert link, words(listed.text)
    donation = await desk.get(link[0])
    assert "Ben Osei" in words(donation.text)
    fields = {**hidden_fields(donation.text), "part": "all", "amount": "", "reason": "supporter_asked", "note": ""}
    asked = await desk.post(f"{link[0]}/refund", data=fields)
    assert asked.status_code in {200, 303}, words(asked.text)
    if asked.status_code == 200:
        asked = await desk.post(f"{link[0]}/refund", data={**hidden_fields(asked.text)})
        assert asked.status_code == 303, words(asked.text)
    await desk.aclose()


@pytest.mark.parametrize("outcome", ["declined", "funds", "challenge-no"])
async def test_a_refused_card_takes_nothing_and_can_be_followed_by_another(whole: Whole, outcome: str) -> None:
    given = await whole.give()
    await whole.pay(given, outcome)
    await whole.settle()
    thanks_url = whole.sandbox.session(session_id(given))["success_url"]
    assert "Thank you" not in words((await whole.reader.get(thanks_url)).text)
    assert whole.mailbag.letters == []
    await whole.books_hold()

    await whole.pay(given)
    await whole.settle()

    assert "Thank you" in words((await whole.reader.get(thanks_url)).text)
    assert len(whole.mailbag.letters) == 1
    await whole.books_hold()


async def test_a_card_that_the_bank_checks_is_paid_once(whole: Whole) -> None:
    given = await whole.give()
    await whole.pay(given, "challenge-yes")
    await whole.settle()

    assert len(whole.mailbag.letters) == 1
    assert whole.sandbox.balance_minor() == 2500 - 58
    await whole.books_hold()


async def test_a_page_that_runs_out_leaves_nothing(whole: Whole) -> None:
    given = await whole.give()
    await whole.pay(given, "expired")
    await whole.settle()

    thanks_url = whole.sandbox.session(session_id(given))["success_url"]
    said = words((await whole.reader.get(thanks_url)).text)
    assert "not charged" in said.lower()
    assert whole.mailbag.letters == []
    await whole.books_hold()


@pytest.mark.parametrize("seed", [2, 8, 22])
async def test_every_webhook_three_times_in_any_order_and_each_worked_on_alone_gives_the_same_books(
    whole: Whole, seed: int
) -> None:
    whole.sandbox.set_copies(3)
    cards = [["pay"], ["declined", "pay"], ["challenge-yes"], ["challenge-no", "funds", "pay"], ["declined", "expired"]]
    pages: list[str] = []
    for number, steps in enumerate(cards):
        given = await whole.give(amount=str(10 + number), email=f"reader{number}@example.org")
        for step in steps:
            await whole.pay(given, step)
        pages.append(session_id(given))
    await refund_at_stripe(whole, pages[0], 1000)
    await refund_at_stripe(whole, pages[1], 400)
    await one_by_one(whole, seed)

    await whole.settle()
    await whole.worker.tick()
    await whole.settle()

    written = sorted((letter["To"], "refund" in letter["Message-ID"]) for letter in whole.mailbag.letters)
    assert [to for to, _is_refund in written] == [f"reader{number}@example.org" for number in (0, 0, 1, 1, 2, 3)]
    assert len({letter["Message-ID"] for letter in whole.mailbag.letters}) == 6
    async with whole.db.reading() as session:
        rows = await session.execute(select(Donation.amount_minor, Donation.state, Donation.refunded_minor))
        given = sorted(tuple(row) for row in rows)
    assert given == [
        (1000, "paid", 1000),
        (1100, "paid", 400),
        (1200, "paid", 0),
        (1300, "paid", 0),
        (1400, "expired", 0),
    ]
    await whole.books_hold()


async def refund_at_stripe(whole: Whole, page: str, amount_minor: int) -> None:
    """Somebody returns money in Stripe's own dashboard."""
    await whole.sandbox.settle_now()
    payment = whole.sandbox.session(page)["payment_intent"]
    await whole.tools.gateway.create_refund(
        payment, amount_minor=amount_minor, our_refund_id="", idempotency_key=f"by-hand-{payment}"
    )


async def one_by_one(whole: Whole, seed: int) -> None:
    """Webhooks arrive in an order made by `seed`; the worker has nothing left to do before the next one comes."""
    await whole.sandbox.settle_now()
    waiting = whole.sandbox.world.store.deliveries("state = 'pending'", ())
    assert len(waiting) > 60
    Random(seed).shuffle(waiting)
    for delivery in waiting:
        assert await whole.sandbox.courier.try_one(delivery)
        await whole.worker.drain()
        whole.clock.advance(timedelta(seconds=2))


async def test_without_any_webhook_the_catch_up_and_the_sweep_find_everything(whole: Whole) -> None:
    whole.sandbox.drop_next(1000)
    given = await whole.give()
    await whole.pay(given)
    await whole.settle()
    assert whole.mailbag.letters == []

    await whole.worker.tick()
    await whole.settle()

    assert len(whole.mailbag.letters) == 1
    await whole.books_hold()
