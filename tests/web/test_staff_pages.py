"""The desk's pages about people: inviting, joining, roles, one's own browsers and password, and the log of it all."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, update

from supporters.audit.checks import find_broken_links
from supporters.audit.models import AuditDetail, AuditEntry
from supporters.kit.db import Base
from supporters.staff.actions import note
from supporters.staff.models import Role, Staff
from supporters.web.desk.door import route_rules
from whole import PASSWORD, Whole, hidden_fields, words

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NEW = "lamps along the quay"
CHANGES_ONLY_ONESELF = re.compile(r"/desk/(you|sign-in|sign-out|step-up)\b")


async def seal_of(desk: httpx.AsyncClient) -> str:
    return hidden_fields((await desk.get("/desk/you")).text)["seal"]


async def id_of(site: Whole, role: str) -> str:
    async with site.db.reading() as session:
        found = await session.scalar(select(Staff.id).where(Staff.email == f"{role}@weeklylamp.example"))
    assert found
    return found


def changed_by(role: Role) -> set[str]:
    """The routes by which the role changes anything but its own sign-in."""
    return {
        rule.path
        for rule in route_rules()
        if rule.roles is not None and role in rule.roles and rule.method != "GET"
        if not CHANGES_ONLY_ONESELF.match(rule.path)
    }


def test_a_viewer_changes_nothing() -> None:
    assert changed_by(Role.VIEWER) == set()


def test_support_and_editors_touch_no_money_no_staff_and_no_log() -> None:
    money = re.compile(r"/desk/(donations\.csv|donations/.*/refund|discrepancies|switches|staff|audit)")
    for role in (Role.SUPPORT, Role.EDITOR, Role.VIEWER):
        allowed = {rule.path for rule in route_rules() if rule.roles is not None and role in rule.roles}
        assert not [path for path in allowed if money.match(path)], role
    people = {rule.path for rule in route_rules() if rule.roles and Role.EDITOR in rule.roles and "people" in rule.path}
    assert people == set()


async def test_somebody_is_invited_joins_by_the_letter_and_signs_in(site: Whole) -> None:
    desk = await site.staff("admin")
    form = {"email": "Nora@weeklylamp.example", "name": "Nora Hale", "role": "editor"}

    asked = await desk.post("/desk/staff", data={"seal": await seal_of(desk), **form})
    await site.settle()

    assert asked.headers["location"] == "/desk/staff?done=invited"
    letter = site.mailbag.letters[-1]
    assert letter["To"] == "nora@weeklylamp.example"
    body = letter.get_body(("plain",))
    assert body
    found = re.search(r"http://\S+(/desk/join/\S+)", body.get_content())
    assert found
    for _look in range(2):
        assert "Nora Hale" in (await site.reader.get(found[1])).text
    short = await site.reader.post(found[1], data={"name": "Nora", "password": "short"})
    assert short.status_code == 422
    assert 'value="Nora"' in short.text
    joined = await site.reader.post(found[1], data={"name": "Nora Hale", "password": NEW})
    assert joined.headers["location"] == "/desk/sign-in?done=joined"
    assert (await site.reader.post(found[1], data={"name": "Nora", "password": NEW})).status_code == 404
    assert (await site.reader.get(found[1])).status_code == 404
    signed = await site.reader.post("/desk/sign-in", data={"email": form["email"], "password": NEW})
    assert signed.status_code == 303
    assert "editor" in words((await site.reader.get("/desk/you")).text)
    await desk.aclose()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"email": "admin@weeklylamp.example"}, "email"),
        ({"name": " \u200b "}, "name"),
        ({"role": "owner"}, "role-viewer"),
        ({"role": ""}, "role-viewer"),
    ],
)
async def test_an_invitation_with_a_fault_comes_back_filled_in(site: Whole, change: dict[str, str], field: str) -> None:
    desk = await site.staff("admin")
    form = {"email": "nora@weeklylamp.example", "name": "Nora <Hale>", "role": "editor", **change}

    answer = await desk.post("/desk/staff", data={"seal": await seal_of(desk), **form})

    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    await desk.aclose()


async def test_a_changed_role_counts_at_once_and_is_in_the_log(site: Whole) -> None:
    boss, sam = await site.staff("admin"), await site.staff("support")
    who = await id_of(site, "support")

    done = await boss.post(f"/desk/staff/{who}/role", data={"seal": await seal_of(boss), "role": "viewer"})

    assert done.headers["location"] == f"/desk/staff/{who}?done=role"
    assert (await sam.get("/desk")).headers["location"].startswith("/desk/sign-in")
    log = words((await boss.get(f"/desk/audit?kind=staff&record={who}")).text)
    assert "Changed the role" in log
    assert "role: support → viewer" in log
    await boss.aclose()
    await sam.aclose()


async def test_nobody_changes_or_suspends_themselves(site: Whole) -> None:
    boss = await site.staff("admin")
    who, seal = await id_of(site, "admin"), await seal_of(boss)

    for deed in ("role", "suspend", "second-factor"):
        fields = {"seal": seal, "role": "viewer"} if deed == "role" else {"seal": seal}
        answer = await boss.post(f"/desk/staff/{who}/{deed}", data=fields)
        assert answer.status_code == 422, deed
    assert (await boss.get("/desk/staff")).status_code == 200
    await boss.aclose()


async def test_somebody_suspended_is_out_and_reads_the_same_as_a_stranger(site: Whole) -> None:
    boss, sam = await site.staff("admin"), await site.staff("support")
    who, seal = await id_of(site, "support"), await seal_of(boss)
    await boss.post(f"/desk/staff/{who}/suspend", data={"seal": seal})

    email = "support@weeklylamp.example"
    refused = await sam.post("/desk/sign-in", data={"email": email, "password": PASSWORD})
    stranger = await sam.post("/desk/sign-in", data={"email": "nobody@lamp.example", "password": PASSWORD})
    await boss.post(f"/desk/staff/{who}/restore", data={"seal": seal})
    again = await sam.post("/desk/sign-in", data={"email": email, "password": PASSWORD})

    assert (refused.status_code, stranger.status_code, again.status_code) == (422, 422, 303)
    assert words(refused.text) == words(stranger.text)
    await boss.aclose()
    await sam.aclose()


async def sign_in(site: Whole, role: str) -> httpx.AsyncClient:
    browser = site.browser()
    fields = {"email": f"{role}@weeklylamp.example", "password": PASSWORD}
    assert (await browser.post("/desk/sign-in", data=fields, headers={"user-agent": FIREFOX})).status_code == 303
    return browser


async def test_ones_own_browsers_are_listed_and_signed_out_one_by_one_and_no_one_elses(site: Whole) -> None:
    here, stranger = await site.staff("support"), await site.staff("viewer")
    there = await sign_in(site, "support")
    page = await here.get("/desk/you")
    assert "Firefox, Linux" in words(page.text)
    (ends,) = re.findall(r"/desk/you/sessions/[0-9A-Z]{26}/end", page.text)

    foreign = await stranger.post(ends, data={"seal": await seal_of(stranger)})
    assert foreign.status_code == 404
    assert (await there.get("/desk")).status_code == 200
    done = await here.post(ends, data={"seal": hidden_fields(page.text)["seal"]})

    assert done.headers["location"] == "/desk/you?done=ended"
    assert (await there.get("/desk")).status_code == 303
    assert (await here.get("/desk")).status_code == 200
    for browser in (here, there, stranger):
        await browser.aclose()


async def test_a_new_password_needs_the_old_and_signs_every_other_browser_out(site: Whole) -> None:
    here = await site.staff("support")
    there = await sign_in(site, "support")
    seal = await seal_of(here)

    wrong = await here.post("/desk/you/password", data={"seal": seal, "current": "not the password", "new": NEW})
    short = await here.post("/desk/you/password", data={"seal": seal, "current": PASSWORD, "new": "short"})
    token = here.cookies["desk"]
    done = await here.post("/desk/you/password", data={"seal": seal, "current": PASSWORD, "new": NEW})

    assert (wrong.status_code, short.status_code, done.status_code) == (422, 422, 303)
    assert here.cookies["desk"] != token
    assert (await here.post("/desk/you/sessions/end-others", data={"seal": seal})).status_code == 303
    assert (await there.get("/desk")).status_code == 303
    old = await there.post("/desk/sign-in", data={"email": "support@weeklylamp.example", "password": PASSWORD})
    assert old.status_code == 422
    await here.aclose()
    await there.aclose()


async def test_the_log_is_narrowed_paged_and_taken_away_as_a_file(site: Whole) -> None:
    boss = await site.staff("admin")
    who = await id_of(site, "admin")
    async with site.db.unit_of_work() as session:
        for _ in range(60):
            await note(session, "staff.session_end", who, {}, actor_id=who, now=site.clock.now())

    first = await boss.get(f"/desk/audit?who={who}")
    older = re.search(r'href="(/desk/audit\?[^"]*before=\d+)"', first.text)
    assert older
    second = await boss.get(older[1].replace("&amp;", "&"))
    sheet = await boss.get(f"/desk/audit.csv?who={who}")

    assert first.text.count("Signed out another browser") == 50
    assert second.text.count("Signed out another browser") == 10
    assert sheet.text.count("Signed out another browser") == 60
    assert words((await boss.get("/desk/audit?who=cli")).text).count("Added to the staff") == 1
    for odd in ("?before=x", "?before=" + "9" * 30, "?who=%F0%9F%98%80", "?kind=' OR 1=1 --", "?record=" + "x" * 900):
        assert (await boss.get("/desk/audit" + odd)).status_code == 200, odd
    await boss.aclose()


async def test_what_was_erased_is_said_so_and_the_chain_holds(site: Whole) -> None:
    boss = await site.staff("admin")
    form = {"email": "nora@weeklylamp.example", "name": "Nora Hale", "role": "editor"}
    await boss.post("/desk/staff", data={"seal": await seal_of(boss), **form})
    assert "Nora Hale" in (await boss.get("/desk/audit")).text

    async with site.db.unit_of_work() as session:
        found = select(AuditEntry.seq).where(AuditEntry.action == "staff.invite")
        await session.execute(update(AuditDetail).where(AuditDetail.seq.in_(found)).values(detail=None, salt=None))

    page = (await boss.get("/desk/audit")).text
    assert "Nora Hale" not in page
    assert "erased" in words(page)
    async with site.db.reading() as session:
        assert await find_broken_links(session) == []
    await boss.aclose()


async def test_who_somebody_was_is_erased_and_what_they_did_stays(site: Whole) -> None:
    boss = await site.staff("admin")
    seal = {"seal": await seal_of(boss)}
    form = {"email": "nora@weeklylamp.example", "name": "Nora Hale", "role": "finance"}
    await boss.post("/desk/staff", data={**seal, **form})
    await site.settle()
    body = site.mailbag.letters[-1].get_body(("plain",))
    assert body
    found = re.search(r"http://\S+(/desk/join/\S+)", body.get_content())
    assert found
    await site.reader.post(found[1], data={"name": "Nora Hale", "password": NEW})
    nora = site.browser()
    await nora.post("/desk/sign-in", data={"email": form["email"], "password": NEW})
    who = await id_of(site, "nora")
    page = f"/desk/staff/{who}"

    early = await boss.post(f"{page}/erase", data={**seal, "sure": "yes"})
    await boss.post(f"{page}/suspend", data=seal)
    unsure = await boss.post(f"{page}/erase", data=seal)
    first = await boss.post(f"{page}/erase", data={**seal, "sure": "yes"})
    again = await boss.post(f"{page}/erase", data={**seal, "sure": "yes"})
    back = await boss.post(f"{page}/restore", data=seal)

    assert [each.status_code for each in (early, unsure, first, again, back)] == [422, 422, 303, 303, 422]
    assert "Suspend this person first" in early.text
    for path in ("/desk/staff", page, "/desk/audit", f"/desk/audit?who={who}"):
        text = (await boss.get(path)).text
        assert "Nora" not in text, path
        assert "nora@" not in text, path
        assert "Somebody who worked here" in text, path
    assert "Signed in" in words((await boss.get(f"/desk/audit?who={who}")).text)
    for name, rows in await everything(site):
        assert "nora" not in rows, name
    refused = await nora.post("/desk/sign-in", data={"email": form["email"], "password": NEW})
    assert refused.status_code == 422
    async with site.db.reading() as session:
        assert await find_broken_links(session) == []
    await boss.aclose()
    await nora.aclose()


async def everything(site: Whole) -> list[tuple[str, str]]:
    """Every table, with all that stands in it, in small letters."""
    async with site.db.reading() as session:
        return [
            (table.name, str((await session.execute(select(table))).all()).lower())
            for table in Base.metadata.sorted_tables
        ]


async def test_an_open_form_is_still_good_after_the_token_changed(site: Whole) -> None:
    desk = await site.staff("support")
    seal = await seal_of(desk)
    await desk.post("/desk/you/password", data={"seal": seal, "current": PASSWORD, "new": NEW})
    site.clock.advance(timedelta(seconds=5))

    assert (await desk.post("/desk/sign-out", data={"seal": seal})).headers["location"] == "/desk/sign-in"
    await desk.aclose()
