"""Books that were emptied are the same to the letter when they are built again: by sweep, by files, by news gone wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import delete, text

from payouts.conftest import Desk, Treasury, count
from supporters.ledger.models import LedgerTransaction
from supporters.payments.models import BalanceTransaction, InboxEvent, Ownership, Payout, SyncMark
from supporters.syncing import sync_files


async def busy_weeks(treasury: Treasury) -> None:
    """Donations, a shop's sale, a refund, daily payouts and one that failed after it was paid: all told by events."""
    await treasury.give(2500)
    await treasury.give(1000)
    await treasury.sell(9900)
    await treasury.pass_days(12)
    await treasury.hear()
    [line] = [line for line in await treasury.rows(BalanceTransaction) if line.gross_minor == 1000]
    await treasury.world.stripe.v1.refunds.create_async({"charge": line.stripe_charge_id, "amount": 400})
    first, *_others = await treasury.payouts()
    await treasury.control("fail-payout", payout=first.stripe_payout_id, code="account_closed")
    await treasury.give(5000)
    await treasury.pass_days(9)
    await treasury.hear()
    await treasury.sweep()
    await treasury.pull()


async def empty(treasury: Treasury, *, ownership: bool) -> None:
    """Mirror, inbox and ledger hold nothing; our donations are as they were. Past the guards: they forbid just this."""
    tables = [SyncMark, InboxEvent, Payout, *([Ownership] if ownership else [])]
    guarded = ("ledger_transaction", "ledger_entry", "balance_transaction")
    async with treasury.db.unit_of_work() as session:
        if treasury.db.is_sqlite:
            named = await session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
            triggers = [(name, sql) for name, sql in named if any(f" ON {table}" in sql for table in guarded)]
            for name, _sql in triggers:
                await session.execute(text(f"DROP TRIGGER {name}"))
            await session.execute(text("PRAGMA defer_foreign_keys = ON"))
        else:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            triggers = []
        for table in guarded:
            await session.execute(text(f"DELETE FROM {table}"))
        for table in tables:
            await session.execute(delete(table))
        for _name, sql in triggers:
            await session.connection()
            await session.execute(text(sql.replace(":", "\\:")))


async def test_emptied_books_are_built_again_by_sweep_and_by_files_to_the_letter(
    treasury: Treasury, tmp_path: Path
) -> None:
    await busy_weeks(treasury)
    files = await exported(treasury, tmp_path)
    await treasury.hear()
    by_events, desk = await treasury.hash(), Desk(treasury)
    posted = await count(treasury, LedgerTransaction)
    assert posted >= 8

    await empty(treasury, ownership=True)
    assert await treasury.hash() != by_events
    treasury.clock.advance(timedelta(minutes=10))
    assert await desk.sync()
    treasury.clock.advance(timedelta(minutes=10))
    assert await desk.sync()

    assert (await treasury.hash(), await count(treasury, LedgerTransaction)) == (by_events, posted)
    assert {one.content for one in await treasury.payouts()} == {"verified"}
    assert "The ledger agrees with Stripe's balance." in desk.said
    swept = await _fixed(treasury)

    await empty(treasury, ownership=False)
    await sync_files(desk, files, desk.screen, is_dry=True)
    assert await count(treasury, BalanceTransaction) == 0
    await sync_files(desk, files, desk.screen, is_dry=False)

    assert await _fixed(treasury) == swept
    assert await treasury.hash() == by_events
    assert {one.content for one in await treasury.payouts()} == {"verified"}

    await sync_files(desk, files, desk.screen, is_dry=False)
    await desk.sync(again=True)
    assert await treasury.hash() == by_events
    assert await _fixed(treasury) == swept
    assert not [code for code, *_rest in await treasury.codes() if code == "BALANCE_LINE_CHANGED"]

    await empty(treasury, ownership=True)
    await hear_badly(treasury, Random(2822))
    assert await treasury.hash() == by_events
    assert {one.content for one in await treasury.payouts()} == {"verified"}


async def hear_badly(treasury: Treasury, chance: Random) -> None:
    """A third of the news never comes, the rest in any order and some of it twice; then what no webhook brought is asked for."""
    treasury.seen = 0
    told = await treasury.take_webhooks()
    kept = [event for event in told if chance.random() > 0.3]
    chance.shuffle(kept)
    assert 0 < len(kept) < len(told)
    for event in [*kept, *kept[:5]]:
        await treasury.store(event)
    await treasury.hear()
    treasury.clock.advance(timedelta(minutes=10))
    await treasury.sweep()
    await treasury.pull()
    await treasury.follow()


async def exported(treasury: Treasury, folder: Path) -> list[Path]:
    """Stripe's reports as files: activity and payout reconciliation, and payouts as the dashboard exports them."""
    files = []
    columns = "balance_transaction_id created_utc available_on_utc currency gross fee net reporting_category source_id"
    asked = [*columns.split(), "charge_id", "payment_intent_id", "automatic_payout_id"]
    await treasury.pass_days(4)
    end = int(treasury.clock.now().timestamp())
    await treasury.pass_days(2)
    for kind in ("balance_change_from_activity.itemized.3", "payout_reconciliation.itemized.5"):
        run = await treasury.world.stripe.v1.reporting.report_runs.create_async(
            {
                "report_type": kind,
                "parameters": {"interval_start": end - 60 * 86400, "interval_end": end - end % 86400, "columns": asked},
            }
        )
        treasury.clock.advance(timedelta(seconds=5))
        await treasury.sandbox.tick()
        run = await treasury.world.stripe.v1.reporting.report_runs.retrieve_async(run.id)
        reply = await treasury.world.browser.get(
            f"/v1/files/{run.result.id}/contents", headers={"Authorization": "Bearer sk_test_sandbox"}
        )
        files.append(folder / f"{kind}.csv")
        files[-1].write_bytes(reply.content)
    files.append(folder / "payouts.csv")
    names = "id,Amount,Created (UTC),Currency,Arrival Date (UTC),Status,Method,Balance Transaction,Failure Balance Transaction"
    rows = [names]
    for payout in (await treasury.world.stripe.v1.payouts.list_async({"limit": 100})).data:
        made, arrives = (
            f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (payout.created, payout.arrival_date)
        )
        amount = f"{payout.amount / 100:.2f}"
        line, back = payout.balance_transaction, payout.failure_balance_transaction or ""
        rows.append(f"{payout.id},{amount},{made},gbp,{arrives},{payout.status},{payout.method},{line},{back}")
    files[-1].write_text("\n".join(rows), "utf-8")
    files.append(await _itemized_payouts(treasury, folder))
    return files


async def _itemized_payouts(treasury: Treasury, folder: Path) -> Path:
    columns = "payout_id effective_at_utc currency gross fee net reporting_category balance_transaction_id"
    asked = [*columns.split(), "payout_expected_arrival_date", "payout_status", "payout_reversed_at_utc", "trace_id"]
    end = int(treasury.clock.now().timestamp())
    run = await treasury.world.stripe.v1.reporting.report_runs.create_async(
        {
            "report_type": "payouts.itemized.3",
            "parameters": {
                "interval_start": end - 60 * 86400,
                "interval_end": end - end % 86400 - 86400,
                "columns": asked,
            },
        }
    )
    treasury.clock.advance(timedelta(seconds=5))
    await treasury.sandbox.tick()
    run = await treasury.world.stripe.v1.reporting.report_runs.retrieve_async(run.id)
    reply = await treasury.world.browser.get(
        f"/v1/files/{run.result.id}/contents", headers={"Authorization": "Bearer sk_test_sandbox"}
    )
    path = folder / "itemized.csv"
    path.write_bytes(reply.content)
    return path


async def _fixed(treasury: Treasury) -> list[tuple[object, ...]]:
    """What lists and files must agree about, of every line."""
    return sorted(
        (
            line.stripe_balance_transaction_id, line.currency, line.gross_minor, line.fee_minor, line.net_minor,
            line.reporting_category, line.source_id, line.stripe_payout_id, line.stripe_charge_id or "",
        )
        for line in await treasury.rows(BalanceTransaction)
    )  # fmt: skip
