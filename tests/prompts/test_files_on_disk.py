"""The folder that a web server serves: whole files only, written after a change."""

from dataclasses import replace
from pathlib import Path

from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import run_due
from supporters.kit.outside import Outside
from supporters.prompts.jobs import handlers, write_files
from supporters.prompts.script import prompt_script
from supporters.web.common.publishing import publish_all
from whole import Whole


async def test_a_change_writes_what_the_service_itself_would_serve(site: Whole, tmp_path: Path) -> None:
    here = replace(site.settings, publish_dir=str(tmp_path / "p" / "v1"), publisher_name="The Lamp")
    async with site.db.unit_of_work() as session:
        changed = await publish_all(session, settings=here, ids=site.ids, now=site.clock.now())
    assert changed == ["article-foot", "issue-page"]

    backstage = Backstage(settings=here, ids=site.ids, clock=site.clock, outside=Outside())
    await run_due(site.db, handlers(backstage), clock=site.clock, ids=site.ids)

    folder = tmp_path / "p" / "v1"
    names = {
        "article-foot.html",
        "article-foot.json",
        "issue-page.html",
        "issue-page.json",
        "prompt.js",
        prompt_script().name,
    }
    assert {path.name for path in folder.iterdir()} == names
    for name in names:
        site.app.state.house.prompts.forget()
        assert (folder / name).read_bytes() == (await site.reader.get(f"/p/v1/{name}")).content, name
        assert (folder / name).stat().st_mode & 0o777 == 0o644


def test_files_that_say_the_same_are_left_alone(tmp_path: Path) -> None:
    assert write_files(tmp_path, {"a.json": b"1", "b.json": b"2"}) == ["a.json", "b.json"]
    before = (tmp_path / "a.json").stat().st_mtime_ns

    assert write_files(tmp_path, {"a.json": b"1", "b.json": b"3"}) == ["b.json"]
    assert (tmp_path / "a.json").stat().st_mtime_ns == before
