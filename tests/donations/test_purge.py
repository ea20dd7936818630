"""Attempts that nobody paid are forgotten; donations are not."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from giving import House, QuickPages, form
from supporters.appeals.models import Attribution
from supporters.appeals.rules import Claim
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.collect import collect_expired, tie_payment
from supporters.donations.models import Checkout, DonationEvent
from supporters.donations.purge import purge_attempts
from supporters.payments.facts import CheckoutExpired


async def test_unpaid_attempts_are_gone_after_thirty_days(house: House) -> None:
    house.pages = pages = QuickPages(house.clock)
    await house.give(form(origin=Claim(article_path="/2026/mills")))
    await house.give(form(email="ada@example.org", origin=Claim(article_path="/2026/docks")))
    await house.collect(pages.completed())
    house.clock.advance(timedelta(days=30, seconds=1))
    await house.give(form(email="cleo@example.org"))

    async with house.db.unit_of_work() as session:
        gone = await purge_attempts(session, now=house.clock.now())

    assert gone == 1
    assert [each.email for each in await house.donations()] == ["ada@example.org", "cleo@example.org"]
    assert [each.article_path for each in await house.rows(Attribution)] == ["/2026/docks", None]
    assert len(await house.rows(Checkout)) == 2
    assert sorted(each.kind for each in await house.rows(DonationEvent)) == ["paid", "started", "started"]


async def test_networks_are_forgotten_after_two_days(house: House) -> None:
    house.pages = QuickPages(house.clock)
    await house.give()
    house.clock.advance(timedelta(days=2, seconds=1))
    await house.give()

    async with house.db.unit_of_work() as session:
        await purge_attempts(session, now=house.clock.now())

    old, new = await house.donations()
    assert old.network_digest is None
    assert new.network_digest is not None
    assert "192.0.2" not in new.network_digest


async def purge(house: House) -> int:
    async with house.db.unit_of_work() as session:
        return await purge_attempts(session, now=house.clock.now())


async def test_attempt_that_was_taken_up_again_is_not_old(house: House) -> None:
    attempt = house.ids.ulid()
    house.pages = QuickPages(house.clock)
    await house.give(attempt_id=attempt)
    house.clock.advance(timedelta(days=30))
    await house.give(form(10), attempt_id=attempt)
    house.clock.advance(timedelta(days=1))

    assert await purge(house) == 0
    house.clock.advance(timedelta(days=30))
    assert await purge(house) == 1


async def test_attempt_behind_money_that_a_person_must_explain_stays(house: House) -> None:
    house.pages = QuickPages(house.clock)
    await house.give()
    [donation] = await house.donations()
    async with house.db.unit_of_work() as session:
        now = house.clock.now()
        mismatch = {"code": Code.PAYMENT_MISMATCH, "subject": "pi_1", "donation_id": donation.id}
        await open_discrepancy(session, **mismatch, ids=house.ids, now=now)
    house.clock.advance(timedelta(days=400))

    assert await purge(house) == 0


@pytest.mark.parametrize(("has_ended", "gone"), [(False, 0), (True, 1)])
async def test_attempt_with_a_payment_stays_until_its_page_has_ended(house: House, has_ended: bool, gone: int) -> None:
    house.pages = QuickPages(house.clock)
    await house.give()
    async with house.db.unit_of_work() as session:
        await tie_payment(session, "cs_1", "pi_1")
        if has_ended:
            await collect_expired(session, CheckoutExpired("cs_1"), ids=house.ids, now=house.clock.now())
    house.clock.advance(timedelta(days=31))

    assert await purge(house) == gone


async def test_attempt_with_a_page_that_can_still_be_paid_stays(house: House) -> None:
    house.pages = QuickPages(house.clock)
    await house.give()
    house.clock.advance(timedelta(days=31))
    async with house.db.unit_of_work() as session:
        await session.execute(update(Checkout).values(expires_at=house.clock.now() + timedelta(minutes=1)))

    assert await purge(house) == 0
    house.clock.advance(timedelta(minutes=2))
    assert await purge(house) == 1
