"""Payouts proved on three sides, months closed with a checklist, and the certificates of both."""

from datetime import date, datetime

import msgspec
import pytest
from sqlalchemy import func, select, update

from months.conftest import NET, ZONE, Books
from payouts.conftest import one_engine
from supporters.bank.accounts import Number, add_account, set_begin
from supporters.kit.errors import Refused
from supporters.ledger.models import BankProof, Period
from supporters.payments.models import Payout
from supporters.reconciliation.certificate import Body, NoCertificate, digest, read, seal, verify, verify_chain
from supporters.reconciliation.certify import certify_payout, read_file
from supporters.reconciliation.closing import Checklist, Close, Ready, checklist, close_month, describe_item
from supporters.reconciliation.models import Certificate
from supporters.reconciliation.month_queries import board, coverage, stripe_activity, trial_balance
from supporters.reconciliation.payout_lines import LineFilter, LineKind, kinds_of, lines_of, parts_of, purposes_of
from supporters.reconciliation.payout_queries import (
    PayoutFilter,
    PayoutRow,
    Standing,
    arrivals_of,
    bank_days,
    count_payouts,
    find_payout,
    list_payouts,
    posted_of,
    sides_of,
)


def month_of(payout: Payout) -> date:
    return payout.arrival_on.replace(day=1)


async def row_of(books: Books, payout: Payout) -> PayoutRow:
    async with books.db.reading() as session:
        found = await find_payout(session, payout.stripe_payout_id)
    assert found
    return found


async def listed(books: Books, view: str) -> list[str]:
    async with books.db.reading() as session:
        wanted = PayoutFilter(view=view)
        rows = await list_payouts(session, wanted, limit=10)
        assert await count_payouts(session, wanted) == len(rows)
    return [row.id for row in rows]


async def close(books: Books, month: date, proof: BankProof, note: str = "") -> Certificate:
    async with books.db.unit_of_work() as session:
        return await close_month(session, Close(month=month, bank_proof=proof, note=note), books.maker)


async def ready(
    books: Books, month: date, proof: BankProof = BankProof.STATEMENT, *, now: datetime | None = None
) -> Checklist:
    async with books.db.reading() as session:
        at = now or books.treasury.clock.now()
        return await checklist(session, month, bank_proof=proof, broken=0, zone=ZONE, now=at)


async def file_of(books: Books, number: int) -> Body:
    async with books.db.reading() as session:
        content = await read_file(session, number)
    assert content
    return read(content)


async def test_a_payout_is_proved_once_lines_books_and_bank_agree_then_certified_and_its_month_closed(
    books: Books,
) -> None:
    payout = await books.pay_out(2500, 1000)
    before = (await row_of(books, payout)).standing
    waiting = await listed(books, "bank")

    await books.arrive(payout)

    await it_is_proved(books, payout, (before, waiting))
    await its_certificates_show_every_change(books, payout)
    await its_month_is_closed(books, payout)


async def it_is_proved(books: Books, payout: Payout, until_now: tuple[Standing, list[str]]) -> None:
    name = payout.stripe_payout_id
    row = await row_of(books, payout)
    assert (row.standing, row.bank_minor) == (Standing.PROVED, payout.amount_minor)
    assert until_now == (Standing.ARRIVING, [name])
    assert (await listed(books, "bank"), await listed(books, "")) == ([], [name])
    async with books.db.reading() as session:
        assert await sides_of(session, [name]) == {name: (2, payout.amount_minor, payout.amount_minor)}
        [part] = await parts_of(session, name)
        lines = await lines_of(session, name, limit=10)
        held, whole = await purposes_of(session, name), LineFilter(kind=LineKind.ONCE)
        [once] = await kinds_of(session, name, LineFilter())
        none = await lines_of(session, name, limit=10, wanted=LineFilter(kind=LineKind.MONTHLY))
        [fund], [appeal] = held.funds, held.appeals
        narrow = LineFilter(kind=LineKind.ONCE, fund_id=fund, appeal_id=appeal)
        assert await lines_of(session, name, limit=10, wanted=narrow) == lines
        assert await kinds_of(session, name, LineFilter(fund_id="another")) == []
        assert await lines_of(session, name, limit=1, offset=1, wanted=whole) == lines[1:]
        posted = {each.account: each.minor for each in await posted_of(session, name)}
        [arrival] = await arrivals_of(session, name)
        days = await bank_days(session, [name, "another"])
    assert (part.category, part.lines, part.gross_minor, part.net_minor) == ("charge", 2, 3500, payout.amount_minor)
    assert all(line.reference and line.donation_id and line.name and line.kind == "once" for line in lines)
    assert (once.category, once.lines, once.net_minor, none) == ("once", 2, payout.amount_minor, [])
    assert {line.fund for line in lines} == set(held.funds.values())
    assert days == {name: payout.arrival_on}
    assert posted == {"1100": payout.amount_minor, "5000": part.fee_minor, "4000": -3500}
    assert (arrival.made_by, arrival.account.name) == (None, "Unity Trust")


async def its_certificates_show_every_change(books: Books, payout: Payout) -> None:
    for _each in range(2):
        async with books.db.unit_of_work() as session:
            await certify_payout(session, payout.stripe_payout_id, books.maker)
    first, second = await file_of(books, 1), await file_of(books, 2)

    assert all(each.holds for each in [*verify(first), *verify(second), *verify_chain([second, first])])
    assert sorted(line["gross_minor"] for line in first["lines"]) == [1000, 2500]
    assert NET in [line["net_minor"] for line in first["lines"]]
    changed = {**first, "publisher": "Somebody else"}
    assert [each.sentence for each in verify(changed) if not each.holds] == [
        "THE FILE WAS CHANGED since it was made: its hash does not fit"
    ]
    forged = {**changed, "sha256": digest(changed)}
    assert not any(each.holds for each in verify_chain([forged, second]))


async def its_month_is_closed(books: Books, payout: Payout) -> None:
    books.next_month()
    month = month_of(payout)
    assert not (await ready(books, month)).is_stopped

    made = await close(books, month, BankProof.STATEMENT)

    body = await file_of(books, made.number)
    findings = verify(body)
    assert [each.sentence for each in findings if not each.holds] == []
    assert (made.differences, body["state"], body["bank_proof"]) == (0, "locked", "statement")
    [told] = body["payouts"]
    assert (told["lines_minor"], told["books_minor"], told["bank_minor"]) == (payout.amount_minor,) * 3
    async with books.db.reading() as session:
        [row] = await board(session, [month], zone=ZONE)
        held = await trial_balance(session, month)
        moved = await stripe_activity(session, month)
    assert row.period
    assert (row.period.state, row.is_clear, row.bank_lines) == ("locked", True, 1)
    assert sum(each.closing_minor for each in held) == 0
    assert {each.account: each.closing_minor for each in held}["1000"] == payout.amount_minor
    assert sum(each.minor for each in moved if each.category in ("charge", "payout")) == 0


@one_engine
async def test_what_differs_is_off_and_what_came_back_is_returned(books: Books) -> None:
    payout = await books.pay_out()
    async with books.db.unit_of_work() as session:
        await session.execute(update(Payout).values(content="off", content_off_minor=5))
    off = (await row_of(books, payout)).standing
    in_view = await listed(books, "content")
    async with books.db.unit_of_work() as session:
        await session.execute(update(Payout).values(status="failed"))

    assert (off, (await row_of(books, payout)).standing) == (Standing.OFF, Standing.RETURNED)
    assert (in_view, await listed(books, "content"), await listed(books, "returned")) == (
        [payout.stripe_payout_id],
        [],
        [payout.stripe_payout_id],
    )


@one_engine
async def test_what_is_left_needs_a_word_and_the_bank_may_be_proved_elsewhere(books: Books) -> None:
    payout = await books.pay_out()
    month = month_of(payout)
    early = await ready(books, month, now=payout.created_at)
    books.next_month()

    found = await ready(books, month)

    assert early.is_stopped
    assert describe_item(early.items[0]) == "The month is not over yet."
    left = {item.key for item in found.items if item.state is Ready.NOTE}
    assert left == {"arrived", "no_account"}
    assert not (await ready(books, month, BankProof.ELSEWHERE)).needs_note
    with pytest.raises(Refused, match="Write why"):
        await close(books, month, BankProof.STATEMENT)
    made = await close(books, month, BankProof.ELSEWHERE)
    assert made.differences == 0
    assert (await row_of(books, payout)).standing is Standing.ELSEWHERE


@one_engine
async def test_nothing_is_closed_while_the_books_do_not_hold(books: Books) -> None:
    payout = await books.pay_out()
    books.next_month()
    wanted = Close(month=month_of(payout), bank_proof=BankProof.ELSEWHERE, note="all the same", broken=1)

    with pytest.raises(Refused, match="stands in the way"):
        async with books.db.unit_of_work() as session:
            await close_month(session, wanted, books.maker)

    async with books.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Period)) == 0
        assert await session.scalar(select(func.count()).select_from(Certificate)) == 0


@one_engine
async def test_days_that_no_statement_covers_are_said(books: Books) -> None:
    payout = await books.pay_out()
    month = month_of(payout)
    await books.arrive(payout)
    await books.cover(month, month.replace(day=12))
    books.next_month()
    newer = await new_account(books)

    found = await ready(books, month)

    [item] = [item for item in found.items if item.key == "statements"]
    assert (item.state, describe_item(item)) == (Ready.NOTE, "Statements do not cover every day of it: Unity Trust.")
    async with books.db.unit_of_work() as session:
        assert await set_begin(session, newer, month.replace(day=28), actor_id="dana", now=books.maker.now)
    async with books.db.reading() as session:
        missing = {each.account: each.missing_on for each in await coverage(session, month, zone=books.maker.zone)}
    assert missing == {"Newer": month.replace(day=28), "Unity Trust": month.replace(day=13)}


async def new_account(books: Books) -> str:
    """An account that is added after the month: its months count from then on, unless staff say otherwise."""
    maker = books.maker
    async with books.db.unit_of_work() as session:
        return await add_account(
            session,
            name="Newer",
            currency="GBP",
            number=Number("", "", []),
            actor_id="dana",
            ids=books.treasury.ids,
            now=maker.now,
        )


def _wrong_sum(body: Body) -> None:
    body["lines"][0]["net_minor"] += 1


def _wrong_bank(body: Body) -> None:
    body["bank"] = []


def _wrong_books(body: Body) -> None:
    body["books"] = [{"account": "1100", "currency": "GBP", "minor": 10}]


PAYOUT = {
    "format": "supporters-certificate/1",
    "kind": "payout",
    "number": 1,
    "subject": "po_1",
    "publisher": "The Weekly",
    "previous_sha256": "0" * 64,
    "payout": {"currency": "GBP", "amount_minor": 90, "is_itemised": True, "verified_at": None, "status": "paid"},
    "lines": [{"id": "txn_1", "gross_minor": 100, "fee_minor": 10, "net_minor": 90}],
    "books": [
        {"account": "1100", "currency": "GBP", "minor": 90},
        {"account": "5000", "currency": "GBP", "minor": 10},
        {"account": "4000", "currency": "GBP", "minor": -100},
    ],
    "bank": [{"minor": 90}],
}


@pytest.mark.parametrize(
    ("harm", "count"), [(_wrong_sum, 3), (_wrong_bank, 1), (_wrong_books, 2)], ids=["lines", "bank", "books"]
)
def test_a_certificate_that_was_sealed_with_a_difference_says_where(harm: object, count: int) -> None:
    body: Body = msgspec.json.decode(msgspec.json.encode(PAYOUT))
    assert all(each.holds for each in verify(read(seal(body))))

    harm(body)  # pyright: ignore[reportCallIssue] - one of the three above

    off = [each.sentence for each in verify(read(seal(body))) if not each.holds]
    assert len(off) == count
    assert all("NOT S" in words for words in off)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"format":"supporters-certificate/1","kind":"x","number":1}', b"\xff\xfe", b"[" * 9999],
)
def test_what_is_no_certificate_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NoCertificate):
        read(content)


def test_a_month_of_which_nothing_was_looked_at_is_not_said_to_be_in_order() -> None:
    body = {**PAYOUT, "kind": "month", "subject": "2026-11", "accounts": [], "stripe_balance": [], "payouts": []}
    body |= {"bank_proof": "statement", "checks": [], "transactions": 0}
    as_open, as_closed = (verify(read(seal({**body, "state": state}))) for state in ("open", "locked"))
    empty = verify(read(seal({**body, "state": "open", "transactions": 7})))

    assert as_open[-1].sentence == "whether nothing stood in the way of closing was NOT LOOKED AT"
    assert (as_open[-1].holds, as_closed[-1].holds) == (True, False)
    assert [each.sentence for each in empty if not each.holds] == [
        "NOT SO: it tells of 7 transactions and of no account that they moved"
    ]


def test_a_certificate_that_lacks_something_is_not_taken_for_one() -> None:
    body = {name: value for name, value in PAYOUT.items() if name != "lines"}

    with pytest.raises(NoCertificate, match="missing"):
        verify(read(seal(body)))
