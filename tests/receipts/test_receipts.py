"""Receipts: numbered without gaps, once, corrected but never deleted."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import select

from giving import House, QuickPages, form
from supporters.audit.models import AuditEntry
from supporters.donations.collect import collect_paid
from supporters.kit.errors import Conflict, NotFound
from supporters.mail.models import Letter
from supporters.people.matching import EmailProblem
from supporters.people.models import EmailAddress
from supporters.receipts.issue import correct_address, issue, resend, void
from supporters.receipts.models import Receipt
from supporters.receipts.queries import receipt_of

DANA = "01STAFFDANA000000000000000"


async def donate(house: House, email: str = "ben.carter@example.org") -> str:
    """A paid donation without a Stripe; its id."""
    pages = house.pages if isinstance(house.pages, QuickPages) else QuickPages(house.clock)
    house.pages = pages
    await house.give(form(email=email), network=email)
    done = await house.collect(pages.completed())
    assert done is not None
    return done[0].id


async def test_numbers_have_no_gaps_when_many_are_paid_at_once(house: House) -> None:
    house.pages = pages = QuickPages(house.clock)
    facts = []
    for number in range(20):
        await house.give(form(email=f"r{number}@example.org"), network=f"192.0.2.{number}")
        facts.append(pages.completed())

    await asyncio.gather(*(house.collect(fact) for fact in facts))

    numbers = sorted(each.number for each in await house.rows(Receipt))
    assert numbers == [f"R-2026-{number:04d}" for number in range(1, 21)]


async def test_failed_transaction_leaves_no_gap(house: House) -> None:
    await donate(house)
    house.pages = pages = QuickPages(house.clock, first=2)
    await house.give(form(email="cleo@example.org"))
    fact = pages.completed()
    with pytest.raises(RuntimeError):
        async with house.db.unit_of_work() as session:
            paid = await collect_paid(session, fact, ids=house.ids, now=house.clock.now())
            assert paid is not None
            await issue(session, paid, ids=house.ids, now=house.clock.now(), settings=house.settings)
            raise RuntimeError("power cut")

    await house.collect(fact)

    assert sorted(each.number for each in await house.rows(Receipt)) == ["R-2026-0001", "R-2026-0002"]


async def test_year_is_that_of_the_publishers_time_zone(house: House) -> None:
    house.clock.set(datetime(2026, 7, 1, 12, tzinfo=UTC))
    await donate(house, "a@example.org")
    house.clock.set(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    await donate(house, "b@example.org")
    house.clock.set(datetime(2027, 1, 1, tzinfo=UTC))
    await donate(house, "c@example.org")

    assert sorted(each.number for each in await house.rows(Receipt)) == ["R-2026-0001", "R-2026-0002", "R-2027-0001"]


async def test_corrected_address_gets_the_letter_and_changes_nobody_on_file(house: House) -> None:
    donation_id = await donate(house)
    [receipt] = await house.rows(Receipt)

    async with house.db.unit_of_work() as session:
        await correct_address(
            session,
            receipt.id,
            email=" Ben.Carter@Example.NET ",
            actor_id=DANA,
            ids=house.ids,
            now=house.clock.now(),
            settings=house.settings,
        )

    async with house.db.reading() as session:
        view = await receipt_of(session, donation_id)
        [entry] = await session.scalars(select(AuditEntry))
    assert view is not None
    assert (view.number, view.email) == ("R-2026-0001", "Ben.Carter@example.net")
    assert view.corrected_at == house.clock.now()
    assert entry.action == "receipt.correct"
    letters = {letter.recipient for letter in await house.rows(Letter)}
    assert letters == {"ben.carter@example.org", "Ben.Carter@example.net"}
    [address] = await house.rows(EmailAddress)
    assert address.address == "ben.carter@example.org"


async def test_resending_queues_one_more_letter_each_time(house: House) -> None:
    await donate(house)
    [receipt] = await house.rows(Receipt)

    for _ in range(2):
        async with house.db.unit_of_work() as session:
            now = house.clock.now()
            await resend(session, receipt.id, actor_id=DANA, ids=house.ids, now=now, settings=house.settings)

    letters = await house.rows(Letter)
    assert len(letters) == 3
    assert {letter.context["number"] for letter in letters} == {"R-2026-0001"}
    assert len({letter.message_id for letter in letters}) == 3


async def test_voided_receipt_keeps_its_number_and_is_not_sent(house: House) -> None:
    await donate(house, "a@example.org")
    [receipt] = await house.rows(Receipt)
    async with house.db.unit_of_work() as session:
        await void(session, receipt.id, reason="Test", actor_id=DANA, now=house.clock.now())

    async with house.db.unit_of_work() as session:
        with pytest.raises(Conflict, match="R-2026-0001 was voided"):
            now = house.clock.now()
            await resend(session, receipt.id, actor_id=DANA, ids=house.ids, now=now, settings=house.settings)
    await donate(house, "b@example.org")

    assert sorted(each.number for each in await house.rows(Receipt)) == ["R-2026-0001", "R-2026-0002"]


async def test_bad_address_or_unknown_receipt_changes_nothing(house: House) -> None:
    await donate(house)
    [receipt] = await house.rows(Receipt)
    told = {"actor_id": DANA, "ids": house.ids, "now": house.clock.now(), "settings": house.settings}

    async with house.db.unit_of_work() as session:
        with pytest.raises(EmailProblem):
            await correct_address(session, receipt.id, email="not an address", **told)
        with pytest.raises(NotFound):
            await correct_address(session, "01NOSUCHRECEIPT00000000000", email="a@example.org", **told)

    [receipt] = await house.rows(Receipt)
    assert receipt.email == "ben.carter@example.org"
    assert len(await house.rows(Letter)) == 1


async def test_payment_of_last_year_heard_of_in_the_new_has_last_years_number_and_date(house: House) -> None:
    house.pages = pages = QuickPages(house.clock)
    await house.give()
    paid_at = datetime(2026, 12, 31, 23, 50, tzinfo=UTC)
    fact = msgspec.structs.replace(pages.completed(), occurred_at=paid_at)
    house.clock.advance(datetime(2027, 1, 1, 6, 0, tzinfo=UTC) - house.clock.now())

    await house.collect(fact)

    [receipt] = await house.rows(Receipt)
    [letter] = await house.rows(Letter)
    assert (receipt.year, receipt.number, receipt.issued_at) == (2026, "R-2026-0001", house.clock.now())
    assert "31 December 2026" in letter.context["paid_on"]
