"""What a job's handler is given, and how it says that it is done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs import claims
from supporters.jobs.models import Job
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.errors import SupportersError
from supporters.kit.ids import Ids


class LeaseLost(SupportersError):
    """Another worker has taken the job meanwhile; these effects must not be stored."""


class TryLater(SupportersError):
    """Not now: the job waits for `after` and is tried again, without counting as a fault of the job."""

    def __init__(self, message: str, after: timedelta) -> None:
        super().__init__(message)
        self.after = after


@dataclass
class Work:
    """One claimed job and the tools of the house."""

    db: Database
    clock: Clock
    ids: Ids
    job: Job
    is_finished: bool = field(default=False, init=False)

    async def finish(self, session: AsyncSession) -> None:
        """The job is done in the same transaction as its effects. Raises LeaseLost, which rolls them back."""
        if not await claims.finish(session, self.job):
            raise LeaseLost("another worker holds this job")
        self.is_finished = True


Handler = Callable[[Work, dict[str, Any]], Awaitable[None]]
