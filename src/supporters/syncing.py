"""`supporters sync`: everything that Stripe's lists or its exported files show, in the mirror and from there in the books.

Reads only: a restricted key is enough. Every step stands by itself and may be done again.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from supporters import events
from supporters.jobs.models import Job
from supporters.jobs.work import TryLater, Work
from supporters.kit.errors import SupportersError
from supporters.kit.money import Money, format_money
from supporters.ledger.start import start_moment
from supporters.payments import marks
from supporters.payments.catchup import fetch_missed
from supporters.payments.csv_import import import_reports
from supporters.payments.facts import BalanceLine
from supporters.payments.gateway import GatewayRefused
from supporters.payments.lines import KIND, Read, Reading, read_windows, start_of_lines
from supporters.payments.pace import Pace
from supporters.payments.payout_sweep import PAYOUTS, compare_payouts, read_payouts
from supporters.payments.sweep import settle_payments
from supporters.payments.windows import Window, cut, not_done
from supporters.reconciliation.drift import Drift, find_drift, unexplained, when_it_began
from supporters.reconciliation.jobs import post_all, prove_payouts
from supporters.reconciliation.queries import count_unposted
from supporters.worker import Tools

T = TypeVar("T")
WRONG_KEY, FORBIDDEN = 401, 403


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read: from `since` on, before `until`; all when neither is given. `again`: what was read before, too."""

    since: datetime | None = None
    until: datetime | None = None
    is_dry: bool = False
    again: bool = False
    at_once: int = 4


class Screen(msgspec.Struct, frozen=True):
    """Where a person follows it: lines of words, and how many windows of how many are read."""

    say: Callable[[str], None]
    begin: Callable[[int], None] = lambda _windows: None
    step: Callable[[Read], None] = lambda _read: None


async def sync(tools: Tools, asked: Asked, screen: Screen) -> bool:
    """The mirror and the books have what Stripe shows for that time; False where the key may not read all of it.

    A dry run says what would be new or different, and stores nothing. Raises GatewayUnavailable when Stripe stays out of
    reach: what was read is kept, and the same command goes on from there. Raises SupportersError for a key it does not know.
    """
    pace = Pace(at_once=asked.at_once)
    steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("balance transactions", lambda: _lines(tools, asked, pace, screen)),
        ("payouts", lambda: _payouts(tools, asked, pace, screen)),
    ]
    steps.append(("events", lambda: _events(tools, asked, pace, screen)))
    if not asked.is_dry:
        steps += [
            ("checkout sessions and invoices", lambda: _owners(tools, pace, screen)),
            ("the contents of payouts", lambda: _contents(tools, pace)),
        ]
    unread = [what for what, step in steps if not await _may(step)]
    if not asked.is_dry:
        await _post(tools, screen)
        if not await _may(lambda: _compare(tools, asked, pace, screen)):
            unread.append("the balance")
    for what in unread:
        screen.say(
            f"This key may not read {what}: give it read access to them in Stripe's dashboard, and run this again."
        )
    return not unread


async def sync_files(tools: Tools, files: Sequence[Path], screen: Screen, *, is_dry: bool) -> None:
    """The mirror and the books have what these exported files tell. Raises Unreadable before anything is stored."""
    settings = tools.settings
    imported = await import_reports(
        tools.db,
        files,
        livemode=tools.gateway.is_live,
        time_zone=settings.time_zone,
        clock=tools.clock,
        ids=tools.ids,
        is_dry=is_dry,
    )
    if is_dry:
        _show_diff(imported.fresh, imported.differing, screen)
        screen.say(
            f"Balance lines: {imported.lines:,} in the files, {imported.added:,} would be new, "
            f"{len(imported.differing):,} differ."
        )
        screen.say(f"Payouts: {imported.payouts:,} in the files, {imported.changed:,} would be new or change.")
    else:
        screen.say(f"Balance lines: {imported.lines:,} in the files, {imported.added:,} new.")
        screen.say(f"Payouts: {imported.changed:,} new or changed.")
        if imported.learnt:
            screen.say(f"Fees of lines that were here: {imported.learnt:,} are told apart from the tax in them now.")
    for type_, count in sorted(Counter(imported.untold.values()).items()):
        screen.say(
            f"Not taken: {count:,} lines of type {type_}. The balance's history does not say what they are: "
            "bring the itemised report of balance change from activity too."
        )
    if not is_dry:
        posted = await post_all(_work(tools), time_zone=settings.time_zone)
        screen.say(f"Ledger: {posted:,} posted.")


async def _may(step: Callable[[], Awaitable[None]]) -> bool:
    try:
        await step()
    except GatewayRefused as refusal:
        if refusal.http_status == WRONG_KEY:
            raise SupportersError("Stripe does not know this key: look at SUPPORTERS_STRIPE_SECRET_KEY.") from refusal
        if refusal.http_status != FORBIDDEN:
            raise
        return False
    return True


async def _lines(tools: Tools, asked: Asked, pace: Pace, screen: Screen) -> None:
    began_at = tools.clock.now()
    reading = Reading(
        db=tools.db,
        gateway=tools.gateway,
        clock=tools.clock,
        ids=tools.ids,
        pace=pace,
        is_dry=asked.is_dry,
        told=lambda _window, read: screen.step(read),
    )
    windows = await _windows(reading, asked, began_at=began_at)
    screen.begin(len(windows))
    read = await read_windows(reading, windows)
    if asked.is_dry:
        _show_diff(read.fresh, read.differing, screen)
        screen.say(f"Balance lines: {read.lines:,} read, {read.added:,} would be new, {read.changed:,} differ.")
        async with tools.db.reading() as session:
            waiting = await count_unposted(session)
        screen.say(f"Ledger: {read.added + waiting:,} lines would be posted, as far as Stripe says whose they are.")
        return
    screen.say(f"Balance lines: {read.lines:,} read, {read.added:,} new.")
    if asked.since is None and asked.until is None:
        async with tools.db.unit_of_work() as session:
            await marks.move_mark(session, marks.BALANCE, until=began_at, now=tools.clock.now())


async def _windows(reading: Reading, asked: Asked, *, began_at: datetime) -> list[Window]:
    since = asked.since
    async with reading.db.reading() as session:
        since = since or await start_moment(session)
    since = since or await start_of_lines(reading, until=asked.until or began_at)
    if since is None or (asked.until and asked.until <= since):
        return []
    windows = cut(since, asked.until or began_at)
    if asked.until is None and windows:
        windows[0] = Window(windows[0].start, None)
    if asked.again or asked.is_dry:
        return windows
    async with reading.db.reading() as session:
        return await not_done(session, KIND, windows)


def _show_diff(fresh: Sequence[BalanceLine], differing: Sequence[str], screen: Screen) -> None:
    """What a dry run has found, by category and currency."""
    sums: dict[tuple[str, str], list[BalanceLine]] = {}
    for line in fresh:
        sums.setdefault((line.reporting_category, line.currency), []).append(line)
    for (category, currency), lines in sorted(sums.items()):
        net = format_money(Money(sum(line.net_minor for line in lines), currency))
        screen.say(f"+ {category}: {len(lines):,} lines, net {net}")
    for line_id in differing:
        screen.say(f"! {line_id}: Stripe shows other amounts than are here")


async def _payouts(tools: Tools, asked: Asked, pace: Pace, screen: Screen) -> None:
    began_at = tools.clock.now()
    if asked.is_dry:
        new, changed = await compare_payouts(
            tools.db, tools.gateway, since=asked.since, until=asked.until, clock=tools.clock, ask=pace.ask
        )
        screen.say(f"Payouts: {len(new):,} would be new, {len(changed):,} have moved on.")
        return
    changed = await read_payouts(
        tools.db, tools.gateway, since=asked.since, until=asked.until, clock=tools.clock, ask=pace.ask
    )
    screen.say(f"Payouts: {changed:,} new or changed.")
    if asked.since is None and asked.until is None:
        async with tools.db.unit_of_work() as session:
            await marks.move_mark(session, PAYOUTS, until=began_at, now=tools.clock.now())


async def _events(tools: Tools, asked: Asked, pace: Pace, screen: Screen) -> None:
    missed = await pace.ask(lambda: fetch_missed(tools.db, tools.gateway, clock=tools.clock, is_dry=asked.is_dry))
    if asked.is_dry:
        screen.say(f"Events of the last 30 days: {missed:,} would be applied.")
        return
    screen.say(f"Events of the last 30 days: {missed:,} were not here.")
    while await events.apply_batch(tools.db, _context(tools)):
        pass


async def _owners(tools: Tools, pace: Pace, screen: Screen) -> None:
    asked, since = 0, tools.clock.now()
    while count := await settle_payments(
        tools.db, tools.gateway, _context(tools), clock=tools.clock, pace=pace, since=since
    ):
        asked += count
    if asked:
        screen.say(f"Payments whose owner was not known: {asked:,} asked about.")


async def _contents(tools: Tools, pace: Pace) -> None:
    async def prove() -> bool:
        with suppress(TryLater):
            await prove_payouts(_work(tools), {}, gateway=tools.gateway)
            return True
        return False

    while not await pace.ask(prove):
        pass


async def _post(tools: Tools, screen: Screen) -> None:
    posted = await post_all(_work(tools), time_zone=tools.settings.time_zone)
    screen.say(f"Ledger: {posted:,} posted.")


async def _compare(tools: Tools, asked: Asked, pace: Pace, screen: Screen) -> None:
    """Says whether the ledger is what Stripe holds. A line that an earlier run was not shown is looked for, once."""
    drifts = await _drifts(tools, pace)
    if unexplained(drifts) and not (asked.again or asked.since or asked.until):
        async with tools.db.reading() as session:
            began = await when_it_began(session)
        since = datetime.combine(began[0], time.min, UTC) - timedelta(days=1) if began else None
        screen.say(
            f"Stripe's balance is not what was read. Reading again {f'from {since:%Y-%m-%d}' if since else 'all of it'}, "
            "whatever an earlier run has read."
        )
        await _lines(tools, msgspec.structs.replace(asked, since=since, again=True), pace, screen)
        await _owners(tools, pace, screen)
        await _post(tools, screen)
        drifts = await _drifts(tools, pace)
    for drift in drifts:
        off = format_money(Money(drift.stripe_minor - drift.ledger_minor, drift.currency))
        waiting = format_money(Money(drift.waiting_minor, drift.currency))
        screen.say(
            f"{drift.currency}: Stripe holds {off} more than the ledger; lines that wait for their owner: {waiting}."
        )
    if not drifts:
        screen.say("The ledger agrees with Stripe's balance.")


async def _drifts(tools: Tools, pace: Pace) -> Sequence[Drift]:
    balance = await pace.ask(tools.gateway.balance)
    async with tools.db.reading() as session:
        return await find_drift(session, balance)


def _context(tools: Tools) -> events.Context:
    return events.Context(tools.settings, tools.clock, tools.ids, tools.limits)


def _work(tools: Tools) -> Work:
    return Work(tools.db, tools.clock, tools.ids, Job(id="sync", kind="sync"))
