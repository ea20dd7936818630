"""Two supporters: whatever address of one is asked by the other, or by nobody, nothing of hers shows or changes."""

import re

import httpx
import pytest
from litestar.handlers import BaseRouteHandler
from sqlalchemy import select

from givers import Add, Given, LetIn
from pages import Page
from routes import handlers_of
from supporters.kit.db import Database
from supporters.plans.links import PlanLinks
from supporters.tables import METADATA
from supporters.web.common.access import SUPPORTER
from whole import Whole

ADA, BEN = "ada.brook@example.org", "ben.osei@example.org"
OWN = ("/me", "/giving")
HERS = ("donation", "plan", "plan_event", "plan_change", "receipt", "supporter", "email_address", "instalment")


def addresses(path: str, given: Given, token: str) -> list[str]:
    """The route with Ada's ids in the place of each parameter: the plan's, the payment's, the link's."""
    if "{" not in path:
        return [path]
    if path.startswith("/giving"):
        return [re.sub(r"\{[^}]+\}", token, path, count=1).replace("{", "").replace("}", "")]
    return [re.sub(r"\{[^}]+\}", each, path) for each in (given.plan_id, given.donations[-1], "2026")]


def own_routes(site: Whole) -> list[tuple[str, str, BaseRouteHandler]]:
    return [row for row in handlers_of(site.app) if row[0].startswith(OWN)]


async def hers(db: Database, given: Given) -> dict[str, list[tuple[object, ...]]]:
    """Every row that is about Ada."""
    mine = {given.supporter_id, given.plan_id, *given.donations}
    found: dict[str, list[tuple[object, ...]]] = {}
    async with db.reading() as session:
        for name in HERS:
            table = METADATA.tables[name]
            rows = await session.execute(select(table).order_by(*table.primary_key.columns))
            found[name] = [tuple(row) for row in rows if mine & {each for each in row if isinstance(each, str)}]
    return found


async def secrets(db: Database, given: Given) -> list[str]:
    """What only Ada may read: name, address, references, numbers of receipts."""
    rows = await hers(db, given)
    said = {str(value) for name in ("donation", "plan", "receipt") for row in rows[name] for value in row}
    kept = {each for each in said if re.fullmatch(r"[DP]-[0-9A-Z]{8}|R-2026-\d+", each)}
    return [ADA, "Ada Brook", *sorted(kept)]


@pytest.fixture
async def pair(site: Whole, add: Add) -> Given:
    """Ada, whose pages are asked for, and Ben, who asks."""
    await add(BEN, name="Ben Osei", payments=1)
    return await add(ADA, payments=2)


async def test_nothing_of_hers_shows_or_changes_for_another_or_for_nobody(
    site: Whole, pair: Given, let_in: LetIn
) -> None:
    ben = await let_in(BEN)
    seal = next(str(tag["value"]) for tag in Page((await ben.get("/me")).text).inputs if tag.get("name") == "seal")
    kept, before, asked = await secrets(site.db, pair), await hers(site.db, pair), 0

    for path, method, handler in own_routes(site):
        if path.startswith("/me/sign-out"):
            continue
        for address in addresses(path, pair, "forged"):
            for who, browser in (("ben", ben), ("nobody", site.reader)):
                answer = await ask(browser, method, address, seal)
                asked += 1
                assert answer.status_code < 500, (who, method, address)
                assert [each for each in kept if each in answer.text] == [], (who, method, address)
                if "{" in path and not address.endswith("/2026"):  # of a year, everybody sees their own
                    assert answer.status_code in {303, 403, 404, 410, 422}, (who, address)
                    assert is_turned_away(answer), (who, address)
                if handler.opt["access"] == SUPPORTER and who == "nobody":
                    assert answer.headers["location"].startswith("/sign-in"), address

    assert len(kept) >= 7
    assert asked > 20
    assert await hers(site.db, pair) == before


async def ask(browser: httpx.AsyncClient, method: str, address: str, seal: str) -> httpx.Response:
    if method in {"GET", "HEAD"}:
        return await browser.request(method, address)
    wish = {"wish": "yearly"} if "receipts" in address else {}
    return await browser.request(method, address, data={"seal": seal, **wish})


def is_turned_away(answer: httpx.Response) -> bool:
    """A redirect leads to the door and nowhere into somebody's pages."""
    return answer.status_code != 303 or answer.headers["location"].startswith("/sign-in")


async def test_every_page_of_a_supporter_names_who_may_see_it(site: Whole) -> None:
    routes = own_routes(site)

    assert len(routes) >= 10
    assert {path for path, _method, handler in routes if handler.opt.get("access") is None} == set()
    assert all(handler.opt["access"] == SUPPORTER for path, _method, handler in routes if path.startswith("/me"))


async def test_link_of_a_letter_opens_its_plan_alone_and_changes_nothing(site: Whole, pair: Given) -> None:
    links = PlanLinks(site.settings.secret_key, "")
    url = links.plan_url(pair.plan_id, now=site.clock.now())
    before = await hers(site.db, pair)

    for _ in range(3):
        assert (await site.reader.head(url)).status_code == 200
    page = await site.reader.get(url)

    assert "£10 a month" in page.text
    assert f"{url}/stop" in Page(page.text).links()
    assert [each for each in (ADA, "Ada Brook", "/me/receipts") if each in page.text] == []
    assert await hers(site.db, pair) == before
    assert page.headers["cache-control"] == "no-store"


async def test_run_out_or_forged_link_opens_nothing(site: Whole, pair: Given) -> None:
    links = PlanLinks(site.settings.secret_key, "")
    old = links.token(pair.plan_id, now=site.clock.now().replace(year=2025))
    other = PlanLinks("another secret of more than 32 characters", "").token(pair.plan_id, now=site.clock.now())

    for token in (old, other, pair.plan_id, f"{pair.plan_id}-99999.x", "x" * 3_000, "%00"):
        assert (await site.reader.get(f"/giving/{token}")).status_code == 404, token
