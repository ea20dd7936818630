"""What the sample paper's editors have done by the time somebody looks: appeals, issues, a veto, readers of the email."""

from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.actions import create_fund
from supporters.appeals.articles import fetch_feeds, store_feeds
from supporters.appeals.content import Content, Source
from supporters.appeals.history import content_of, create_appeal, publish_version, save_version
from supporters.appeals.issues import IssueForm, add_issue
from supporters.appeals.models import Appeal
from supporters.appeals.pictures import keep_picture, read_picture
from supporters.appeals.queries import GENERAL
from supporters.appeals.rules import default_amounts
from supporters.demo import sample
from supporters.demo.pages import FILES
from supporters.kit.clock import Clock
from supporters.kit.ids import Ids
from supporters.newsletters.actions import confirm_signup, stop_address
from supporters.newsletters.lists import FIRST_SLUG, create_list, edit_list
from supporters.newsletters.models import Newsletter, Signup
from supporters.newsletters.queries import confirmed_rows
from supporters.newsletters.signup import request_signup
from supporters.prompts.models import Reminder
from supporters.prompts.placements import ARTICLE_FOOT, ISSUE_PAGE, change_placement
from supporters.prompts.reminders import ask_reminder, confirm_reminder
from supporters.prompts.vetoes import add_veto
from supporters.prompts.words import next_month
from supporters.publishing import publish_all
from supporters.worker import Tools


class Editors:
    """Eli and his colleagues at the desk of the sample paper."""

    def __init__(self, tools: Tools, clock: Clock, *, eli: str) -> None:
        self._tools = tools
        self._clock = clock
        self._eli = eli

    async def set_up(self, *, until: datetime) -> None:
        """Appeals, issues, lists and a veto stand as they are before the first of the sample's days."""
        async with self._tools.db.unit_of_work() as session:
            await self._word_general(session)
            await self._appeal(session, sample.WARM_ROOMS, ends_at=until + timedelta(days=24))
            await self._appeal(session, sample.FERRY_LAMP, ends_at=until - timedelta(days=2))
            await self._appeal(session, sample.INTERNS, ends_at=None, is_published=False)
            await self._word_lists(session)
            await self._issues(session)
            reason = "The families have asked for time."
            await add_veto(session, tag="inquest", reason=reason, actor=self._eli, ids=self._ids, now=self._now)
            await self.publish(session)

    async def publish(self, session: AsyncSession) -> None:
        """The published files say what holds now."""
        await publish_all(session, settings=self._tools.settings, ids=self._ids, now=self._now)

    async def confirm_some(self) -> None:
        """Two of three whose request still waits press the button in their letter."""
        settings, ids, now = self._tools.settings, self._ids, self._now
        async with self._tools.db.unit_of_work() as session:
            waiting = select(Signup.id).where(Signup.confirmed_at.is_(None), Signup.expires_at > now)
            for signup_id in (await session.scalars(waiting.order_by(Signup.id))).all():
                if ord(signup_id[-1]) % 3:
                    await confirm_signup(session, signup_id, slugs=[FIRST_SLUG], settings=settings, ids=ids, now=now)

    async def greet_readers(self) -> None:
        """Some who asked for the daily email have confirmed it, one has stopped it, two want to be reminded."""
        async with self._tools.db.unit_of_work() as session:
            for number, email in enumerate(sample.READERS):
                await self._sign_up(session, email, number=number)
        await self.confirm_some()
        async with self._tools.db.unit_of_work() as session:
            await self._stop_one(session)
            await self._remind(session)
            await self.publish(session)

    async def _sign_up(self, session: AsyncSession, email: str, *, number: int) -> None:
        await request_signup(
            session,
            slugs=[FIRST_SLUG],
            email=email,
            form=ARTICLE_FOOT,
            path=sample.ARTICLES[number % len(sample.ARTICLES)].path,
            network=f"203.0.113.{number + 1}",
            settings=self._tools.settings,
            ids=self._ids,
            now=self._now,
        )

    async def _stop_one(self, session: AsyncSession) -> None:
        settings, ids, now = self._tools.settings, self._ids, self._now
        gone = [row.address async for row in confirmed_rows(session, FIRST_SLUG)][:1]
        for address in gone:
            await stop_address(
                session, address=address, slugs=None, why="one_click", settings=settings, ids=ids, now=now
            )

    async def _remind(self, session: AsyncSession) -> None:
        settings, ids, now = self._tools.settings, self._ids, self._now
        month = next_month(now.date())
        for email in sample.REMINDED:
            network = "203.0.113.80"
            await ask_reminder(session, email=email, month=month, network=network, settings=settings, ids=ids, now=now)
        for reminder_id in (await session.scalars(select(Reminder.id).limit(1))).all():
            await confirm_reminder(session, reminder_id)

    @property
    def _ids(self) -> Ids:
        return self._tools.ids

    @property
    def _now(self) -> datetime:
        return self._clock.now()

    async def _word_general(self, session: AsyncSession) -> None:
        appeal = (await session.scalars(select(Appeal).where(Appeal.slug == GENERAL))).one()
        source = Source("No owner and no advertisers", "Accounts for last year, page 3")
        content = replace(content_of(appeal), name=sample.GENERAL_NAME, ask=sample.GENERAL_ASK, sources=(source,))
        ids, now = self._ids, self._now
        number = await save_version(session, appeal.id, content, base=0, actor_id=self._eli, ids=ids, now=now)
        await publish_version(session, appeal.id, number, ids=ids, now=now)

    async def _appeal(
        self, session: AsyncSession, words: sample.AppealWords, *, ends_at: datetime | None, is_published: bool = True
    ) -> None:
        currency, ids, now = self._tools.settings.currency, self._ids, self._now
        ladders = {name: tuple(rungs) for name, rungs in default_amounts(currency).items()}
        content = Content(
            name=words.name,
            slug=words.slug,
            fund_id=await create_fund(session, words.fund, ids=ids),
            heading=words.heading,
            ask=words.ask,
            message=words.message,
            thanks=words.thanks,
            signed_by="Nora Hale, editor",
            amounts=ladders,
            goal_minor=words.goal_minor,
            has_ticker=words.goal_minor is not None,
            if_more=words.if_more,
            ends_at=ends_at,
            sources=tuple(Source(*pair) for pair in words.sources),
        )
        appeal_id = await create_appeal(session, content, currency=currency, actor_id=self._eli, ids=ids, now=now)
        if is_published:
            await publish_version(session, appeal_id, 1, ids=ids, now=now)
        if words.picture:
            picture = read_picture((FILES / words.picture).read_bytes())
            await keep_picture(session, appeal_id, picture, alt=words.picture_alt, actor_id=self._eli, now=now)

    async def _word_lists(self, session: AsyncSession) -> None:
        daily = (await session.scalars(select(Newsletter).where(Newsletter.slug == FIRST_SLUG))).one()
        await edit_list(session, daily.id, sample.DAILY, ids=self._ids, now=self._now)
        await create_list(session, sample.WEEKLY, ids=self._ids, now=self._now)
        await change_placement(
            session,
            ISSUE_PAGE,
            appeal_slug=sample.WARM_ROOMS.slug,
            newsletter_slug=FIRST_SLUG,
            heading="",
            is_on=True,
            now=self._now,
        )

    async def _issues(self, session: AsyncSession) -> None:
        site = self._tools.settings.site_url
        for number, day, title in sample.ISSUES:
            form = IssueForm(
                number=number,
                title=title,
                published_on=day,
                cover_url=f"{site}/images/cover.svg" if number == sample.FERRY.issue else "",
                pdf_url=f"{site}/pdf/issue-{number}.pdf",
                appeal_slug=GENERAL,
            )
            await add_issue(session, form, actor_id=self._eli, ids=self._ids, now=self._now)


async def read_titles(tools: Tools) -> None:
    """The articles of the sample papers' feeds are on record by their titles."""
    answers = await fetch_feeds(tools.outside, tools.settings.feed_urls, sites=tools.settings.sites)
    async with tools.db.unit_of_work() as session:
        await store_feeds(session, answers, ids=tools.ids, now=tools.clock.now())
