"""A letter that was sent to an address opens nothing once its owner has another one."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.mail.models import Letter
from supporters.people.actions import find_or_add
from supporters.people.details import ask_for_address, send_question, take_address
from supporters.people.models import AddressChange, SignIn, SupporterSession
from supporters.people.sign_in import Ask, look_at_link, request_sign_in, send_sign_in, use_code, use_link
from supporters.settings import Settings

ADA, NEW = "ada.brook@example.org", "ada@new.example.org"


async def token_in_letter(session: AsyncSession, recipient: str) -> str:
    """What the link in the letter ends with."""
    letter = (await session.scalars(select(Letter).where(Letter.recipient == recipient).limit(1))).one()
    return str(letter.context["url"]).rpartition("/")[2]


async def ask_and_move(db: Database, told: dict[str, Any]) -> tuple[str, str]:
    """Ada is sent a sign-in letter, then takes another address; returns what the letter to the old one opened with."""
    async with db.unit_of_work() as session:
        ada = await find_or_add(session, ADA, "Ada Brook", ids=told["ids"], now=told["now"])
        ask = Ask(address=ADA, nonce="nonce", network="192.0.2.7", target="/me")
        await request_sign_in(session, ask, **told)
        assert await send_sign_in(session, (await session.scalars(select(SignIn.id))).one(), **told)
        letter = (await session.scalars(select(Letter))).one()
        link, code = str(letter.context["url"]).rpartition("/")[2], str(letter.context["code"]).replace(" ", "")
        await ask_for_address(session, ada.supporter_id, NEW, network="192.0.2.8", **told)
        assert await send_question(session, (await session.scalars(select(AddressChange.id))).one(), **told)
        assert await take_address(session, await token_in_letter(session, NEW), **told) == NEW
    return link, code


async def test_letter_to_the_old_address_opens_nothing_after_the_change(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    told: dict[str, Any] = {"settings": settings, "ids": ids, "now": clock.now()}
    link, code = await ask_and_move(db, told)

    async with db.unit_of_work() as session:
        seen = await look_at_link(session, link, "nonce", now=clock.now())
        opened = [await use_link(session, link, "nonce", **told), await use_code(session, code, "nonce", **told)]
        sessions = (await session.scalars(select(SupporterSession))).all()

    assert (seen, opened, sessions) == (None, [None, None], [])


async def test_letter_that_was_on_its_way_while_the_address_changed_opens_nothing(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    told: dict[str, Any] = {"settings": settings, "ids": ids, "now": clock.now()}
    link, _code = await ask_and_move(db, told)
    async with db.unit_of_work() as session:
        await session.execute(update(SignIn).values(used_at=None))  # as if it was made a moment after the change

    async with db.unit_of_work() as session:
        assert await use_link(session, link, "nonce", **told) is None
        assert (await session.scalars(select(SupporterSession))).all() == []
