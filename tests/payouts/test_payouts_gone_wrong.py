"""Files that were saved by a spreadsheet, days before the books began, and differences that stay for weeks."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from payouts.conftest import ZONE, Desk, Treasury, one_engine
from payouts.test_reports_csv import FEES, GOOD, LINES, read
from supporters.bank.models import BankAccount
from supporters.kit.money import Money
from supporters.payments.csv_import import import_reports
from supporters.payments.facts import BalanceLine, Page, RawEvent
from supporters.payments.gateway import GatewayRefused, GatewayUnavailable
from supporters.payments.models import BalanceTransaction, Content, Ownership, Payout
from supporters.payments.pace import Pace
from supporters.payments.reports_csv import Unreadable
from supporters.reconciliation.drift import Drift, agreed_days, first_days_off, report_drift
from supporters.reconciliation.opening import Opening, begin_books
from supporters.reconciliation.payout_proof import prove_content
from supporters.reconciliation.payout_reports import report_payouts


@pytest.mark.parametrize(
    ("currency", "amounts"),
    [
        ("jpy", '"1,000",0,"1,000"'),
        ("gbp", '"1,200",0,"1,200"'),
        ("jpy", "1.000,0,1.000"),
        ("kwd", '"1,234",0,"1,234"'),
    ],
)
def test_marks_for_thousands_are_not_taken_for_decimals(currency: str, amounts: str) -> None:
    with pytest.raises(Unreadable, match="column gross"):
        read(LINES, f"txn_1,2026-11-22 09:36:00,,{currency},{amounts},charge,ch_1,")


def test_three_decimals_of_three_decimal_currencies_are_read_in_either_form() -> None:
    [told] = read(LINES.replace(",", ";"), "txn_1;2026-11-22 09:36:00;;kwd;1,234;0,034;1,200;charge;ch_1;")

    assert told.line
    assert told.line.gross_minor == 1234


def test_a_time_that_names_its_own_zone_is_of_that_zone() -> None:
    [told] = read(LINES, GOOD.replace("2026-11-22 09:36:00", "2026-11-22T09:36:00+02:00"))

    assert told.line
    assert told.line.created_at == datetime(2026, 11, 22, 7, 36, tzinfo=UTC)


def test_an_id_that_no_column_holds_is_said_before_anything_is_stored() -> None:
    with pytest.raises(Unreadable, match="column source_id"):
        read(LINES, GOOD.replace("ch_1", "x" * 121))


@one_engine
async def test_two_files_that_tell_of_the_same_fees_do_not_double_the_tax(treasury: Treasury, tmp_path: Path) -> None:
    lines, fees, again = tmp_path / "lines.csv", tmp_path / "fees.csv", tmp_path / "again.csv"
    lines.write_text(f"{LINES}\n{GOOD}\n", "utf-8")
    for path in (fees, again):
        path.write_text(f"{FEES}\ntxn_1,ch_1,0.48,0.00,gbp\ntxn_1,ch_1,0.10,0.10,gbp\n", "utf-8")

    told = {"livemode": False, "time_zone": "UTC", "clock": treasury.clock, "ids": treasury.ids}
    await import_reports(treasury.db, [lines, fees, again], **told)

    [line] = await treasury.rows(BalanceTransaction)
    assert [part["amount_minor"] for part in line.fee_details] == [48, 10]


async def test_a_wait_of_hours_ends_the_run_instead() -> None:
    rested: list[float] = []

    async def rest(seconds: float) -> None:
        rested.append(seconds)

    async def question() -> int:
        raise GatewayUnavailable("later", http_status=429, retry_after_seconds=86_400)

    with pytest.raises(GatewayUnavailable):
        await Pace(sleep=rest, per_second=10_000).ask(question)
    assert sum(rested) < 3600


@one_engine
async def test_a_payment_about_which_nothing_may_be_asked_does_not_keep_the_run_going(treasury: Treasury) -> None:
    await treasury.sell()
    await treasury.pull()
    async with treasury.db.unit_of_work() as session:
        await session.execute(update(Ownership).values(owner="unknown", asked_at=None))
    treasury.clock.advance(timedelta(minutes=10))
    asked: list[str] = []

    async def refused(stripe_id: str) -> Any:
        asked.append(stripe_id)
        await asyncio.sleep(0)
        raise GatewayRefused("no", code="permission", http_status=403)

    async def no_news(**_asked: Any) -> Page[RawEvent]:
        return Page([], None)

    treasury.gateway.session_of, treasury.gateway.list_events = refused, no_news

    async with asyncio.timeout(20):
        await Desk(treasury).sync()

    assert len(asked) == len(set(asked)) == 1


@one_engine
async def test_days_kept_before_the_books_began_do_not_count_as_days_of_the_books(treasury: Treasury) -> None:
    zone = {"ids": treasury.ids, "time_zone": ZONE}
    await treasury.hear()
    await treasury.sweep()
    await treasury.compare()
    await treasury.sell()
    starts_on = (treasury.clock.now() + timedelta(days=1)).date()
    held = await treasury.gateway.balance()
    await treasury.pass_days(1)
    opening = Opening(starts_on=starts_on, stripe=tuple(Money(minor, currency) for currency, minor in held.items()))
    async with treasury.db.unit_of_work() as session:
        await begin_books(session, opening, actor_id="D", now=treasury.clock.now(), **zone)
    await treasury.hear()
    await treasury.sweep()
    await treasury.compare()

    async with treasury.db.reading() as session:
        assert (await first_days_off(session), len(await agreed_days(session))) == ([], 1)


@one_engine
async def test_a_difference_that_stays_for_days_is_one_matter_and_ends_with_it(treasury: Treasury) -> None:
    now = treasury.clock.now()
    for day, minor in enumerate((7, 7, 9)):
        async with treasury.db.unit_of_work() as session:
            drifts = [Drift("GBP", 0, minor, 0)]
            await report_drift(session, drifts, ids=treasury.ids, now=now + timedelta(days=day))
    stays = await treasury.codes()
    async with treasury.db.unit_of_work() as session:
        await report_drift(session, [], ids=treasury.ids, now=now + timedelta(days=3))
    gone = await treasury.codes()
    async with treasury.db.unit_of_work() as session:
        await report_drift(session, [Drift("GBP", 0, 9, 0)], ids=treasury.ids, now=now + timedelta(days=4))

    assert (stays, gone, await treasury.codes()) == ([("BALANCE_DRIFT", "GBP", 9)], [], [("BALANCE_DRIFT", "GBP", 9)])


def payout_row(treasury: Treasury, number: int, **changes: object) -> dict[str, object]:
    now = treasury.clock.now()
    return {
        "stripe_payout_id": f"po_{number}", "livemode": False, "created_at": now, "arrival_on": now.date(),
        "amount_minor": 2442, "currency": "GBP", "is_automatic": True, "method": "standard", "status": "paid",
        "reconciliation_status": "completed", "line_id": f"txn_po_{number}", "content": Content.COLLECTING.value,
        "mirrored_at": now, "changed_at": now, **changes,
    }  # fmt: skip


@one_engine
async def test_an_account_for_a_currency_is_asked_for_once_and_the_account_is_the_answer(treasury: Treasury) -> None:
    account = {"name": "x", "last4": "1", "account_hash": "", "also_hashes": [], "created_by": "S", "revision": 0}
    row = {**account, "created_at": treasury.clock.now()}
    async with treasury.db.unit_of_work() as session:
        await session.execute(insert(Payout), [payout_row(treasury, n, currency="EUR") for n in range(3)])
        await session.execute(insert(BankAccount).values(id="G", currency="GBP", **row))
        for _again in range(2):
            await report_payouts(session, ids=treasury.ids, now=treasury.clock.now())
    wait = [subject for code, subject, _minor in await treasury.codes() if code == "MULTI_CCY_PAYOUT"]

    async with treasury.db.unit_of_work() as session:
        await session.execute(insert(BankAccount).values(id="E", currency="EUR", **row))
        await report_payouts(session, ids=treasury.ids, now=treasury.clock.now())

    assert wait == ["po_0"]
    assert await treasury.codes() == []


@one_engine
async def test_a_difference_that_a_person_accepted_stays_accepted_while_it_is_the_same(treasury: Treasury) -> None:
    now = treasury.clock.now()
    made = {"created_at": now - timedelta(days=3), "available_at": now - timedelta(days=1), "mirrored_at": now}
    rest = {
        "status": "available",
        "type": "charge",
        "reporting_category": "charge",
        "currency": "GBP",
        "livemode": False,
    }
    money = {"gross_minor": 2442, "fee_minor": 0, "net_minor": 2442, "fee_details": []}
    rows = [{"stripe_balance_transaction_id": f"txn_{n}", **made, **rest, **money} for n in (1, 2)]
    lines: list[BalanceLine] = []
    async with treasury.db.unit_of_work() as session:
        await session.execute(insert(Payout), [payout_row(treasury, 1)])
        await session.execute(insert(BalanceTransaction), rows)
        payout = await session.get_one(Payout, "po_1")
        await prove_content(session, payout, lines, ids=treasury.ids, now=now)
    [off] = await treasury.discrepancies()
    async with treasury.db.unit_of_work() as session:
        values = {"state": "resolved", "resolution": "accepted", "resolved_by": "D", "resolved_at": now}
        await session.execute(update(type(off)).values(values))
        gone = BalanceTransaction.stripe_balance_transaction_id == "txn_1"
        await session.execute(update(BalanceTransaction).where(gone).values(stripe_payout_id="po_2"))
        await prove_content(session, payout, lines, ids=treasury.ids, now=now + timedelta(days=1))

    assert await treasury.codes() == []
