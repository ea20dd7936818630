"""The desk's pages on the books themselves: whether they hold, and what the accountant calls each account."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from supporters.appeals.models import Fund
from supporters.audit.models import AuditEntry
from supporters.ledger.models import AccountMapping, BooksVerdict
from supporters.ledger.verdict import keep_verdict
from whole import Whole, hidden_fields, words

BROKEN = {"stripe_balance": ["currency=GBP ledger_minor=1 mirror_minor=2"], "a_check_of_old": ["line=<b>1</b>"]}


async def seal_of(desk: object) -> dict[str, str]:
    page = await desk.get("/desk")  # pyright: ignore[reportAttributeAccessIssue]
    return {"seal": hidden_fields(page.text)["seal"]}


async def verdict(site: Whole, broken: dict[str, list[str]]) -> None:
    async with site.db.unit_of_work() as session:
        await keep_verdict(session, broken, now=site.clock.now())


async def mapped(site: Whole) -> list[tuple[str, str, str, str, str]]:
    async with site.db.reading() as session:
        rows = await session.scalars(select(AccountMapping).order_by(AccountMapping.fund_id, AccountMapping.kind))
        return [(row.account, row.kind, row.outside_code, row.outside_name, row.tax_code) for row in rows]


async def test_every_page_says_so_while_the_books_do_not_hold(site: Whole) -> None:
    desk, editor = await site.staff("finance"), await site.staff("editor")
    assert "The books do not hold" not in words((await desk.get("/desk")).text)
    await verdict(site, BROKEN)

    told = words((await desk.get("/desk/discrepancies")).text)

    assert "The books do not hold, so nothing is exported until they do. See what is wrong" in told
    assert "The books do not hold" not in words((await editor.get("/desk")).text)
    await desk.aclose()
    await editor.aclose()


async def test_the_page_names_each_check_with_the_rows_that_break_it(site: Whole) -> None:
    desk = await site.staff("finance")
    assert "have not been checked yet" in words((await desk.get("/desk/books")).text)
    await verdict(site, BROKEN)

    page = await desk.get("/desk/books")

    told = words(page.text)
    assert "They do not hold" in told
    assert "The Stripe balance in the ledger is the sum of all posted lines, in each currency." in told
    assert "currency=GBP ledger_minor=1 mirror_minor=2" in told
    assert "line=&lt;b&gt;1" in page.text
    assert "The audit chain is whole" in told.partition("What holds")[2]
    await desk.aclose()


async def test_whoever_asks_has_the_books_checked_within_seconds(site: Whole) -> None:
    desk = await site.staff("finance")
    await verdict(site, BROKEN)
    site.clock.advance(timedelta(minutes=5))

    asked = await desk.post("/desk/books", data=await seal_of(desk))
    await site.worker.drain()

    assert asked.status_code == 303
    async with site.db.reading() as session:
        found = (await session.scalars(select(BooksVerdict).order_by(BooksVerdict.taken_at.desc()))).first()
    assert found is not None
    assert found.broken == []
    assert "They hold" in words((await desk.get(asked.headers["location"])).text)
    assert "The books do not hold" not in words((await desk.get("/desk")).text)
    await desk.aclose()


async def test_an_account_is_given_its_name_outside_for_all_money_and_for_a_funds(site: Whole) -> None:
    desk = await site.staff("finance")
    async with site.db.reading() as session:
        fund = (await session.scalars(select(Fund))).first()
    assert fund is not None
    path = "/desk/accounts/4010"

    general = {"fund": "", "kind": "", "code": "200", "name": "Donations", "tax_code": "No VAT", "tracking": ""}
    first = await desk.post(path, data={**await seal_of(desk), **general})
    special = {**general, "fund": fund.id, "kind": "yearly", "code": "210", "name": "Yearly <i>"}
    second = await desk.post(path, data={**await seal_of(desk), **special})

    assert (first.status_code, second.status_code) == (303, 303)
    assert await mapped(site) == [
        ("4010", "", "200", "Donations", "No VAT"), ("4010", "yearly", "210", "Yearly <i>", "No VAT"),
    ]  # fmt: skip
    page = await desk.get(first.headers["location"])
    assert "Saved." in words(page.text)
    assert "Yearly &lt;i&gt;" in page.text
    listed = words((await desk.get("/desk/accounts")).text)
    assert "200 Donations" in listed
    assert f"{fund.name}, Yearly" in listed
    asked = await desk.get(f"{path}?fund={fund.id}&kind=yearly")
    assert re.search(r'name="code"\s+value="210"', asked.text)
    await desk.aclose()


async def test_a_line_is_removed_once(site: Whole) -> None:
    desk = await site.staff("finance")
    path = "/desk/accounts/2010"
    await desk.post(path, data={**await seal_of(desk), "code": "260", "name": "Shop sales"})
    line = hidden_fields((await desk.get(path)).text)["line"]

    removed = await desk.post(f"{path}/remove", data={**await seal_of(desk), "line": line})
    again = await desk.post(f"{path}/remove", data={**await seal_of(desk), "line": line})

    assert (removed.status_code, again.status_code) == (303, 404)
    assert "The line is gone." in words((await desk.get(removed.headers["location"])).text)
    assert await mapped(site) == []
    async with site.db.reading() as session:
        actions = (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))).all()
    assert actions[-2:] == ["account.map", "account.unmap"]
    audit = words((await desk.get("/desk/audit")).text)
    assert "Changed what an account is called outside" in audit
    await desk.aclose()


@pytest.mark.parametrize(
    ("path", "given", "status", "said"),
    [
        ("/desk/accounts/4010", {"code": "", "name": ""}, 422, "Write the code"),
        ("/desk/accounts/4010", {"code": "200", "name": "\u202e\u200b "}, 422, "Write the name"),
        ("/desk/accounts/4010", {"code": "200", "name": "x", "fund": "nobody"}, 422, "There is no such fund"),
        ("/desk/accounts/4010", {"code": "200", "name": "x", "kind": "weekly"}, 422, "Only income is told apart"),
        ("/desk/accounts/1000", {"code": "200", "name": "x", "kind": "once"}, 422, "Only income is told apart"),
        ("/desk/accounts/9999", {"code": "200", "name": "x"}, 404, "There is no such account"),
        ("/desk/accounts/4010", {"code": "200", "name": "x", "else": "y"}, 400, ""),
    ],
)
async def test_what_cannot_be_stored_is_told_and_nothing_is_lost(
    site: Whole, path: str, given: dict[str, str], status: int, said: str
) -> None:
    desk = await site.staff("finance")

    answer = await desk.post(path, data={**await seal_of(desk), "tracking": "Region: North", **given})

    assert answer.status_code == status
    assert said in words(answer.text)
    assert await mapped(site) == []
    if status == 422:
        assert "Region: North" in answer.text
    await desk.aclose()
