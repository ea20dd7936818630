"""What lets supporters in, and takes another address of theirs, on both engines."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.mail.models import Letter
from supporters.people.actions import find_or_add
from supporters.people.details import ask_for_address, purge_changes, send_question, take_address
from supporters.people.models import AddressChange, EmailAddress, SignIn
from supporters.people.sessions import close_sessions, find_signed_in, purge_sessions
from supporters.people.sign_in import Ask, purge_sign_ins, request_sign_in, send_sign_in, use_code, use_link
from supporters.settings import Settings

ADA = "ada.brook@example.org"


async def test_from_asking_to_being_let_in_and_forgotten(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    async with db.unit_of_work() as session:
        found = await find_or_add(session, ADA, "Ada Brook", ids=ids, now=clock.now())
        ask = Ask(address=ADA.upper(), nonce="nonce", network="192.0.2.7", target="/me")
        await request_sign_in(session, ask, settings=settings, ids=ids, now=clock.now())
    async with db.unit_of_work() as session:
        asked = (await session.scalars(select(SignIn.id))).one()
        assert await send_sign_in(session, asked, settings=settings, ids=ids, now=clock.now())
        assert not await send_sign_in(session, asked, settings=settings, ids=ids, now=clock.now())
    async with db.reading() as session:
        letter = (await session.scalars(select(Letter))).one()
    code, token = str(letter.context["code"]).replace(" ", ""), str(letter.context["url"]).rpartition("/")[2]

    async with db.unit_of_work() as session:
        told: dict[str, Any] = {"settings": settings, "ids": ids, "now": clock.now()}
        assert await use_code(session, "x", "nonce", **told) is None
        assert await use_link(session, token, "another", **told) is None
        let_in = await use_code(session, code, "nonce", **told)
        assert await use_link(session, token, "nonce", **told) is None

    assert let_in is not None
    assert letter.recipient == ADA
    here = await find_signed_in(db, let_in.token, now=clock.now())
    assert here is not None
    assert (here.supporter_id, here.session_hash) == (found.supporter_id, token_hash(let_in.token))
    async with db.unit_of_work() as session:
        assert await close_sessions(session, found.supporter_id, but=here.session_hash) == 0
        later = clock.now() + timedelta(days=40)
        assert (await purge_sign_ins(session, now=later), await purge_sessions(session, now=later)) == (1, 1)
        assert await session.scalar(select(func.count()).select_from(Letter)) == 0


async def test_new_address_comes_first_and_the_old_one_still_finds_the_person(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    async with db.unit_of_work() as session:
        found = await find_or_add(session, ADA, "Ada Brook", ids=ids, now=clock.now())
        told: dict[str, Any] = {"settings": settings, "ids": ids, "now": clock.now()}
        await ask_for_address(session, found.supporter_id, "ada@new.example.org", network="192.0.2.7", **told)
        change = (await session.scalars(select(AddressChange.id))).one()
        assert await send_question(session, change, **told)
        letter = (await session.scalars(select(Letter))).one()

    async with db.unit_of_work() as session:
        token = str(letter.context["url"]).rpartition("/")[2]
        assert await take_address(session, token, **told) == "ada@new.example.org"
        assert await take_address(session, token, **told) is None

    async with db.unit_of_work() as session:
        rows = (await session.scalars(select(EmailAddress).order_by(EmailAddress.id))).all()
        assert [(each.address, each.retired_at is None) for each in rows] == [
            ("ada@new.example.org", True),
            (ADA, False),
        ]
        again = await find_or_add(session, ADA, "Somebody", ids=ids, now=clock.now())
        assert (again.supporter_id, again.is_new) == (found.supporter_id, False)
        assert await purge_changes(session, now=clock.now() + timedelta(days=2)) == 1


async def test_network_that_asks_too_often_is_refused(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    async with sqlite_db.unit_of_work() as session:
        for number in range(10):
            ask = Ask(address=f"a{number}@example.org", nonce="n", network="2001:db8::1", target="/me")
            await request_sign_in(session, ask, settings=settings, ids=ids, now=clock.now())

        with pytest.raises(Refused):
            neighbour = Ask(address="b@example.org", nonce="n", network="2001:db8::2", target="/me")
            await request_sign_in(session, neighbour, settings=settings, ids=ids, now=clock.now())
