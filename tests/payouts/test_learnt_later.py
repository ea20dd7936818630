"""What is known of Stripe's balance only later: the tax in a fee, a line that a list left out, what a key may not read."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from payouts.conftest import ZONE, Desk, Treasury, one_engine
from payouts.test_reports_csv import FEES, GOOD, HISTORY, LINES, read
from supporters.checks import books_hold
from supporters.kit.clock import FixedClock
from supporters.kit.money import Money
from supporters.ledger.models import LedgerEntry
from supporters.payments.facts import BalanceLine, FeeDetail
from supporters.payments.gateway import GatewayRefused
from supporters.payments.models import BalanceTransaction
from supporters.payments.reports_csv import Report, Unreadable
from supporters.reconciliation.opening import Opening, begin_books
from supporters.syncing import sync_files

FEE = "txn_1,2026-11-20 09:00:00,2026-11-20 09:00:00,gbp,0.00,1.20,-1.20,fee,,"
TAX = "txn_1,txn_1,1.20,0.20,gbp"


async def accounts(treasury: Treasury) -> dict[str, int]:
    entry = LedgerEntry
    async with treasury.db.reading() as session:
        rows = await session.execute(select(entry.account, func.sum(entry.amount_minor)).group_by(entry.account))
        return {account: int(total) for account, total in rows if total}


def written(folder: Path, name: str, *lines: str) -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


async def test_tax_that_is_told_after_the_line_stands_on_its_own_account(treasury: Treasury, tmp_path: Path) -> None:
    lines, fees = written(tmp_path, "activity.csv", LINES, FEE), written(tmp_path, "fees.csv", FEES, TAX)
    together, apart = Desk(treasury), {"1100": -120, "5010": 100, "5040": 20}

    await sync_files(together, [lines], together.screen, is_dry=False)
    before = await accounts(treasury)
    await sync_files(together, [fees], together.screen, is_dry=False)
    after = await accounts(treasury)
    hashed = await treasury.hash()
    for _again in range(2):
        await sync_files(together, [fees, lines], together.screen, is_dry=False)

    assert (before, after) == ({"1100": -120, "5010": 120}, apart)
    assert "Fees of lines that were here: 1 are told apart from the tax in them now." in together.said
    assert (await accounts(treasury), await treasury.hash()) == (apart, hashed)
    async with treasury.db.reading() as session:
        assert await books_hold(session, now=treasury.clock.now()) == []


@one_engine
async def test_what_stripes_list_tells_of_a_fee_is_learnt_by_a_line_from_a_file(
    treasury: Treasury, tmp_path: Path
) -> None:
    desk, donation_id = Desk(treasury), await treasury.give(2500)
    await treasury.pass_days(1)
    await treasury.hear()
    [line] = [row for row in await treasury.rows(BalanceTransaction) if row.reporting_category == "charge"]
    page = await treasury.gateway.list_balance_transactions()
    told = next(each for each in page.items if each.id == line.stripe_balance_transaction_id)

    async def with_tax(**_asked: Any) -> Any:
        parts = [FeeDetail("stripe_fee", told.fee_minor - 9, "GBP"), FeeDetail("tax", 9, "GBP")]
        return type(page)([_told(told, "txn_taxed", parts), _told(told, "txn_wrong", parts[:1])], None)

    file = written(tmp_path, "activity.csv", LINES, FEE.replace("txn_1", "txn_taxed").replace("1.20", "0.58"))
    await sync_files(desk, [file], desk.screen, is_dry=False)
    treasury.gateway.list_balance_transactions = with_tax
    await desk.sync(again=True)

    assert donation_id
    assert (await accounts(treasury))["5040"] == 9
    assert [(code, subject) for code, subject, _minor in await treasury.codes()] == [
        ("BALANCE_LINE_CHANGED", "txn_wrong")
    ]
    async with treasury.db.reading() as session:
        assert await books_hold(session, now=treasury.clock.now()) == []


def _told(line: BalanceLine, line_id: str, parts: list[FeeDetail]) -> BalanceLine:
    return BalanceLine(
        id=line_id, created_at=line.created_at, available_at=line.created_at, status="available", type="stripe_fee",
        reporting_category="fee", currency="GBP", gross_minor=0, fee_minor=line.fee_minor, net_minor=-line.fee_minor,
        fee_details=parts, exchange_rate=None, source_id=None, charge_id=None, payment_intent_id=None, payout_id=None,
    )  # fmt: skip


@one_engine
async def test_one_run_by_hand_finds_all_that_webhooks_lost(treasury: Treasury) -> None:
    for _sold in range(2):
        await treasury.sandbox.pay((await treasury.world.donate(9900)).id)
    donation_id, page = await treasury.open_page(2500)
    await treasury.sandbox.pay(page)
    await treasury.pass_days(40)
    desk = Desk(treasury)

    is_whole = await desk.sync()

    assert is_whole
    assert desk.said[-1] == "The ledger agrees with Stripe's balance."
    assert (await accounts(treasury))["4000"] == -2500, donation_id


@one_engine
async def test_a_line_that_a_list_left_out_is_found_when_the_balance_shows_it(treasury: Treasury) -> None:
    desk, true_list = Desk(treasury), treasury.gateway.list_balance_transactions
    await treasury.give(1000)
    await treasury.pass_days(30)

    async def without_it(**asked: Any) -> Any:
        page = await true_list(**asked)
        return type(page)([line for line in page.items if abs(line.gross_minor) != 1000], page.next_after)

    treasury.gateway.list_balance_transactions = without_it
    await desk.sync()
    hidden = [line for line in desk.said if "holds" in line or "Reading again" in line]
    treasury.gateway.list_balance_transactions = true_list
    desk.said.clear()

    await desk.sync()

    assert [line[:15] for line in hidden] == ["Stripe's balanc", "GBP: Stripe hol"]
    assert desk.said[-1] == "The ledger agrees with Stripe's balance."
    assert (await accounts(treasury))["4000"] == -1000


@one_engine
async def test_the_nightly_comparison_reads_again_the_days_that_do_not_fit(treasury: Treasury) -> None:
    true_list = treasury.gateway.list_balance_transactions
    await treasury.give(1000)
    await treasury.hear()
    await treasury.compare()
    await treasury.pass_days(1)
    await treasury.give(2000)

    async def without_it(**asked: Any) -> Any:
        page = await true_list(**asked)
        return type(page)([line for line in page.items if line.gross_minor != 2000], page.next_after)

    treasury.gateway.list_balance_transactions = without_it
    await treasury.compare()
    [told] = await treasury.codes()
    async with treasury.db.reading() as session:
        broken = [each.name for each in await books_hold(session, now=treasury.clock.now())]
    treasury.clock.advance(timedelta(hours=2))
    await treasury.hear()  # what is read from now on begins after the line that was left out
    treasury.clock.advance(timedelta(hours=2))
    true_holdings, asked_twice = treasury.gateway.money.holdings, iter((False, True, True, True))
    news = [3000]

    async def asked_for_holdings() -> Any:
        held = await true_holdings()
        if next(asked_twice):  # from here on the days that do not fit are read again, and somebody gives at that moment
            treasury.gateway.list_balance_transactions = with_news
        return held

    async def with_news(**asked: Any) -> Any:
        treasury.clock.advance(timedelta(minutes=1))
        if news:
            await treasury.give(news.pop())
            await treasury.bring_webhooks()
            await treasury.apply()
        return await true_list(**asked)

    treasury.gateway.list_balance_transactions, treasury.gateway.money.holdings = true_list, asked_for_holdings

    await treasury.compare()

    assert not news
    assert (told[0], broken) == ("BALANCE_DRIFT", ["balance_agrees"])
    assert await treasury.codes() == []


@one_engine
async def test_a_key_that_may_not_ask_whose_money_it_is_hears_of_it(treasury: Treasury) -> None:
    await treasury.sandbox.pay((await treasury.world.donate(9900)).id)
    await treasury.pass_days(40)

    async def refused(*_asked: Any, **_named: Any) -> Any:
        raise GatewayRefused("no", code="permission", http_status=403)

    desk = Desk(treasury)
    treasury.gateway.session_of = refused
    treasury.gateway.money.holdings = refused
    is_whole = await desk.sync()

    assert not is_whole
    assert [line[:70] for line in desk.said if "may not" in line] == [
        "This key may not read checkout sessions and invoices: give it read acc",
        "This key may not read the balance: give it read access to them in Stri",
    ]


@one_engine
async def test_files_that_change_something_say_so_before_they_do(treasury: Treasury, tmp_path: Path) -> None:
    desk, file = Desk(treasury), written(tmp_path, "activity.csv", LINES, FEE)
    history = written(
        tmp_path, "history.csv", HISTORY,
        "txn_9,adjustment,du_1,-25.00,20.00,-45.00,gbp,2026-11-20 00:01,2026-11-20 00:00,,",
        "txn_8,something_new,,1.00,0.00,1.00,gbp,2026-11-20 00:01,2026-11-20 00:00,,",
        "txn_1,stripe_fee,,0.00,1.20,-1.20,gbp,2026-11-20 00:01,2026-11-20 00:00,,",
    )  # fmt: skip
    await sync_files(desk, [file, history], desk.screen, is_dry=False)
    told = list(desk.said)
    desk.said.clear()

    file.write_text("\n".join([LINES, FEE.replace("1.20", "1.30"), GOOD.replace("txn_1", "txn_2")]) + "\n", "utf-8")
    await sync_files(desk, [file], desk.screen, is_dry=True)

    assert [line[:47] for line in told if "Not taken" in line] == [
        "Not taken: 1 lines of type adjustment. The bala",
        "Not taken: 1 lines of type something_new. The b",
    ]
    assert desk.said == [
        "+ charge: 1 lines, net £24.42",
        "! txn_1: Stripe shows other amounts than are here",
        "Balance lines: 2 in the files, 1 would be new, 1 differ.",
        "Payouts: 0 in the files, 0 would be new or change.",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (GOOD.replace("2026-11-22 09", "2099-11-22 09"), "line 2, column created: 2099-11-22 can't be"),
        (GOOD.replace("2026-11-22 09", "1890-11-22 09"), "line 2, column created: 1890-11-22 can't be"),
        (GOOD.replace("gbp", "qqq"), "line 2, column currency: QQQ is no currency"),
    ],
)
def test_what_can_never_have_been_is_refused(clock: FixedClock, line: str, words: str) -> None:
    content = f"{LINES}\n{line}\n".encode()

    with pytest.raises(Unreadable) as refused:
        list(Report("july.csv", content, livemode=False, now=clock.now()).rows())

    assert words in refused.value.message
    assert read(LINES, GOOD.replace("gbp", "xcg"))  # Curaçao's, since 2025


@one_engine
async def test_a_payout_in_transit_that_stripe_does_not_know_is_said(treasury: Treasury) -> None:
    now = treasury.clock.now()
    opening = Opening(starts_on=now.date(), in_transit=(("po_typo", Money(31_000, "GBP")),))
    async with treasury.db.unit_of_work() as session:
        await begin_books(session, opening, actor_id="D", ids=treasury.ids, now=now, time_zone=ZONE)
    async with treasury.db.reading() as session:
        before = await books_hold(session, now=now)

    await treasury.follow()

    async with treasury.db.reading() as session:
        broken = await books_hold(session, now=now + timedelta(minutes=1))
    assert before == []
    assert [(each.name, each.rows) for each in broken] == [
        ("opened_in_transit", ("payout=po_typo currency=GBP amount_minor=31000",))
    ]
