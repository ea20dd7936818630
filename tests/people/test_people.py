"""Addresses, and who they belong to."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.people.actions import find_or_add
from supporters.people.matching import EmailFault, EmailProblem, normalise_email, read_email
from supporters.people.models import EmailAddress, Supporter
from supporters.people.queries import supporter_view


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (" ben@example.org ", "ben@example.org"),
        ("Ben.Carter+Paper@Example.ORG", "Ben.Carter+Paper@example.org"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
        ("ben@bücher.example.org", "ben@xn--bcher-kva.example.org"),
    ],
)
def test_addresses_that_can_be_written_to(typed: str, read: str) -> None:
    assert read_email(typed) == read


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", EmailFault.EMPTY),
        ("   ", EmailFault.EMPTY),
        ("ben", EmailFault.NOT_AN_ADDRESS),
        ("@example.org", EmailFault.NOT_AN_ADDRESS),
        ("ben@", EmailFault.NOT_AN_ADDRESS),
        ("ben@example", EmailFault.NOT_AN_ADDRESS),
        ("ben carter@example.org", EmailFault.NOT_AN_ADDRESS),
        ("ben@example.org\r\nBcc: x@example.org", EmailFault.NOT_AN_ADDRESS),
        ("Ben <ben@example.org>", EmailFault.NOT_AN_ADDRESS),
        ("a@b.org,c@d.org", EmailFault.NOT_AN_ADDRESS),
        ("bén@example.org", EmailFault.NOT_PLAIN),
        ("a" * 65 + "@example.org", EmailFault.NOT_AN_ADDRESS),
        ("a@" + "b" * 260 + ".org", EmailFault.TOO_LONG),
    ],
)
def test_addresses_that_cannot(typed: str, fault: EmailFault) -> None:
    with pytest.raises(EmailProblem) as caught:
        read_email(typed)

    assert caught.value.fault is fault


@given(st.text(max_size=300))
def test_whatever_is_typed_gives_a_plain_address_or_a_reason(typed: str) -> None:
    try:
        address = read_email(typed)
    except EmailProblem:
        return
    assert address.isascii()
    assert not set(address) & set("\r\n\t <>,")
    assert len(address) <= 254


def test_addresses_that_differ_in_case_are_one_person_others_two() -> None:
    assert normalise_email("Ben@Example.org") == normalise_email("ben@example.ORG")
    assert normalise_email("b.en@example.org") != normalise_email("ben@example.org")
    assert normalise_email("ben+a@example.org") != normalise_email("ben@example.org")


async def test_many_at_once_find_one_supporter(db: Database, ids: Ids, clock: FixedClock) -> None:
    async def find(number: int) -> str:
        async with db.unit_of_work() as session:
            email = "Ben@example.org" if number % 2 else "ben@example.org"
            return (await find_or_add(session, email, f"Ben {number}", ids=ids, now=clock.now())).supporter_id

    found = await asyncio.gather(*(find(number) for number in range(12)))

    assert len(set(found)) == 1
    async with db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Supporter)) == 1
        assert await session.scalar(select(func.count()).select_from(EmailAddress)) == 1
        view = await supporter_view(session, found[0])
    assert view is not None
    assert len(view.addresses) == 1


async def test_merged_supporter_is_found_under_the_one_it_became(db: Database, ids: Ids, clock: FixedClock) -> None:
    async with db.unit_of_work() as session:
        old = await find_or_add(session, "old@example.org", "Ada", ids=ids, now=clock.now())
        new = await find_or_add(session, "new@example.org", "Ada Brook", ids=ids, now=clock.now())
        merged = update(Supporter).where(Supporter.id == old.supporter_id)
        await session.execute(merged.values(merged_into_id=new.supporter_id))

    async with db.unit_of_work() as session:
        found = await find_or_add(session, "OLD@example.org", "Ada", ids=ids, now=clock.now())

    assert (old.is_new, found.is_new, found.supporter_id) == (True, False, new.supporter_id)
