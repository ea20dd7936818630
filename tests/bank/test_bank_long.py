"""Long files: read and taken by the worker, honestly told, all of it or nothing, whatever happens half-way."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from banker import Banker, chosen, figures
from sqlalchemy import func, select, update
from test_bank_pages import LINES

from engines import on_postgresql
from statements import write
from supporters.bank import files, jobs
from supporters.bank.models import BankLine
from supporters.bank.purge import purge_files
from supporters.bank.queries import find_bank_file
from supporters.jobs.models import Job, WorkState
from supporters.web.desk import bank_import
from whole import hidden_fields, words

LOOKS_AGAIN = '<meta http-equiv="refresh" content="6">'


@pytest.fixture(autouse=True)
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """So short files take the way of long ones."""
    monkeypatch.setattr(files, "LARGE_BYTES", 10)
    monkeypatch.setattr(bank_import, "LARGE_LINES", 1)


async def lines_here(banker: Banker) -> int:
    async with banker.site.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(BankLine)) or 0


async def brought(banker: Banker, form: str = "mt940") -> str:
    sent = await banker.upload(write(form, LINES, opening=100_000), f"november.{form}")
    assert sent.status_code == 303, words(sent.text)
    return sent.headers["location"]


async def asked_to_take(banker: Banker, path: str) -> dict[str, str]:
    """The form of the check, pressed twice at once; returns what it held."""
    form = hidden_fields((await banker.desk.get(path)).text)
    both = await asyncio.gather(*(banker.desk.post(f"{path}/take", data=form) for _ in range(2)))
    assert {each.headers.get("location") for each in both} == {path}
    return form


@on_postgresql
async def test_a_long_file_is_read_and_taken_by_the_worker_and_its_page_says_so(banker_on_both: Banker) -> None:
    banker = banker_on_both
    path = await brought(banker)
    waits = await banker.desk.get(path)
    assert "The statement is being read" in words(waits.text)
    assert LOOKS_AGAIN in waits.text
    assert LOOKS_AGAIN not in (await banker.desk.get(f"{path}?still=1")).text
    await banker.site.worker.drain()
    check = await banker.desk.get(path)
    assert figures(check.text) == {"New": "4", "Here already": "0", "Kept whole": "3", "Amount only": "1"}
    assert "Ada Lovelace" in check.text
    assert await lines_here(banker) == 0

    await asked_to_take(banker, path)

    taking = await banker.desk.get(path)
    assert "4 lines are compared and written in the background: all of them or none." in words(taking.text)
    assert "Drop this file" not in taking.text
    await banker.site.worker.drain()
    done = await banker.desk.get(path)
    assert "Done. Its lines are here, and the file is erased." in words(done.text)
    assert LOOKS_AGAIN not in done.text
    assert await lines_here(banker) == 4


async def test_a_file_whose_job_ends_half_way_leaves_nothing_and_is_taken_whole_later(
    banker: Banker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await brought(banker)
    await banker.site.worker.drain()
    await asked_to_take(banker, path)
    take = jobs.take_file

    async def taken_and_ended(*asked: Any, **more: Any) -> bool:
        await take(*asked, **more)
        raise RuntimeError("the machine was switched off")

    monkeypatch.setattr(jobs, "take_file", taken_and_ended)
    await banker.site.worker.drain()
    assert await lines_here(banker) == 0
    assert "being imported" in words((await banker.desk.get(path)).text)

    monkeypatch.setattr(jobs, "take_file", take)
    banker.site.clock.advance(timedelta(minutes=1))
    await banker.site.worker.drain()

    assert await lines_here(banker) == 4
    assert "Its lines are here" in (await banker.desk.get(path)).text


async def test_work_that_was_given_up_is_said_to_be_and_begins_anew(shared: Banker) -> None:
    path = await brought(shared)
    async with shared.site.db.unit_of_work() as session:
        await session.execute(update(Job).where(Job.kind == jobs.READ).values(state=WorkState.BURIED))
    given_up = await shared.desk.get(path)
    assert "was given up. Nothing of it was taken." in words(given_up.text)
    assert LOOKS_AGAIN not in given_up.text

    again = await shared.desk.post(f"{path}/again", data=await shared.seal())

    assert again.status_code == 303
    await shared.site.worker.drain()
    async with shared.site.db.unit_of_work() as session:  # as an older version left it
        waits = await find_bank_file(session, path.rpartition("/")[2])
        assert waits
        waits.counts = {name: value for name, value in waits.counts.items() if name != "revision"}
    old = await shared.desk.get(path)
    assert "was checked before Supporters was brought up to date" in words(old.text)
    assert (await shared.desk.post(f"{path}/take", data=hidden_fields(old.text))).status_code == 303
    await shared.site.worker.drain()
    assert figures((await shared.desk.get(path)).text)["New"] == "4"


async def test_a_file_whose_taking_was_given_up_is_erased_after_a_week(shared: Banker) -> None:
    path = await brought(shared)
    await shared.site.worker.drain()
    await asked_to_take(shared, path)
    later = shared.site.clock.now() + timedelta(days=8)
    async with shared.site.db.unit_of_work() as session:
        await purge_files(session, now=later)
        waits = await find_bank_file(session, path.rpartition("/")[2])
        assert waits
        assert waits.state == "taking", "a job is at work on it"
        await session.execute(update(Job).where(Job.kind == jobs.TAKE).values(state=WorkState.BURIED))

        assert await purge_files(session, now=later) == 1

    assert "dropped before anything was taken, and it is erased." in words((await shared.desk.get(path)).text)


async def test_nothing_is_taken_into_an_account_that_was_closed_meanwhile_and_the_page_says_why(shared: Banker) -> None:
    path = await brought(shared)
    await shared.site.worker.drain()
    form = hidden_fields((await shared.desk.get(path)).text)
    await shared.desk.post(f"{shared.path}/close", data=await shared.seal())

    refused, page = await shared.desk.post(f"{path}/take", data=form), await shared.desk.get(path)
    await shared.desk.post(f"{shared.path}/open", data=await shared.seal())

    assert refused.status_code == 403
    assert all("This account is closed." in words(each.text) for each in (refused, page))


async def test_an_account_that_changed_meanwhile_has_the_file_checked_anew(banker: Banker) -> None:
    first, second = await brought(banker), await brought(banker)
    await banker.site.worker.drain()
    old = await asked_to_take(banker, first)
    await banker.site.worker.drain()
    stale = words((await banker.desk.get(second)).text)
    assert "It must be checked again." in stale

    await banker.desk.post(f"{second}/take", data=old)
    await banker.site.worker.drain()

    check = await banker.desk.get(second)
    assert figures(check.text) == {"New": "0", "Here already": "4", "Kept whole": "0", "Amount only": "0"}
    assert "so nothing was taken. This is how it stands now." in words(check.text)
    await asked_to_take(banker, second)
    await banker.site.worker.drain()
    assert await lines_here(banker) == 4


async def test_a_long_file_that_cannot_be_read_says_why_and_is_erased(shared: Banker) -> None:
    wrong = write("mt940", LINES, opening=100_000, closing=1)
    path = (await shared.upload(wrong, "november.sta")).headers["location"]
    await shared.site.worker.drain()

    refused = words((await shared.desk.get(path)).text)

    assert "Nothing of it was taken, and it is erased. november.sta: " in refused
    assert await lines_here(shared) == 0
    async with shared.site.db.unit_of_work() as session:
        await purge_files(session, now=shared.site.clock.now() + timedelta(days=8))
    assert "Why it could not be read is no longer kept." in words((await shared.desk.get(path)).text)


async def test_a_long_table_read_by_wrong_columns_asks_for_them_again(shared: Banker) -> None:
    table = b"Date,Description,Amount\n2026-11-02,Jo,10.00\n2026-11-31,Ada,5.00\n"
    path = (await shared.upload(table, "november.csv")).headers["location"]
    columns = (await shared.desk.get(path)).headers["location"]
    form = chosen((await shared.desk.get(columns)).text)
    sent = await shared.desk.post(columns, data=form)
    assert sent.headers["location"] == path
    await shared.site.worker.drain()

    page = await shared.desk.get(columns)

    assert page.status_code == 422
    assert "november.csv: Line 3, Date: “2026-11-31” is a day that does not exist" in words(page.text)


async def test_of_a_long_file_too_it_must_be_said_whether_lines_are_worded_anew(shared: Banker) -> None:
    added = await shared.add(name="Wordy")
    shared.path = added.headers["location"]
    before = await lines_here(shared)
    for text in ("STRIPE PAYOUT", "STRIPE PAYMENTS REF 77"):
        rows = f"Date,Description,Amount\n02/10/2026,{text},10.00\n05/10/2026,Ada,6.00\n"
        path = (await shared.upload(rows.encode(), "Table.csv")).headers["location"]
        if (await shared.desk.get(path)).status_code == 303:
            await shared.desk.post(f"{path}/columns", data=chosen((await shared.desk.get(f"{path}/columns")).text))
        await shared.site.worker.drain()
        form = hidden_fields((await shared.desk.get(path)).text)
        unsaid = await shared.desk.post(f"{path}/take", data=form)
        assert unsaid.status_code == (303 if text == "STRIPE PAYOUT" else 422)
        days = {"from": "2026-10-01", "to": "2026-10-31"} if text != "STRIPE PAYOUT" else {}
        await shared.desk.post(f"{path}/take", data={**form, "reworded": "same", **days})
        await shared.site.worker.drain()

    assert await lines_here(shared) - before == 2
    assert "1 Oct – 31 Oct, as they were named at the import" in words((await shared.desk.get(path)).text)
