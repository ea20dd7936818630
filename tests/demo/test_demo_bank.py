"""The sample paper's bank: its statement is matched by the house, and whatever goes wrong at the bank is found."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from supporters.bank.models import BankLine
from supporters.demo.banker import Banker, days_to_bring
from supporters.discrepancies.models import Discrepancy
from supporters.jobs.models import Job
from supporters.jobs.work import Work
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.payments.payout_sweep import sweep_payouts
from supporters.reconciliation.detect import detect_all
from supporters.reconciliation.models import BankMatch
from supporters.settings import Settings
from whole import Mailbag, Whole, running

OCTOBER = date(2026, 10, 1), date(2026, 10, 31)
NOVEMBER = date(2026, 11, 1), date(2026, 11, 21)


@pytest.fixture
async def paper(sqlite_db: Database, clock: FixedClock, settings: Settings) -> AsyncIterator[Whole]:
    """A product that knows the payouts of the last fifty days, and a bank where they have arrived."""
    mailbag = Mailbag()
    mailbag.start()
    async with running(sqlite_db, clock, Ids(clock), settings, mailbag) as product:
        await product.bank.post("/_control/fill", json={"lines": 200, "days": 50})
        await sweep_payouts(product.db, product.tools.gateway, clock=clock)
        yield product
    mailbag.stop()


def banker_of(paper: Whole) -> Banker:
    return Banker(paper.tools, paper.sandbox, paper.clock, dana="D" * 26)


async def look(paper: Whole) -> dict[str, int]:
    """What was found, by code, once the house has matched what is certain."""
    await paper.worker.drain()
    work = Work(paper.db, paper.clock, paper.ids, Job(id="none", kind="none"))
    await detect_all(work, {}, time_zone="Europe/London", livemode=False, account=None)
    counted = select(Discrepancy.code, func.count()).group_by(Discrepancy.code)
    async with paper.db.reading() as session:
        return {str(code): count for code, count in (await session.execute(counted)).all()}


async def states(paper: Whole) -> dict[str, int]:
    """How many lines of Stripe's, and of others as `other`, are in each state."""
    async with paper.db.reading() as session:
        lines = (await session.execute(select(BankLine.text, BankLine.state))).all()
    found: dict[str, int] = {}
    for text, state in lines:
        name = state if text.startswith("STRIPE") else f"other {state}"
        found[name] = found.get(name, 0) + 1
    return found


async def payouts_of(paper: Whole) -> list[dict[str, Any]]:
    """Those of the middle of October, oldest first: the statement goes on past the days that they may take."""
    found = [one for one in paper.sandbox.objects("payout") if one["amount"] > 0 and one["status"] == "paid"]
    days = range(1_791_590_400, 1_792_800_000)  # 10 to 23 October
    return sorted((one for one in found if one["arrival_date"] in days), key=lambda one: one["arrival_date"])


async def test_month_is_matched_by_the_house_but_for_what_others_paid_in(paper: Whole) -> None:
    banker = banker_of(paper)
    async with paper.db.reading() as session:
        at_first = await days_to_bring(session, today=paper.clock.now().date())
    await banker.bring(await banker.open_account(), *OCTOBER)

    found = await look(paper)

    async with paper.db.reading() as session:
        next_one = await days_to_bring(session, today=paper.clock.now().date())
    assert (at_first.starts_on, next_one.starts_on) == (date(2026, 11, 1), date(2026, 11, 1))
    assert at_first.ends_on == next_one.ends_on == paper.clock.now().date()

    told = await states(paper)
    assert told.pop("matched") > 15
    assert told == {"other open": 3, "other set_aside": 3}
    assert found["BANK_CREDIT_UNKNOWN"] == 3
    assert not {"PAYOUT_NOT_IN_BANK", "BANK_MERGED", "BANK_SPLIT", "STATEMENT_GAP"} & found.keys()


async def test_whatever_goes_wrong_at_the_bank_is_a_discrepancy(paper: Whole) -> None:
    some = await payouts_of(paper)
    for act, payout in (("lose", some[0]), ("split", some[3]), ("merge", some[6]), ("twice", some[9])):
        await paper.bank.post(f"/_control/bank-{act}", json={"payout": payout["id"]})

    await banker_of(paper).bring(await banker_of(paper).open_account(), *OCTOBER)
    found = await look(paper)

    told = await states(paper)
    assert told["open"] == 2 + 1 + 2  # two parts, two in one, and one twice: which of the two it is, nobody can tell
    assert (found["BANK_MERGED"], found["BANK_SPLIT"]) == (1, 1)
    missing = select(Discrepancy.subject).where(Discrepancy.code == "PAYOUT_NOT_IN_BANK")
    async with paper.db.reading() as session:
        assert some[0]["id"] in (await session.scalars(missing)).all()


async def test_payout_that_the_bank_sent_back_is_matched_there_and_back(paper: Whole) -> None:
    paid = [one for one in paper.sandbox.objects("payout") if one["status"] == "paid"]
    payout = max(paid, key=lambda one: one["arrival_date"])["id"]
    await paper.bank.post("/_control/fail-payout", json={"payout": payout})
    await sweep_payouts(paper.db, paper.tools.gateway, clock=paper.clock)
    banker = banker_of(paper)

    await banker.bring(await banker.open_account(), OCTOBER[0], date(2026, 11, 22))
    found = await look(paper)

    sides = select(BankMatch.side).where(BankMatch.ref_id == payout)
    async with paper.db.reading() as session:
        assert sorted((await session.scalars(sides)).all()) == ["payout", "payout_return"]
    assert "open" not in await states(paper)
    assert "PAYOUT_NOT_IN_BANK" not in found


async def test_statement_that_comes_again_and_one_that_is_missing_are_told(paper: Whole) -> None:
    banker = banker_of(paper)
    account = await banker.open_account()
    await banker.bring(account, *OCTOBER)
    await banker.bring(account, date(2026, 10, 15), OCTOBER[1])
    again = await look(paper)
    await banker.bring(account, date(2026, 11, 8), NOVEMBER[1])

    found = await look(paper)

    assert "STATEMENT_GAP" not in again
    assert (again["BANK_DUPLICATE_IMPORT"], found["STATEMENT_GAP"]) == (1, 1)


async def test_line_that_comes_late_is_matched_when_it_comes(paper: Whole) -> None:
    banker, payout = banker_of(paper), (await payouts_of(paper))[-1]
    await paper.bank.post("/_control/bank-late", json={"payout": payout["id"]})
    account = await banker.open_account()
    await banker.bring(account, date(2026, 10, 1), date(2026, 10, 29))
    before = await look(paper)
    await banker.bring(account, date(2026, 10, 30), NOVEMBER[1])

    await look(paper)

    open_now = select(func.count()).where(Discrepancy.code == "PAYOUT_NOT_IN_BANK", Discrepancy.state == "open")
    async with paper.db.reading() as session:
        assert await session.scalar(open_now) == 0
    assert before["PAYOUT_NOT_IN_BANK"] == 1
    assert "open" not in await states(paper)
