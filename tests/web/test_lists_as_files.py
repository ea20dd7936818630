"""Every list of the desk that can be taken away: as CSV and as XLSX, by whom, and after what."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from supporters.audit.models import AuditEntry
from supporters.donations.other_models import Deposit
from supporters.donations.other_queries import SHOWN
from supporters.web.desk.door import route_rules
from supporters.web.desk.paging import page_number
from supporters.web.desk.roles import SEES_SOURCES
from whole import Whole, hidden_fields

LISTS = [rule for rule in route_rules() if rule.path.endswith((".csv", ".xlsx")) and "{" not in rule.path]
SUMS = {rule.path for rule in LISTS if rule.roles == SEES_SOURCES}
SIGNS = {"csv": "\ufeff".encode(), "xlsx": b"PK\x03\x04"}


def test_every_list_is_given_as_both() -> None:
    paths = {rule.path.rpartition(".")[0] for rule in LISTS}

    assert {rule.path for rule in LISTS} == {f"{path}.{kind}" for path in paths for kind in SIGNS}
    assert {"/desk/match", "/desk/match/history", "/desk/disputes", "/desk/plans", "/desk/months"} <= paths


async def lay_deposits(site: Whole, count: int) -> None:
    now = site.clock.now()
    row = {"currency": "GBP", "state": "paid_in", "counted_minor": 5, "paid_in_on": now.date(), "made_by": "dana"}
    rows = [{"id": f"D{each}", "reference": f"PI-{each}", "made_at": now, **row} for each in range(count)]
    async with site.db.unit_of_work() as session:
        await session.execute(insert(Deposit), rows)


async def test_finance_takes_every_list_away_and_says_how_close_its_lines_stand(site: Whole) -> None:
    desk, editor = await site.staff("finance"), await site.staff("editor")
    await lay_deposits(site, SHOWN + 1)

    for rule in LISTS:
        answer = await desk.get(rule.path)
        assert answer.content.startswith(SIGNS[rule.path.rpartition(".")[2]]), rule.path
        assert "attachment" in answer.headers["content-disposition"], rule.path
        assert (await editor.get(rule.path)).status_code == (200 if rule.path in SUMS else 403), rule.path

    async with site.db.reading() as session:
        told = await session.scalars(select(AuditEntry.record_id).where(AuditEntry.record_kind == "export"))
        assert len(list(told)) == len(LISTS) - len(SUMS)
    seal = {"seal": hidden_fields((await desk.get("/desk")).text)["seal"]}
    turned = await desk.post("/desk/you/density?back=/desk/payouts?view=bank%26page=2", data={**seal, "compact": "yes"})
    away = await desk.post("/desk/you/density?back=//evil.example", data={**seal, "compact": "yes"})
    assert [page.headers["location"] for page in (turned, away)] == ["/desk/payouts?view=bank&page=2", "/desk"]
    assert '<body class="desk is-compact">' in (await desk.get("/desk/payouts")).text
    assert len((await desk.get("/desk/other-money/deposits.csv")).text.splitlines()) == 1 + SHOWN + 1
    assert '<body class="desk">' in (await editor.get("/desk/sources")).text
    site.clock.advance(timedelta(minutes=20))
    later = [await desk.get(rule.path) for rule in LISTS if rule.path.endswith(".csv")]
    assert {page.headers["content-type"].partition(";")[0] for page in later} == {"text/html", "text/csv"}
    assert sum("html" in page.headers["content-type"] for page in later) == (len(LISTS) - len(SUMS)) // 2
    await desk.aclose()
    await editor.aclose()


@pytest.mark.parametrize(
    ("text", "page"), [("", 1), ("2", 2), ("0", 1), ("99", 50), ("9" * 5000, 1), ("-2", 1), ("²", 1), ("x", 1)]
)
def test_an_address_asks_for_a_page_that_there_may_be(text: str, page: int) -> None:
    assert page_number(text, most=50) == page
