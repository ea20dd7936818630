"""The donation page as readers and links open it."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event, update

from pages import Page
from supporters.guard.switches import GIVING, set_switch
from supporters.newsletters.models import Newsletter
from whole import Whole, hidden_fields


async def test_cold_page_chooses_nothing_for_the_reader(site: Whole) -> None:
    page = (await site.reader.get("/give")).text

    assert Page(page).chosen() == []
    assert [words for _tag, marks, words in Page(page).texts if marks.get("class") == "unsaid"] == ["Continue"]
    assert "Error:" not in page


async def test_the_newsletter_box_has_the_words_of_the_first_public_list_and_goes_with_it(site: Whole) -> None:
    async def shown(**changed: object) -> str:
        async with site.db.unit_of_work() as session:
            await session.execute(update(Newsletter).values(**changed))
        site.clock.advance(timedelta(seconds=6))
        return (await site.reader.get("/give")).text

    offered = await shown(name="Lamp News", wording="Send me <News> on Sundays.")
    named = await shown(wording="Send me Lamp News on Sundays.")
    private = await shown(is_public=False)

    assert "<span>Lamp News: Send me &lt;News&gt; on Sundays.</span>" in offered  # which of the paper's letters it is
    assert "<span>Send me Lamp News on Sundays.</span>" in named
    assert 'name="newsletter"' not in private


async def test_monthly_of_a_link_is_chosen_on_its_own_ladder(site: Whole) -> None:
    answer = await site.reader.get("/give", params={"frequency": "monthly", "amount": "10"})

    page = Page(answer.text)
    assert answer.status_code == 200
    assert page.chosen() == ["monthly", "10"]
    assert [box["name"] for box in page.inputs if "checked" in box] == ["frequency", "monthly"]


@pytest.mark.parametrize(
    ("query", "checked"),
    [
        ({"once": "10"}, ["frequency once", "once 10"]),
        ({"yearly": "50"}, ["frequency yearly", "yearly 50"]),
        ({"monthly": "other", "other": "7"}, ["frequency monthly", "monthly other"]),
        ({"once": "10", "monthly": "5"}, ["once 10"]),
        ({"amount": "10"}, ["once 10"]),
    ],
)
async def test_who_chose_on_one_ladder_is_not_asked_again_how_often(
    site: Whole, query: dict[str, str], checked: list[str]
) -> None:
    page = Page((await site.reader.get("/give", params=query)).text)

    assert [f"{box['name']} {box['value']}" for box in page.inputs if "checked" in box] == checked


@pytest.mark.parametrize(
    ("query", "chosen", "other"),
    [
        ({"amount": "25"}, ["25"], ""),
        ({"amount": "£10"}, ["10"], ""),
        ({"amount": "12.50"}, ["other"], "12.50"),
        ({"amount": "10,00"}, ["10"], ""),
        ({"once": "50", "other": "3"}, ["50"], ""),
        ({"once": "other", "other": "33"}, ["other"], "33"),
        ({"other": "33"}, ["other"], "33"),
    ],
)
async def test_choice_of_a_link_is_carried(site: Whole, query: dict[str, str], chosen: list[str], other: str) -> None:
    answer = await site.reader.get("/give", params={"frequency": "once", **query})

    assert answer.status_code == 200
    assert Page(answer.text).chosen() == ["once", *chosen]
    assert Page(answer.text).value("other") == other


@pytest.mark.parametrize(("amount", "kept"), [("1", "2"), ("99999", "10000")])
async def test_amount_outside_the_limits_is_clamped_and_said(site: Whole, amount: str, kept: str) -> None:
    answer = await site.reader.get("/give", params={"amount": amount})

    assert answer.status_code == 200
    assert Page(answer.text).value("other") == kept
    assert "donation is £" in answer.text or "by card is £" in answer.text


async def test_unknown_appeal_lands_on_the_general_fund_with_a_notice(site: Whole) -> None:
    by_query = await site.reader.get("/give", params={"appeal": "moon-landing"})
    by_path = await site.reader.get("/g/moon-landing")

    assert (by_query.status_code, by_path.status_code) == (200, 404)
    for answer in (by_query, by_path):
        assert "goes to the general fund" in answer.text
        assert "appeal" not in hidden_fields(answer.text)
        assert "<form" in answer.text


async def test_where_the_reader_came_from_travels_along(site: Whole) -> None:
    answer = await site.reader.get(
        "/give",
        params={"article": "/2026/ferry", "issue": "2822", "source": "article", "utm_source": "letter", "fbclid": "x"},
        headers={"referer": "https://news.example.net/list?q=secret"},
    )

    carried = hidden_fields(answer.text)
    assert carried["article"] == "/2026/ferry"
    assert carried["issue"] == "2822"
    assert carried["utm_source"] == "letter"
    assert carried["referrer"] == "news.example.net"
    assert "fbclid" not in answer.text
    assert "secret" not in answer.text
    assert f'href="{site.settings.site_url}/2026/ferry"' in answer.text


@pytest.mark.parametrize(
    "article",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "data:text/html,x",
    ],
)
async def test_way_back_never_leaves_the_paper(site: Whole, article: str) -> None:
    page = (await site.reader.get("/give", params={"article": article})).text

    addresses = Page(page).links()
    assert all(address.startswith(("/", "#", "mailto:", site.settings.site_url)) for address in addresses)
    assert not any(address.startswith("//") or "evil" in address for address in addresses)


async def test_cached_appeal_costs_no_query(site: Whole) -> None:
    await site.reader.get("/give")
    statements: list[str] = []
    event.listen(site.db.engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    answers = [await site.reader.get("/give", params={"amount": "25"}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert statements == []


async def test_page_and_all_it_loads_weigh_at_most_35_kilobytes(site: Whole) -> None:
    answer = await site.reader.get("/give", params={"amount": "25"})
    loads = set(re.findall(r'(?:href|src)="(/assets/[^"#]*)', answer.text))
    total = len(answer.content)
    for address in loads:
        async with site.reader.stream("GET", address, headers={"accept-encoding": "gzip"}) as asset:
            assert asset.status_code == 200
            total += sum([len(chunk) async for chunk in asset.aiter_raw()])

    assert total <= 35_000
    assert "<script" not in answer.text
    assert not re.findall(r'style="', answer.text)


async def test_switched_off_giving_shows_the_words_of_staff(site: Whole) -> None:
    async with site.db.unit_of_work() as session:
        await set_switch(session, GIVING, is_off=True, words="Back at noon.", actor_id=None, now=site.clock.now())

    answers: list[httpx.Response] = [await site.reader.get("/give"), await site.reader.get("/g/general")]

    for answer in answers:
        assert answer.status_code == 503
        assert "Back at noon." in answer.text
        assert "<form" not in answer.text
