"""Connections at the desk, and the address at which senders reach us."""

import html
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from connecting import CLEO
from sqlalchemy import select
from stand_ins import ListmonkStandIn, MailchimpStandIn

from joining import Lists
from machines import wire
from supporters.audit.models import AuditEntry
from supporters.connectors.models import Connector
from supporters.connectors.opening import hook_url
from supporters.newsletters.lists import ensure_first_list
from supporters.newsletters.models import Consent
from whole import Whole, hidden_fields

NEW = "/desk/senders/connections/new"
LISTMONK = {"kind": "listmonk", "label": "Letters", "base_url": "https://sender.example", "user": "api_user"}
LISTMONK["key"] = "token-1"
MAILCHIMP = {"kind": "mailchimp", "label": "Letters", "base_url": "", "user": "", "key": "0123456789abcdef-us21"}


async def send(desk: httpx.AsyncClient, page: str, action: str, **fields: str) -> httpx.Response:
    """A form of the page, sent to `action` with its seal."""
    seal = hidden_fields((await desk.get(page)).text)["seal"]
    return await desk.post(action, data={"seal": seal, **fields})


async def ready(site: Whole, stand_in: Any) -> httpx.AsyncClient:
    """An admin of a house with its first list, whose senders stand in this process."""
    wire(site, sender_example=stand_in, us21_api_mailchimp_com=stand_in)
    async with site.db.unit_of_work() as session:
        await ensure_first_list(session, settings=site.settings, ids=site.tools.ids, now=site.clock.now())
    return await site.staff()


async def connected(site: Whole, desk: httpx.AsyncClient, fields: dict[str, str], outside_id: str) -> str:
    """A connection that was made at the desk, its list chosen; its page."""
    answer = await send(desk, NEW, NEW, **fields)
    assert answer.status_code == 303, answer.text
    lists_page = answer.headers["location"]
    chosen = await send(desk, lists_page, lists_page, **{"list:daily": outside_id})
    assert chosen.status_code == 303, chosen.text
    await site.worker.drain()
    return lists_page.removesuffix("/lists")


async def round_of(site: Whole) -> None:
    site.clock.advance(timedelta(minutes=6))
    await site.worker.tick()
    await site.worker.drain()


def lists_of(site: Whole) -> Lists:
    return Lists(site.db, site.clock, site.tools.ids, site.settings)


@pytest.mark.parametrize(
    ("fields", "outside_id"), [(LISTMONK, "3"), (MAILCHIMP, "a6b5da1054")], ids=["listmonk", "mailchimp"]
)
async def test_sender_is_connected_and_the_lists_go_both_ways(
    site: Whole, fields: dict[str, str], outside_id: str
) -> None:
    stand_in = ListmonkStandIn(site.clock) if outside_id == "3" else MailchimpStandIn(site.clock)
    desk = await ready(site, stand_in)
    page = await connected(site, desk, fields, outside_id)
    await lists_of(site).join(CLEO)

    await round_of(site)
    site.clock.advance(timedelta(minutes=5))
    if isinstance(stand_in, ListmonkStandIn):
        assert stand_in.on(CLEO) == "confirmed"
        stand_in.unsubscribe(CLEO)
    else:
        assert stand_in.member(CLEO)["status"] == "subscribed"
        stand_in.leave(CLEO)
    await round_of(site)

    shown = (await desk.get(page)).text
    assert re.search(r"<dd>\s*1, 1, 0\s*</dd>", shown)
    assert stand_in.key not in shown
    assert list((await lists_of(site).states()).values()) == ["stopped"]
    overview = (await desk.get("/desk/senders")).text
    assert "Letters" in overview
    async with site.db.reading() as session:
        actions = [each for each in await session.scalars(select(AuditEntry.action)) if each.startswith("connector")]
    assert actions == ["connector.add", "connector.lists"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "other"}, {"kind": ""}, {"label": " "}, {"base_url": ""}, {"base_url": "http://sender.example"},
        {"base_url": "https://10.0.0.1"}, {"base_url": "https://a:b@sender.example"}, {"user": ""}, {"key": ""},
        {"key": "x" * 400}, {"user": "a\r\nb"}, {"kind": "mailchimp", "base_url": "", "key": "no-data-centre-here"},
    ],
)  # fmt: skip
async def test_connection_that_can_not_work_comes_back_in_the_form(site: Whole, wrong: dict[str, str]) -> None:
    desk = await ready(site, ListmonkStandIn(site.clock))

    answer = await send(desk, NEW, NEW, **{**LISTMONK, **wrong})

    assert answer.status_code == 422
    assert "token-1" not in answer.text
    async with site.db.reading() as session:
        assert (await session.scalars(select(Connector))).all() == []


async def test_wrong_key_is_said_at_once_and_mended_at_the_desk(site: Whole) -> None:
    stand_in = ListmonkStandIn(site.clock)
    desk = await ready(site, stand_in)
    made = await send(desk, NEW, NEW, **{**LISTMONK, "key": "wrong"})
    lists_page = made.headers["location"]
    page = lists_page.removesuffix("/lists")

    refused = await desk.get(lists_page)
    posted = await send(desk, page, lists_page, **{"list:daily": "3"})
    mended = await send(
        desk, page, f"{page}/credentials", base_url=LISTMONK["base_url"], user="api_user", key="token-1"
    )

    assert "It refused our name and key (403)." in refused.text
    assert "It refused our name and key (403)." in posted.text
    assert mended.headers["location"] == lists_page
    assert "The sender answers." in (await desk.get(lists_page)).text
    empty = await send(desk, page, f"{page}/credentials", base_url=LISTMONK["base_url"], user="", key="")
    assert empty.status_code == 422


async def test_connection_that_was_paused_by_a_refusal_says_what_to_do(site: Whole) -> None:
    stand_in = ListmonkStandIn(site.clock)
    desk = await ready(site, stand_in)
    page = await connected(site, desk, LISTMONK, "3")
    stand_in.key = "changed"
    await round_of(site)

    shown = (await desk.get(page)).text

    assert "so the connection is paused. Enter them again below, then go on." in html.unescape(shown)
    stand_in.key = "token-1"
    await send(desk, page, f"{page}/turn", turn="on")
    await site.worker.drain()
    assert "The last round went well." in (await desk.get(page)).text


async def test_lists_that_do_not_fit_come_back_in_the_form(site: Whole) -> None:
    desk = await ready(site, ListmonkStandIn(site.clock))
    await lists_of(site).add("weekly")
    page = await connected(site, desk, LISTMONK, "3")

    unknown = await send(desk, page, f"{page}/lists", **{"list:daily": "99"})
    twice = await send(desk, page, f"{page}/lists", **{"list:daily": "4", "list:weekly": "4"})

    assert (unknown.status_code, twice.status_code) == (422, 422)
    assert "go to the same list of theirs" in twice.text


async def test_connection_is_paused_told_again_and_removed(site: Whole) -> None:
    desk = await ready(site, ListmonkStandIn(site.clock))
    page = await connected(site, desk, LISTMONK, "3")

    again = await send(desk, page, f"{page}/again")
    paused = await send(desk, page, f"{page}/turn", turn="off")
    unsure = await send(desk, page, f"{page}/remove")
    removed = await send(desk, page, f"{page}/remove", sure="on")

    assert [each.status_code for each in (again, paused, unsure, removed)] == [303, 303, 422, 303]
    assert (await desk.get(page)).status_code == 404


async def hook_of(desk: httpx.AsyncClient, page: str) -> str:
    found = re.search(r'value="(http[^"]+/hooks/senders/[^"]+)"', (await desk.get(page)).text)
    assert found
    return html.unescape(found[1])


async def test_webhook_of_a_sender_stops_the_reader_at_once_and_once(site: Whole) -> None:
    stand_in = MailchimpStandIn(site.clock)
    desk = await ready(site, stand_in)
    page = await connected(site, desk, MAILCHIMP, "a6b5da1054")
    await lists_of(site).join(CLEO)
    await round_of(site)
    hook = await hook_of(desk, page)
    fields = {
        "type": "unsubscribe",
        "data[email]": CLEO.upper(),
        "data[list_id]": "a6b5da1054",
        "data[reason]": "manual",
    }

    async with site.browser() as stranger:
        stranger.headers = httpx.Headers({"sec-fetch-site": "cross-site"})
        tried = await stranger.get(hook)
        empty = await stranger.post(hook)
        codes = [(await stranger.post(hook, data=fields)).status_code for _time in range(3)]
        other = await stranger.post(hook, data={**fields, "data[list_id]": "unknown"})

    assert (tried.status_code, empty.status_code, codes, other.status_code) == (200, 200, [200] * 3, 200)
    assert list((await lists_of(site).states()).values()) == ["stopped"]
    async with site.db.reading() as session:
        assert len((await session.scalars(select(Consent))).all()) == 2


async def test_bounce_report_in_json_suppresses_the_address(site: Whole) -> None:
    desk = await ready(site, ListmonkStandIn(site.clock))
    page = await connected(site, desk, LISTMONK, "3")
    await lists_of(site).join(CLEO)
    hook = await hook_of(desk, page)

    async with site.browser() as script:
        taken = await script.post(hook, json={"email": CLEO, "type": "hard", "source": "api"})
        soft = await script.post(hook, json={"email": "other@example.org", "type": "soft", "source": "api"})

    assert (taken.status_code, soft.status_code) == (200, 200)
    assert list((await lists_of(site).states()).values()) == ["suppressed"]


async def test_hook_with_a_token_that_we_did_not_make_is_no_hook(site: Whole) -> None:
    desk = await ready(site, ListmonkStandIn(site.clock))
    page = await connected(site, desk, LISTMONK, "3")
    hook = await hook_of(desk, page)
    gone = hook_url("01AAAAAAAAAAAAAAAAAAAAAAAA", site.settings)

    async with site.browser() as stranger:
        for address in (hook[:-1], hook + "x", hook.rpartition(".")[0], hook.replace("01", "02", 1), gone):
            for answer in (await stranger.post(address, content=b"x"), await stranger.get(address)):
                assert answer.status_code == 404, address
        large = await stranger.post(hook, content=b"x" * 70_000)

    assert large.status_code == 413
