"""A second factor is kept sealed, and each of its codes is taken once, also by two at the same moment."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.mail.models import Letter
from supporters.staff.accounts import change_password, set_up_second_factor
from supporters.staff.actions import add_staff, reset_second_factor
from supporters.staff.letters import StaffLetters
from supporters.staff.models import RecoveryCode, Staff
from supporters.staff.passwords import Passwords
from supporters.staff.proving import Proofs, WrongProof, WrongProofCode
from supporters.staff.second_factor import SecondFactors, WrongCode, count_recovery_codes
from supporters.staff.sessions import Member, Stage, close_all_sessions, find_member
from supporters.staff.sign_in import Guess, SignIns
from supporters.staff.totp import code_at, step_of

KEY = "test-secret-key-of-more-than-32-characters"
GOOD = "river lamp otter 9"
GUESS = Guess("dana@weeklylamp.example", GOOD, "203.0.113.7", "Firefox, Linux")
PASSWORDS = Passwords()
FACTORS, PROOFS = SecondFactors(KEY), Proofs(KEY, PASSWORDS)
SIGN_INS = SignIns(Signer(KEY, "staff-sign-in"), PASSWORDS)


class Dana:
    """A member of finance, and her phone."""

    def __init__(self, db: Database, clock: FixedClock, ids: Ids, letters: StaffLetters) -> None:
        self.db, self.clock, self.ids, self.letters = db, clock, ids, letters
        self.secret = ""
        self.codes: list[str] = []
        self.id = ""

    async def hire(self) -> None:
        async with self.db.unit_of_work() as session:
            staff = await add_staff(session, GUESS.email, "Dana", "finance", GOOD, ids=self.ids, now=self.clock.now())
        self.id = staff.id

    async def sign_in(self) -> Member:
        token = await SIGN_INS.sign_in(self.db, GUESS, ids=self.ids, now=self.clock.now())
        return await self.member(token)

    async def member(self, token: str) -> Member:
        found = await find_member(self.db, token, now=self.clock.now())
        assert found is not None
        return found

    async def set_up(self) -> str:
        member = await self.sign_in()
        setup = FACTORS.begin(self.id, ids=self.ids, now=self.clock.now())
        self.secret = setup.secret
        async with self.db.unit_of_work() as session:
            token, self.codes = await set_up_second_factor(
                session,
                member,
                setup,
                self.code(),
                factors=FACTORS,
                letters=self.letters,
                ids=self.ids,
                now=self.clock.now(),
            )
        return token

    def code(self) -> str:
        return code_at(self.secret, step_of(self.clock.now()))

    async def finish(self, member: Member, code: str) -> Member:
        token = await PROOFS.finish_sign_in(
            self.db, member, code, letters=self.letters, ids=self.ids, now=self.clock.now()
        )
        return await self.member(token)


@pytest.fixture
async def dana(sqlite_db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters) -> Dana:
    found = Dana(sqlite_db, clock, ids, staff_letters)
    await found.hire()
    return found


async def test_a_role_that_needs_it_is_led_to_set_it_up_and_then_owes_a_code(dana: Dana) -> None:
    assert (await dana.sign_in()).stage == Stage.SET_UP

    token = await dana.set_up()

    assert (await dana.member(token)).stage == Stage.FULL
    assert (await dana.sign_in()).stage == Stage.CODE


async def test_the_secret_is_stored_sealed_and_recovery_codes_as_digests(dana: Dana) -> None:
    await dana.set_up()

    async with dana.db.reading() as session:
        staff = await session.get_one(Staff, dana.id)
        digests = list(await session.scalars(select(RecoveryCode.digest)))
    assert dana.secret not in str(staff.totp_sealed)
    assert len(set(digests)) == len(set(dana.codes)) == 10
    assert not any(code in digest for code in dana.codes for digest in digests)


async def test_setting_up_signs_every_other_browser_out(dana: Dana) -> None:
    other = await SIGN_INS.sign_in(dana.db, GUESS, ids=dana.ids, now=dana.clock.now())

    await dana.set_up()

    assert await find_member(dana.db, other, now=dana.clock.now()) is None


async def test_the_code_that_set_it_up_does_not_sign_in(dana: Dana) -> None:
    await dana.set_up()
    member = await dana.sign_in()

    with pytest.raises(WrongCode):
        await dana.finish(member, dana.code())
    dana.clock.advance(timedelta(seconds=30))

    assert (await dana.finish(member, dana.code())).stage == Stage.FULL


async def test_of_two_who_give_the_same_code_at_once_one_gets_in(
    db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters
) -> None:
    dana = Dana(db, clock, ids, staff_letters)
    await dana.hire()
    await dana.set_up()
    clock.advance(timedelta(minutes=1))
    one, two = await dana.sign_in(), await dana.sign_in()

    answers = await asyncio.gather(dana.finish(one, dana.code()), dana.finish(two, dana.code()), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["Member", "WrongCode"]


async def test_of_two_who_give_the_same_recovery_code_at_once_one_gets_in(
    db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters
) -> None:
    dana = Dana(db, clock, ids, staff_letters)
    await dana.hire()
    await dana.set_up()
    one, two = await dana.sign_in(), await dana.sign_in()

    answers = await asyncio.gather(
        dana.finish(one, dana.codes[0]), dana.finish(two, dana.codes[0].lower()), return_exceptions=True
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Member", "WrongCode"]
    async with db.reading() as session:
        assert await count_recovery_codes(session, dana.id) == 9


async def test_a_recovery_code_may_be_typed_carelessly(dana: Dana) -> None:
    await dana.set_up()
    typed = dana.codes[3].replace("-", " ").replace("0", "o").replace("1", "l").lower()

    assert (await dana.finish(await dana.sign_in(), typed)).stage == Stage.FULL


async def test_signing_in_gives_a_new_token_and_the_old_one_opens_nothing(dana: Dana) -> None:
    await dana.set_up()
    half = await SIGN_INS.sign_in(dana.db, GUESS, ids=dana.ids, now=dana.clock.now())
    member = await dana.member(half)

    whole = await dana.finish(member, dana.codes[0])

    assert whole.session_id == member.session_id
    assert await find_member(dana.db, half, now=dana.clock.now()) is None


async def test_the_eleventh_wrong_code_is_not_looked_at_and_forty_a_day_are_all(dana: Dana) -> None:
    await dana.set_up()
    member = await dana.sign_in()
    for _ in range(10):
        with pytest.raises(WrongCode):
            await dana.finish(member, "000000")

    with pytest.raises(Refused, match="Wait five minutes") as refused:
        await dana.finish(member, dana.codes[0])
    assert not isinstance(refused.value, WrongCode)

    for _ in range(29):
        dana.clock.advance(timedelta(minutes=5))
        with pytest.raises(WrongCode):
            await dana.finish(member, "000000")
    dana.clock.advance(timedelta(minutes=5))
    with pytest.raises(Refused, match="tomorrow"):
        await dana.finish(member, dana.codes[0])


async def test_a_second_factor_is_not_set_up_over_another(dana: Dana) -> None:
    member = await dana.member(await dana.set_up())
    setup = FACTORS.begin(dana.id, ids=dana.ids, now=dana.clock.now())

    with pytest.raises(Conflict):
        async with dana.db.unit_of_work() as session:
            await set_up_second_factor(
                session,
                member,
                setup,
                code_at(setup.secret, step_of(dana.clock.now())),
                factors=FACTORS,
                letters=dana.letters,
                ids=dana.ids,
                now=dana.clock.now(),
            )


async def test_a_setup_is_for_whom_it_was_made_and_for_an_hour(dana: Dana) -> None:
    now = dana.clock.now()
    setup = FACTORS.begin(dana.id, ids=dana.ids, now=now)

    assert FACTORS.resume(setup.sealed, dana.id, now=now + timedelta(minutes=59)) == setup
    assert FACTORS.resume(setup.sealed, dana.id, now=now + timedelta(minutes=61)) is None
    assert FACTORS.resume(setup.sealed, "somebody else", now=now) is None
    for broken in ("", "x", setup.sealed[:-1], "s1.a.b.c", "\ud800", "é" * 9000):
        assert FACTORS.resume(broken, dana.id, now=now) is None


async def test_a_reset_takes_the_codes_too_and_signs_out(dana: Dana) -> None:
    token = await dana.set_up()

    async with dana.db.unit_of_work() as session:
        assert await reset_second_factor(session, dana.id, letters=dana.letters, now=dana.clock.now())

    assert await find_member(dana.db, token, now=dana.clock.now()) is None
    assert (await dana.sign_in()).stage == Stage.SET_UP
    async with dana.db.reading() as session:
        assert await count_recovery_codes(session, dana.id) == 0


async def test_a_proof_is_the_password_and_a_fresh_code(dana: Dana) -> None:
    member = await dana.member(await dana.set_up())
    used = dana.code()
    dana.clock.advance(timedelta(minutes=11))
    start = dana.clock.now()

    async def prove(password: str, code: str) -> None:
        await PROOFS.prove(dana.db, member, password, code=code, letters=dana.letters, now=start)

    for wrong in ("", "000000", dana.secret, "another long password", dana.code()):
        with pytest.raises(WrongProof):
            await prove(wrong, dana.code())
    for wrong in ("", "000000", used, dana.secret, GOOD):
        with pytest.raises(WrongProofCode):
            await prove(GOOD, wrong)
    dana.clock.advance(timedelta(minutes=5))
    start = dana.clock.now()
    await prove(GOOD, dana.code())
    with pytest.raises(WrongProofCode):
        await prove(GOOD, dana.code())

    async with dana.db.reading() as session:
        staff = await session.get_one(Staff, dana.id)
    assert staff.totp_step == step_of(start)


async def test_a_recovery_code_proves_too_once_and_is_told_of(dana: Dana) -> None:
    member = await dana.member(await dana.set_up())

    async def prove() -> None:
        now, code = dana.clock.now(), dana.codes[0]
        await PROOFS.prove(dana.db, member, GOOD, code=code, letters=dana.letters, now=now)

    await prove()
    with pytest.raises(WrongProofCode):
        await prove()

    async with dana.db.reading() as session:
        assert await count_recovery_codes(session, dana.id) == 9
        heads = [row.context["head"] for row in await session.scalars(select(Letter))]
    assert "A recovery code was used" in heads


async def test_a_new_password_proves_nothing_by_itself(dana: Dana) -> None:
    member = await dana.member(await dana.set_up())
    dana.clock.advance(timedelta(minutes=11))

    async with dana.db.unit_of_work() as session:
        token = await change_password(session, member, "none", letters=dana.letters, ids=dana.ids, now=dana.clock.now())

    after = await dana.member(token)
    assert (after.proved_at, after.stage) == (member.proved_at, Stage.FULL)
    assert after.session_hash != member.session_hash


async def test_nothing_is_done_in_the_name_of_a_session_that_was_ended_meanwhile(dana: Dana) -> None:
    member = await dana.sign_in()
    async with dana.db.unit_of_work() as session:
        await close_all_sessions(session, dana.id)
    setup = FACTORS.begin(dana.id, ids=dana.ids, now=dana.clock.now())
    dana.secret = setup.secret
    async with dana.db.reading() as session:
        before = await session.get_one(Staff, dana.id)

    letters, now, code = dana.letters, dana.clock.now(), dana.code()
    with pytest.raises(Conflict, match="signed out"):
        async with dana.db.unit_of_work() as session:
            await set_up_second_factor(
                session, member, setup, code, factors=FACTORS, letters=letters, ids=dana.ids, now=now
            )
    with pytest.raises(Conflict, match="signed out"):
        async with dana.db.unit_of_work() as session:
            await change_password(session, member, "none", letters=letters, ids=dana.ids, now=now)

    async with dana.db.reading() as session:
        after = await session.get_one(Staff, dana.id)
    assert (after.totp_sealed, after.password_hash) == (None, before.password_hash)


async def test_a_recovery_code_is_not_used_up_by_a_sign_in_that_was_ended_meanwhile(dana: Dana) -> None:
    await dana.set_up()
    half = await dana.sign_in()
    async with dana.db.unit_of_work() as session:
        await close_all_sessions(session, dana.id)

    with pytest.raises(Conflict, match="signed out"):
        await dana.finish(half, dana.codes[0])

    async with dana.db.reading() as session:
        assert await count_recovery_codes(session, dana.id) == 10
