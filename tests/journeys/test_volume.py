"""Many at once and many in all: one session for one attempt, and books that equal Stripe's balance to the penny."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from supporters.appeals.rules import Claim
from supporters.donations.checkout import begin_checkout
from supporters.donations.forms import GiveForm, GoTo
from supporters.donations.give import Visitor
from supporters.donations.models import Donation, DonationState, Frequency, RefundReason
from supporters.donations.reverse import request_refund
from supporters.kit.money import Money
from supporters.receipts.models import Receipt
from whole import Whole, hidden_fields, session_id

ROUNDS = {"sqlite": 20, "postgresql": 5}
AT_ONCE = 50
DONATIONS = {"sqlite": 1000, "postgresql": 150}  # a thousand on the default engine; the other one takes the same road


async def test_fifty_identical_forms_sent_at_once_make_one_session(whole: Whole) -> None:
    for number in range(ROUNDS[kind_of(whole)]):
        whole.clock.advance(timedelta(minutes=11))  # the limits on one network start anew
        page = await whole.reader.get("/give")
        whole.clock.advance(timedelta(seconds=20))
        fields = {
            **hidden_fields(page.text),
            "frequency": "once",
            "once": "25",
            "other": "",
            "email": f"reader{number}@example.org",
            "name": "Ben",
        }

        answers = await asyncio.gather(*(whole.reader.post("/give", data=fields) for _ in range(AT_ONCE)))

        assert {answer.status_code for answer in answers} == {303}
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert len(whole.sandbox.objects("checkout.session")) == number + 1


async def test_two_pages_opened_apart_are_two_donations(whole: Whole) -> None:
    first, second = await whole.give(), await whole.give()

    assert session_id(first) != session_id(second)


@pytest.mark.timeout(240)
async def test_the_books_equal_the_balance_after_a_thousand_donations_and_a_hundred_refunds(whole: Whole) -> None:
    donations = DONATIONS[kind_of(whole)]
    refunds = donations // 10
    for batch in range(0, donations, 50):
        for number in range(batch, batch + 50):
            await whole.sandbox.pay(await open_page(whole, number))
        await whole.settle()
    await refund(whole, refunds)
    await whole.settle()

    async with whole.db.reading() as session:
        assert await session.scalar(select(func.count()).where(Donation.state == DonationState.PAID)) == donations
        assert await session.scalar(select(func.count()).select_from(Receipt)) == donations
        assert await session.scalar(select(func.count()).where(Donation.refunded_minor > 0)) == refunds
    assert len({letter["Message-ID"] for letter in whole.mailbag.letters}) == donations + refunds
    await whole.books_hold()


def kind_of(whole: Whole) -> str:
    return "sqlite" if whole.db.is_sqlite else "postgresql"


async def open_page(whole: Whole, number: int) -> str:
    """The payment page of one more reader, each with an amount and a network of their own; its session's id."""
    form = GiveForm(
        frequency=Frequency.ONCE,
        amount=Money(200 + number * 7, "GBP"),
        email=f"reader{number}@example.org",
        name=f"Reader {number}",
        wants_newsletter=False,
        appeal_slug="general",
        origin=Claim(article_path="/paper/ferry", issue="2822"),
    )
    answer = await begin_checkout(
        whole.db,
        whole.tools.gateway,
        form,
        attempt_id=whole.tools.ids.ulid(),
        visitor=Visitor(network=f"10.{number // 250}.{number % 250}.1"),
        limits=whole.tools.limits,
        settings=whole.settings,
        ids=whole.tools.ids,
        clock=whole.clock,
    )
    assert isinstance(answer, GoTo)
    return answer.url.rpartition("/")[2]


async def refund(whole: Whole, count: int) -> None:
    """So many donations are returned, every other one in part."""
    async with whole.db.reading() as session:
        wanted = select(Donation.id, Donation.amount_minor).where(Donation.state == DonationState.PAID)
        rows = (await session.execute(wanted.order_by(Donation.id).limit(count))).all()
    for number, (donation_id, minor) in enumerate(rows):
        async with whole.db.unit_of_work() as session:
            await request_refund(
                session,
                donation_id,
                amount=Money(minor if number % 2 else minor // 2, "GBP"),
                reason=RefundReason.SUPPORTER_ASKED,
                note_text=None,
                actor_id="0" * 26,
                ids=whole.tools.ids,
                now=whole.clock.now(),
            )
