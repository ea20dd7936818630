"""Whoever's sign-in is changed is told by letter, and what rested on rights that are gone goes with them."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.mail.models import Letter
from supporters.settings import Settings
from supporters.staff.actions import add_staff, change_role, deactivate, restore
from supporters.staff.invitations import find_invitation, invite, open_invitations
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Staff, StaffSession
from supporters.staff.passwords import Passwords
from supporters.staff.sign_in import Guess, SignIns, WrongSignIn
from supporters.staff.totp import code_at, step_of
from whole import PASSWORD, Whole, hidden_fields

NEW = "lamps along the quay"
SET_UP = "/desk/you/second-factor"
FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}


async def told(site: Whole, whom: str) -> list[tuple[str, str]]:
    """Subject and text of each letter that somebody got."""
    await site.settle()
    mine = [each for each in site.mailbag.letters if each["To"] == f"{whom}@weeklylamp.example"]
    bodies = [each.get_body(("plain",)) for each in mine]
    return [(str(each["Subject"]), body.get_content()) for each, body in zip(mine, bodies, strict=True) if body]


async def seal_of(desk: httpx.AsyncClient) -> str:
    return hidden_fields((await desk.get("/desk/you")).text)["seal"]


async def test_what_one_does_to_ones_own_sign_in_is_written_to_oneself(site: Whole) -> None:
    desk = await site.staff("support")
    page = (await desk.get(SET_UP)).text
    secret = re.search(r"secret=([A-Z2-7]{32})", page)
    assert secret
    code = code_at(secret[1], step_of(site.clock.now()))
    shown = await desk.post(SET_UP, data={**hidden_fields(page), "code": code})
    codes = re.findall(r"<li>([0-9A-Z-]{14})</li>", shown.text)
    await desk.post(f"{SET_UP}/codes", data={"seal": await seal_of(desk)})
    await desk.post(f"{SET_UP}/off", data={"seal": await seal_of(desk)})
    form = {"seal": await seal_of(desk), "current": PASSWORD, "new": NEW}
    await desk.post("/desk/you/password", data=form)

    letters = await told(site, "support")

    assert [subject.partition(" – ")[0] for subject, _text in letters] == [
        "A second factor was set up",
        "New recovery codes were made",
        "Your second factor was taken away",
        "Your password was changed",
    ]
    for _subject, text in letters:
        assert "Was it not you?" in text
        assert f"{site.settings.base_url}/desk/you" in text
        assert not [key for key in (secret[1], NEW, *codes) if key in text]
    await desk.aclose()


async def test_a_sign_in_by_recovery_code_is_told_with_its_browser_and_what_is_left(site: Whole) -> None:
    desk = await site.staff("support")
    page = (await desk.get(SET_UP)).text
    secret = re.search(r"secret=([A-Z2-7]{32})", page)
    assert secret
    code = code_at(secret[1], step_of(site.clock.now()))
    shown = await desk.post(SET_UP, data={**hidden_fields(page), "code": code})
    recovery = re.findall(r"<li>([0-9A-Z-]{14})</li>", shown.text)[0]
    other = site.browser()
    form = {"email": "support@weeklylamp.example", "password": PASSWORD}
    await other.post("/desk/sign-in", data=form, headers=FIREFOX)
    asked = await other.get("/desk/sign-in/code")

    await other.post("/desk/sign-in/code", data={**hidden_fields(asked.text), "code": recovery}, headers=FIREFOX)

    subject, text = (await told(site, "support"))[-1]
    assert subject.startswith("A recovery code was used")
    assert "It was used in Firefox, Linux. Codes left: 9." in text
    assert recovery not in text
    await desk.aclose()
    await other.aclose()


async def test_what_an_admin_does_to_somebody_is_written_to_them_once(site: Whole) -> None:
    boss, sam = await site.staff("admin"), await site.staff("support")
    async with site.db.reading() as session:
        who = await session.scalar(select(Staff.id).where(Staff.email == "support@weeklylamp.example"))
    seal = await seal_of(boss)

    for deed, fields in [
        ("role", {"role": "viewer"}),
        ("suspend", {}),
        ("suspend", {}),
        ("restore", {}),
        ("restore", {}),
    ]:
        answer = await boss.post(f"/desk/staff/{who}/{deed}", data={"seal": seal, **fields})
        assert answer.status_code == 303

    letters = await told(site, "support")
    assert [subject.partition(" – ")[0] for subject, _text in letters] == [
        "Your role was changed",
        "You can no longer sign in",
        "You can sign in again",
    ]
    assert "Your role at the desk is viewer now." in letters[0][1]
    assert "/desk/you" not in letters[1][1]
    assert await told(site, "admin") == []
    await boss.aclose()
    await sam.aclose()


async def hire(db: Database, clock: FixedClock, ids: Ids, *roles: str) -> list[Staff]:
    async with db.unit_of_work() as session:
        hired = [
            Staff(
                id=ids.ulid(),
                email=f"{role}{number}@lamp.example",
                name=role,
                password_hash="none",
                role=role,
                is_active=True,
                created_at=clock.now(),
            )
            for number, role in enumerate(roles)
        ]
        session.add_all(hired)
    return hired


@pytest.mark.parametrize("how", ["suspended", "demoted"])
async def test_invitations_of_an_admin_who_is_gone_open_nothing(
    db: Database, clock: FixedClock, ids: Ids, settings: Settings, staff_letters: StaffLetters, how: str
) -> None:
    boss, gone = await hire(db, clock, ids, "admin", "admin")
    async with db.unit_of_work() as session:
        await invite(
            session, "friend@lamp.example", "A friend", "admin", actor=gone, settings=settings, ids=ids, now=clock.now()
        )
        letter = (await session.scalars(select(Letter))).one()
    token = str(letter.context["join_url"]).rpartition("/")[2]

    async with db.unit_of_work() as session:
        if how == "suspended":
            await deactivate(session, gone.id, letters=staff_letters, actor_id=boss.id, now=clock.now())
        else:
            await change_role(session, gone.id, "editor", letters=staff_letters, actor_id=boss.id, now=clock.now())

    async with db.unit_of_work() as session:
        assert list(await open_invitations(session)) == []
        with pytest.raises(NotFound):
            await find_invitation(session, token, now=clock.now())
        with pytest.raises(Refused, match="rights"):
            await invite(
                session, "late@lamp.example", "Late", "admin", actor=gone, settings=settings, ids=ids, now=clock.now()
            )


class SlowPasswords(Passwords):
    """Something happens while a password is being checked."""

    async def fits(self, password_hash: str, password: str) -> bool:
        found = await super().fits(password_hash, password)
        await self.meanwhile()
        return found

    async def meanwhile(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("what", ["password", "suspended"])
async def test_a_sign_in_that_overlaps_a_new_password_or_a_suspension_gets_nowhere(
    db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters, what: str
) -> None:
    async with db.unit_of_work() as session:
        email = "dana@weeklylamp.example"
        dana = await add_staff(session, email, "Dana", "viewer", PASSWORD, ids=ids, now=clock.now())
    slow = SlowPasswords()

    async def meanwhile() -> None:
        async with db.unit_of_work() as session:
            if what == "suspended":
                await deactivate(session, dana.id, letters=staff_letters, now=clock.now())
            else:
                (await session.get_one(Staff, dana.id)).password_hash = "another"

    slow.meanwhile = meanwhile
    sign_ins = SignIns(Signer("test-secret-key-of-more-than-32-characters", "staff-sign-in"), slow)

    with pytest.raises(WrongSignIn):
        await sign_ins.sign_in(db, Guess(email, PASSWORD, "203.0.113.7"), ids=ids, now=clock.now())

    async with db.unit_of_work() as session:
        assert list(await session.scalars(select(StaffSession))) == []
        if what == "suspended":
            await restore(session, dana.id, letters=staff_letters, now=clock.now() + timedelta(minutes=1))
