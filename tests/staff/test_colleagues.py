"""Roles, suspensions and invitations: an admin always stays, a link works once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.mail.models import Letter
from supporters.settings import Settings
from supporters.staff.actions import change_role, deactivate, restore
from supporters.staff.browsers import family_of
from supporters.staff.invitations import find_invitation, invite, join, withdraw
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Role, Staff
from supporters.staff.sessions import find_member, open_session


async def hire(db: Database, clock: FixedClock, ids: Ids, *roles: str) -> list[Staff]:
    """Somebody with each role; nobody here signs in, so that no password is hashed."""
    async with db.unit_of_work() as session:
        hired = [
            Staff(
                id=ids.ulid(),
                email=f"{role}{number}@lamp.example",
                name=f"{role} {number}",
                password_hash="none",
                role=role,
                is_active=True,
                created_at=clock.now(),
            )
            for number, role in enumerate(roles)
        ]
        session.add_all(hired)
    return hired


async def admins(db: Database) -> int:
    async with db.reading() as session:
        found = await session.scalars(select(Staff.id).where(Staff.role == Role.ADMIN, Staff.is_active))
        return len(found.all())


@pytest.mark.parametrize("how", ["suspend", "demote", "each"])
async def test_of_two_admins_who_remove_each_other_at_once_one_stays(
    db: Database, clock: FixedClock, ids: Ids, how: str, staff_letters: StaffLetters
) -> None:
    one, two = await hire(db, clock, ids, "admin", "admin")

    async def remove(whom: Staff, by: Staff, *, suspends: bool) -> None:
        async with db.unit_of_work() as session:
            if suspends:
                await deactivate(session, whom.id, letters=staff_letters, actor_id=by.id, now=clock.now())
            else:
                await change_role(session, whom.id, "viewer", letters=staff_letters, actor_id=by.id, now=clock.now())

    answers = await asyncio.gather(
        remove(one, two, suspends=how != "demote"),
        remove(two, one, suspends=how == "suspend"),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "Refused"]
    assert await admins(db) == 1


async def test_nobody_changes_their_own_role(
    sqlite_db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters
) -> None:
    one, _two = await hire(sqlite_db, clock, ids, "admin", "admin")

    with pytest.raises(Refused, match="own role"):
        async with sqlite_db.unit_of_work() as session:
            await change_role(session, one.id, "viewer", letters=staff_letters, actor_id=one.id, now=clock.now())


async def test_a_new_role_and_a_suspension_end_every_session(
    sqlite_db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters
) -> None:
    boss, sam = await hire(sqlite_db, clock, ids, "admin", "support")
    for turn in ("role", "suspend"):
        async with sqlite_db.unit_of_work() as session:
            token = await open_session(session, sam.id, ids=ids, now=clock.now())
        assert await find_member(sqlite_db, token, now=clock.now())

        async with sqlite_db.unit_of_work() as session:
            if turn == "role":
                await change_role(session, sam.id, "viewer", letters=staff_letters, actor_id=boss.id, now=clock.now())
            else:
                await deactivate(session, sam.id, letters=staff_letters, actor_id=boss.id, now=clock.now())

        assert await find_member(sqlite_db, token, now=clock.now()) is None
    async with sqlite_db.unit_of_work() as session:
        await restore(session, sam.id, letters=staff_letters, actor_id=boss.id, now=clock.now())
        assert (await session.get_one(Staff, sam.id)).is_active


async def link_of(db: Database) -> str:
    async with db.reading() as session:
        letters = (await session.scalars(select(Letter).order_by(Letter.id))).all()
    return str(letters[-1].context["join_url"]).rpartition("/")[2]


async def test_an_invitation_works_for_seven_days_and_once(
    sqlite_db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    (boss,) = await hire(sqlite_db, clock, ids, "admin")

    async def ask(email: str) -> str:
        async with sqlite_db.unit_of_work() as session:
            await invite(session, email, "Nora", "finance", actor=boss, settings=settings, ids=ids, now=clock.now())
        return await link_of(sqlite_db)

    first = await ask("Nora@lamp.example")
    second = await ask("nora@lamp.example")
    async with sqlite_db.unit_of_work() as session:
        with pytest.raises(NotFound):
            await find_invitation(session, first, now=clock.now())
        found = await find_invitation(session, second, now=clock.now())
        nora = await join(session, found, "Nora Hale", password_hash="hash", ids=ids, now=clock.now())
        with pytest.raises(NotFound):
            await join(session, found, "Nora Hale", password_hash="hash", ids=ids, now=clock.now())
    assert (nora.email, nora.role, nora.name) == ("nora@lamp.example", Role.FINANCE, "Nora Hale")

    late, withdrawn = await ask("late@lamp.example"), await ask("gone@lamp.example")
    async with sqlite_db.unit_of_work() as session:
        gone = await find_invitation(session, withdrawn, now=clock.now())
        await withdraw(session, gone.id, actor_id=boss.id, now=clock.now())
        with pytest.raises(NotFound):
            await find_invitation(session, withdrawn, now=clock.now())
        clock.advance(timedelta(days=7))
        with pytest.raises(NotFound):
            await find_invitation(session, late, now=clock.now())
    with pytest.raises(Conflict):
        await ask("nora@lamp.example")


async def test_of_two_who_join_with_one_link_at_once_one_does(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings
) -> None:
    (boss,) = await hire(db, clock, ids, "admin")
    async with db.unit_of_work() as session:
        await invite(session, "n@lamp.example", "N", "viewer", actor=boss, settings=settings, ids=ids, now=clock.now())
    token = await link_of(db)

    async def use() -> None:
        async with db.reading() as session:
            found = await find_invitation(session, token, now=clock.now())
        async with db.unit_of_work() as session:
            await join(session, found, "N", password_hash="hash", ids=ids, now=clock.now())

    answers = await asyncio.gather(use(), use(), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["DeadLink", "NoneType"]


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0", "Edge, Windows"),
        ("curl/8.5", ""),
        ("", ""),
        ("<script>" * 2000, ""),
    ],
)
def test_a_browser_is_known_by_family_and_nothing_of_its_own_words_is_kept(agent: str, family: str) -> None:
    assert family_of(agent) == family
