"""What the accountant's books call our accounts: the most specific line wins, and every change is on record."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from supporters.audit.models import AuditEntry
from supporters.kit.db import Database
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import Ids
from supporters.ledger.chart import Account, AccountKind, describe, describe_kind, kind_of
from supporters.ledger.mapping import (
    Outside,
    Wanted,
    find_mapping,
    list_mapping,
    read_mapping,
    remove_mapping,
    set_mapping,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ONCE = Account.DONATIONS_ONCE


async def put(db: Database, ids: Ids, *wanted: Wanted) -> None:
    async with db.unit_of_work() as session:
        for each in wanted:
            await set_mapping(session, each, actor_id="dana", ids=ids, now=NOW)


async def test_without_a_line_an_account_is_called_as_we_call_it(sqlite_db: Database) -> None:
    async with sqlite_db.reading() as session:
        lines = await read_mapping(session)

    assert find_mapping(lines, ONCE, fund_id="f1", kind="once") == Outside("4000", "One-off donations")


async def test_the_most_specific_line_wins(db: Database, ids: Ids) -> None:
    await put(
        db, ids,
        Wanted(account=ONCE, code="200", name="Donations"),
        Wanted(account=ONCE, kind="yearly", code="201", name="Yearly"),
        Wanted(account=ONCE, fund_id="f1", code="210", name="Court reporting", tax_code="ZERORATEDINPUT"),
        Wanted(account=ONCE, fund_id="f1", kind="yearly", code="211", name="Court reporting, yearly", tracking="Region:North"),
    )  # fmt: skip

    async with db.reading() as session:
        lines = await read_mapping(session)

    def code(fund_id: str | None, kind: str | None) -> str:
        return find_mapping(lines, ONCE, fund_id=fund_id, kind=kind).code

    assert [code(None, None), code("f2", "once"), code("f2", "yearly")] == ["200", "200", "201"]
    assert [code("f1", None), code("f1", "once"), code("f1", "yearly")] == ["210", "210", "211"]
    assert find_mapping(lines, ONCE, fund_id="f1", kind="yearly").tracking == "Region:North"
    assert find_mapping(lines, ONCE, fund_id="f1").tax_code == "ZERORATEDINPUT"
    assert find_mapping(lines, Account.BANK).code == "1000"


async def test_setting_again_changes_the_line_and_both_are_on_record(db: Database, ids: Ids) -> None:
    await put(db, ids, Wanted(account=Account.NOT_OURS, code="260", name="Shop"))

    await put(db, ids, Wanted(account=Account.NOT_OURS, code="261", name="  Shop  sales ", tax_code="OUTPUT2"))

    async with db.reading() as session:
        (row,) = await list_mapping(session)
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert (row.outside_code, row.outside_name, row.tax_code) == ("261", "Shop sales", "OUTPUT2")
    assert actions == ["account.map", "account.map"]


async def test_a_line_that_is_taken_away_is_gone_once(db: Database, ids: Ids) -> None:
    await put(db, ids, Wanted(account=ONCE, code="200", name="Donations"))
    async with db.reading() as session:
        (row,) = await list_mapping(session)

    async with db.unit_of_work() as session:
        await remove_mapping(session, row.id, actor_id="dana", now=NOW)

    async with db.unit_of_work() as session:
        assert await list_mapping(session) == []
        with pytest.raises(NotFound):
            await remove_mapping(session, row.id, actor_id="dana", now=NOW)


async def test_a_line_that_says_nothing_or_cannot_be_is_refused(sqlite_db: Database, ids: Ids) -> None:
    for wanted in (
        Wanted(account=ONCE, code=" ", name="Donations"),
        Wanted(account=ONCE, code="200", name="\u202e"),
        Wanted(account=ONCE, kind="weekly", code="200", name="Donations"),
        Wanted(account=Account.BANK, kind="once", code="200", name="Bank"),
    ):
        with pytest.raises(Refused):
            await put(sqlite_db, ids, wanted)


@pytest.mark.parametrize("account", Account)
def test_every_account_has_words_and_a_kind(account: Account) -> None:
    assert describe(account).name
    assert describe(account).about.endswith(".")
    assert describe_kind(kind_of(account))


def test_the_kinds_are_those_of_the_first_digit() -> None:
    assert [kind_of(each) for each in (Account.UNDEPOSITED, Account.REFUNDS_PAYABLE, Account.OPENING)] == [
        AccountKind.ASSET, AccountKind.LIABILITY, AccountKind.EQUITY,
    ]  # fmt: skip
