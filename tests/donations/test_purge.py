"""Attempts that nobody paid are forgotten; donations are not."""

from datetime import timedelta

from giving import House, QuickPages, form
from supporters.appeals.models import Attribution
from supporters.appeals.rules import Claim
from supporters.donations.models import Checkout, DonationEvent
from supporters.donations.purge import purge_attempts


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
