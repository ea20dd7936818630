"""Signing up, confirming, choosing and stopping, through the doors and with real letters."""

import re
from datetime import timedelta
from email.message import EmailMessage
from itertools import product

import httpx
import pytest
from sqlalchemy import select

from pages import Page
from supporters.kit.db import Database
from supporters.newsletters.lists import ListForm, create_list, edit_list, ensure_first_list
from supporters.newsletters.models import Consent, Newsletter, Subscription
from supporters.newsletters.rules import sha256_of
from supporters.publishing import publish_all
from supporters.tables import METADATA
from whole import Whole, words

CLEO = "cleo.marsh@example.org"
SENT = "If that address can receive it, a letter is on its way. Check your inbox."
ARTICLE = "http://127.0.0.1:8000/2026/11/ferry.html?utm=x#foot"


@pytest.fixture
async def news(site: Whole) -> Whole:
    async with site.db.unit_of_work() as session:
        await ensure_first_list(session, settings=site.settings, ids=site.ids, now=site.clock.now())
    return site


async def add_list(site: Whole, slug: str) -> str:
    form = ListForm(slug=slug, name=slug.title(), how_often="Saturdays", sender_name="Nora", wording=f"Send {slug}.")
    async with site.db.unit_of_work() as session:
        return await create_list(session, form, ids=site.ids, now=site.clock.now())


async def sign_up(site: Whole, email: str = CLEO, **fields: str) -> httpx.Response:
    """As a form on an article of another site sends it."""
    headers = {"sec-fetch-site": "cross-site", "origin": "https://blog.example"}
    answer = await site.reader.post("/news", data={"email": email, "list": "daily", **fields}, headers=headers)
    await site.worker.drain()
    return answer


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return body.get_content()


def links_of(site: Whole, letter: EmailMessage) -> list[str]:
    """Every address of ours in a letter: both of its bodies and its headers."""
    html = letter.get_body(("html",))
    assert html is not None
    said = f"{text_of(letter)} {html.get_content()} {letter.get('List-Unsubscribe', '')}"
    found = re.findall(rf"{re.escape(site.settings.base_url)}(/news/[^\s\"<>]+)", said)
    assert found
    return list(dict.fromkeys(found))


async def dump(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    async with db.reading() as session:
        return {
            name: [tuple(row) for row in await session.execute(select(table).order_by(*table.primary_key.columns))]
            for name, table in METADATA.tables.items()
        }


async def confirm(site: Whole, letter: EmailMessage) -> httpx.Response:
    """The button of the page that the letter leads to."""
    (link,) = links_of(site, letter)
    page = Page((await site.reader.get(link)).text)
    answer = await site.reader.post(link, data=page.sent())
    await site.worker.drain()
    return answer


@pytest.mark.parametrize(
    ("after", "is_old", "detail"),
    [("~{mark}", True, {}), ("", False, {"wording_assumed": True}), ("~' OR 1=1", False, {"wording_assumed": True})],
)
async def test_an_article_that_still_shows_the_old_words_has_them_in_evidence(
    news: Whole, *, after: str, is_old: bool, detail: dict[str, object]
) -> None:
    async with news.db.unit_of_work() as session:
        await publish_all(session, settings=news.settings, ids=news.ids, now=news.clock.now())
        daily = (await session.scalars(select(Newsletter))).one()
        old = daily.wording
        form = ListForm(slug="daily", name="Light", how_often="Daily", sender_name="Nora", wording="Other words.")
        await edit_list(session, daily.id, form, ids=news.ids, now=news.clock.now())
    published = (await news.reader.get("/p/v1/article-foot.html")).text
    value = next(each for each in re.findall(r'name="list" value="([^"]*)"', published))
    assert value == f"daily~{sha256_of(old)[:16]}"

    await sign_up(news, list="daily" + after.replace("{mark}", value.partition("~")[2]), placement="article-foot")
    await confirm(news, news.mailbag.letters[-1])

    async with news.db.reading() as session:
        (proof,) = (await session.scalars(select(Consent))).all()
    assert proof.wording_sha256 == sha256_of(old if is_old else "Other words.")
    assert proof.detail == detail


async def test_our_own_page_names_the_words_that_it_showed(news: Whole) -> None:
    sent = Page((await news.reader.get("/news")).text).sent() | {"email": CLEO}
    async with news.db.unit_of_work() as session:
        daily = (await session.scalars(select(Newsletter))).one()
        old = daily.wording
        form = ListForm(slug="daily", name="Light", how_often="Daily", sender_name="Nora", wording="Other words.")
        await edit_list(session, daily.id, form, ids=news.ids, now=news.clock.now())

    await news.reader.post("/news", data=sent)
    await news.worker.drain()
    await confirm(news, news.mailbag.letters[-1])

    async with news.db.reading() as session:
        (proof,) = (await session.scalars(select(Consent))).all()
    assert (proof.wording_sha256, proof.detail) == (sha256_of(old), {})


async def test_from_an_article_to_the_letter_to_the_preferences_to_the_one_click_stop(news: Whole) -> None:
    answer = await sign_up(news, article=ARTICLE, placement="article-foot")
    assert (answer.status_code, SENT in words(answer.text)) == (200, True)
    assert "http://127.0.0.1:8000/2026/11/ferry.html" in Page(answer.text).links()

    (letter,) = news.mailbag.letters
    assert letter["To"] == CLEO
    assert letter["Subject"] == "Please confirm: the daily email, Morning Light from The Weekly Lamp"
    assert (letter["List-Unsubscribe"], letter["List-Id"]) == (None, None)  # it answers a person and is no list's
    confirmed = await confirm(news, letter)
    assert confirmed.status_code == 303
    page = await news.reader.get(confirmed.headers["location"])
    assert "Confirmed." in words(page.text)

    welcome = news.mailbag.letters[-1]
    assert welcome["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (
        welcome["List-Id"]
        == f"the daily email Morning Light <daily.news.{str(welcome['Message-ID']).rpartition('@')[2]}"
    )
    stop_url = str(welcome["List-Unsubscribe"]).strip("<>")
    assert stop_url.startswith(f"{news.settings.base_url}/news/stop/")
    bare = httpx.ASGITransport(app=news.app)
    async with httpx.AsyncClient(transport=bare) as mail_program:
        stopped = await mail_program.post(stop_url, data={"List-Unsubscribe": "One-Click"})
    assert (stopped.status_code, "Stopped" in words(stopped.text)) == (200, True)
    assert "set-cookie" not in stopped.headers

    async with news.db.reading() as session:
        proofs = (await session.scalars(select(Consent).order_by(Consent.id))).all()
    assert [(each.status, each.method) for each in proofs] == [
        ("confirmed", "double_opt_in"),
        ("stopped", "one_click"),
    ]
    assert (proofs[0].form, proofs[0].path) == ("snippet", "/2026/11/ferry.html")


async def test_a_scanner_on_every_mailed_link_changes_no_row_and_then_a_person_succeeds(news: Whole) -> None:
    await sign_up(news)
    news.clock.advance(timedelta(days=2, minutes=1))
    await news.worker.tick()
    await news.worker.drain()
    first, reminder = news.mailbag.letters
    await scan(news, [first, reminder])

    await confirm(news, reminder)

    welcome = news.mailbag.letters[-1]
    await scan(news, [first, reminder, welcome])
    preferences, stop = sorted(links_of(news, welcome))
    page = Page((await news.reader.get(preferences)).text)
    assert page.chosen() == ["on"]
    assert (await news.reader.post(stop)).status_code == 200
    assert Page((await news.reader.get(preferences)).text).chosen() == []


async def scan(site: Whole, letters: list[EmailMessage]) -> None:
    """HEAD and GET ten times on every link of the letters, without our own headers, as a mail scanner does."""
    before = await dump(site.db)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site.app)) as scanner:
        for link in {link for letter in letters for link in links_of(site, letter)}:
            for method in ("HEAD", "GET"):
                for _ in range(10):
                    answer = await scanner.request(method, site.settings.base_url + link)
                    assert answer.status_code == 200, link
    assert await dump(site.db) == before


async def test_preferences_show_the_real_state_and_stop_all_unticks_everything(news: Whole) -> None:
    await add_list(news, "weekend")
    await sign_up(news)
    await confirm(news, news.mailbag.letters[0])
    (preferences,) = [link for link in links_of(news, news.mailbag.letters[-1]) if "/preferences/" in link]
    page = Page((await news.reader.get(preferences)).text)
    assert [tag.get("name") for tag in page.inputs if "checked" in tag] == ["list-daily"]
    assert CLEO not in page.says("p")[0]

    shown = {"turn": "save", "shown": "daily,weekend", "list-weekend": "on"}
    saved = await news.reader.post(preferences, data=shown)
    page = Page((await news.reader.get(saved.headers["location"])).text)
    assert [tag.get("name") for tag in page.inputs if "checked" in tag] == ["list-weekend"]

    await news.reader.post(preferences, data={"turn": "stop"})

    page = Page((await news.reader.get(preferences)).text)
    assert page.chosen() == []


async def test_the_answer_is_the_same_for_known_unknown_and_suppressed_addresses(news: Whole) -> None:
    await sign_up(news)
    await confirm(news, news.mailbag.letters[0])
    (preferences,) = [link for link in links_of(news, news.mailbag.letters[-1]) if "/preferences/" in link]
    await sign_up(news, "ben@example.org")
    await news.reader.post(preferences, data={"turn": "stop"})

    answers = [await sign_up(news, email) for email in (CLEO, "ben@example.org", "new@example.org")]

    assert len({(each.status_code, each.text) for each in answers}) == 1
    assert {each.headers["content-length"] for each in answers} == {answers[0].headers["content-length"]}


NO_ADDRESSES = (
    "",
    "   ",
    "cleo",
    "a@b@c",
    "cleo@example.org\r\nBcc: x@y.example",
    "\u202ecleo@example.org",
    "x" * 9_000,
    "é@x.example",
)


async def test_what_is_no_address_comes_back_with_the_form_and_sends_nothing(news: Whole) -> None:
    for email in NO_ADDRESSES:
        answer = await sign_up(news, email, article="/2026/11/ferry.html")

        assert answer.status_code == 422, email
        page = Page(answer.text)
        assert page.title.startswith("Error: ")
        assert page.value("article") == "/2026/11/ferry.html"
        assert page.chosen() == []
    assert news.mailbag.letters == []


async def test_the_way_back_leads_to_one_of_our_own_sites_only(news: Whole) -> None:
    home = news.settings.site_url
    for number, (article, back) in enumerate(
        (
            (f"{home}/a.html?x=1", f"{home}/a.html"),
            ("https://evil.example/a.html", None),
            ("javascript:alert(1)", None),
            ("//evil.example/a", None),
            ("/a\u202e<script>.html", f"{home}/a%3Cscript%3E.html"),
        )
    ):
        answer = await sign_up(news, f"reader{number}@example.org", article=article)

        ways = {link for link in Page(answer.text).links() if link.startswith(("http:", "https:", "//", "javascript:"))}
        assert answer.status_code == 200
        assert ways == {home, back or home}, article


async def test_unknown_lists_and_fields_are_refused_in_words(news: Whole) -> None:
    assert (await sign_up(news, list="nothing")).status_code == 422
    assert (await sign_up(news, surprise="x")).status_code == 400
    assert (await news.reader.post("/news", json={"email": CLEO})).status_code == 415


async def test_the_eleventh_request_of_a_network_in_an_hour_is_told_to_wait(news: Whole) -> None:
    for number in range(10):
        assert (await sign_up(news, f"reader{number}@example.org")).status_code == 200

    answer = await sign_up(news, "one.more@example.org")

    assert answer.status_code == 429
    assert "hour" in words(answer.text)


async def test_several_lists_are_boxes_and_nothing_is_ticked(news: Whole) -> None:
    await add_list(news, "weekend")
    page = Page((await news.reader.get("/news")).text)
    assert page.chosen() == []

    empty = await news.reader.post("/news", data={"email": CLEO})
    assert empty.status_code == 422
    both = {"email": CLEO, "list-daily": "on", "list-weekend": "on"}
    assert (await news.reader.post("/news", data=both)).status_code == 200
    await news.worker.drain()
    await confirm(news, news.mailbag.letters[0])

    async with news.db.reading() as session:
        assert len((await session.scalars(select(Subscription))).all()) == 2


async def test_the_address_is_for_one_list_or_for_those_that_are_chosen(news: Whole) -> None:
    one = words((await news.reader.get("/news")).text)
    await add_list(news, "river")

    two = words((await news.reader.get("/news")).text)

    assert "For this newsletter only." in one
    assert "For these newsletters only." in two
    assert "For this newsletter only." not in two


async def test_a_forged_link_leads_nowhere(news: Whole) -> None:
    tokens = ("x", "01JDONATION000000000000000.abc", "%00", "a" * 3_000)
    for place, token in product(("confirm", "preferences", "stop"), tokens):
        for method in ("GET", "POST"):
            answer = await news.reader.request(method, f"/news/{place}/{token}", data={} if method == "POST" else None)
            assert answer.status_code == 404, (place, token, method)


async def test_one_click_takes_the_form_in_parts_too(news: Whole) -> None:
    await sign_up(news)
    await confirm(news, news.mailbag.letters[0])
    stop = str(news.mailbag.letters[-1]["List-Unsubscribe"]).strip("<>")

    answer = await news.reader.post(stop, files={"List-Unsubscribe": (None, "One-Click")})

    assert answer.status_code == 200
    async with news.db.reading() as session:
        assert await session.scalar(select(Subscription.state)) == "stopped"


async def test_a_donation_never_implies_consent_and_a_ticked_box_only_asks(news: Whole) -> None:
    given = await news.give(newsletter="on", email=CLEO)
    await news.settle()
    assert [each for each in news.mailbag.letters if "confirm" in str(each["Subject"]).lower()] == []

    await news.pay(given)
    await news.settle()

    (asked,) = [each for each in news.mailbag.letters if "confirm" in str(each["Subject"]).lower()]
    await news.pay(await news.give(email="ben@example.org"))
    await news.settle()
    assert len([each for each in news.mailbag.letters if "confirm" in str(each["Subject"]).lower()]) == 1
    await confirm(news, asked)
    async with news.db.reading() as session:
        (proof,) = (await session.scalars(select(Consent))).all()
    assert (proof.form, proof.path) == ("give", "/give")
