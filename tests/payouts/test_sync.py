"""Reading Stripe again: window by window, side by side, patiently; and the books that come of it."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, text

from payouts.conftest import ZONE, Desk, Treasury, count, one_engine
from supporters.kit.money import Money
from supporters.ledger.models import LedgerTransaction
from supporters.payments.gateway import GatewayRefused, GatewayUnavailable
from supporters.payments.models import BalanceTransaction, SyncMark
from supporters.payments.pace import Pace
from supporters.payments.windows import EPOCH, WIDTH, cut, find_start
from supporters.reconciliation.drift import agreed_days, first_days_off
from supporters.reconciliation.opening import Opening, begin_books


@one_engine
async def test_a_dry_run_says_what_would_be_new_and_stores_nothing(treasury: Treasury) -> None:
    await treasury.give(2500)
    await treasury.pass_days(12)
    desk = Desk(treasury)

    assert await desk.sync(is_dry=True)

    assert desk.said == [
        "+ charge: 1 lines, net £24.42",
        "+ payout: 1 lines, net −£24.42",
        "Balance lines: 2 read, 2 would be new, 0 differ.",
        "Ledger: 2 lines would be posted, as far as Stripe says whose they are.",
        "Payouts: 1 would be new, 0 have moved on.",
        "Events of the last 30 days: 7 would be applied.",
    ]
    assert await count(treasury, BalanceTransaction) == await count(treasury, SyncMark) == 0


@one_engine
async def test_a_key_that_may_not_read_something_says_what_and_reads_the_rest(treasury: Treasury) -> None:
    await treasury.give()
    await treasury.pass_days(12)
    desk = Desk(treasury)

    async def refused(**_asked: Any) -> Any:
        raise GatewayRefused("no", code="permission", http_status=403)

    treasury.gateway.money.payouts = refused

    assert not await desk.sync()
    assert (
        "This key may not read payouts: give it read access to them in Stripe's dashboard, and run this again."
        in desk.said
    )
    assert await count(treasury, BalanceTransaction) == 2


@one_engine
async def test_a_run_that_breaks_off_goes_on_where_it_was(treasury: Treasury) -> None:
    for _week in range(5):
        await treasury.give(2500)
        await treasury.pass_days(7)
    desk, true_list = Desk(treasury), treasury.gateway.list_balance_transactions
    asked: list[datetime | None] = []

    async def down_after_two(**told: Any) -> Any:
        asked.append(told.get("created_gte"))
        if len(asked) > 2:
            raise GatewayRefused("stopped", code="test", http_status=400)
        return await true_list(**told)

    treasury.gateway.list_balance_transactions = down_after_two
    with pytest.raises(GatewayRefused):
        await desk.sync(at_once=1, until=treasury.clock.now() - timedelta(days=12))
    first = set(asked[:2])
    treasury.gateway.list_balance_transactions = true_list
    asked.clear()

    async def counted(**told: Any) -> Any:
        asked.append(told.get("created_gte"))
        return await true_list(**told)

    treasury.gateway.list_balance_transactions = counted
    assert await desk.sync(until=treasury.clock.now() - timedelta(days=12))

    again = {since for since in asked if since}
    assert any(since not in again for since in first), "a window that was read whole is not read again"
    assert await count(treasury, BalanceTransaction) >= 4


@one_engine
@pytest.mark.parametrize("kind", ["429", "500"])
async def test_limits_and_outages_in_the_middle_lose_nothing(
    treasury: Treasury, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await treasury.give()
    await treasury.pass_days(12)
    rested: list[float] = []

    async def rest(seconds: float) -> None:
        rested.append(seconds)

    monkeypatch.setattr("supporters.syncing.Pace", partial(Pace, sleep=rest))
    treasury.sandbox.fail_next(kind, count=3, path="/v1/balance_transactions", retry_after=9 if kind == "429" else None)
    desk = Desk(treasury)

    assert await desk.sync()

    assert await count(treasury, BalanceTransaction) == 2
    assert set(rested) >= ({9} if kind == "429" else {1, 2, 4})
    assert desk.said[-1] == "The ledger agrees with Stripe's balance."


@one_engine
async def test_stripe_that_asks_to_wait_is_waited_for_by_all(treasury: Treasury) -> None:
    rested: list[float] = []

    async def rest(seconds: float) -> None:
        rested.append(seconds)
        await asyncio.sleep(0)

    pace, answers = Pace(sleep=rest, per_second=10_000), [7, None]
    for _number in range(2):

        async def question() -> int:
            if answers:
                raise GatewayUnavailable("busy", http_status=429, retry_after_seconds=answers.pop(0))
            return 42

        assert await pace.ask(question) == 42

    assert rested[0] == 7
    assert pace.waited == 2


async def test_patience_has_an_end() -> None:
    async def rest(_seconds: float) -> None: ...

    async def question() -> int:
        raise GatewayUnavailable("down", http_status=500)

    with pytest.raises(GatewayUnavailable):
        await Pace(sleep=rest, tries=3, per_second=10_000).ask(question)


def test_windows_lie_on_fixed_days_and_cover_everything_once() -> None:
    since, until = EPOCH + timedelta(days=20_000, hours=5), EPOCH + timedelta(days=20_030)

    windows = cut(since, until)

    assert windows[-1].start == since
    assert windows[0].end == until
    assert all(newer.start == older.end for newer, older in pairwise(windows))
    assert [window.is_whole for window in windows[1:-1]] == [True] * (len(windows) - 2)
    assert all((window.end - window.start) == WIDTH for window in windows if window.is_whole)


async def test_the_beginning_is_found_in_few_questions() -> None:
    until, first = EPOCH + timedelta(days=20_000), EPOCH + timedelta(days=18_300)
    asked: list[datetime] = []

    async def has_before(at: datetime) -> bool:
        asked.append(at)
        return at > first

    found = await find_start(has_before, until=until)

    assert found
    assert found <= first
    assert len(asked) <= 8


@one_engine
async def test_books_that_begin_later_agree_with_stripe_from_their_first_day(treasury: Treasury) -> None:
    await treasury.give()
    held = await treasury.gateway.balance()
    starts_on = (treasury.clock.now() + timedelta(days=1)).date()
    await treasury.pass_days(1)
    opening = Opening(starts_on=starts_on, stripe=tuple(Money(minor, currency) for currency, minor in held.items()))
    async with treasury.db.unit_of_work() as session:
        await begin_books(session, opening, actor_id="D", ids=treasury.ids, now=treasury.clock.now(), time_zone=ZONE)

    await treasury.give(1000)
    await treasury.pass_days(1)
    await treasury.hear()
    await treasury.sweep()
    await treasury.compare()

    async with treasury.db.reading() as session:
        assert await first_days_off(session) == []
        assert len(await agreed_days(session)) == 1
    assert await treasury.codes() == []
    posted = await treasury.rows(LedgerTransaction)
    assert sorted(one.source_kind for one in posted) == ["balance_transaction", "opening"]


@one_engine
async def test_drift_is_traced_to_its_first_day(treasury: Treasury) -> None:
    await treasury.give()
    await treasury.pass_days(1)
    await treasury.hear()
    await treasury.compare()
    async with treasury.db.reading() as session:
        assert await first_days_off(session) == []

    await treasury.give(1000)
    await treasury.pass_days(1)
    await treasury.hear()
    hidden = next(line for line in await treasury.rows(BalanceTransaction) if line.gross_minor == 1000)
    true_list = treasury.gateway.list_balance_transactions
    async with treasury.db.unit_of_work() as session:
        if treasury.db.is_sqlite:
            await session.execute(text("DROP TRIGGER balance_transaction_no_delete"))
        else:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
        mine = BalanceTransaction.stripe_balance_transaction_id == hidden.stripe_balance_transaction_id
        await session.execute(delete(BalanceTransaction).where(mine))

    async def without_it(**asked: Any) -> Any:
        page = await true_list(**asked)
        return type(page)([line for line in page.items if line.gross_minor != 1000], page.next_after)

    treasury.gateway.list_balance_transactions = without_it
    await treasury.compare()
    await treasury.pass_days(1)
    await treasury.compare()

    async with treasury.db.reading() as session:
        [found] = await first_days_off(session)
    second_day = (treasury.clock.now() - timedelta(days=1)).date()
    assert (found.currency, found.off_minor, found.off_on) == ("GBP", hidden.net_minor, second_day)
    assert found.agreed_on == second_day - timedelta(days=1)
    assert ZONE == "Europe/London"
