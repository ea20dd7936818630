"""Composition root of the background process: what it is built from, its loops, its jobs and the one page of timers.

`supporters serve` runs it beside the web by default; `supporters worker` runs it alone, as often as wanted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from supporters import events
from supporters.appeals import jobs as appeals
from supporters.appeals.actions import ensure_general
from supporters.appeals.contrast import brand_sheet
from supporters.bank import jobs as bank
from supporters.checks import CHECK_BOOKS, watch_books
from supporters.connectors import jobs as connectors
from supporters.donations.jobs import send_refund
from supporters.donations.purge import purge_attempts
from supporters.donations.tally import fold_tally
from supporters.guard.limits import Limits, purge_windows
from supporters.imports import jobs as imports
from supporters.jobs.backstage import Backstage
from supporters.jobs.places import Places
from supporters.jobs.queue import purge_done, run_due
from supporters.jobs.timers import Timer, enqueue_due
from supporters.jobs.work import Handler, Work
from supporters.kit.assets import Assets
from supporters.kit.clock import Clock, SystemClock
from supporters.kit.db import Database
from supporters.kit.errors import SupportersError
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside
from supporters.kit.signing import Signer
from supporters.kit.sqlite import give_memory_back
from supporters.kit.strings import use_language
from supporters.kit.templates import Templates
from supporters.mail.send import send_due
from supporters.mail.transport import SmtpTransport, Transport
from supporters.newsletters import jobs as newsletters
from supporters.newsletters.lists import ensure_first_list
from supporters.outgoing import jobs as outgoing
from supporters.paths import STATIC
from supporters.payments.catchup import catch_up
from supporters.payments.gateway import Gateway
from supporters.payments.inbox import erase_old
from supporters.payments.sweep import sweep
from supporters.people import jobs as people
from supporters.plans import jobs as plans
from supporters.plans import offered_jobs
from supporters.plans.carry_out import carry_out
from supporters.plans.change import CHANGE
from supporters.plans.disputed import DISPUTED, follow_dispute
from supporters.plans.offered import BEGIN, FORGET
from supporters.prompts import jobs as prompts
from supporters.prompts.placements import ensure_placements
from supporters.publishing import publish_all, publish_now_due
from supporters.receipts import jobs as receipts
from supporters.reconciliation.detect import detect_all
from supporters.reconciliation.digest import DIGEST, send_digest
from supporters.reconciliation.digest import TIMERS as DIGEST_TIMERS
from supporters.reconciliation.jobs import compare_balance, follow_payouts, prove_payouts, pull_and_post
from supporters.reconciliation.match_jobs import LEARN_RULES, MATCH_LINES, learn_rules, match_lines
from supporters.reconciliation.match_jobs import TIMERS as MATCH_TIMERS
from supporters.reconciliation.promises_kept import FOLLOW_PROMISES, follow_promises, keep_promises
from supporters.reconciliation.promises_kept import TIMERS as PROMISE_TIMERS
from supporters.reconciliation.settle import KEEP_PROMISES
from supporters.settings import DEFAULT_COLOR, Settings

log = structlog.stdlib.get_logger()

ROOMS = (appeals, prompts, people, newsletters, outgoing, connectors, imports, bank, receipts)
TIMERS = (
    Timer("balance.pull", every=timedelta(minutes=5)),
    Timer("events.catch_up", every=timedelta(minutes=5)),
    Timer("stripe.sweep", every=timedelta(minutes=5)),
    Timer("balance.compare", every=timedelta(hours=24)),
    Timer("payouts.sweep", every=timedelta(hours=1)),
    Timer("discrepancies.detect", every=timedelta(hours=24)),
    Timer(CHECK_BOOKS, every=timedelta(hours=24)),
    Timer("prompts.publish", every=timedelta(minutes=1)),
    Timer("house.nightly", every=timedelta(hours=24)),
    *offered_jobs.TIMERS,
    *MATCH_TIMERS,
    *DIGEST_TIMERS,
    *PROMISE_TIMERS,
    *(timer for room in (*ROOMS, plans) for timer in room.TIMERS),
)
BRAND_SHEET = "brand.css"
TICK_SECONDS = 5.0
POLL_SECONDS = 0.5
AFTER_ERROR_SECONDS = 3.0
LETTERS_AT_ONCE = 50
EVENTS_AT_ONCE = 100


@dataclass(kw_only=True)
class Tools:
    """What both processes work with. Tests hand in their own clock, ids, Stripe client and mail transport."""

    settings: Settings
    db: Database
    gateway: Gateway
    transport: Transport
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=Ids)
    outside: Outside = field(init=False)
    assets: Assets = field(init=False)
    templates: Templates = field(init=False)
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        use_language(self.settings.locale)
        color = self.settings.brand_color
        made = {} if color == DEFAULT_COLOR else {BRAND_SHEET: brand_sheet(color)}
        self.assets = Assets(STATIC, own=self.settings.data_dir / "brand", made=made)
        self.templates = Templates(
            self.settings,
            asset=self.assets.address,
            picture=self.assets.own,
            brand_sheet=self.assets.made(BRAND_SHEET),
            clock=self.clock,
        )
        self.outside = Outside(private_hosts=self.settings.private_hosts)
        self.limits = Limits(Signer(self.settings.secret_key, "limits"))

    async def close(self) -> None:
        """No connection to database or Stripe is open any more."""
        await self.gateway.close()
        await self.db.close()


def open_tools(settings: Settings) -> Tools:
    """The tools of a real process: system clock, real Stripe address, real mail server."""
    return Tools(
        settings=settings,
        db=Database(settings.database_url),
        gateway=Gateway(settings.stripe_secret_key, api_base=settings.stripe_api_base),
        transport=SmtpTransport(settings.smtp_url),
    )


async def prepare(tools: Tools) -> None:
    """What every installation needs is there: a general fund and its appeal, a newsletter, and the published files."""
    settings, ids, now = tools.settings, tools.ids, tools.clock.now()
    async with tools.db.unit_of_work() as session:
        await ensure_general(session, currency=settings.currency, ids=ids, now=now)
        await ensure_first_list(session, settings=settings, ids=ids, now=now)
        await ensure_placements(session, now=now)
        await publish_all(session, settings=settings, ids=ids, now=now)


class Worker:
    """The loops. Each does what is due and rests when nothing is; a failing step is logged and tried again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._context = events.Context(tools.settings, tools.clock, tools.ids, tools.limits)
        self.handlers: Mapping[str, Handler] = self._registry()

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; the step and the jobs at hand are finished first."""
        tools = self._tools
        async with Places(tools.db, self.handlers, clock=tools.clock, ids=tools.ids) as jobs:
            steps: tuple[tuple[str, Callable[[], Awaitable[int]], float], ...] = (
                ("inbox", self.apply_events, POLL_SECONDS),
                ("jobs", jobs.fill, POLL_SECONDS),
                ("letters", self.send_letters, POLL_SECONDS),
                ("timers", self.tick, TICK_SECONDS),
            )
            await asyncio.gather(*(self._loop(queue, step, rest, stop) for queue, step, rest in steps))

    async def drain(self, *, rounds: int = 50) -> None:
        """Everything that is due now is done, without timers. For tests and one-off commands."""
        for _ in range(rounds):
            if not await self.apply_events() + await self.run_jobs() + await self.send_letters():
                return

    async def apply_events(self) -> int:
        """One batch of Stripe's events is applied; returns how many."""
        return await events.apply_batch(self._tools.db, self._context, limit=EVENTS_AT_ONCE)

    async def run_jobs(self) -> int:
        """One batch of jobs is run to its end; returns how many."""
        return await run_due(self._tools.db, self.handlers, clock=self._tools.clock, ids=self._tools.ids)

    async def send_letters(self) -> int:
        """One batch of letters is sent; returns how many."""
        tools = self._tools
        return await send_due(
            tools.db,
            tools.transport,
            tools.templates,
            clock=tools.clock,
            settings=tools.settings,
            limit=LETTERS_AT_ONCE,
        )

    async def tick(self) -> int:
        """Timers that are due have enqueued their jobs; memory that nobody uses is given back.

        Never reports work, so that it rests between ticks.
        """
        tools = self._tools
        async with tools.db.unit_of_work() as session:
            await enqueue_due(session, TIMERS, ids=tools.ids, now=tools.clock.now())
        give_memory_back()
        return 0

    def _registry(self) -> Mapping[str, Handler]:
        tools, gateway = self._tools, self._tools.gateway
        backstage = Backstage(settings=tools.settings, ids=tools.ids, clock=tools.clock, outside=tools.outside)
        rooms = {kind: handler for room in ROOMS for kind, handler in room.handlers(backstage).items()}
        rooms |= plans.handlers(backstage, stripe=gateway.plans, books=self._context)
        return rooms | {
            "refund.send": partial(send_refund, gateway=gateway, settings=tools.settings),
            "balance.pull": partial(pull_and_post, gateway=gateway, time_zone=tools.settings.time_zone),
            "balance.compare": partial(compare_balance, gateway=gateway, time_zone=tools.settings.time_zone),
            "payouts.prove": partial(prove_payouts, gateway=gateway),
            "payouts.sweep": partial(follow_payouts, gateway=gateway),
            "discrepancies.detect": partial(
                detect_all,
                time_zone=tools.settings.time_zone,
                livemode=not tools.settings.is_test_mode,
                account=tools.settings.stripe_account or None,
            ),
            CHECK_BOOKS: watch_books,
            MATCH_LINES: match_lines,
            LEARN_RULES: learn_rules,
            DIGEST: partial(send_digest, settings=tools.settings),
            KEEP_PROMISES: partial(keep_promises, settings=tools.settings),
            FOLLOW_PROMISES: partial(follow_promises, settings=tools.settings),
            "events.catch_up": partial(catch_up, gateway=gateway),
            "stripe.sweep": partial(sweep, gateway=gateway, context=self._context),
            BEGIN: partial(
                offered_jobs.begin_offered, stripe=gateway.plans, books=self._context, settings=tools.settings
            ),
            DISPUTED: partial(follow_dispute, settings=tools.settings),
            FORGET: partial(offered_jobs.forget_methods, stripe=gateway.plans),
            CHANGE: partial(carry_out, stripe=gateway.plans, books=self._context, settings=tools.settings),
            "prompts.publish": partial(publish_now_due, settings=tools.settings),
            "house.nightly": self._nightly,
        }

    async def _nightly(self, work: Work, _payload: dict[str, Any]) -> None:
        now = work.clock.now()
        async with work.db.unit_of_work() as session:
            counts = await purge_done(session, now=now), await purge_windows(session, now=now)
            attempts = await purge_attempts(session, now=now)
            await work.finish(session)
        erased = await self._erase_payloads()
        await fold_tally(work.db)
        await self._tools.db.keep_statistics()
        log.info("purged", count=sum(counts) + attempts + erased)

    async def _erase_payloads(self) -> int:
        """What old events said about people is gone; in portions, so that nobody waits for it."""
        erased = 0
        while True:
            async with self._tools.db.unit_of_work() as session:
                portion = await erase_old(session, now=self._tools.clock.now())
            erased += portion
            if not portion:
                return erased

    async def _loop(self, queue: str, step: Callable[[], Awaitable[int]], rest: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = rest
            try:
                if await step():
                    pause = 0.0
            except SupportersError as error:
                log.warning("step_failed", queue=queue, error=type(error).__name__)
                pause = AFTER_ERROR_SECONDS
            except Exception:
                log.exception("step_failed", queue=queue)
                pause = AFTER_ERROR_SECONDS
            await _rest(stop, pause)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    if not seconds:
        await asyncio.sleep(0)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
