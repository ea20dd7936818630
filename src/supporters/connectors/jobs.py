"""Background work of connectors."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from supporters.connectors.actions import SYNC_JOB, ask_for_round
from supporters.connectors.models import Connector
from supporters.connectors.sync import sync
from supporters.jobs.backstage import Backstage
from supporters.jobs.timers import Timer
from supporters.jobs.work import Handler, Work

ALL_JOB = "connectors.sync"

TIMERS: tuple[Timer, ...] = (Timer(ALL_JOB, every=timedelta(minutes=1)),)


def handlers(backstage: Backstage) -> dict[str, Handler]:
    """The jobs of this room by kind."""

    async def sync_one(work: Work, payload: dict[str, Any]) -> None:
        connector_id = str(payload["connector_id"])
        more = await sync(work.db, connector_id, backstage)
        async with work.db.unit_of_work() as session:
            if more:
                await ask_for_round(session, connector_id, ids=work.ids, now=work.clock.now())
            await work.finish(session)

    return {ALL_JOB: _sync_all, SYNC_JOB: sync_one}


async def _sync_all(work: Work, _payload: dict[str, Any]) -> None:
    async with work.db.unit_of_work() as session:
        for connector_id in (await session.scalars(select(Connector.id).where(Connector.is_active))).all():
            await ask_for_round(session, connector_id, ids=work.ids, now=work.clock.now())
        await work.finish(session)
