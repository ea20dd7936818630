"""Asking Stripe for much, as fast as it allows and no faster: a few questions at once, and patience when it says no.

Source: docs.stripe.com/rate-limits, read 2026-11-23: 100 requests a second in live mode, 25 in test mode, and 25 to one
endpoint; a reply of 429 asks to wait longer each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import structlog

from supporters.payments.gateway import GatewayUnavailable

PER_SECOND = 15  # the house's other work asks too
AT_ONCE = 4
UNHURRIED = 6  # questions that come together are asked without a wait after a while in which none was
TRIES = 8  # with the waits between them about three minutes
LONGEST_WAIT = 60.0
LONGEST_ASKED = 300  # who is asked to wait for longer, ends and goes on another time

T = TypeVar("T")
S = TypeVar("S")
Sleep = Callable[[float], Awaitable[None]]
log = structlog.stdlib.get_logger("sync")


class Pace:
    """How often Stripe is asked by one run. Not for two event loops."""

    def __init__(
        self,
        *,
        per_second: int = PER_SECOND,
        at_once: int = AT_ONCE,
        tries: int = TRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.at_once = at_once
        self.waited = 0
        self._slots = asyncio.Semaphore(at_once)
        self._gap = 1 / per_second
        self._tries = tries
        self._sleep = sleep
        self._next_at = 0.0

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """What Stripe answers, asked again while it is busy or out of reach. Raises GatewayUnavailable in the end.

        While one question waits because Stripe said so, the others do too.
        """
        for attempt in range(1, self._tries):
            try:
                return await self._ask(question)
            except GatewayUnavailable as error:
                seconds = error.retry_after_seconds or min(LONGEST_WAIT, 0.5 * 2**attempt)
                if seconds > LONGEST_ASKED:
                    raise
                log.warning("stripe_asks_to_wait", code=error.code, status=error.http_status, seconds=seconds)
                await self._wait(seconds)
        return await self._ask(question)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            await self._turn()
            return await question()

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        mine = max(now - UNHURRIED * self._gap, self._next_at)
        self._next_at = mine + self._gap
        if mine > now:
            await self._sleep(mine - now)

    async def _wait(self, seconds: float) -> None:
        self.waited += 1
        self._next_at = max(self._next_at, asyncio.get_running_loop().time() + seconds)
        await self._sleep(seconds)


async def side_by_side(things: Iterable[S], work: Callable[[S], Awaitable[None]], *, at_once: int) -> None:
    """The work is done for each, in order and a few at a time. The first error ends it and is raised as it is."""
    remaining = iter(things)

    async def take() -> None:
        for thing in remaining:
            await work(thing)

    try:
        async with asyncio.TaskGroup() as group:
            for _number in range(at_once):
                group.create_task(take())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
