"""What tests of webhooks do again and again."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import run_due
from supporters.jobs.timers import enqueue_due
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.sealing import Sealer
from supporters.outgoing import jobs
from supporters.outgoing.actions import NewSecret, add_endpoint
from supporters.outgoing.emit import emit
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint


class Hands:
    """Makes receivers, tells them things, lets the jobs run."""

    def __init__(self, db: Database, backstage: Backstage, sealer: Sealer) -> None:
        self.db, self.backstage, self.sealer = db, backstage, sealer
        self.ids = backstage.ids
        assert isinstance(backstage.clock, FixedClock)
        self.clock = backstage.clock

    async def receiver(self, host: str = "crm.test", kinds: Sequence[str] = ("donation.paid",)) -> NewSecret:
        async with self.db.unit_of_work() as session:
            return await add_endpoint(
                session,
                url=f"https://{host}/hook",
                description="our records",
                kinds=kinds,
                made_by="01STAFF",
                sealer=self.sealer,
                ids=self.ids,
                now=self.clock.now(),
            )

    async def tell(self, kind: str = "donation.paid", about: str = "01DONATION", **data: object) -> int:
        async with self.db.unit_of_work() as session:
            return await emit(session, kind=kind, about=about, data=data, ids=self.ids, now=self.clock.now())

    async def work(self) -> None:
        """Every job that is due now is done."""
        handlers = jobs.handlers(self.backstage)
        while await run_due(self.db, handlers, clock=self.clock, ids=self.ids):
            pass

    async def later(self, by: timedelta) -> None:
        """Time goes by, the minute's timer comes round, and what is due is done."""
        self.clock.advance(by)
        async with self.db.unit_of_work() as session:
            await enqueue_due(session, jobs.TIMERS, ids=self.ids, now=self.clock.now())
        await self.work()

    async def deliveries(self) -> list[WebhookDelivery]:
        async with self.db.reading() as session:
            return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))

    async def endpoint(self, endpoint_id: str) -> WebhookEndpoint:
        async with self.db.reading() as session:
            return (await session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id))).one()
