"""The request's transaction. One request is one transaction, and inner code never commits.

`session` writes: it commits after the handler has returned and before the response starts, so a failing commit is an error
page and never a false success. A raised error rolls back; a returned redirect or 4xx page commits. `reading` reads only.
Handlers that call outside (giving, for one) take neither: they open their own `unit_of_work()`s around the call.
"""

from collections.abc import AsyncGenerator
from typing import Any

from litestar.connection import Request
from litestar.di import Provide
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.web.common.house import house_of, provide_house


async def provide_session(request: Request[Any, Any, Any]) -> AsyncGenerator[AsyncSession]:
    """Dependency `session`: what the handler does with it is stored wholly or not at all."""
    async with house_of(request).db.unit_of_work() as session:
        yield session


async def provide_reading(request: Request[Any, Any, Any]) -> AsyncGenerator[AsyncSession]:
    """Dependency `reading`: a consistent view that blocks nobody; changes made through it are dropped."""
    async with house_of(request).db.reading() as session:
        yield session


DEPENDENCIES = {
    "house": Provide(provide_house, sync_to_thread=False),
    "session": Provide(provide_session),
    "reading": Provide(provide_reading),
}
