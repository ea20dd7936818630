"""Whether the service is alive, and whether it is ready to take readers."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from litestar import get
from litestar.connection import Request
from litestar.response import Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import oldest_due
from supporters.kit.errors import SupportersError
from supporters.kit.migrate import is_current
from supporters.mail.outbox import oldest_unsent
from supporters.payments.queries import oldest_unread
from supporters.web.common.access import PUBLIC
from supporters.web.common.house import House, house_of

LONGEST_LAG = timedelta(minutes=5)

log = structlog.stdlib.get_logger()


@get("/healthz", opt={"access": PUBLIC}, media_type="application/json")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@get("/readyz", opt={"access": PUBLIC})
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Database, migrations and background work, each as ok or in words; 503 unless all are ok."""
    found = await _look(house_of(request))
    is_ready = all(word == "ok" for word in found.values())
    return Response(found, status_code=200 if is_ready else 503, headers={"cache-control": "no-store"})


async def _look(house: House) -> dict[str, str]:
    try:
        has_newest_shape = await is_current(house.db)
        async with house.db.reading() as session:
            lag = await _lag(session, house.clock.now()) if has_newest_shape else timedelta()
    except (SQLAlchemyError, SupportersError, OSError) as error:
        log.warning("not_ready", error=type(error).__name__)
        return {"database": "does not answer"}
    return {
        "database": "ok",
        "migrations": "ok" if has_newest_shape else "run `supporters migrate`",
        "work": "ok" if lag < LONGEST_LAG else f"{int(lag.total_seconds())} s behind",
    }


async def _lag(session: AsyncSession, now: datetime) -> timedelta:
    """How far behind the background work is: timers and jobs, Stripe's events, letters."""
    return max(
        await oldest_due(session, now=now),
        await oldest_unread(session, now=now),
        await oldest_unsent(session, now=now),
    )


HANDLERS = [alive, ready]
