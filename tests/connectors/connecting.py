"""What tests of connectors do again and again, alike for both senders."""

from datetime import timedelta

from sqlalchemy import select
from stand_ins import ListmonkStandIn, MailchimpStandIn, StandIn

from joining import Lists
from machines import outside
from supporters.connectors import actions, jobs
from supporters.connectors.models import Connector, SenderKind
from supporters.connectors.wire import Credentials, OutsideList
from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import run_due
from supporters.jobs.timers import enqueue_due
from supporters.mail.models import Suppression
from supporters.newsletters.models import Subscriber, Subscription

CLEO = "cleo.marsh@example.org"
BEN = "ben.carter@example.org"


class Exchange:
    """One connection between the house's first list and a stand-in."""

    def __init__(self, lists: Lists, kind: SenderKind, stand_in: StandIn) -> None:
        self.lists, self.kind, self.stand_in = lists, kind, stand_in
        self.db, self.clock, self.ids, self.settings = lists.db, lists.clock, lists.ids, lists.settings
        way = outside(sender_example=stand_in)
        self.backstage = Backstage(settings=self.settings, ids=self.ids, clock=self.clock, outside=way)
        self.connector_id = ""

    @property
    def outside_id(self) -> str:
        return "3" if self.kind is SenderKind.LISTMONK else "a6b5da1054"

    async def connect(self, key: str | None = None) -> None:
        """The connection is made and the first list chosen."""
        async with self.db.unit_of_work() as session:
            self.connector_id = await actions.add_connector(
                session,
                kind=self.kind,
                label="Letters",
                base_url="https://sender.example/3.0"
                if self.kind is SenderKind.MAILCHIMP
                else "https://sender.example",
                credentials=Credentials(self.stand_in.user, key or self.stand_in.key),
                made_by="01STAFF",
                settings=self.settings,
                ids=self.ids,
                now=self.clock.now(),
            )
            chosen = {"daily": OutsideList(self.outside_id, "Theirs")}
            await actions.choose_lists(session, self.connector_id, chosen, ids=self.ids, now=self.clock.now())

    async def work(self) -> None:
        """Every job that is due now is done."""
        while await run_due(self.db, jobs.handlers(self.backstage), clock=self.clock, ids=self.ids):
            pass

    async def round(self, after: timedelta = timedelta(minutes=6)) -> None:
        """Time goes by, the timer comes round, and what is due is done."""
        self.clock.advance(after)
        async with self.db.unit_of_work() as session:
            await enqueue_due(session, jobs.TIMERS, ids=self.ids, now=self.clock.now())
        await self.work()

    async def row(self) -> Connector:
        async with self.db.reading() as session:
            return (await session.scalars(select(Connector).where(Connector.id == self.connector_id))).one()

    async def ours(self, email: str = CLEO) -> str | None:
        """How the address stands on our first list."""
        wanted = select(Subscription.state).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        async with self.db.reading() as session:
            return await session.scalar(wanted.where(Subscriber.address == email))

    async def suppressed(self) -> int:
        async with self.db.reading() as session:
            return len((await session.scalars(select(Suppression))).all())

    def theirs(self, email: str = CLEO) -> str | None:
        """How the address stands on their list, in our words."""
        words = {"subscribed": "confirmed", "unsubscribed": "stopped", "cleaned": "stopped"}
        if isinstance(self.stand_in, ListmonkStandIn):
            found = self.stand_in.on(email)
        else:
            assert isinstance(self.stand_in, MailchimpStandIn)
            member = self.stand_in.members.get(self.stand_in.key_of(email))
            found = member["status"] if member else None
        return words.get(found, found) if found else None

    def tag(self, email: str = CLEO) -> object:
        """How they say the reader stands with us."""
        if isinstance(self.stand_in, ListmonkStandIn):
            found = self.stand_in.person(email)
            return found["attribs"].get("giving") if found else None
        assert isinstance(self.stand_in, MailchimpStandIn)
        return next(iter(self.stand_in.member(email)["tags"]), None)

    def leave(self, email: str = CLEO) -> None:
        """The reader presses the link in one of their letters."""
        if isinstance(self.stand_in, ListmonkStandIn):
            self.stand_in.unsubscribe(email)
        elif isinstance(self.stand_in, MailchimpStandIn):
            self.stand_in.leave(email)

    def bounce(self, email: str = CLEO) -> None:
        """One of their letters comes back for good."""
        if isinstance(self.stand_in, ListmonkStandIn):
            self.stand_in.bounce(email)
        elif isinstance(self.stand_in, MailchimpStandIn):
            self.stand_in.leave(email, "cleaned")

    def complain(self, email: str = CLEO) -> None:
        """The reader reports one of their letters."""
        if isinstance(self.stand_in, ListmonkStandIn):
            self.stand_in.bounce(email, "complaint")
        elif isinstance(self.stand_in, MailchimpStandIn):
            self.stand_in.complain(email)
