"""Signing in: limits, equal answers, new tokens, ends of sessions."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer, token_hash
from supporters.staff.actions import add_staff, deactivate
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Role, Staff, StaffSession
from supporters.staff.passwords import Passwords
from supporters.staff.rules import ABSOLUTE, IDLE
from supporters.staff.sessions import find_member
from supporters.staff.sign_in import Guess, SignIns, WrongSignIn, sign_out

EMAIL = "dana@weeklylamp.example"
GOOD = "river lamp otter 9"
RIGHT = Guess(EMAIL, GOOD, "203.0.113.7")
WRONG = Guess(EMAIL, "river lamp otter 8", "203.0.113.7")


@pytest.fixture
def sign_ins() -> SignIns:
    return SignIns(Signer("test-secret-key-of-more-than-32-characters", "staff-sign-in"), Passwords())


async def hire(db: Database, clock: FixedClock, ids: Ids) -> Staff:
    async with db.unit_of_work() as session:
        return await add_staff(session, EMAIL, "Dana Whitlow", "finance", GOOD, ids=ids, now=clock.now())


async def count_sessions(db: Database) -> int:
    async with db.reading() as session:
        return await session.scalar(select(func.count()).select_from(StaffSession)) or 0


async def test_the_right_password_opens_a_session_whose_token_is_stored_only_as_its_hash(
    db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    dana = await hire(db, clock, ids)

    token = await sign_ins.sign_in(db, RIGHT, ids=ids, now=clock.now())

    member = await find_member(db, token, now=clock.now())
    assert member is not None
    assert (member.id, member.role, member.session_hash) == (dana.id, Role.FINANCE, token_hash(token))
    assert len(token) == 43
    async with db.reading() as session:
        row = (await session.scalars(select(StaffSession))).one()
    assert row.token_hash == token_hash(token) != token


async def test_wrong_password_unknown_address_and_inactive_staff_get_the_same_words(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns, staff_letters: StaffLetters
) -> None:
    dana = await hire(sqlite_db, clock, ids)
    words: set[str] = set()
    for guess in (WRONG, Guess("nobody@lamp.example", GOOD, "198.51.100.1")):
        with pytest.raises(WrongSignIn) as refused:
            await sign_ins.sign_in(sqlite_db, guess, ids=ids, now=clock.now())
        words.add(refused.value.message)

    async with sqlite_db.unit_of_work() as session:
        await deactivate(session, dana.id, letters=staff_letters, now=clock.now())
    with pytest.raises(WrongSignIn) as refused:
        await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())

    assert words | {refused.value.message} == {refused.value.message}
    assert await count_sessions(sqlite_db) == 0


async def test_unknown_address_costs_as_much_work_as_a_wrong_password(
    sqlite_db: Database, clock: FixedClock, ids: Ids
) -> None:
    checked: list[str] = []

    class Counting(Passwords):
        async def fits(self, password_hash: str, password: str) -> bool:
            checked.append(password_hash.rpartition("$")[0].rpartition("$")[0])
            return await super().fits(password_hash, password)

    counting = SignIns(Signer("x" * 32, "staff-sign-in"), Counting())
    await hire(sqlite_db, clock, ids)
    for guess in (WRONG, Guess("nobody@lamp.example", GOOD, "198.51.100.1")):
        with pytest.raises(WrongSignIn):
            await counting.sign_in(sqlite_db, guess, ids=ids, now=clock.now())

    assert checked == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


@pytest.mark.parametrize("moving", ["network", "email"])
async def test_the_eleventh_guess_in_five_minutes_is_not_even_looked_at(
    db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns, moving: str
) -> None:
    await hire(db, clock, ids)
    for number in range(10):
        network = f"198.51.100.{number}" if moving == "network" else RIGHT.network
        email = EMAIL if moving == "network" else f"guess{number}@lamp.example"
        with pytest.raises(WrongSignIn):
            await sign_ins.sign_in(db, Guess(email, "wrong", network), ids=ids, now=clock.now())

    with pytest.raises(Refused, match="Too many tries") as refused:
        await sign_ins.sign_in(db, RIGHT, ids=ids, now=clock.now())
    assert not isinstance(refused.value, WrongSignIn)

    clock.advance(timedelta(minutes=5))
    assert await sign_ins.sign_in(db, RIGHT, ids=ids, now=clock.now())


async def test_parallel_guesses_gain_nothing(db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns) -> None:
    await hire(db, clock, ids)
    tries = [sign_ins.sign_in(db, WRONG, ids=ids, now=clock.now()) for _ in range(25)]

    answers = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(answer, WrongSignIn) for answer in answers) == 10
    assert sum(type(answer) is Refused for answer in answers) == 15


async def test_right_passwords_do_not_count(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(sqlite_db, clock, ids)

    for _ in range(15):
        await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())

    assert await count_sessions(sqlite_db) == 15


async def test_each_sign_in_gives_a_new_token_and_ends_the_old_session(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(sqlite_db, clock, ids)
    first = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())

    second = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now(), old_token=first)

    assert second != first
    assert await find_member(sqlite_db, first, now=clock.now()) is None
    assert await find_member(sqlite_db, second, now=clock.now()) is not None


async def test_a_token_that_the_browser_brought_is_never_adopted(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(sqlite_db, clock, ids)

    token = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now(), old_token="planted")

    assert token != "planted"
    assert await find_member(sqlite_db, "planted", now=clock.now()) is None


async def test_a_session_ends_after_thirty_idle_minutes_and_a_visit_keeps_it(
    db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(db, clock, ids)
    token = await sign_ins.sign_in(db, RIGHT, ids=ids, now=clock.now())

    clock.advance(IDLE - timedelta(seconds=1))
    assert await find_member(db, token, now=clock.now()) is not None
    clock.advance(IDLE - timedelta(seconds=1))
    assert await find_member(db, token, now=clock.now()) is not None
    clock.advance(IDLE)
    assert await find_member(db, token, now=clock.now()) is None


async def test_a_session_ends_after_twelve_hours_however_busy(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(sqlite_db, clock, ids)
    token = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())
    steps = int(ABSOLUTE / timedelta(minutes=20))

    for _ in range(steps - 1):
        clock.advance(timedelta(minutes=20))
        assert await find_member(sqlite_db, token, now=clock.now()) is not None
    clock.advance(timedelta(minutes=20))

    assert await find_member(sqlite_db, token, now=clock.now()) is None


async def test_a_visit_is_written_at_most_once_a_minute(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(sqlite_db, clock, ids)
    token = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())
    start = clock.now()

    seen = []
    for _ in range(3):
        clock.advance(timedelta(seconds=30))
        await find_member(sqlite_db, token, now=clock.now())
        async with sqlite_db.reading() as session:
            seen.append((await session.scalars(select(StaffSession.last_seen_at))).one() - start)

    assert seen == [timedelta(0), timedelta(minutes=1), timedelta(minutes=1)]


async def test_inactive_staff_is_out_at_once(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns, staff_letters: StaffLetters
) -> None:
    dana = await hire(sqlite_db, clock, ids)
    token = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())

    async with sqlite_db.unit_of_work() as session:
        await deactivate(session, dana.id, letters=staff_letters, now=clock.now())

    assert await find_member(sqlite_db, token, now=clock.now()) is None


async def test_signing_out_ends_this_session_only(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    await hire(sqlite_db, clock, ids)
    here = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())
    there = await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())
    member = await find_member(sqlite_db, here, now=clock.now())
    assert member is not None

    async with sqlite_db.unit_of_work() as session:
        await sign_out(session, member, now=clock.now())

    assert await find_member(sqlite_db, here, now=clock.now()) is None
    assert await find_member(sqlite_db, there, now=clock.now()) is not None


@pytest.mark.parametrize("token", [None, "", "x", "x" * 5000, "\ud800", "' OR 1=1 --"])
async def test_nonsense_tokens_open_nothing(sqlite_db: Database, clock: FixedClock, token: str | None) -> None:
    assert await find_member(sqlite_db, token, now=clock.now()) is None


async def test_a_hash_of_older_strength_is_renewed_at_sign_in(
    sqlite_db: Database, clock: FixedClock, ids: Ids, sign_ins: SignIns
) -> None:
    from argon2 import PasswordHasher

    dana = await hire(sqlite_db, clock, ids)
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    async with sqlite_db.unit_of_work() as session:
        (await session.get_one(Staff, dana.id)).password_hash = old

    await sign_ins.sign_in(sqlite_db, RIGHT, ids=ids, now=clock.now())

    async with sqlite_db.reading() as session:
        assert "m=19456,t=2" in (await session.get_one(Staff, dana.id)).password_hash
