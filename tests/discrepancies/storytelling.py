"""Stories of differences: what is done to make one arise, how many days go by, and how the difference is found and closed.

A story is written as a generator: it does something, yields how many days go by, does more, and yields in the end what its
difference is about. All stories of a world are told side by side, so that the days go by once for all of them.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
from sqlalchemy import select

from sealed import seal_of
from supporters.discrepancies.codes import Code, Resolution, describe, describe_resolution
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation
from supporters.jobs.queue import enqueue
from supporters.kit.clock import local_date
from whole import PASSWORD, Whole, hidden_fields, words

PATH = "/desk/discrepancies"
NIGHT = (
    "events.catch_up",
    "stripe.sweep",
    "balance.pull",
    "payouts.sweep",
    "balance.compare",
    "bank.match",
    "discrepancies.detect",
)


class Gift(NamedTuple):
    """A donation that was paid through the form."""

    id: str
    payment: str
    charge: str


class Hands:
    """Whoever acts in a story: readers, colleagues, Stripe, banks, and the timers of the house."""

    def __init__(self, site: Whole, desk: httpx.AsyncClient) -> None:
        self.site, self.desk = site, desk
        self.seal = ""
        self._readers = 0

    async def come_to_work(self) -> None:
        """A colleague signs in: the day before is over, and so is its session."""
        page = await self.desk.get("/desk/sign-in")
        form = {**hidden_fields(page.text), "email": "finance@weeklylamp.example", "password": PASSWORD}
        assert (await self.desk.post("/desk/sign-in", data=form)).status_code == 303
        self.seal = (await seal_of(self.desk, anew=True))["seal"]

    # at Stripe

    async def control(self, action: str, **told: Any) -> dict[str, Any]:
        """Somebody moves a lever of the sandbox."""
        answer = await self.site.bank.post(f"/_control/{action}", json=told)
        assert answer.status_code == 200, (action, answer.text)
        return answer.json()

    async def stripe(self, path: str, **told: str) -> dict[str, Any]:
        """Somebody works at Stripe itself, or another program with the same account."""
        key = {"Authorization": f"Bearer {self.site.settings.stripe_secret_key}"}
        answer = await self.site.bank.post(f"/v1/{path}", data=told, headers=key)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def sell(self, amount: int, *, currency: str = "gbp") -> str:
        """Something that is no donation is paid on the same account; returns its charge."""
        told = {
            "amount": str(amount),
            "currency": currency,
            "confirm": "true",
            "payment_method": "pm_card_bypassPending",
        }
        made = await self.stripe("payment_intents", **told, return_url="https://shop.example/back")
        await self.site.sandbox.settle_now()
        return made["latest_charge"]

    async def refund(self, payment: str, amount: int) -> str:
        """A refund that somebody makes at Stripe's own desk."""
        return (await self.stripe("refunds", payment_intent=payment, amount=str(amount)))["id"]

    async def dispute(self, gift: Gift, **told: Any) -> str:
        """The card's owner goes to the bank."""
        state = await self.control("dispute", charge=gift.charge, **told)
        return state["disputes"][0]["id"]

    # readers

    async def begin(self, amount: str = "25", *, email: str = "", **more: str) -> httpx.Response:
        """A reader is sent to the page of the payment."""
        self._readers += 1
        self.site.clock.advance(timedelta(minutes=1))
        return await self.site.give(amount=amount, email=email or f"reader{self._readers}@example.org", **more)

    async def finish(self, begun: httpx.Response, outcome: str = "pay", *, settles: bool = True) -> Gift:
        """The reader pays there."""
        payment = (await self.site.pay(begun, outcome))["payment_intent"]
        charge = self.site.sandbox.world.get("payment_intent", payment)["latest_charge"]
        if settles:  # one round, for what follows from the payment itself: letters and the like may come later
            await self.site.sandbox.deliver_all()
            await self.site.worker.drain()
        return Gift(await self.donation_of(payment), payment, charge)

    async def donation_of(self, payment: str) -> str:
        """The donation that this payment has paid; empty as long as nobody knows."""
        async with self.site.db.reading() as session:
            wanted = select(Donation.id).where(Donation.stripe_payment_intent_id == payment)
            return await session.scalar(wanted) or ""

    async def gift(self, amount: str = "25", **more: str) -> Gift:
        """A reader has given."""
        return await self.finish(await self.begin(amount, **more))

    # time

    @property
    def today(self) -> Any:
        """The day in the publisher's time zone."""
        return local_date(self.site.clock.now(), self.site.settings.time_zone)

    @property
    def month(self) -> str:
        """This month, as differences by month are called."""
        return f"{self.today:%Y-%m}"

    async def run(self, *kinds: str) -> None:
        """These jobs run as their timers would have them."""
        for kind in kinds:
            async with self.site.db.unit_of_work() as session:
                await enqueue(session, kind, {}, ids=self.site.ids, now=self.site.clock.now())
            await self.site.worker.drain()
        await self.site.settle()

    async def pass_days(self, days: int) -> None:
        """Day after day goes by, at Stripe and here."""
        for _day in range(days):
            self.site.clock.advance(timedelta(days=1))
            await self.site.sandbox.tick()
        await self.site.settle()

    # colleagues

    async def find(self, code: Code, subject: str) -> Discrepancy | None:
        """The difference of this kind about this, if it was found."""
        async with self.site.db.reading() as session:
            wanted = select(Discrepancy).where(Discrepancy.code == code.value, Discrepancy.subject == subject)
            return await session.scalar(wanted)

    async def page(self, path: str) -> str:
        """A page of the desk."""
        page = await self.desk.get(path)
        assert page.status_code == 200, (path, words(page.text))
        return page.text

    async def send(self, path: str, **form: str) -> httpx.Response:
        """A form of the desk is sent and taken."""
        sent = await self.desk.post(path, data={"seal": self.seal, **form})
        assert sent.status_code == 303, (path, words(sent.text))
        return sent


Telling = AsyncIterator[int | str]


class Story(NamedTuple):
    """How one kind of difference comes about, in words and in deeds, and the way in which it is closed."""

    code: Code
    how: str
    tell: Callable[[Hands], Telling]
    way: Resolution


async def tell(hands: Hands, stories: Sequence[Story], *, days: int = 0) -> dict[Code, str]:
    """All that the stories do is done, with a night of jobs after each of their turns; says what each is about."""
    told: dict[Code, str] = {}
    going = {story.code: story.tell(hands) for story in stories}
    while going:
        waits = days
        for code, telling in list(going.items()):
            said = await anext(telling)
            if isinstance(said, str):
                told[code] = said
                del going[code]
            else:
                waits = max(waits, said)
        if going:
            await hands.pass_days(waits)
            await hands.run(*NIGHT)
    await hands.run(*NIGHT)
    return told


async def close(hands: Hands, stories: Sequence[Story], told: dict[Code, str]) -> list[str]:
    """Each was found, its page explains it, and a colleague closes it there; returns what is said of each for the proof."""
    found = {story: await hands.find(story.code, told[story.code]) for story in stories}
    missing = [f"{story.code.value} about {told[story.code]}" for story, row in found.items() if row is None]
    assert not missing, missing
    bare = re.findall(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", words(await hands.page(PATH)))
    assert not bare, "ids of ours say nothing to anybody"
    return [await _close(hands, story, row) for story, row in found.items() if row is not None]


async def _close(hands: Hands, story: Story, found: Discrepancy) -> str:
    path = f"{PATH}/{found.id}"
    page = await hands.page(path)
    assert describe(story.code) in words(page)
    if found.state == "open":
        told = {"tell": "on"} if 'name="tell"' in page else {}
        await hands.send(path, way=story.way.value, reason="As the story goes.", **told)
        assert ("was told by letter" in words(await hands.page(path))) == (story.code is Code.REFUND_EXTERNAL)
    closed = await hands.find(story.code, found.subject)
    assert closed is not None
    assert (closed.state, closed.resolution) == ("resolved", story.way.value), story.code
    by = "by the house" if closed.resolved_by is None else "at the desk"
    return f"{story.code.value}: {story.how} -> closed {by}: {describe_resolution(story.way)}"
