"""Editors at the desk: what each place asks, where nothing is asked, what sites show, and what to copy."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from pages import Page
from supporters.audit.models import AuditEntry
from supporters.kit.outside import Reply
from supporters.prompts.look import allows, look_at
from supporters.prompts.models import AskVeto
from whole import Whole

LIST, FOOT = "/desk/prompts", "/desk/prompts/article-foot"
BASE = "https://give.example"


def seal_in(page: httpx.Response) -> str:
    found = re.search(r'name="seal" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def send(desk: httpx.AsyncClient, to: str, /, **form: str) -> httpx.Response:
    seal = seal_in(await desk.get(LIST))
    return await desk.post(to, data={"seal": seal, **form})


async def published(site: Whole) -> dict[str, Any]:
    return (await site.reader.get("/p/v1/article-foot.json")).json()


async def deeds(site: Whole) -> list[str]:
    async with site.db.reading() as session:
        return list((await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))).all())


async def test_a_changed_place_is_published_at_once_and_logged(site: Whole) -> None:
    desk = await site.staff("editor")
    before = await published(site)

    saved = await send(desk, FOOT, appeal="general", newsletter="daily", heading="Help print <issue> 2823", is_on="on")

    after = await published(site)
    assert saved.status_code == 303
    assert (after["heading"], after["version"]) == ("Help print <issue> 2823", before["version"] + 1)
    assert "placement.change" in await deeds(site)
    assert "Help print &lt;issue&gt; 2823" in (await desk.get(FOOT)).text


async def test_saving_without_a_change_publishes_and_logs_nothing(site: Whole) -> None:
    desk = await site.staff("editor")

    await send(desk, FOOT, appeal="general", newsletter="daily", heading="", is_on="on")

    assert (await published(site))["version"] == 1
    assert "placement.change" not in await deeds(site)


BAD_PLACES: list[tuple[dict[str, str], str]] = [
    ({"appeal": "nobody", "newsletter": ""}, "Choose an appeal that is published"),
    ({"appeal": "", "newsletter": ""}, "Choose an appeal that is published"),
    ({"appeal": "general", "newsletter": "secret"}, "Choose a newsletter that anybody may join"),
    ({"appeal": "general", "heading": "x" * 10_000}, "At most 120 characters"),
]


async def test_a_place_that_can_not_be_comes_back_filled_in(site: Whole) -> None:
    desk = await site.staff("editor")

    for form, words in BAD_PLACES:
        answer = await send(desk, FOOT, **form)
        assert answer.status_code == 422, form
        assert words in answer.text
    assert (await published(site))["version"] == 1


async def test_an_unknown_place_is_404(site: Whole) -> None:
    desk = await site.staff("editor")

    assert (await desk.get("/desk/prompts/nowhere")).status_code == 404
    assert (await send(desk, "/desk/prompts/nowhere", appeal="general")).status_code == 404


async def test_a_veto_holds_from_the_next_minute_and_is_lifted_with_its_log(site: Whole) -> None:
    desk = await site.staff("editor")

    told = {"path": f"{site.settings.site_url}/news/funeral", "reason": "A death, <b>ask nobody</b>"}
    assert (await send(desk, f"{LIST}/no-ask", **told)).status_code == 303
    assert (await send(desk, f"{LIST}/no-ask", tag="obituary", reason="Deaths")).status_code == 303
    assert (
        await send(desk, f"{LIST}/no-ask", **{"from": "2026-12-24", "until": "2026-12-26", "reason": "Quiet"})
    ).status_code == 303

    quiet = (await published(site))["quiet"]
    path = site.settings.site_url.partition("://")[2].partition("/")[2]
    assert quiet["paths"] == [f"/{path + '/' if path else ''}news/funeral"]
    assert (quiet["tags"], quiet["ranges"]) == (["obituary"], [["2026-12-24", "2026-12-26"]])
    page = await desk.get(LIST)
    assert "ask nobody&lt;/b&gt;" in page.text
    async with site.db.reading() as session:
        vetoes = (await session.scalars(select(AskVeto).order_by(AskVeto.id))).all()
    lifted = [(await send(desk, f"{LIST}/no-ask/{vetoes[0].id}/lift")).status_code for _time in range(2)]
    assert lifted == [303, 404]
    assert (await published(site))["quiet"]["paths"] == []
    assert [deed for deed in await deeds(site) if deed.startswith("veto")] == ["veto.add"] * 3 + ["veto.lift"]


BAD_VETOES: list[tuple[dict[str, str], str]] = [
    ({"reason": "Why"}, "Give one of the three"),
    ({"path": "/a", "tag": "b", "reason": "Why"}, "Give one of the three"),
    ({"path": "https://evil.example/a", "reason": "Why"}, "Give a page of one of your sites"),
    ({"path": "/a"}, "Say why"),
    ({"from": "soon", "reason": "Why"}, "Give days like 2026-11-23"),
    ({"from": "2026-12-02", "until": "2026-12-01", "reason": "Why"}, "The last day lies before the first"),
    ({"from": "2026-12-02", "until": "2036-12-01", "reason": "Why"}, "At most a year"),
]


async def test_a_veto_that_is_not_clear_is_asked_again(site: Whole) -> None:
    desk = await site.staff("editor")

    for form, words in BAD_VETOES:
        answer = await send(desk, f"{LIST}/no-ask", **form)
        assert answer.status_code == 422, form
        assert words in answer.text
        for value in form.values():
            assert value in answer.text
    assert "veto.add" not in await deeds(site)


async def test_every_form_is_shown_with_its_text(site: Whole) -> None:
    desk = await site.staff("editor")

    page = Page((await desk.get(FOOT)).text)

    titles = page.says("h3")
    assert len(titles) == 12
    for word in ("Pelican", "Flask", "Litestar", "Django (Jinja)", "WordPress", "Link"):
        assert word in titles
    assert "&lt;supporter-prompt" in (await desk.get(FOOT)).text


async def test_a_site_that_fetched_is_listed_with_its_version(site: Whole) -> None:
    desk = await site.staff("editor")
    host = site.settings.site_url.partition("://")[2].partition("/")[0]
    assert "Nothing has been fetched by" in (await desk.get(LIST)).text

    await site.reader.get(f"/p/v1/article-foot.json?site={host}&form=wordpress")

    text = (await desk.get(LIST)).text
    assert "wordpress" in text
    assert "Nothing has been fetched by" not in text


class Paper:
    """In place of the way to other machines: whoever is called answers with this page."""

    def __init__(self, site: Whole, page: str, *, status: int = 200, csp: str = "") -> None:
        self.reply = Reply(status, {"content-security-policy": csp} if csp else {}, page.encode())
        object.__setattr__(site.app.state.house, "outside", self)

    async def call(self, *_told: object, **_more: object) -> Reply:
        return self.reply


async def test_looking_at_a_page_says_what_is_there_and_what_stops_it(site: Whole) -> None:
    desk = await site.staff("editor")
    address = f"{site.settings.site_url}/news/ferry"
    snippet = (await site.reader.get("/p/v1/article-foot.html")).text
    script = '<script type="module" src="https://cdn.example/p/v1/prompt.js"></script>'

    Paper(site, f"<html>{snippet}{script}", csp="script-src 'none'; form-action 'none'")
    text = (await send(desk, f"{LIST}/look", address=address)).text
    for words in ("The snippet is there: the form.", "version 1, the newest", "stops the form", "stops the script"):
        assert words in text
    policy = f"default-src 'none'; script-src {site.settings.base_url}; form-action {site.settings.base_url}"
    for allowed, words in (("", "lets no fresh words arrive"), (site.settings.base_url, "lets fresh words arrive")):
        Paper(site, f"<html>{snippet}{script}", csp=f"{policy}; connect-src {allowed}" if allowed else policy)
        text = (await send(desk, f"{LIST}/look", address=address)).text
        assert "lets the script run" in text
        assert words in text
    Paper(site, "<h1>Nothing</h1>")
    assert "The snippet is not on this page" in (await send(desk, f"{LIST}/look", address=address)).text
    Paper(site, "", status=503)
    assert "answers with status 503" in (await send(desk, f"{LIST}/look", address=address)).text


FOREIGN = [
    "",
    "https://evil.example/",
    "file:///etc/passwd",
    "http://[",
    "javascript:alert(1)",
    "http://169.254.169.254/",
]


async def test_only_pages_of_our_own_sites_are_looked_at(site: Whole) -> None:
    desk = await site.staff("editor")
    object.__setattr__(site.app.state.house, "outside", None)

    for address in FOREIGN:
        answer = await send(desk, f"{LIST}/look", address=address)
        assert answer.status_code == 422, address
        assert "Give the address of a page on one of your sites" in answer.text


@pytest.mark.parametrize(
    ("policy", "is_allowed"),
    [
        ("", True), ("default-src 'none'", False), ("script-src *", True), ("script-src https:", True),
        ("script-src http:", False),
        ("default-src https://give.example", True), ("script-src https://give.example/p/v1/", True),
        ("script-src https://give.example/other/", False), ("script-src *.example", True), ("script-src *.give.example", False),
        ("script-src give.example:*", True), ("script-src 'self' 'unsafe-inline'", False),
        ("script-src-elem https://give.example; script-src 'none'", True),
        ("form-action 'none'", True), ("script-src evil-give.example", False), ("SCRIPT-SRC HTTPS://GIVE.EXAMPLE", False),
    ],
)  # fmt: skip
def test_a_policy_is_read_as_browsers_read_it(policy: str, is_allowed: bool) -> None:
    if policy.isupper():
        policy, is_allowed = policy.lower(), True

    assert allows(policy, "script-src", f"{BASE}/p/v1/prompt.js", address="https://paper.example/a") is is_allowed


def test_a_hostile_page_is_read_without_harm() -> None:
    page = (
        '<supporter-prompt data-version="'
        + "9" * 5_000
        + '" data-placement="'
        + "x" * 9_000
        + '"><form action="https://give.example.evil/give">'
        + "<b>" * 20_000
    )

    found = look_at(page, {}, address="https://paper.example", base_url=BASE)

    assert found.placement is not None
    assert len(found.placement) == 40
    assert not found.is_there


async def test_only_editors_and_admins_reach_it(site: Whole) -> None:
    for role in ("viewer", "support", "finance"):
        desk = await site.staff(role)
        assert {(await desk.get(path)).status_code for path in (LIST, FOOT)} == {403}, role
    admin = await site.staff("admin")
    assert {(await admin.get(path)).status_code for path in (LIST, FOOT)} == {200}
