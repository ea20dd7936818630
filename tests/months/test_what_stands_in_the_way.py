"""What stands in the way of closing a month: what is open of it, Stripe's own word, and money that nobody has placed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, update

from books import line_row
from months.conftest import ZONE, Books
from months.test_closing import close, file_of, month_of, ready
from payouts.conftest import one_engine
from supporters.discrepancies.codes import Code
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import open_discrepancy
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.ledger.chart import Account
from supporters.ledger.models import BankProof
from supporters.ledger.periods import next_month
from supporters.ledger.post import Entry, Posting, post
from supporters.payments.models import BalanceDay, BalanceTransaction
from supporters.reconciliation.certificate import verify
from supporters.reconciliation.closing import Checklist, Item, Ready, certify_as_it_is, describe_item
from supporters.reconciliation.fact_days import Explained, explained, left_open, open_by_month
from supporters.reconciliation.left_over import in_suspense
from supporters.reconciliation.month_queries import board


@one_engine
async def test_what_is_found_later_stands_in_the_way_of_the_month_in_which_it_happened(books: Books) -> None:
    payout = await books.pay_out()
    month = month_of(payout)
    books.next_month()
    assert items_of(await ready(books, month))["put_right"].state is Ready.DONE
    await found(
        books, (Code.PAYOUT_CONTENT_OFF, payout.stripe_payout_id), (Code.PAYOUT_NOT_IN_BANK, payout.stripe_payout_id)
    )
    await found(books, (Code.REFUND_EXCEEDS, "nobody knows when"), (Code.STATEMENT_GAP, "nor of this"))

    looked = items_of(await ready(books, month, BankProof.ELSEWHERE))
    before = items_of(await ready(books, first_before(month), BankProof.ELSEWHERE))

    assert (looked["put_right"].state, looked["put_right"].count) == (Ready.STOP, 2)
    assert (looked["explained"].state, looked["explained"].count) == (Ready.NOTE, 1)
    assert describe_item(looked["put_right"]).startswith(
        "To be put right before the month is closed: The lines of a payout"
    )
    assert (before["put_right"].count, before["explained"].count) == (1, 0)
    with pytest.raises(Refused, match="stands in the way"):
        await close(books, month, BankProof.ELSEWHERE, "all the same")
    async with books.db.unit_of_work() as session:
        mended = update(Discrepancy).where(Discrepancy.code.in_(["PAYOUT_CONTENT_OFF", "REFUND_EXCEEDS"]))
        await session.execute(mended.values(state="resolved", resolved_by="dana"))
        [row] = await board(session, [month], zone=ZONE)
    made = await close(books, month, BankProof.ELSEWHERE, "all the same")
    body = await file_of(books, made.number)
    assert row.to_explain == 1
    assert [(each["code"], each["opened"], each["open"]) for each in body["discrepancies"]] == [
        ("PAYOUT_CONTENT_OFF", 1, 0),
        ("PAYOUT_NOT_IN_BANK", 1, 1),
    ]
    [later] = [each for each in await explained_in(books, next_month(month)) if each.code == "PAYOUT_NOT_IN_BANK"]
    assert (later.opened, later.open, later.open_before) == (0, 0, 1)


async def test_the_day_of_what_is_different_says_in_which_month_it_counts(db: Database, ids: Ids) -> None:
    opened, promise = datetime(2026, 12, 9, 9, tzinfo=UTC), ids.ulid()
    moment = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)  # the last half hour of October, also in London's winter
    async with db.unit_of_work() as session:
        await session.execute(insert(BalanceTransaction).values(line_row(1, created_at=moment)))
        for code, subject, detail in (
            (Code.STANDING_ORDER_MISSED, f"{promise}:2026-10-05", {}),
            (Code.BALANCE_DRIFT, "GBP", {"off_since": "2026-11-30"}),
            (Code.UNKNOWN_CATEGORY, "txn_1", {}),
            (Code.PAYMENT_MISMATCH, "pi_1", {}),
            (Code.EVENT_PARKED, "evt_1", {}),
            (Code.WEBHOOK_MISSED, "2026-10", {}),
        ):
            await open_discrepancy(session, code=code, subject=subject, ids=ids, now=opened, detail=detail)
    months = [date(2026, month, 1) for month in (9, 10, 11, 12)]

    async with db.reading() as session:
        counted = await open_by_month(session, months, zone=ZONE)
        elsewhere = await open_by_month(session, months, zone="Asia/Tokyo")
        october = await left_open(session, months[1], zone=ZONE)

    assert counted == {1: 3, 2: 1, 3: 1}
    assert elsewhere == {1: 1, 2: 3, 3: 1}  # it is November there when the line is made
    assert {each.code for each in october} == {Code.STANDING_ORDER_MISSED, Code.UNKNOWN_CATEGORY, Code.PAYMENT_MISMATCH}


@one_engine
async def test_stripes_own_word_is_held_against_the_books_and_goes_into_the_certificate(books: Books) -> None:
    payout = await books.pay_out()
    month = month_of(payout)
    books.next_month()
    agreed = items_of(await ready(books, month))["stripe"]
    async with books.db.unit_of_work() as session:
        await session.execute(update(BalanceDay).values(available_minor=BalanceDay.available_minor + 500))

    off = items_of(await ready(books, month))["stripe"]
    async with books.db.unit_of_work() as session:
        made = await certify_as_it_is(session, month, books.maker, broken=0)
    async with books.db.unit_of_work() as session:
        at, nothing = (
            books.treasury.clock.now(),
            dict.fromkeys(("available_minor", "pending_minor", "reserved_minor"), 0),
        )
        await session.execute(insert(BalanceDay).values(day=at.date(), currency="EUR", taken_at=at, **nothing))
    later = items_of(await ready(books, month))[
        "stripe"
    ]  # it names no pounds, so it holds none: what came late is here
    async with books.db.unit_of_work() as session:
        await session.execute(delete(BalanceDay))
    unasked = items_of(await ready(books, month))["stripe_unasked"]

    assert (agreed.state, off.state, later.state, unasked.state) == (Ready.DONE, Ready.STOP, Ready.DONE, Ready.NOTE)
    assert describe_item(off).endswith("the difference is £5.00.")
    body = await file_of(books, made.number)
    wrong = [each.sentence for each in verify(body) if not each.holds]
    assert [words for words in wrong if "Stripe said at" in words and "the difference is GBP 5" in words]
    assert [words for words in wrong if "nothing stood in the way" in words and "stripe" in words]
    assert (body["state"], made.differences) == ("open", len(wrong))


@one_engine
async def test_money_in_suspense_is_said_until_somebody_places_it(books: Books) -> None:
    payout = await books.pay_out()
    month = month_of(payout)
    books.next_month()
    nothing = items_of(await ready(books, month))["suspense"]
    await move_in_suspense(books, "first", month, 500_000)
    await move_in_suspense(books, "second", month + timedelta(days=3), 45_500)
    held = items_of(await ready(books, month))["suspense"]
    await move_in_suspense(books, "sent back", next_month(month), -500_000)

    left = items_of(await ready(books, month))["suspense"]

    assert (nothing.state, held.state) == (Ready.DONE, Ready.NOTE)
    assert describe_item(held) == "Suspense holds £5,455.00 that nobody has placed."
    assert describe_item(left) == "Suspense holds £455.00 that nobody has placed."
    async with books.db.reading() as session:
        [waits] = await in_suspense(session)
        assert (waits.ref, waits.since) == ("second", month + timedelta(days=3))
    await move_in_suspense(books, "placed", next_month(month), -45_500)
    assert items_of(await ready(books, month))["suspense"].state is Ready.DONE


def items_of(found: Checklist) -> dict[str, Item]:
    return {item.key: item for item in found.items}


def first_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


async def found(books: Books, *differences: tuple[Code, str]) -> None:
    """These are noticed now."""
    async with books.db.unit_of_work() as session:
        for code, subject in differences:
            now, ids = books.treasury.clock.now(), books.treasury.ids
            await open_discrepancy(session, code=code, subject=subject, ids=ids, now=now, amount=Money(500, "GBP"))


async def explained_in(books: Books, month: date) -> list[Explained]:
    async with books.db.reading() as session:
        return await explained(session, month, zone=ZONE)


async def move_in_suspense(books: Books, name: str, day: date, minor: int) -> None:
    """So much came into suspense on that day, or left it."""
    into = Entry(account=Account.SUSPENSE, amount_minor=-minor, currency="GBP")
    out = Entry(account=Account.UNDEPOSITED, amount_minor=minor, currency="GBP")
    posting = Posting(
        source_kind="bank_line", source_id=name, purpose="match", booked_on=day, memo=name, entries=(out, into)
    )
    async with books.db.unit_of_work() as session:
        await post(session, [posting], ids=books.treasury.ids, now=books.treasury.clock.now())
