"""The steps of an import as pages: each can be left and come back to, and says what is wrong."""

from datetime import timedelta
from functools import partial

from importing import CHOICE, CSV, Importer, numbers

from supporters.imports.grid import MOST_BYTES
from supporters.imports.models import BatchState
from supporters.newsletters.actions import stop_address
from whole import hidden_fields, words


async def test_file_leads_to_columns_preview_and_done(importer: Importer) -> None:
    uploaded = await importer.upload(CSV, "Readers of 2025.csv")
    columns = await importer.desk.get(uploaded.headers["location"])
    assert "Readers of 2025.csv" in columns.text
    assert '<option value="0" selected>1: Email</option>' in columns.text

    sent = await importer.desk.post(uploaded.headers["location"], data={**await importer.seal(), **CHOICE})
    path = sent.headers["location"]
    preview = await importer.desk.get(path)
    assert numbers(preview.text) == ["2", "0", "0", "2"]
    assert "Add 2 people" in words(preview.text)
    assert await importer.on_list() == []

    assert (await importer.start(path)).headers["location"] == path
    assert "0 of 2 rows were looked at" in words((await importer.desk.get(path)).text)
    await importer.site.worker.drain()
    done = await importer.desk.get(path)
    assert numbers(done.text) == ["2", "0", "0", "2"]
    assert await importer.on_list() == ["ada@example.org", "ben@example.org"]
    history = words((await importer.desk.get("/desk/imports")).text)
    assert "Readers of 2025.csv Culture on Friday Done 2 0 Support" in history
    assert importer.site.mailbag.letters == []


async def test_file_that_is_no_list_comes_back_with_a_reason(shared: Importer) -> None:
    for content, said in (
        (b"", "The file holds no rows"),
        (b"Email,Name\n", "nobody below them"),
        (b"%PDF-1.4 pretending to be a list", "This is a PDF"),
        (b'a,"b\nc', "quotation mark"),
        (b"x" * (MOST_BYTES + 1), "larger than 5 MB"),
    ):
        found = await shared.upload(content)

        assert found.status_code == 422, said
        assert said in words(found.text)


async def test_far_too_large_a_file_is_refused_before_it_is_read(shared: Importer) -> None:
    found = await shared.upload(b"x" * (MOST_BYTES + 100_000))

    assert found.status_code == 413
    assert "larger than 5 MB" in found.text


async def test_form_without_a_file_asks_for_one(shared: Importer) -> None:
    bare = await shared.desk.post("/desk/imports", data={}, files={"file": ("", b""), "seal": (None, "x")})
    assert bare.status_code == 403

    seal = (await shared.seal())["seal"]
    found = await shared.desk.post("/desk/imports", files={"seal": (None, seal), "file": ("", b"")})
    assert found.status_code == 422
    assert "Choose a file first" in words(found.text)


async def test_forged_forms_do_nothing(shared: Importer) -> None:
    forms: list[tuple[list[tuple[str, tuple[str | None, bytes]]], int]] = [
        ([("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))], 400),
        ([("file", ("a.csv", CSV)), ("other", (None, b"x"))], 400),
        ([("file", (None, b"\xff\xfe"))], 400),
        ([("file", ("a.csv", CSV)), ("seal", ("seal.txt", b"x"))], 400),
    ]
    for files, status in forms:
        found = await shared.desk.post("/desk/imports", data=await shared.seal(), files=files)

        assert found.status_code == status
    assert "a.csv" not in (await shared.desk.get("/desk/imports")).text


async def test_another_kind_of_body_and_a_body_cut_short_are_refused(shared: Importer) -> None:
    plain = await shared.desk.post("/desk/imports", json=await shared.seal())
    short = await shared.desk.post(
        "/desk/imports",
        content=b"--x\r\nContent-Disposition: form-data; name=",
        headers={"content-type": "multipart/form-data; boundary=x"},
    )
    bare = await shared.desk.post("/desk/imports", content=b"x", headers={"content-type": "multipart/form-data"})

    assert (plain.status_code, short.status_code, bare.status_code) == (415, 400, 400)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"address": ""}, "Choose the column with the email addresses"),
    ({"address": "2"}, "Choose a column of the file"),
    ({"address": "-1"}, "Choose a column of the file"),
    ({"name": "0"}, "Two of these point to the same column"),
    ({"header": ""}, "Say whether the first row"),
    ({"order": "ydm"}, "Choose how dates are written"),
    ({"list": ""}, "Choose the newsletter"),
    ({"list": "no-such"}, "Choose the newsletter"),
    ({"basis": ""}, "Say how these people agreed"),
    ({"basis": "soft_opt_in"}, "Say how these people agreed"),
    ({"proof": " \u200b "}, "Write where the proof"),
]


async def test_columns_come_back_filled_in_with_what_is_wrong(shared: Importer) -> None:
    path = (await shared.upload(CSV)).headers["location"]
    seal = await shared.seal()
    for change, said in WRONG:
        found = await shared.desk.post(path, data={**seal, **CHOICE, **change})

        assert found.status_code == 422, change
        assert said in words(found.text)
        assert "proof" in change or "Cards from the summer fair, box 3" in found.text
    assert (await shared.batch(path.removesuffix("/columns"))).state == BatchState.UPLOADED


async def test_no_basis_and_no_list_is_chosen_for_anybody(shared: Importer) -> None:
    page = (await shared.desk.get((await shared.upload(CSV)).headers["location"])).text

    assert 'name="basis" value="form" id="basis-form">' in page
    assert 'value="culture" selected' not in page
    assert 'value="culture"' in page


async def test_columns_are_remembered_for_the_same_header_and_the_basis_never_is(shared: Importer) -> None:
    first = b"A,B,C\nx,ada@example.org,09/03/2025\n"
    await shared.ready(first, address="1", name="0", consented="2", order="dmy")

    page = (await shared.desk.get((await shared.upload(first + b"y,b@example.org,\n")).headers["location"])).text

    assert page.count(" selected>") == 4
    assert '<option value="2" selected>3: C</option>' in page
    assert '<option value="dmy" selected>' in page
    assert " checked" not in page.partition('name="basis"')[2]


async def test_preview_counts_everybody_once(shared: Importer) -> None:
    await shared.brought(b"Email,Name\nold@example.org,\nstopped@example.org,\n")
    site = shared.site
    async with site.db.unit_of_work() as session:
        stop = partial(stop_address, session, why="asked", settings=site.settings, ids=site.ids, now=site.clock.now())
        await stop(address="stopped@example.org", slugs=["culture"])
        await stop(address="never@example.org", slugs=None)

    rows = ["Email,Name", "new@example.org,", "OLD@example.org,", "stopped@example.org,", "never@example.org,"]
    path = await shared.ready("\n".join([*rows, "new@EXAMPLE.org,", "nobody,", ",Nil"]).encode())

    page = (await shared.desk.get(path)).text
    assert numbers(page) == ["1", "1", "5", "7"]
    said = words(page)
    for why in (
        "1 no address", "1 not an email address", "1 the same address", "1 left this newsletter", "1 asked not to be",
    ):  # fmt: skip
        assert why in said
    await shared.start(path)
    await site.worker.drain()
    assert numbers((await shared.desk.get(path)).text) == ["1", "1", "5", "7"]
    assert {"never@example.org", "stopped@example.org"}.isdisjoint(await shared.on_list())


async def test_hostile_cells_are_shown_and_never_act(shared: Importer) -> None:
    name = "<script>alert(1)</script>"
    path = await shared.ready(f'Email,Name\nada@example.org,{name}\n"<b>\u202e@example.org",=1+1\n'.encode())

    page = (await shared.desk.get(path)).text

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


async def test_dropped_file_is_erased_and_adds_nobody(shared: Importer) -> None:
    path = await shared.ready(b"Email,Name\ndropped@example.org,\n")

    await shared.press(path, "drop")
    await shared.press(path, "start")

    batch = await shared.batch(path)
    assert batch.state == BatchState.ABANDONED
    assert await shared.file(path) is None
    assert "dropped before anybody was added" in words((await shared.desk.get(path)).text)
    assert "dropped@example.org" not in await shared.on_list()


async def test_change_of_columns_goes_back_to_what_was_said(shared: Importer) -> None:
    path = await shared.ready()

    page = (await shared.desk.get(f"{path}/columns")).text

    assert 'value="form" id="basis-form" checked' in page
    assert "Cards from the summer fair, box 3</textarea>" in page


async def test_preview_of_somebody_who_looked_before_a_change_starts_nothing(shared: Importer) -> None:
    path = await shared.ready()
    seen = hidden_fields((await shared.desk.get(path)).text)
    shared.site.clock.advance(timedelta(seconds=30))
    await shared.desk.post(f"{path}/columns", data={**await shared.seal(), **CHOICE, "name": ""})

    await shared.desk.post(f"{path}/start", data=seen)

    assert (await shared.batch(path)).state == BatchState.READY


async def test_start_without_a_whole_form_is_refused(shared: Importer) -> None:
    path = await shared.ready()
    seal = await shared.seal()
    for seen in ("", "yesterday", "2026-11-22", "2026-11-22T09:36:00"):
        assert (await shared.desk.post(f"{path}/start", data={**seal, "seen": seen})).status_code == 400
    assert (await shared.batch(path)).state == BatchState.READY


async def test_only_those_who_bring_lists_see_them(shared: Importer) -> None:
    path = await shared.ready()
    for role in ("viewer", "finance", "editor"):
        other = await shared.site.staff(role)
        for address in ("/desk/imports", path, f"{path}/columns"):
            assert (await other.get(address)).status_code == 403
        assert (await other.post(f"{path}/errors.csv", data={"seal": "x"})).status_code == 403
        await other.aclose()


async def test_unknown_batch_is_a_page_that_says_so(shared: Importer) -> None:
    for address in ("01JAAAAAAAAAAAAAAAAAAAAAAA", "x", "%00"):
        for end in ("", "/columns"):
            assert (await shared.desk.get(f"/desk/imports/{address}{end}")).status_code == 404
        for verb in ("start", "undo", "drop", "errors.csv"):
            assert (await shared.press(f"/desk/imports/{address}", verb)).status_code in {400, 404}
