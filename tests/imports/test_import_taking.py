"""Rows into the list: once each, whatever is killed, whoever presses twice; and back again as one batch."""

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import xlsxwriter
from importing import CHOICE, Importer, numbers
from sqlalchemy import func, select, update

from supporters.audit.models import AuditEntry
from supporters.imports import jobs, take
from supporters.imports.actions import MOST_OPEN, TAKE, UNDO
from supporters.imports.models import BatchState, ImportBatch, ImportFault
from supporters.imports.preview import judged_rows
from supporters.imports.queries import find_file
from supporters.jobs.models import Job, WorkState
from supporters.jobs.queue import enqueue
from supporters.newsletters.actions import stop_address
from supporters.newsletters.models import Consent
from whole import hidden_fields, words


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PORTION", 4)
    monkeypatch.setattr(jobs, "PORTIONS_A_RUN", 3)
    monkeypatch.setattr(jobs, "PAUSE_SECONDS", 0)


def people(count: int) -> bytes:
    return b"Email,Name\n" + b"".join(b"p%03d@example.org,P %d\n" % (number, number) for number in range(count))


async def count(importer: Importer, column: Any) -> int:
    async with importer.site.db.reading() as session:
        return await session.scalar(select(func.count(column))) or 0


async def deeds(importer: Importer) -> list[str]:
    async with importer.site.db.reading() as session:
        found = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))
        return [action for action in found if action.startswith("import.")]


async def run_again(importer: Importer) -> None:
    """What was put back is due at once."""
    importer.site.clock.advance(timedelta(hours=1))
    await importer.site.worker.drain()


async def test_worker_killed_in_the_middle_of_a_portion_goes_on_where_it_was(
    importer_on_both: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer, plain, asked = importer_on_both, take.add_imported, 0

    async def dies_once(*args: Any, **kwargs: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 7:
            raise RuntimeError("the power went")
        return await plain(*args, **kwargs)

    monkeypatch.setattr(take, "add_imported", dies_once)
    path = await importer.ready(people(30) + b"nobody,\n")
    await importer.start(path)
    await importer.site.worker.run_jobs()
    half = await importer.batch(path)
    assert (half.state, half.done_rows, half.added) == (BatchState.RUNNING, 4, 4)
    assert len(await importer.on_list()) == 4

    await run_again(importer)

    done = await importer.batch(path)
    assert (done.state, done.done_rows, done.added, done.left_out) == (BatchState.DONE, 31, 30, 1)
    assert len(await importer.on_list()) == 30
    assert await count(importer, Consent.id) == 30
    assert await importer.file(path) is None


async def test_two_workers_on_one_batch_take_each_row_once(importer_on_both: Importer) -> None:
    importer = importer_on_both
    site, path = importer.site, await importer.ready(people(30))
    await importer.start(path)
    async with site.db.unit_of_work() as session:
        for _ in range(2):
            await enqueue(session, TAKE, {"batch_id": path[-26:]}, ids=site.ids, now=site.clock.now())

    await site.worker.run_jobs()
    await run_again(importer)

    done = await importer.batch(path)
    assert (done.state, done.added, done.already) == (BatchState.DONE, 30, 0)
    assert await count(importer, Consent.id) == 30
    async with site.db.reading() as session:
        assert set(await session.scalars(select(Job.state).where(Job.kind == TAKE))) == {"done"}
    assert (await deeds(importer)).count("import.finish") == 1


async def test_two_people_start_the_same_batch_at_once_and_it_runs_once(importer_on_both: Importer) -> None:
    importer = importer_on_both
    path = await importer.ready(people(3))
    other = Importer(importer.site, await importer.site.staff("admin"))
    forms = [hidden_fields((await each.desk.get(path)).text) for each in (importer, other)]

    answers = await asyncio.gather(
        importer.desk.post(f"{path}/start", data=forms[0]), other.desk.post(f"{path}/start", data=forms[1])
    )

    assert [answer.status_code for answer in answers] == [303, 303]
    await importer.site.worker.drain()
    assert await deeds(importer) == ["import.upload", "import.start", "import.finish"]
    assert len(await importer.on_list()) == 3
    await other.desk.aclose()


async def test_same_file_again_is_said_and_adds_nobody(shared: Importer) -> None:
    content = people(3).replace(b"@", b"@again.")
    first = await shared.brought(content)
    before = await count(shared, Consent.id)
    path = await shared.ready(content)

    page = await shared.desk.get(path)
    assert "The very same file was brought before" in words(page.text)
    assert first in page.text
    await shared.start(path)
    await shared.site.worker.drain()

    assert numbers((await shared.desk.get(path)).text) == ["0", "3", "0", "3"]
    assert await count(shared, Consent.id) == before


async def test_undo_takes_back_what_the_batch_did_and_nothing_else(importer_on_both: Importer) -> None:
    importer = importer_on_both
    site = importer.site
    await importer.brought(b"Email,Name\nbefore@example.org,\n")
    path = await importer.brought(people(3) + b"before@example.org,\nstopped@example.org,\n")
    async with site.db.unit_of_work() as session:
        await stop_address(
            session,
            address="stopped@example.org",
            slugs=["culture"],
            why="asked",
            settings=site.settings,
            ids=site.ids,
            now=site.clock.now(),
        )

    await importer.press(path, "undo")
    await importer.press(path, "undo")
    assert "being taken back" in words((await importer.desk.get(path)).text)
    await site.worker.drain()

    assert await importer.on_list() == ["before@example.org"]
    page = words((await importer.desk.get(path)).text)
    assert "3 people are off the list again" in page
    assert (await deeds(importer))[-2:] == ["import.undo", "import.undone"]
    again = await importer.brought(b"Email,Name\nstopped@example.org,\np000@example.org,\n")
    assert numbers((await importer.desk.get(again)).text) == ["1", "0", "1", "2"]
    assert await importer.on_list() == ["before@example.org", "p000@example.org"]


async def test_rows_left_out_are_downloaded_as_they_came_and_never_as_formulas(shared: Importer) -> None:
    path = await shared.brought(b'Email,Name\nnobody,=1+1\n@x,"Ada ""A"", B"\nada@example.org,Ada\n')

    assert (await shared.desk.get(f"{path}/errors.csv")).status_code == 405, "looking hands out nothing"
    assert (await shared.desk.post(f"{path}/errors.csv", data={"seal": "x"})).status_code == 403
    assert (await deeds(shared))[-1] == "import.finish"
    page = (await shared.desk.get(path)).text
    assert f'<form action="{path}/errors.csv" method="post">' in page

    found = await shared.press(path, "errors.csv")

    rows = list(csv.reader(io.StringIO(found.text.removeprefix("\ufeff"))))
    assert found.headers["content-type"].startswith("text/csv")
    assert rows[0] == ["Row", "Why it was left out", "Cells as they came"]
    assert rows[1] == ["2", "not an email address that can be written to", "nobody", "'=1+1"]
    assert rows[2][2:] == ["'@x", 'Ada "A", B']
    assert len(rows) == 3
    assert (await deeds(shared))[-1] == "import.export"


async def test_evidence_says_where_the_proof_is_and_who_brought_it(shared: Importer) -> None:
    content = b"Email,Name,When,How\neve@example.org,Ada,2025-03-09,card\n"
    path = await shared.brought(content, consented="2", says="3")

    async with shared.site.db.reading() as session:
        consent = (await session.scalars(select(Consent).where(Consent.batch_id == path[-26:]))).one()
    assert consent.basis == "form"
    assert consent.detail["proof"] == CHOICE["proof"]
    assert (consent.detail["agreed_on"], consent.detail["in_the_list"], consent.detail["row"]) == (
        "2025-03-09",
        "card",
        2,
    )


async def test_only_so_many_files_wait_and_forgotten_ones_go_after_a_week(importer: Importer) -> None:
    done = await importer.brought(b"Email\nada@example.org\nnobody\n", name="")
    forgotten = await importer.ready()
    for number in range(1, MOST_OPEN):
        assert (await importer.upload(b"a%d@example.org" % number)).status_code == 303
    full = await importer.upload(b"one-more@example.org")
    assert full.status_code == 403
    assert "20 files wait already" in full.text

    await purge_after(importer, timedelta(days=6))
    assert await importer.file(forgotten) is not None
    await purge_after(importer, timedelta(days=2))
    assert (await importer.batch(forgotten)).state == BatchState.ABANDONED
    assert await importer.file(forgotten) is None
    assert await count(importer, ImportFault.row_number) == 1
    await purge_after(importer, timedelta(days=23))

    assert await count(importer, ImportFault.row_number) == 0
    desk = Importer(importer.site, await importer.site.staff("admin"))
    assert "erased 30 days after" in words((await desk.desk.get(done)).text)
    assert (await desk.press(done, "errors.csv")).status_code == 404
    await desk.desk.aclose()


async def test_undo_that_was_given_up_is_started_again(importer: Importer) -> None:
    path = await importer.brought(people(3))
    await importer.press(path, "undo")
    assert "given up" not in words((await importer.desk.get(path)).text)
    async with importer.site.db.unit_of_work() as session:
        await session.execute(update(Job).where(Job.kind == UNDO).values(state=WorkState.BURIED))

    page = words((await importer.desk.get(path)).text)
    assert "was given up after 0 people" in page
    assert "Undo this import" in page
    for _time in range(2):
        await importer.press(path, "undo")
    assert "given up" not in words((await importer.desk.get(path)).text)
    await importer.site.worker.drain()

    assert (await importer.batch(path)).state == BatchState.UNDONE
    assert await importer.on_list() == []
    assert [deed for deed in await deeds(importer) if deed == "import.undo"] == ["import.undo"] * 2


async def test_batch_whose_work_was_given_up_is_broken_off_after_a_week_and_can_be_undone(importer: Importer) -> None:
    site = importer.site
    path = await importer.ready(people(20))
    await importer.start(path)
    async with site.db.unit_of_work() as session:
        await session.execute(update(Job).where(Job.kind == TAKE).values(state=WorkState.BURIED))
        batch = await session.get(ImportBatch, path[-26:])
        content = await find_file(session, path[-26:])
    assert batch is not None
    assert content is not None
    rows = await judged_rows(batch, content, today=site.clock.now().date())
    async with site.db.unit_of_work() as session:
        now = site.clock.now()
        await take.take_portion(session, batch, rows[:4], start=0, settings=site.settings, ids=site.ids, now=now)
    await purge_after(importer, timedelta(days=6))
    assert (await importer.batch(path)).state == BatchState.RUNNING
    await purge_after(importer, timedelta(days=1, minutes=1))

    assert await importer.file(path) is None
    assert (await deeds(importer))[-1] == "import.stop"
    desk = Importer(site, await site.staff("admin"))
    page = words((await desk.desk.get(path)).text)
    assert "4 of 20 rows were looked at" in page
    assert "Undo this import" in page
    assert len(await importer.on_list()) == 4
    assert (await desk.press(path, "undo")).status_code == 303
    await site.worker.drain()
    assert (await importer.batch(path)).state == BatchState.UNDONE
    assert await importer.on_list() == []
    await desk.desk.aclose()


async def purge_after(importer: Importer, time: timedelta) -> None:
    site = importer.site
    site.clock.advance(time)
    async with site.db.unit_of_work() as session:
        await enqueue(session, jobs.PURGE, {}, ids=site.ids, now=site.clock.now())
    await site.worker.drain()


async def test_workbook_goes_all_the_way(shared: Importer) -> None:
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Email", "Name"])
    sheet.write_row(1, 0, ["zoe@bücher.example.org", "Zoë"])
    book.close()

    await shared.brought(held.getvalue())

    assert "zoe@xn--bcher-kva.example.org" in await shared.on_list()
