"""Lively sample data, made by the real code: forms sent, pages paid in the sandbox, webhooks applied, letters sent.

Some months are lived through in a few seconds, the last twenty days closely: product and sandbox share one clock that
is moved by hand.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any, cast

import httpx
from sqlalchemy import select

from supporters.app import create_app
from supporters.appeals.queries import GENERAL
from supporters.appeals.rules import Claim
from supporters.demo import sample
from supporters.demo.bookkeeper import COMPARE, DETECT, PULL, Bookkeeper
from supporters.demo.colleagues import Colleagues
from supporters.demo.counter import Counter
from supporters.demo.editors import Editors
from supporters.demo.regulars import Regulars, subscribe
from supporters.demo.visits import open_page
from supporters.donations.forms import GiveForm
from supporters.donations.models import Donation, DonationState, Frequency, RefundReason
from supporters.donations.reverse import request_refund
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.prompts.placements import ARTICLE_FOOT
from supporters.sandbox.sandbox import Outcome, Sandbox
from supporters.staff.actions import add_staff
from supporters.worker import Tools, Worker, prepare

SETTLING = timedelta(seconds=40)
TOLD_TOGETHER = 4  # letting every donation settle by itself would take four times as long


class Life:
    """Some months of a small paper."""

    def __init__(self, tools: Tools, sandbox: Sandbox, clock: FixedClock, *, until: datetime) -> None:
        self._tools = tools
        self._sandbox = sandbox
        self._clock = clock
        self._until = until
        self._worker = Worker(tools)
        self._worker.handlers = {**self._worker.handlers, PULL: _leave}
        self._random = Random(2822)  # noqa: S311 - the same readers every time
        self._dana = ""

    async def live(self) -> None:
        """Staff, donations, plans, refusals, refunds, a dispute and months of books are there, each through the real door."""
        await prepare(self._tools)
        await subscribe(self._sandbox)
        editors = Editors(self._tools, self._clock, eli=await self._hire())
        await editors.set_up(until=self._until)
        regulars = Regulars(self._tools, self._sandbox, self._clock, until=self._until, worker=self._worker)
        bookkeeper = self._bookkeeper()
        counter = Counter(self._tools, self._sandbox, self._clock, dana=self._dana, until=self._until)
        colleagues = Colleagues(self._tools, self._clock, until=self._until)
        rooms = (bookkeeper, counter, colleagues)
        regulars.plan(finance=self._dana, also=[each for room in rooms for each in room.happenings()])
        for number in range(sample.DONATIONS):
            await regulars.pass_until(self._moment(number))
            await self._give(number, self._outcome(number))
            if number % TOLD_TOGETHER == 0:
                await self._settle()
                await editors.confirm_some()
        await regulars.pass_until(self._until - timedelta(minutes=10))
        await self._settle()
        await self._refund_some()
        await editors.greet_readers()
        await self._settle()
        await bookkeeper.run(COMPARE, DETECT)
        await self._settle()

    def _bookkeeper(self) -> Bookkeeper:
        since = self._clock.now()
        return Bookkeeper(self._tools, self._sandbox, self._clock, dana=self._dana, since=since, until=self._until)

    def _moment(self, number: int) -> datetime:
        start = self._until - timedelta(days=sample.DAYS)
        step = (timedelta(days=sample.DAYS) - timedelta(minutes=50)) / sample.DONATIONS
        return start + step * number + timedelta(minutes=self._random.randrange(40))

    def _outcome(self, number: int) -> Outcome | None:
        special: dict[int, Outcome | None] = {5: "declined", 13: None, 19: "challenge-yes", 27: "funds", 34: "expired"}
        return special.get(number, "pay")

    async def _hire(self) -> str:
        """Who is the editor."""
        people = ((sample.STAFF_EMAIL, sample.STAFF_NAME, "admin"), *sample.OTHER_STAFF)
        now, eli = self._clock.now(), ""
        for email, name, role in people:
            async with self._tools.db.unit_of_work() as session:
                member = await add_staff(
                    session, email, name, role, sample.STAFF_PASSWORD, ids=self._tools.ids, now=now
                )
            self._dana = self._dana or member.id
            eli = member.id if role == "editor" else eli
        return eli

    async def _give(self, number: int, outcome: Outcome | None) -> None:
        name = sample.NAMES[number % len(sample.NAMES)]
        article = self._random.choice(sample.ARTICLES)
        form = GiveForm(
            frequency=Frequency.ONCE,
            amount=Money(sample.AMOUNTS[number % len(sample.AMOUNTS)], self._tools.settings.currency),
            email=sample.address_of(name, number),
            name=name,
            wants_newsletter=number % 3 == 0,
            appeal_slug=self._appeal(number),
            origin=self._origin(number, article),
        )
        page = await open_page(self._tools, form, network=f"198.51.100.{number + 1}", clock=self._clock)
        if page and outcome is not None:
            self._clock.advance(timedelta(seconds=35))
            await self._sandbox.pay(page, outcome)

    def _appeal(self, number: int) -> str:
        if number % 5 == 2:
            return sample.WARM_ROOMS.slug
        return sample.FERRY_LAMP.slug if number in {3, 8, 14} else GENERAL

    def _origin(self, number: int, article: sample.Article) -> Claim:
        """Most come from the foot of an article, some from the page of an issue or from print."""
        source = self._random.choice(sample.SOURCES)
        if source == "print":
            return Claim(issue=article.issue, placement="print", source=source, is_claimed=False)
        settings = self._tools.settings
        is_plain = number % 9 == 4
        place = sample.TIDES if is_plain else article
        return Claim(
            site=settings.other_sites[0] if is_plain else settings.site_url,
            article_path=place.path,
            issue=place.issue,
            appeal_slug=self._appeal(number),
            placement=ARTICLE_FOOT,
            source=source,
            via="news.example" if number % 6 == 1 else None,
        )

    async def _settle(self) -> None:
        await self._sandbox.deliver_all()
        await self._worker.drain()
        self._clock.advance(SETTLING)
        await self._sandbox.deliver_all()
        await self._worker.drain()

    async def _refund_some(self) -> None:
        async with self._tools.db.reading() as session:
            paid = select(Donation.id, Donation.amount_minor).where(
                Donation.state == DonationState.PAID,
                Donation.frequency == Frequency.ONCE,
                Donation.stripe_charge_id.is_not(None),
            )
            rows = (await session.execute(paid.order_by(Donation.created_at).limit(12))).all()
        wholly, partly = rows[3], rows[9]
        for (donation_id, minor), reason in ((wholly, RefundReason.SUPPORTER_ASKED), (partly, RefundReason.DUPLICATE)):
            amount = minor if donation_id == wholly[0] else minor // 2
            async with self._tools.db.unit_of_work() as session:
                await request_refund(
                    session,
                    donation_id,
                    amount=Money(amount, self._tools.settings.currency),
                    reason=reason,
                    note_text=None,
                    actor_id=self._dana,
                    ids=self._tools.ids,
                    now=self._clock.now(),
                )


async def _leave(_work: Work, _payload: dict[str, Any]) -> None:
    """Later."""


async def has_life(tools: Tools) -> bool:
    """Whether there are donations already."""
    async with tools.db.reading() as session:
        return await session.scalar(select(Donation.id).limit(1)) is not None


def webhooks_into(tools: Tools) -> httpx.AsyncClient:
    """A client whose requests reach the product's own doors without a socket."""
    app = create_app(tools.settings, tools=tools, with_worker=False)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=cast("Any", app)), base_url=tools.settings.base_url)


def ids_of(clock: FixedClock) -> Ids:
    """Ids that carry the sample's times."""
    return Ids(clock)
