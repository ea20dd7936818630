"""/desk/exports: asked, looked at, made, downloaded, taken back; and lists as workbooks."""

import hashlib
import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import insert, select

from sealed import seal_of
from supporters.audit.models import AuditEntry
from supporters.exports.models import ExportBatch
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.ledger.verdict import keep_verdict
from supporters.staff.models import Role
from supporters.web.desk.frame import Waiting, nav_groups
from supporters.web.desk.roles import DOES_BOOKS
from whole import Whole, hidden_fields, words

NOVEMBER = {"target": "csv", "mode": "payout", "from": "2026-11-01", "to": "2026-11-30"}


async def paid(site: Whole, **form: str) -> None:
    await site.pay(await site.give(**form))
    await site.settle()


async def make(desk: httpx.AsyncClient, **changes: str) -> httpx.Response:
    preview = await desk.get("/desk/exports/new", params=NOVEMBER | changes)
    return await desk.post("/desk/exports", data=hidden_fields(preview.text))


async def batches(site: Whole) -> list[ExportBatch]:
    async with site.db.reading() as session:
        return list((await session.scalars(select(ExportBatch).order_by(ExportBatch.id))).all())


@pytest.mark.parametrize("role", Role)
def test_whoever_does_the_books_finds_exports_in_the_navigation_and_nobody_else(role: Role) -> None:
    places = [place.href for group in nav_groups(role, Waiting()) for place in group.places]

    assert ("/desk/exports" in places) is (role in DOES_BOOKS)


async def test_a_file_is_looked_at_made_downloaded_as_hashed_and_taken_back_each_with_a_fresh_proof(
    site: Whole,
) -> None:
    await paid(site, amount="25")
    desk = await site.staff("finance")

    start = await desk.get("/desk/exports")
    preview = await desk.get("/desk/exports/new", params=NOVEMBER)
    made = await make(desk)
    page = await desk.get(made.headers["location"])
    file = await desk.get(re.findall(r'href="([^"]+/file)"', page.text)[0])
    again = await desk.get("/desk/exports/new", params=NOVEMBER)
    back = await desk.post(made.headers["location"].partition("?")[0] + "/back", data=hidden_fields(page.text))
    freed = await desk.get("/desk/exports/new", params=NOVEMBER)

    assert 'value="2026-10-01"' in start.text  # the last whole month
    assert "1 ledger transaction. One journal for each payout: 1 journal." in words(preview.text)
    assert "Sum, GBP £25.00 £25.00" in words(preview.text)
    assert made.status_code == 303
    first, second = await batches(site)
    assert hashlib.sha256(file.content).hexdigest() == first.sha256
    assert first.sha256 in page.text
    assert file.headers["content-disposition"] == f'attachment; filename="{first.file_name}"'
    assert "Nothing of these days is left to go out." in words(again.text)
    assert (back.status_code, second.reverses_id) == (303, first.id)
    assert "1 ledger transaction." in words(freed.text)
    listed = words((await desk.get("/desk/exports")).text)
    assert "Taken back" in listed
    assert "Takes back" in listed
    async with site.db.reading() as session:
        deeds = (await session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("export.%")))).all()
    assert sorted(deeds) == ["export.download", "export.make", "export.reverse"]
    await site.books_hold()
    await it_asks_for_a_fresh_proof(site, desk, made.headers["location"].partition("?")[0])
    await desk.aclose()


async def it_asks_for_a_fresh_proof(site: Whole, desk: httpx.AsyncClient, path: str) -> None:
    """Whoever proved who they are some time ago makes, takes and takes back nothing."""
    site.clock.advance(timedelta(minutes=11))

    asked = [await make(desk, target="json"), await desk.get(f"{path}/file")]
    back = await desk.post(f"{path}/back", data=await seal_of(desk))

    assert all("Your password" in words(each.text) for each in (*asked, back))
    assert len(await batches(site)) == 2


async def test_what_cannot_be_read_comes_back_filled_in_and_makes_nothing(site: Whole) -> None:
    desk = await site.staff("finance")
    odd = (
        {"target": "sap"}, {"mode": ""}, {"from": "2026-13-01"}, {"to": ""}, {"to": "2026-10-01"}, {"from": "0001-01-01"},
        {"from": "１２３"}, {"target": "x" * 500},
    )  # fmt: skip
    for changes in odd:
        page = await desk.get("/desk/exports/new", params=NOVEMBER | changes)
        assert (page.status_code, "There is a problem" in page.text) == (422, True), changes
        sealed = hidden_fields((await desk.get("/desk/you")).text)["seal"]
        sent = await desk.post("/desk/exports", data=NOVEMBER | changes | {"seal": sealed})
        assert sent.status_code == 422, changes
    unsealed = await desk.post("/desk/exports", data=NOVEMBER)
    unknown = [await desk.get(f"/desk/exports/{each}") for each in ("x", "0" * 26)]

    assert unsealed.status_code == 403
    assert [each.status_code for each in unknown] == [404, 404]
    assert await batches(site) == []
    await desk.aclose()


async def test_nothing_goes_out_while_the_books_do_not_hold_and_only_a_look_believes_a_fresh_verdict(
    site: Whole,
) -> None:
    desk = await site.staff("finance")
    await paid(site)
    sealed = hidden_fields((await desk.get("/desk/exports/new", params=NOVEMBER)).text)
    await break_books(site)

    preview = await desk.get("/desk/exports/new", params=NOVEMBER)
    made = [await desk.post("/desk/exports", data=sealed)]
    seen: list[httpx.Response] = []
    for age in (timedelta(days=2, seconds=1), timedelta(0)):
        async with site.db.unit_of_work() as session:
            await keep_verdict(session, {}, now=site.clock.now() - age)
        seen.append(await desk.get("/desk/exports/new", params=NOVEMBER))
    made.append(await desk.post("/desk/exports", data=hidden_fields(seen[1].text)))

    assert "The books do not hold" in words(preview.text)
    assert ["Make the file" in each.text for each in (preview, *seen)] == [False, False, True]
    assert [(each.status_code, "ledger_periods" in each.text) for each in made] == [(409, True)] * 2
    assert await batches(site) == []
    await desk.aclose()


async def break_books(site: Whole) -> None:
    """A transaction stands in October's month on a day of November."""
    key, row = "L" * 26, {"source_kind": "x", "purpose": "x", "revision": 0, "memo": "", "posted_at": site.clock.now()}
    sides = [(Account.BANK, 5), (Account.SUSPENSE, -5)]
    entries = [
        {"id": f"E{place:025d}", "transaction_id": key, "account": each, "amount_minor": minor, "currency": "GBP"}
        for place, (each, minor) in enumerate(sides)
    ]
    async with site.db.unit_of_work() as session:
        await session.execute(insert(LedgerEntry), entries)
        values = row | {"id": key, "source_id": "x", "booked_on": site.clock.now().date(), "period": "2026-10"}
        await session.execute(insert(LedgerTransaction).values(values))
