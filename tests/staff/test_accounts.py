"""Who may be added, and who stays."""

import pytest
from sqlalchemy import select

from supporters.audit.models import AuditEntry
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import Ids
from supporters.staff.actions import add_staff, deactivate
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Role, Staff

GOOD = "river lamp otter 9"


async def test_added_staff_is_on_file_with_a_hash_and_an_audit_entry(db: Database, clock: FixedClock, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        added = await add_staff(
            session, "Dana@WeeklyLamp.example ", "Dana Whitlow", "finance", GOOD, ids=ids, now=clock.now()
        )

    async with db.reading() as session:
        stored = await session.get(Staff, added.id)
        deeds = (await session.scalars(select(AuditEntry))).all()
    assert stored is not None
    assert (stored.email, stored.role, stored.is_active) == ("dana@weeklylamp.example", Role.FINANCE, True)
    assert stored.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert [(deed.action, deed.actor_kind, deed.record_id) for deed in deeds] == [("staff.add", "cli", added.id)]


@pytest.mark.parametrize(
    ("email", "name", "role", "password", "words"),
    [
        ("dana@weeklylamp.example", "Dana", "finance", "short pass", "at least 12"),
        ("dana@weeklylamp.example", "Dana", "finance", "aaaaaaaaaaaaaaaa", "repeats"),
        ("dana@weeklylamp.example", "Dana", "finance", "x" * 201, "at most 200"),
        ("dana@weeklylamp.example", "Dana", "finance", "DANA@weeklylamp.example", "email address"),
        ("not an address", "Dana", "finance", GOOD, "not an email"),
        ("dana@weeklylamp.example", " \u200b ", "finance", GOOD, "needs a name"),
        ("dana@weeklylamp.example", "Dana", "owner", GOOD, "viewer, support, finance, editor, admin"),
    ],
)
async def test_what_will_not_do_is_refused_in_words(
    sqlite_db: Database, clock: FixedClock, ids: Ids, email: str, name: str, role: str, password: str, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        async with sqlite_db.unit_of_work() as session:
            await add_staff(session, email, name, role, password, ids=ids, now=clock.now())

    async with sqlite_db.reading() as session:
        assert (await session.scalars(select(Staff))).all() == []


async def test_the_same_address_in_other_capitals_is_in_use(sqlite_db: Database, clock: FixedClock, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_staff(session, "dana@weeklylamp.example", "Dana", "finance", GOOD, ids=ids, now=clock.now())

    with pytest.raises(Conflict):
        async with sqlite_db.unit_of_work() as session:
            await add_staff(session, "DANA@weeklylamp.example", "Dana", "admin", GOOD, ids=ids, now=clock.now())


async def test_the_last_admin_stays_and_the_last_but_one_may_go(
    sqlite_db: Database, clock: FixedClock, ids: Ids, staff_letters: StaffLetters
) -> None:
    async with sqlite_db.unit_of_work() as session:
        one = await add_staff(session, "one@lamp.example", "One", "admin", GOOD, ids=ids, now=clock.now())
        two = await add_staff(session, "two@lamp.example", "Two", "admin", GOOD, ids=ids, now=clock.now())
        await deactivate(session, one.id, letters=staff_letters, now=clock.now(), actor_id=two.id)

    with pytest.raises(Refused, match="last admin"):
        async with sqlite_db.unit_of_work() as session:
            await deactivate(session, two.id, letters=staff_letters, now=clock.now(), actor_id=two.id)
