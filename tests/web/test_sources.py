"""The report of sources, issues and articles at the desk, and the short address in print."""

import csv
import html
import io
import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import insert, select

from supporters.appeals.models import Article, Attribution, PrintIssue
from supporters.audit.models import AuditEntry
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside
from supporters.settings import Settings
from supporters.web.desk.issues import qr_svg
from whole import Mailbag, Whole, hidden_fields, running, words

PATH = "/2822/the-river-crew"


async def settled(site: Whole, **form: str) -> None:
    """A donation that went all the way to the books."""
    await site.pay(await site.give(**form))
    await site.settle()


async def add_article(site: Whole, title: str, path: str = PATH, issue: str | None = "2822") -> None:
    """An article that the site's own feed has named."""
    async with site.db.unit_of_work() as session:
        row = {
            "id": site.ids.ulid(), "site": site.settings.site_url, "path": path, "title": title, "issue": issue, "tags": [],
            "is_verified": True, "seen_at": site.clock.now(),
        }  # fmt: skip
        await session.execute(insert(Article).values(row))


async def seal(desk: httpx.AsyncClient) -> str:
    return hidden_fields((await desk.get("/desk")).text)["seal"]


async def test_an_editor_sees_totals_and_no_name_and_no_link_to_a_donation(site: Whole) -> None:
    await add_article(site, "The crew & the <river>")
    await settled(site, article=PATH, issue="2822")
    desk = await site.staff("editor")

    page = await desk.get("/desk/sources")

    told = words(page.text)
    assert "The crew & the <river> /2822/the-river-crew Donations: 1 · People: 1 Fees: −£0.58 Claimed: 100% 1 1" in told
    assert "Claimed: 100% 1 1 £25.00 – −£0.58 – £24.42 100%" in told
    assert "<river>" not in page.text
    assert "/desk/donations" not in page.text
    assert "Osei" not in page.text
    await desk.aclose()


async def test_what_a_narrow_screen_hides_stands_under_the_name_also_of_the_sum(site: Whole) -> None:
    await settled(site, article=PATH)
    desk = await site.staff("editor")

    page = (await desk.get("/desk/sources")).text

    under = [words(each) for each in re.findall(r'<span class="narrow[^"]*">(.*?)</span>', page, re.DOTALL)]
    assert under == ["Donations: 1 · People: 1 Fees: −£0.58", "Claimed: 100%"] * 2
    await desk.aclose()


async def test_finance_comes_from_a_row_to_its_donations(site: Whole) -> None:
    await settled(site, article=PATH)
    await settled(site, amount="10", article="/other", issue="2823")
    desk = await site.staff("finance")

    for by, wanted in (("article", "£25.00"), ("issue", "£10.00")):
        page = await desk.get(f"/desk/sources?by={by}&period=week")
        href = next(each for each in re.findall(r'href="(/desk/donations\?[^"]*)"', page.text) if f"{by}=" in each)
        rows = words((await desk.get(html.unescape(href))).text)

        assert f"Sum of 1 paid {wanted}" in rows
    await desk.aclose()


async def test_a_path_that_only_a_link_named_is_shown_as_a_path_and_never_as_a_title(site: Whole) -> None:
    await settled(site, article="/<b>we-close-down</b>")
    desk = await site.staff("editor")

    page = await desk.get("/desk/sources")

    assert "/<b>we-close-down</b> Donations: 1" in words(page.text)
    assert "<b>we" not in page.text
    await desk.aclose()


async def test_a_verified_title_stands_in_the_list_on_the_donation_and_on_today(site: Whole) -> None:
    await add_article(site, "Who keeps the river open?")
    await settled(site, article=PATH)
    desk = await site.staff("finance")

    listed = await desk.get("/desk/donations")
    link = re.search(r"/desk/donations/[0-9A-Z]{26}", listed.text)
    assert link
    donation = words((await desk.get(link[0])).text)

    assert "Who keeps the river open?" in words(listed.text)
    assert "Title Who keeps the river open?" in donation
    assert "As the address of the page said; nothing of ours has signed it." in donation
    assert "Who keeps the river open?" in words((await desk.get("/desk")).text)
    await desk.aclose()


async def test_the_same_path_on_two_sites_is_two_lines_on_today(site: Whole) -> None:
    for amount in ("25", "10"):
        await settled(site, amount=amount, article=PATH)
    async with site.db.unit_of_work() as session:
        (first, _second) = (await session.scalars(select(Attribution).order_by(Attribution.id))).all()
        first.site = "https://weekend.example"
    desk = await site.staff("finance")

    page = words((await desk.get("/desk")).text)

    assert "The river crew weekend.example , 1 donation £25.00 The river crew 1 donation £10.00" in page
    await desk.aclose()


async def test_every_way_and_period_answers_and_unreadable_days_are_said_to_be_so(site: Whole) -> None:
    desk = await site.staff("viewer")

    for query in (
        "by=issue",
        "by=appeal&period=year",
        "by=placement&period=week",
        "by=origin",
        "by=nonsense",
        "period=x",
    ):
        assert (await desk.get(f"/desk/sources?{query}")).status_code == 200, query
    for query in ("from=yesterday", "from=2026-11-22&to=2026-11-01", "period=days&to=9999-12-31", "from=%E2%80%AE1"):
        page = await desk.get(f"/desk/sources?{query}")
        assert (page.status_code, "There is a problem" in page.text) == (422, True), query
        assert (await desk.get(f"/desk/sources.csv?{query}")).status_code == 400, query
    await desk.aclose()


async def test_the_file_holds_the_same_figures_and_no_formula(site: Whole) -> None:
    await add_article(site, "=HYPERLINK(1)")
    await settled(site, article=PATH)
    await settled(site, amount="10", source="+49")
    desk = await site.staff("editor")

    by_article = (await desk.get("/desk/sources.csv?by=article")).text
    by_origin = (await desk.get("/desk/sources.csv?by=origin")).text
    rows = list(csv.reader(io.StringIO(by_article.removeprefix("\ufeff"))))

    address = site.settings.site_url + PATH
    assert rows[1] == [
        "'=HYPERLINK(1)",
        address,
        "GBP",
        "1",
        "1",
        "25.00",
        "0.58",
        "0.00",
        "0.00",
        "0.00",
        "24.42",
        "1",
    ]
    assert rows[-1] == ["Sum", "", "GBP", "2", "1", "35.00", "0.93", "0.00", "0.00", "0.00", "34.07", "2"]
    assert '"\'+49"' in by_origin
    await desk.aclose()


async def test_rows_beyond_the_page_are_put_together_so_that_the_table_adds_up(
    site: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supporters.web.desk.source_words.MOST_ROWS", 1)
    for number in range(3):
        await settled(site, amount="10", article=f"/{number}")
    desk = await site.staff("editor")

    page = words((await desk.get("/desk/sources")).text)

    assert "2 more all in the CSV file Donations: 2 · People: 2 Fees: −£0.70 Claimed: 100% 2 2 £20.00" in page
    assert "Sum Donations: 3 · People: 1 Fees: −£1.05 Claimed: 100% 3 1 £30.00" in page
    await desk.aclose()


ISSUE = {
    "number": "2822",
    "published_on": "2026-11-20",
    "title": "The river",
    "cover_url": "",
    "pdf_url": "",
    "appeal_slug": "",
}


async def add_issue(desk: httpx.AsyncClient, **changes: str) -> httpx.Response:
    return await desk.post("/desk/issues/new", data={"seal": await seal(desk), **ISSUE, **changes})


async def test_a_reader_of_the_printed_issue_gives_through_its_short_address(site: Whole) -> None:
    desk = await site.staff("editor")
    added = await add_issue(desk)
    page = await desk.get(added.headers["location"])

    short = await site.reader.get("/q/2822")
    opened = await site.reader.get(short.headers["location"])
    fields = hidden_fields(opened.text)
    await site.pay(await site.give(**{name: fields[name] for name in ("issue", "placement", "source", "sig")}))
    await site.settle()

    assert (added.status_code, short.status_code) == (303, 303)
    assert f"Make a donation: {urlsplit(site.settings.base_url).netloc}/q/2822" in words(page.text)
    async with site.db.reading() as session:
        origin = (await session.scalars(select(Attribution))).one()
        audited = (await session.scalars(select(AuditEntry.action))).all()
    assert (origin.issue, origin.placement, origin.source, origin.is_claimed) == ("2822", "print", "print", False)
    assert "issue.add" in audited
    report = words((await desk.get("/desk/sources?by=issue")).text)
    assert (
        "Issue 2822 The river Donations: 1 · People: 1 Fees: −£0.58 Claimed: 0% 1 1 £25.00 – −£0.58 – £24.42 0%"
        in report
    )
    await desk.aclose()


async def test_the_link_of_an_issues_own_page_is_signed(site: Whole) -> None:
    desk = await site.staff("editor")
    page = await desk.get((await add_issue(desk)).headers["location"])

    link = re.search(r"https?://[^<\s]*/give\?[^<\s]*", html.unescape(page.text))
    assert link
    query = {name: values[0] for name, values in parse_qs(urlsplit(link[0]).query).items()}
    await settled(site, **query)

    async with site.db.reading() as session:
        origin = (await session.scalars(select(Attribution))).one()
    assert (origin.issue, origin.placement, origin.is_claimed) == ("2822", "issue-page", False)
    await desk.aclose()


async def test_a_number_that_is_not_on_record_leads_to_the_general_page_unsigned(site: Whole) -> None:
    for number in ("9999", "%3Cb%3E", "x" * 3000, "%E2%80%AE", "2822%00"):
        answer = await site.reader.get(f"/q/{number}")
        link = re.search(r'href="(/give[^"]*)"', answer.text)

        assert (answer.status_code, "sig=" in answer.text) == (404, False), number
        assert link, number
        opened = await site.reader.get(html.unescape(link[1]))
        assert (opened.status_code, hidden_fields(opened.text)["placement"]) == (200, "print"), number


FAULTS = [
    ({"number": ""}, "Enter the issue"),
    ({"number": "28/22"}, "Enter letters and figures only"),
    ({"number": "9" * 10_000}, "at most 20 characters"),
    ({"published_on": "20.11.2026"}, "Write the day"),
    ({"title": "T" * 10_000}, "at most 200 characters"),
    ({"pdf_url": "https://evil.example/2822.pdf"}, "on one of your own sites"),
    ({"cover_url": "javascript:alert(1)"}, "on one of your own sites"),
    ({"cover_url": "//evil.example/x"}, "on one of your own sites"),
]


async def test_a_faulty_issue_comes_back_filled_in_and_is_not_stored(site: Whole) -> None:
    desk = await site.staff("editor")

    for change, said in FAULTS:
        answer = await add_issue(desk, **change)

        assert (answer.status_code, said in html.unescape(answer.text)) == (422, True), said
        assert 'value="The river"' in answer.text or "title" in change, said
    async with site.db.reading() as session:
        assert (await session.scalars(select(PrintIssue))).all() == []
    await desk.aclose()


async def test_an_issue_is_changed_and_no_two_have_one_number(site: Whole) -> None:
    desk = await site.staff("editor")
    first = (await add_issue(desk)).headers["location"].partition("?")[0]
    second = (await add_issue(desk, number="2823")).headers["location"].partition("?")[0]

    again = await add_issue(desk)
    taken = await desk.post(second, data={"seal": await seal(desk), **ISSUE})
    own = {**ISSUE, "title": "The river, corrected", "pdf_url": f"{site.settings.site_url}/2822.pdf"}
    changed = await desk.post(first, data={"seal": await seal(desk), **own})
    listed = words((await desk.get("/desk/issues")).text)

    assert (again.status_code, taken.status_code, changed.status_code) == (422, 422, 303)
    assert "2822 The river, corrected 20 Nov Yes 2823 The river" in listed or "2823 The river 20 Nov" in listed
    assert "The river, corrected" in listed
    await desk.aclose()


async def test_the_qr_code_is_a_plain_picture_of_the_short_address(site: Whole) -> None:
    desk = await site.staff("editor")
    where = (await add_issue(desk)).headers["location"].partition("?")[0]

    shown = await desk.get(f"{where}/qr.svg")
    taken = await desk.get(f"{where}/qr.svg?download=1")

    assert shown.headers["content-type"].startswith("image/svg+xml")
    assert shown.content == qr_svg(f"{site.settings.base_url}/q/2822")
    assert "script" not in shown.text
    assert taken.headers["content-disposition"] == 'attachment; filename="issue-2822-qr.svg"'
    await desk.aclose()


FEED = b"""<rss><channel><item><title>The crew</title><link>/2822/crew</link><category>Issue 2822</category></item>
</channel></rss>"""


async def test_the_feed_is_read_at_the_press_of_a_button_and_a_broken_one_is_said_to_be_so(
    sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    answers = [httpx.Response(200, content=FEED), httpx.Response(200, content=b"<!DOCTYPE x []><rss/>")]
    outside = Outside(private_hosts=["127.0.0.1"], transport=httpx.MockTransport(lambda _request: answers.pop(0)))
    told = replace(settings, feed_urls=("http://127.0.0.1/feed.xml",), other_sites=("http://127.0.0.1",))
    async with running(sqlite_db, clock, Ids(clock), told, mailbag) as site:
        site.app.state.house = replace(site.app.state.house, outside=outside)
        desk = await site.staff("editor")

        first = await desk.post("/desk/issues/feed", data={"seal": await seal(desk)})
        page = words((await desk.get(first.headers["location"])).text)
        await desk.post("/desk/issues/feed", data={"seal": await seal(desk)})
        broken = words((await desk.get("/desk/issues?done=read")).text)

        assert "The feed was read just now." in page
        assert "1 new, 0 changed" in page
        assert "Issue 2822 (1 article)" in page
        assert "The crew 2822 Issue 2822" in page
        assert "The feed could not be read. The feed holds a document type or entities" in broken
        assert "The crew 2822 Issue 2822" in broken
        await desk.aclose()
