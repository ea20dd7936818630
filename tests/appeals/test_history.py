"""Drafts, publishing now and later, bringing back, two editors at once; on both engines."""

import asyncio
import json
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import insert, select

from supporters.appeals.actions import create_fund, ensure_general
from supporters.appeals.content import Content
from supporters.appeals.history import (
    ChangedMeanwhile,
    call_off,
    content_of,
    create_appeal,
    find_version,
    plan_version,
    publish_due,
    publish_version,
    save_version,
    versions_of,
    withdraw,
)
from supporters.appeals.models import Appeal, Fund
from supporters.appeals.queries import GENERAL, AppealView, published_appeal
from supporters.audit.models import AuditEntry
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint

ELI = "01M7SESBR0GH6X5M4JM9NYJG7Z"
HOUR = timedelta(hours=1)


class Room:
    """The verbs, each in a transaction of its own."""

    def __init__(self, db: Database, clock: FixedClock, ids: Ids) -> None:
        self.db, self.clock, self.ids = db, clock, ids

    async def seed(self) -> Appeal:
        async with self.db.unit_of_work() as session:
            await ensure_general(session, currency="GBP", ids=self.ids, now=self.clock.now())
        return await self.appeal(GENERAL)

    async def create(self, content: Content) -> str:
        async with self.db.unit_of_work() as session:
            return await create_appeal(
                session, content, currency="GBP", actor_id=ELI, ids=self.ids, now=self.clock.now()
            )

    async def save(self, appeal_id: str, content: Content, *, base: int) -> int:
        async with self.db.unit_of_work() as session:
            return await save_version(
                session, appeal_id, content, base=base, actor_id=ELI, ids=self.ids, now=self.clock.now()
            )

    async def publish(self, appeal_id: str, number: int) -> None:
        async with self.db.unit_of_work() as session:
            await publish_version(session, appeal_id, number, ids=self.ids, now=self.clock.now())

    async def due(self) -> list[str]:
        async with self.db.unit_of_work() as session:
            return await publish_due(session, now=self.clock.now(), ids=self.ids)

    async def appeal(self, slug: str) -> Appeal:
        async with self.db.reading() as session:
            found = await session.scalar(select(Appeal).where(Appeal.slug == slug))
            assert found is not None
            return found

    async def seen(self, slug: str) -> AppealView | None:
        async with self.db.reading() as session:
            return await published_appeal(session, slug)

    async def history(self, slug: str) -> list[tuple[int, str]]:
        appeal = await self.appeal(slug)
        async with self.db.reading() as session:
            return [(each.number, each.content.heading) for each in await versions_of(session, appeal)]


@pytest.fixture
def room(db: Database, clock: FixedClock, ids: Ids) -> Room:
    return Room(db, clock, ids)


def winter(seed: Appeal, **fields: object) -> Content:
    content = msgspec.structs.replace(content_of(seed), name="Winter", slug="winter", heading="Winter")
    return msgspec.structs.replace(content, **fields)


async def test_a_draft_is_seen_by_nobody_until_it_is_published(room: Room) -> None:
    appeal_id = await room.create(winter(await room.seed()))
    assert await room.seen("winter") is None

    await room.publish(appeal_id, 1)

    view = await room.seen("winter")
    assert view is not None
    assert (view.heading, view.version) == ("Winter", 1)


async def test_receivers_who_want_to_know_are_told_of_each_publishing_and_of_no_draft(room: Room) -> None:
    appeal_id = await room.create(winter(seed := await room.seed()))
    endpoint = {"id": ELI, "url": "https://crm.example", "description": "", "kinds": ["appeal.published"]}
    made = {"secret_sealed": "", "made_by": ELI, "created_at": room.clock.now()}
    async with room.db.unit_of_work() as session:
        await session.execute(insert(WebhookEndpoint).values(**endpoint, **made))
    await room.save(appeal_id, winter(seed, heading="B"), base=1)

    await room.publish(appeal_id, 2)

    async with room.db.reading() as session:
        payloads = [json.loads(payload) for payload in await session.scalars(select(WebhookDelivery.payload))]
    assert [(each["type"], each["data"]) for each in payloads] == [
        ("appeal.published", {"id": appeal_id, "slug": "winter", "version": 2, "heading": "B"})
    ]


async def test_words_before_the_first_saving_are_kept_as_version_one(room: Room) -> None:
    seed = await room.seed()

    number = await room.save(seed.id, msgspec.structs.replace(content_of(seed), heading="New"), base=0)

    assert number == 2
    assert await room.history(GENERAL) == [(2, "New"), (1, "Help fund the paper")]
    view = await room.seen(GENERAL)
    assert view is not None
    assert (view.heading, view.version) == ("Help fund the paper", 1)


async def test_saving_the_same_words_twice_makes_one_version(room: Room) -> None:
    appeal_id = await room.create(winter(seed := await room.seed()))

    assert await room.save(appeal_id, winter(seed, heading="B"), base=1) == 2
    assert await room.save(appeal_id, winter(seed, heading="B"), base=2) == 2
    assert await room.history("winter") == [(2, "B"), (1, "Winter")]


async def test_of_two_who_save_at_once_the_second_is_told_and_numbers_have_no_gap(room: Room) -> None:
    appeal_id = await room.create(winter(seed := await room.seed()))

    outcomes = await asyncio.gather(
        *(room.save(appeal_id, winter(seed, heading=f"H{who}"), base=1) for who in range(4)), return_exceptions=True
    )

    told = [each for each in outcomes if isinstance(each, ChangedMeanwhile)]
    assert [each for each in outcomes if isinstance(each, int)] == [2]
    assert [each.newest for each in told] == [2, 2, 2]
    assert [number for number, _heading in await room.history("winter")] == [2, 1]


async def test_what_is_planned_is_published_once_when_its_time_has_come(room: Room) -> None:
    appeal_id = await room.create(winter(await room.seed()))
    async with room.db.unit_of_work() as session:
        await plan_version(session, appeal_id, 1, at=room.clock.now() + HOUR)

    assert await room.due() == []
    room.clock.advance(HOUR)
    together = await asyncio.gather(room.due(), room.due())

    assert sorted(map(len, together)) == [0, 1]
    assert await room.due() == []
    assert (await room.appeal("winter")).is_published
    async with room.db.reading() as session:
        deeds = (await session.execute(select(AuditEntry.actor_kind, AuditEntry.action))).all()
    assert deeds == [("system", "appeal.publish")]


async def test_publishing_by_hand_calls_off_what_was_planned(room: Room) -> None:
    appeal_id = await room.create(winter(seed := await room.seed()))
    async with room.db.unit_of_work() as session:
        await plan_version(session, appeal_id, 1, at=room.clock.now() + HOUR)
    await room.save(appeal_id, winter(seed, heading="Newer"), base=1)

    await room.publish(appeal_id, 2)
    room.clock.advance(2 * HOUR)

    assert await room.due() == []
    view = await room.seen("winter")
    assert view is not None
    assert view.heading == "Newer"


async def test_a_plan_replaces_the_one_before_and_can_be_called_off(room: Room) -> None:
    appeal_id = await room.create(winter(seed := await room.seed()))
    await room.save(appeal_id, winter(seed, heading="B"), base=1)
    async with room.db.unit_of_work() as session:
        await plan_version(session, appeal_id, 1, at=room.clock.now() + HOUR)
        await plan_version(session, appeal_id, 2, at=room.clock.now() + HOUR)
        assert await call_off(session, appeal_id) == [2]

    room.clock.advance(2 * HOUR)

    assert await room.due() == []


async def test_a_withdrawn_appeal_is_seen_by_nobody_now_or_later(room: Room) -> None:
    words = winter(await room.seed())
    appeal_id = await room.create(words)
    await room.publish(appeal_id, 1)
    await room.save(appeal_id, msgspec.structs.replace(words, name="Winter again"), base=1)
    async with room.db.unit_of_work() as session:
        await plan_version(session, appeal_id, 2, at=room.clock.now() + HOUR)
        await withdraw(session, appeal_id)

    room.clock.advance(2 * HOUR)

    assert await room.due() == []
    assert await room.seen("winter") is None
    assert {number for number, _name in await room.history("winter")} == {1, 2}


async def test_what_readers_see_already_is_not_planned_and_stays_published(room: Room) -> None:
    appeal_id = await room.create(winter(await room.seed()))
    await room.publish(appeal_id, 1)

    with pytest.raises(Conflict, match="see these words already"):
        async with room.db.unit_of_work() as session:
            await plan_version(session, appeal_id, 1, at=room.clock.now() + HOUR)

    async with room.db.reading() as session:
        assert (await find_version(session, appeal_id, 1)).published_at is not None


async def test_the_general_appeal_is_never_withdrawn_and_keeps_its_address(room: Room) -> None:
    seed = await room.seed()

    with pytest.raises(Conflict, match="can't be withdrawn"):
        async with room.db.unit_of_work() as session:
            await withdraw(session, seed.id)
    with pytest.raises(Conflict, match="can't change"):
        await room.save(seed.id, msgspec.structs.replace(content_of(seed), slug="other"), base=0)


async def test_an_address_may_change_until_readers_have_it_and_never_be_anothers(room: Room) -> None:
    appeal_id = await room.create(winter(seed := await room.seed()))

    with pytest.raises(Conflict, match="Another appeal"):
        await room.create(winter(seed))
    with pytest.raises(Conflict, match="Another appeal"):
        await room.save(appeal_id, winter(seed, slug=GENERAL), base=1)
    await room.save(appeal_id, winter(seed, slug="cold"), base=1)
    await room.publish(appeal_id, 1)
    with pytest.raises(Conflict, match="can't change"):
        await room.save(appeal_id, winter(seed, slug="winter"), base=2)

    view = await room.seen("cold")
    assert view is not None
    assert view.version == 1


async def test_two_new_appeals_never_share_an_address(room: Room) -> None:
    seed = await room.seed()

    outcomes = await asyncio.gather(*(room.create(winter(seed)) for _ in range(3)), return_exceptions=True)

    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "Conflict", "str"]


async def test_versions_of_nothing_are_not_found(room: Room) -> None:
    seed = await room.seed()

    for appeal_id, number in ((seed.id, 7), (ELI, 1)):
        with pytest.raises(NotFound):
            await room.publish(appeal_id, number)


async def test_a_fund_is_made_once_by_name_whatever_its_letters(room: Room) -> None:
    async with room.db.unit_of_work() as session:
        names = ["Strike fund", "Strike fund", "基金", "A" * 120]
        made = [await create_fund(session, name, ids=room.ids) for name in names]
        codes = (await session.scalars(select(Fund.code))).all()

    assert made[0] == made[1]
    assert len(set(made)) == 3
    assert all(1 <= len(code) <= 20 for code in codes)
