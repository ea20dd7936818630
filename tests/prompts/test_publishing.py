"""Publishing: a new version only for new words, vetoes honoured, tickers written over."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.actions import ensure_general
from supporters.appeals.contrast import on_brand
from supporters.appeals.models import Appeal
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.prompts.files import published_prompt
from supporters.prompts.models import PromptFile
from supporters.prompts.placements import change_placement, ensure_placements
from supporters.prompts.publish import NewsletterLine, TickerLine, republish
from supporters.prompts.vetoes import add_veto, lift_veto
from supporters.settings import Settings

DAILY = NewsletterLine("daily", "Morning Light", "Send me Morning Light. You can stop with one click.", "Every day")


class Desk:
    """Publishes, and reads what is published."""

    def __init__(self, db: Database, clock: FixedClock, ids: Ids, settings: Settings) -> None:
        self.db, self.clock, self.ids, self.settings = db, clock, ids, settings

    async def open(self) -> None:
        async with self.db.unit_of_work() as session:
            await ensure_general(session, currency="GBP", ids=self.ids, now=self.clock.now())
            await ensure_placements(session, now=self.clock.now())

    async def publish(self, **tickers: TickerLine) -> list[str]:
        async with self.db.unit_of_work() as session:
            return await self.publish_in(session, **tickers)

    async def publish_in(self, session: AsyncSession, **tickers: TickerLine) -> list[str]:
        now = self.clock.now()
        told = {"lines": {"daily": DAILY}, "settings": self.settings, "ids": self.ids, "now": now}
        return await republish(session, tickers=tickers, **told)  # pyright: ignore[reportArgumentType]

    async def read(self, code: str = "article-foot") -> dict[str, Any]:
        async with self.db.reading() as session:
            found = await published_prompt(session, code)
        assert found is not None
        content: dict[str, Any] = json.loads(found.json)
        return content | {"etag": found.etag, "page": found.html.decode()}

    async def change_appeal(self, **values: object) -> None:
        async with self.db.unit_of_work() as session:
            await session.execute(update(Appeal).where(Appeal.slug == "general").values(**values))

    async def versions(self) -> int:
        async with self.db.reading() as session:
            counted = select(func.count()).where(PromptFile.placement == "article-foot")
            return int(await session.scalar(counted) or 0)


@pytest.fixture
async def desk(db: Database, clock: FixedClock, ids: Ids, settings: Settings) -> Desk:
    made = Desk(db, clock, ids, settings)
    await made.open()
    await made.publish()
    return made


async def test_a_published_file_says_all_that_a_site_needs(desk: Desk) -> None:
    file = await desk.read()

    assert file["version"] == 1
    assert file["heading"] == "Make a donation to The Weekly Lamp"
    assert file["amounts"] == {
        "monthly": [["3", "£3"], ["5", "£5"], ["10", "£10"], ["20", "£20"]],
        "yearly": [["25", "£25"], ["50", "£50"], ["100", "£100"], ["200", "£200"]],
        "once": [["5", "£5"], ["10", "£10"], ["25", "£25"], ["50", "£50"]],
    }
    assert file["newsletter"]["words"] == "Sign up for our daily email Morning Light"
    assert file["script"]["integrity"].startswith("sha384-")
    assert f'<a href="{desk.settings.base_url}/sign-in" data-word="manage">Your giving</a>' in file["page"]
    assert f'action="{desk.settings.base_url}/give"' in file["page"]
    assert '<input type="radio" name="once" value="5">' in file["page"]
    assert " checked" not in file["page"]


async def test_publishing_again_without_a_change_makes_no_new_version(desk: Desk) -> None:
    before = await desk.read()

    desk.clock.advance(timedelta(minutes=5))
    changed = await desk.publish()

    assert changed == []
    assert await desk.read() == before


async def test_new_words_make_a_new_version_and_the_old_one_is_kept(desk: Desk) -> None:
    await desk.change_appeal(ask="Help fund the ferry <b>pages</b>")

    changed = await desk.publish()

    assert changed == ["article-foot", "issue-page"]
    file = await desk.read()
    assert (file["version"], await desk.versions()) == (2, 2)
    assert "Help fund the ferry &lt;b&gt;pages&lt;/b&gt;" in file["page"]


async def test_new_figures_of_a_ticker_are_written_into_the_version_at_hand(desk: Desk) -> None:
    await desk.change_appeal(has_ticker=True, goal_minor=1_200_000)
    first = TickerLine(821_400, 312, "GBP", desk.clock.now())
    await desk.publish(general=first)
    before = await desk.read()

    changed = await desk.publish(general=TickerLine(822_400, 313, "GBP", desk.clock.now()))

    after = await desk.read()
    assert changed == ["article-foot", "issue-page"]
    assert after["ticker"]["words"].startswith("£8,224 of £12,000")
    assert after["ticker"]["percent"] == 68
    assert after["version"] == before["version"]
    assert after["etag"] != before["etag"]


async def test_an_appeal_that_has_ended_makes_way_for_the_general_one(desk: Desk) -> None:
    async with desk.db.unit_of_work() as session:
        general = (await session.scalars(select(Appeal))).one()
        values = {column.name: getattr(general, column.name) for column in Appeal.__table__.columns}
        ended = {"id": desk.ids.ulid(), "slug": "winter", "ends_at": desk.clock.now() + timedelta(hours=1)}
        session.add(Appeal(**{**values, **ended, "ask": "Winter"}))
        await session.flush()
        told = {"appeal_slug": "winter", "newsletter_slug": None, "heading": "", "is_on": True}
        await change_placement(session, "article-foot", now=desk.clock.now(), **told)  # pyright: ignore[reportArgumentType]
        await desk.publish_in(session)
    assert (await desk.read())["appeal"] == "winter"

    desk.clock.advance(timedelta(hours=1))
    await desk.publish()

    assert (await desk.read())["appeal"] == "general"


async def test_a_veto_is_published_and_a_lifted_one_is_not(desk: Desk) -> None:
    async with desk.db.unit_of_work() as session:
        told = {"reason": "A death", "actor": "S", "ids": desk.ids, "now": desk.clock.now()}
        first = await add_veto(session, path="/news/funeral", **told)  # pyright: ignore[reportArgumentType]
        await add_veto(session, tag="obituary", **told)  # pyright: ignore[reportArgumentType]
        await desk.publish_in(session)
    assert (await desk.read())["quiet"] == {"paths": ["/news/funeral"], "tags": ["obituary"], "ranges": []}

    async with desk.db.unit_of_work() as session:
        lifted = [await lift_veto(session, first, actor="S", now=desk.clock.now()) for _ in range(2)]
        await desk.publish_in(session)

    assert lifted == [True, False]
    assert (await desk.read())["quiet"]["paths"] == []


async def test_on_vetoed_days_nothing_is_asked_until_they_are_over(desk: Desk) -> None:
    async with desk.db.unit_of_work() as session:
        days = (date(2026, 11, 23), date(2026, 11, 24))
        await add_veto(session, days=days, reason="Mourning", actor="S", ids=desk.ids, now=desk.clock.now())
        await desk.publish_in(session)
    asked = [(await desk.read())["is_on"]]

    for _day in range(3):
        desk.clock.advance(timedelta(days=1))
        await desk.publish()
        asked.append((await desk.read())["is_on"])

    assert asked == [True, False, False, True]


async def test_words_on_the_brand_colour_can_be_read() -> None:
    assert on_brand("#b3141e") == "#ffffff"
    assert on_brand("#ffd400") == "#1b1a17"
