"""Batches: each entry goes out once for a program, what went out never changes, and corrections go out later."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from seeded_year import OTHER_FUND, YEAR, add_year, our_books
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from books import FUND
from engines import on_postgresql, on_sqlite
from supporters.audit.models import AuditEntry
from supporters.exports.batches import Maker, make_batch, read_totals, reverse_batch, unpack
from supporters.exports.checks import checks
from supporters.exports.gather import Wanted
from supporters.exports.journals import Journal
from supporters.exports.models import BatchState, ExportBatch, ExportItem
from supporters.exports.preview import preview_batch
from supporters.exports.queries import batches_of, read_body
from supporters.exports.targets import Mode, Target
from supporters.kit.db import Database
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account
from supporters.ledger.mapping import Wanted as Mapped
from supporters.ledger.mapping import set_mapping
from supporters.ledger.models import LedgerTransaction
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.reverse import reverse

NOW = datetime(YEAR + 1, 1, 3, tzinfo=UTC)
ACTOR = "A" * 26


def wanted(target: Target = Target.CSV, mode: Mode = Mode.PAYOUT, first: int = 1, last: int = 12) -> Wanted:
    ends_on = date(YEAR, last, 28 if last == 2 else 30 if last in (4, 6, 9, 11) else 31)
    return Wanted(target=target, mode=mode, starts_on=date(YEAR, first, 1), ends_on=ends_on, home_currency="GBP")


def maker(ids: Ids, *broken: str) -> Maker:
    return Maker(organisation="The Paper", actor_id=ACTOR, ids=ids, now=NOW, broken=broken)


def sale(source_id: str, minor: int = 100, day: date = date(YEAR, 3, 3), **more: Any) -> Posting:
    facts = {"source_kind": "other_payment", "purpose": "test", "memo": "x"} | more
    entries = (
        Entry(account=Account.UNDEPOSITED, amount_minor=minor, currency="GBP"),
        Entry(account=Account.DONATIONS_ONCE, amount_minor=-minor, currency="GBP", fund_id=FUND),
    )
    return Posting(source_id=source_id, booked_on=day, entries=entries, **facts)


async def journals_of(db: Database, batch_id: str) -> list[Journal]:
    async with db.reading() as session:
        return unpack((await session.scalars(select(ExportBatch.journals).where(ExportBatch.id == batch_id))).one())


async def count_live(db: Database, target: Target) -> int:
    async with db.reading() as session:
        live = select(func.count()).where(ExportItem.target == target, ExportItem.is_live)
        return await session.scalar(live) or 0


async def hold(db: Database) -> list[str]:
    async with db.reading() as session:
        return [each.name for each in checks() if (await session.execute(text(each.sql))).first()]


@on_postgresql
async def test_a_year_goes_out_once_sums_to_our_books_and_what_comes_later_goes_out_later(
    db: Database, ids: Ids
) -> None:
    async with db.unit_of_work() as session:
        posted = await add_year(session, ids, months=2)
        ours = await our_books(session)
    async with db.unit_of_work() as session:
        first = await make_batch(session, wanted(), maker(ids))

    async with db.reading() as session:
        batch = await session.get_one(ExportBatch, first)
        told = {(each.account, each.currency): each.net_minor for each in read_totals(batch.totals)}
    sums: dict[tuple[str, str], int] = {}
    for (account, currency, _month), minor in ours.items():
        sums[account, currency] = sums.get((account, currency), 0) + minor
    assert batch.transactions == posted == await count_live(db, Target.CSV)
    assert {key: minor for key, minor in told.items() if minor} == {key: minor for key, minor in sums.items() if minor}
    with pytest.raises(Conflict, match="Nothing of these days is left"):
        async with db.unit_of_work() as session:
            await make_batch(session, wanted(), maker(ids))
    async with db.unit_of_work() as session:
        await post(session, [sale("late")], ids=ids, now=NOW)
        other = (await session.scalars(select(LedgerTransaction.id).where(LedgerTransaction.source_id == "late"))).one()
        await reverse(session, other, booked_on=date(YEAR, 4, 1), memo="bounced", ids=ids, now=NOW)
        assert (await preview_batch(session, wanted())).covered == (batch.file_name,)
    async with db.unit_of_work() as session:
        second = await make_batch(session, wanted(), maker(ids))
    later = await journals_of(db, second)
    assert [[line.amount_minor for line in journal.lines] for journal in later] == [[100, -100], [-100, 100]]
    assert await hold(db) == []


async def test_a_payout_is_one_journal_a_month_and_a_line_is_one_in_detail(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=3)
        summed = await make_batch(session, wanted(Target.JSON), maker(ids))
        detailed = await make_batch(session, wanted(Target.BEANCOUNT, Mode.LINE), maker(ids))

    by_payout, by_line = await journals_of(sqlite_db, summed), await journals_of(sqlite_db, detailed)

    payouts = [(each.reference, f"{each.booked_on:%Y-%m}") for each in by_payout if each.reference]
    assert len(payouts) == len(set(payouts)) == 5  # three months in pounds, two of them in euros too
    assert all(len({(line.code, line.text) for line in each.lines}) == len(each.lines) for each in by_payout)
    async with sqlite_db.reading() as session:
        batch = await session.get_one(ExportBatch, detailed)
    assert len(by_line) == batch.transactions == batch.journal_count > len(by_payout)
    assert [each.booked_on for each in by_line] == sorted(each.booked_on for each in by_line)
    assert len({each.number for each in by_payout + by_line}) == len(by_payout) + len(by_line)


@on_sqlite
async def test_fund_and_kind_of_income_go_out_in_the_accountants_names(db: Database, ids: Ids) -> None:
    names = [
        Mapped(
            account=Account.DONATIONS_RECURRING, code="210", name="Members:Monthly", kind="monthly", tax_code="Exempt"
        ),
        Mapped(account=Account.DONATIONS_RECURRING, code="220", name="Members:Yearly", kind="yearly"),
        Mapped(
            account=Account.DONATIONS_ONCE, fund_id=OTHER_FUND, code="230", name="Reports", tracking="Fund: Reports"
        ),
        Mapped(account=Account.DONATIONS_ONCE, code="200", name="Gifts"),
    ]
    async with db.unit_of_work() as session:
        await add_year(session, ids, months=2)
        for each in names:
            await set_mapping(session, each, actor_id=ACTOR, ids=ids, now=NOW)
        batch_id = await make_batch(session, wanted(), maker(ids))

    lines = [
        line
        for journal in await journals_of(db, batch_id)
        for line in journal.lines
        if line.account[:3] in ("400", "401")
    ]

    assert {(line.account, line.code, line.name, line.tax, line.tracking) for line in lines} >= {
        ("4010", "210", "Members:Monthly", "Exempt", ""),
        ("4010", "220", "Members:Yearly", "", ""),
        ("4000", "230", "Reports", "", "Fund: Reports"),
        ("4000", "200", "Gifts", "", ""),
    }


async def test_xero_gets_no_bank_account_and_one_currency_and_is_told_what_stays_out(
    sqlite_db: Database, ids: Ids
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=2)
        found = await preview_batch(session, wanted(Target.XERO))
        batch_id = await make_batch(session, wanted(Target.XERO), maker(ids))
        everything = await session.scalar(select(func.count()).select_from(LedgerTransaction))

    journals = await journals_of(sqlite_db, batch_id)

    assert {journal.currency for journal in journals} == {"GBP"}
    assert Account.BANK not in {line.account for journal in journals for line in journal.lines}
    assert found.unfit > 0
    assert found.transactions + found.unfit == everything


@on_postgresql
async def test_a_batch_that_was_taken_back_frees_what_it_held_and_is_taken_back_once(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await add_year(session, ids, months=2)
        first = await make_batch(session, wanted(last=2), maker(ids))
    held = await count_live(db, Target.CSV)
    async with db.unit_of_work() as session:
        back = await reverse_batch(session, first, home_currency="GBP", maker=maker(ids))
    freed = await count_live(db, Target.CSV)
    async with db.unit_of_work() as session:
        again = await make_batch(session, wanted(last=2), maker(ids))

    async with db.reading() as session:
        old, new = await session.get_one(ExportBatch, first), await session.get_one(ExportBatch, back)
        deeds = (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))).all()
    assert (held, freed, await count_live(db, Target.CSV)) == (old.transactions, 0, old.transactions)
    assert (old.state, old.reversed_by_batch_id, new.reverses_id) == (BatchState.REVERSED, back, first)
    one, other = await journals_of(db, first), await journals_of(db, back)
    assert [[-line.amount_minor for line in each.lines] for each in one] == [
        [line.amount_minor for line in each.lines] for each in other
    ]
    assert [each.booked_on for each in one] == [each.booked_on for each in other]
    assert not {each.number for each in one} & {each.number for each in other}
    assert deeds[-3:] == ["export.make", "export.reverse", "export.make"]
    for batch_id in (first, back):
        with pytest.raises(Conflict, match="taken back"):
            async with db.unit_of_work() as session:
                await reverse_batch(session, batch_id, home_currency="GBP", maker=maker(ids))
    with pytest.raises(NotFound):
        async with db.unit_of_work() as session:
            await reverse_batch(session, "0" * 26, home_currency="GBP", maker=maker(ids))
    assert again != first
    assert await hold(db) == []


async def test_nothing_goes_out_and_nothing_is_taken_back_while_the_books_do_not_hold(
    sqlite_db: Database, ids: Ids
) -> None:
    async with sqlite_db.unit_of_work() as session:
        await post(session, [sale("one")], ids=ids, now=NOW)
        made = await make_batch(session, wanted(), maker(ids))
        await post(session, [sale("two")], ids=ids, now=NOW)

    with pytest.raises(Conflict, match="ledger_balanced"):
        async with sqlite_db.unit_of_work() as session:
            await make_batch(session, wanted(), maker(ids, "ledger_balanced"))
    with pytest.raises(Conflict, match="ledger_balanced"):
        async with sqlite_db.unit_of_work() as session:
            await reverse_batch(session, made, home_currency="GBP", maker=maker(ids, "ledger_balanced"))

    assert await count_live(sqlite_db, Target.CSV) == 1


async def test_the_database_itself_keeps_what_went_out(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [sale("one")], ids=ids, now=NOW)
        batch_id = await make_batch(session, wanted(), maker(ids))
    item = (await items(db))[0]
    for statement in (
        update(ExportBatch).values(body=b"other"),
        update(ExportBatch).values(sha256="0" * 64),
        update(ExportBatch).values(totals=[]),
        delete(ExportBatch),
        delete(ExportItem),
        update(ExportItem).values(target="xero"),
        ExportItem.__table__.insert().values(item | {"batch_id": "other"}),
    ):
        with pytest.raises(DBAPIError):
            async with db.unit_of_work() as session:
                await session.execute(statement)

    async with db.reading() as session:
        assert b"One-off donations" in (await read_body(session, batch_id) or b"")


async def test_two_who_make_the_same_batch_at_once_make_one(db: Database, ids: Ids) -> None:
    async with db.unit_of_work() as session:
        await post(session, [sale(str(number)) for number in range(20)], ids=ids, now=NOW)

    async def make() -> str:
        async with db.unit_of_work() as session:
            return await make_batch(session, wanted(), maker(ids))

    made = await asyncio.gather(make(), make(), return_exceptions=True)

    assert sorted(type(each) for each in made if not isinstance(each, str)) == [Conflict]
    assert await count_live(db, Target.CSV) == 20


async def test_a_donation_knows_in_which_files_it_went_out(sqlite_db: Database, ids: Ids) -> None:
    async with sqlite_db.unit_of_work() as session:
        await add_year(session, ids, months=2)
        made = await make_batch(session, wanted(Target.HLEDGER), maker(ids))
        taken_back = await make_batch(session, wanted(Target.CSV), maker(ids))
        await reverse_batch(session, taken_back, home_currency="GBP", maker=maker(ids))

        found = await batches_of(session, f"D{1:025d}")

    assert [batch.id for batch in found] == [made]


async def items(db: Database) -> list[dict[str, Any]]:
    async with db.reading() as session:
        return [dict(row) for row in (await session.execute(select(ExportItem.__table__))).mappings()]
