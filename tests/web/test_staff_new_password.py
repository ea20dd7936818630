"""Whoever forgot the password gets back in by a link that an admin sent, and by nothing else."""

import re
from datetime import timedelta

import httpx
from sqlalchemy import select

from supporters.audit.models import AuditEntry
from supporters.staff.models import Staff
from supporters.staff.new_password import PasswordLinks, make_link
from supporters.staff.totp import code_at, step_of
from whole import PASSWORD, Whole, hidden_fields, words

NEW = "lamps along the quay"
SAM = "support@weeklylamp.example"


async def seal_of(desk: httpx.AsyncClient) -> str:
    return hidden_fields((await desk.get("/desk/you")).text)["seal"]


async def one(site: Whole, role: str) -> Staff:
    async with site.db.reading() as session:
        return (await session.scalars(select(Staff).where(Staff.email == f"{role}@weeklylamp.example"))).one()


async def link_to(site: Whole, role: str) -> str:
    """The path of a link for a new password, as the command line prints it."""
    who = await one(site, role)
    async with site.db.unit_of_work() as session:
        url = await make_link(session, who.id, links=PasswordLinks(site.settings), now=site.clock.now())
    return url.removeprefix(site.settings.base_url)


async def deeds(site: Whole) -> list[tuple[str, str]]:
    async with site.db.reading() as session:
        rows = await session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(2))
        return [(each.action, each.actor_kind) for each in rows]


async def sign_in(site: Whole, password: str) -> int:
    browser = site.browser()
    answer = await browser.post("/desk/sign-in", data={"email": SAM, "password": password})
    await browser.aclose()
    return answer.status_code


async def test_an_admin_sends_a_link_and_it_lets_somebody_back_in_once(site: Whole) -> None:
    boss, sam = await site.staff("admin"), await site.staff("support")
    page = f"/desk/staff/{(await one(site, 'support')).id}"
    assert "Send a link for a new password" in (await boss.get(page)).text

    asked = await boss.post(f"{page}/new-password", data={"seal": await seal_of(boss)})
    await site.settle()

    assert asked.headers["location"] == f"{page}?done=password"
    letter = site.mailbag.letters[-1]
    body = letter.get_body(("plain",))
    assert letter["To"] == SAM
    assert body
    found = re.search(r"http://[^/]+(/desk/new-password/\S+)", body.get_content())
    assert found
    for _look in range(2):
        assert SAM in words((await site.reader.get(found[1])).text)
    assert await sign_in(site, PASSWORD) == 303
    short = await site.reader.post(found[1], data={"password": "short"})
    assert (short.status_code, "at least 12" in short.text) == (422, True)
    done = await site.reader.post(found[1], data={"password": NEW})

    assert done.headers["location"] == "/desk/sign-in?done=password"
    assert "the password that you chose" in (await site.reader.get(done.headers["location"])).text
    assert "desk" not in site.reader.cookies
    assert (await sam.get("/desk")).headers["location"].startswith("/desk/sign-in")
    assert (await site.reader.post(found[1], data={"password": "another long password"})).status_code == 404
    assert (await site.reader.get(found[1])).status_code == 404
    assert [await sign_in(site, PASSWORD), await sign_in(site, NEW)] == [422, 303]
    await site.settle()
    assert str(site.mailbag.letters[-1]["Subject"]).startswith("A new password was set")
    log = words((await boss.get(f"/desk/audit?record={page[-26:]}")).text)
    assert "Sent a link for a new password" in log
    assert "Set a new password with the link" in log
    await boss.aclose()
    await sam.aclose()


async def test_the_second_factor_is_still_asked_for(site: Whole) -> None:
    sam = await site.staff("support")
    page = await sam.get("/desk/you/second-factor")
    secret = re.search(r"secret=([A-Z2-7]{32})", page.text)
    assert secret
    code = code_at(secret[1], step_of(site.clock.now()))
    assert (
        await sam.post("/desk/you/second-factor", data={**hidden_fields(page.text), "code": code})
    ).status_code == 200
    path = await link_to(site, "support")
    assert (await deeds(site))[0] == ("staff.password_link", "cli")

    done = await site.reader.post(path, data={"password": NEW})
    await site.reader.post("/desk/sign-in", data={"email": SAM, "password": NEW})

    assert done.status_code == 303
    assert (await one(site, "support")).totp_sealed
    asked = await site.reader.get("/desk/donations", follow_redirects=True)
    assert "A code from your app" in words(asked.text)
    await sam.aclose()


async def test_a_link_is_over_after_a_day_after_a_new_password_and_for_somebody_suspended(site: Whole) -> None:
    boss, sam = await site.staff("admin"), await site.staff("support")
    first, second = await link_to(site, "support"), await link_to(site, "support")
    site.clock.advance(timedelta(seconds=1))
    third = await link_to(site, "support")
    assert len({first, second, third}) == 2

    form = {"seal": await seal_of(sam), "current": PASSWORD, "new": "a password of my own"}
    await sam.post("/desk/you/password", data=form)
    after_change = await site.reader.get(first)
    fourth = await link_to(site, "support")
    page = f"/desk/staff/{(await one(site, 'support')).id}"
    await boss.post(f"{page}/suspend", data={"seal": await seal_of(boss)})
    suspended = await site.reader.post(fourth, data={"password": NEW})
    none_sent = await boss.post(f"{page}/new-password", data={"seal": await seal_of(boss)})
    assert "Send a link for a new password" not in none_sent.text
    await boss.post(f"{page}/restore", data={"seal": await seal_of(boss)})
    restored = await site.reader.get(fourth)
    site.clock.advance(timedelta(days=1))
    too_late = await site.reader.post(fourth, data={"password": NEW})

    found = [each.status_code for each in (after_change, suspended, none_sent, restored, too_late)]
    assert found == [404, 404, 422, 200, 404]
    await boss.aclose()
    await sam.aclose()


async def test_ones_own_password_is_changed_elsewhere(site: Whole) -> None:
    boss = await site.staff("admin")

    mine = await boss.post(
        f"/desk/staff/{(await one(site, 'admin')).id}/new-password", data={"seal": await seal_of(boss)}
    )

    assert mine.status_code == 422
    assert "Your sign-in" in words(mine.text)
    await boss.aclose()


async def test_nobody_makes_a_link_themselves(site: Whole) -> None:
    desk = await site.staff("support")
    path = await link_to(site, "support")
    staff_id, ends, digest = path.rpartition("/")[2].split(".")
    tokens = {
        "somebody else": f"01M7SESBR0GH6X5M4JM9NYJG7Z.{ends}.{digest}",
        "longer": f"{staff_id}.{int(ends) + 1}.{digest}",
        "cut": f"{staff_id}.{ends}.{digest[:-1]}",
        "no moment": f"{staff_id}.x.{digest}",
        "no digest": f"{staff_id}.{ends}.",
        "huge": f"{staff_id}.{ends}.{digest}" + "A" * 9000,
        "one part": "x",
        "unicode": f"{staff_id}.%F0%9F%98%80.{digest}",
    }

    for what, token in tokens.items():
        where = f"/desk/new-password/{token}"
        answers = [await site.reader.get(where), await site.reader.post(where, data={"password": NEW})]
        assert [each.status_code for each in answers] == [404, 404], what
    assert (await site.reader.get(path)).status_code == 200
    assert await sign_in(site, PASSWORD) == 303
    await desk.aclose()
