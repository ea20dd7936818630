"""The supporters' own door: link and code, once, for a quarter of an hour, in the browser that asked."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event, func, select

from givers import Add, LetIn, code_in
from pages import Page
from supporters.people.models import EmailAddress, SignIn, SupporterSession
from supporters.web.common.errors import PageError
from supporters.web.common.supporter import check_possible, session_cookie
from supporters.web.site.sign_in import safe_next
from whole import Whole, words

ADA = "ada.brook@example.org"


async def ask(site: Whole, browser: httpx.AsyncClient, email: str = ADA, **fields: str) -> httpx.Response:
    answer = await browser.post("/sign-in", data={"email": email, **fields})
    await site.worker.drain()
    return answer


def link_in(site: Whole, number: int = -1) -> str:
    """The link in a letter, the newest unless told."""
    body = site.mailbag.letters[number].get_body(("plain",))
    assert body is not None
    found = re.search(r"/sign-in/confirm/\S+", body.get_content())
    assert found
    return found[0]


def wrong(code: str) -> str:
    return f"{(int(code.replace(' ', '')) + 1) % 1_000_000:06d}"


async def sessions(site: Whole) -> int:
    async with site.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(SupporterSession)) or 0


async def test_link_shows_a_button_however_often_and_lets_in_once(site: Whole, add: Add) -> None:
    await add(ADA)
    asked = await ask(site, site.reader)
    link = link_in(site)
    for _ in range(5):
        assert (await site.reader.head(link)).status_code == 200
        assert Page((await site.reader.get(link)).text).says("h1") == ["Sign in as a…@example.org?"]
    assert await sessions(site) == 0

    let_in = await site.reader.post(link, data={})

    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in/check")
    assert (let_in.status_code, let_in.headers["location"]) == (303, "/me")
    assert Page((await site.reader.get("/me")).text).says("h1") == ["Your giving"]
    async with site.db.reading() as session:
        assert await session.scalar(select(EmailAddress.verified_at)) == site.clock.now()
    again = await site.browser().post(link, data={})
    assert again.status_code == 410
    assert "used, or is more than 15 minutes old" in words(again.text)
    assert await sessions(site) == 1


async def test_code_lets_in_where_it_was_asked_for_and_nowhere_else(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader, next="/me/statement/2026")
    code, other = code_in(site), site.browser()

    elsewhere = await other.post("/sign-in/check", data={"code": code})
    here = await site.reader.post("/sign-in/check", data={"code": code.replace(" ", "-")})

    assert elsewhere.status_code == 422
    assert (here.status_code, here.headers["location"]) == (303, "/me/statement/2026")
    assert (await site.reader.get("/sign-in")).headers["location"] == "/me"
    assert (await other.get("/me")).headers["location"] == "/sign-in?next=/me"


async def test_link_opened_in_another_browser_asks_for_the_code_and_lets_nobody_in(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader)
    phone = site.browser()

    shown, pressed = await phone.get(link_in(site)), await phone.post(link_in(site), data={})

    assert Page(shown.text).says("h1") == ["You asked in another browser"]
    assert "<form" not in shown.text
    assert pressed.status_code == 410
    assert (await site.reader.post(link_in(site), data={})).status_code == 303


async def test_fifth_wrong_code_closes_code_and_link(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader)
    code = code_in(site)
    for _ in range(5):
        guess = await site.reader.post("/sign-in/check", data={"code": wrong(code)})
        assert guess.status_code == 422

    right = await site.reader.post("/sign-in/check", data={"code": code})

    assert right.status_code == 422
    assert "Ask for another email" in words(right.text)
    assert (await site.reader.post(link_in(site), data={})).status_code == 410
    assert await sessions(site) == 0


async def test_what_is_no_code_is_no_try(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader)
    for text in ("", "12345", "1234567", "abcdef", "٤٨٢٩١٣", "0x12ab", "1" * 5_000):
        assert (await site.reader.post("/sign-in/check", data={"code": text})).status_code == 422, text

    assert (await site.reader.post("/sign-in/check", data={"code": code_in(site)})).status_code == 303


async def test_sixteen_minutes_later_neither_opens(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader)
    site.clock.advance(timedelta(minutes=16))

    assert (await site.reader.get(link_in(site))).status_code == 410
    assert (await site.reader.post(link_in(site), data={})).status_code == 410
    assert (await site.reader.post("/sign-in/check", data={"code": code_in(site)})).status_code == 422
    assert (await site.reader.get("/sign-in/check")).headers["location"] == "/sign-in"


async def test_asking_twice_leaves_both_letters_good_in_that_browser(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader)
    await ask(site, site.reader)

    assert (await site.reader.post("/sign-in/check", data={"code": code_in(site, 0)})).status_code == 303
    assert (await site.browser().post("/sign-in/check", data={"code": code_in(site, 1)})).status_code == 422


async def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(site: Whole, add: Add) -> None:
    await add(ADA)
    answers: list[tuple[int, str, list[str]]] = []
    done: list[list[str]] = []
    for email in (ADA, "nobody@example.org", "ada.brook+x@example.org"):
        browser = site.browser()
        async with statements(site) as said:
            asked = await browser.post("/sign-in", data={"email": email})
        done.append(said)
        checked = await browser.get("/sign-in/check")
        guessed = await browser.post("/sign-in/check", data={"code": "000000"})
        names = sorted({*asked.headers, *checked.headers, *guessed.headers})
        answers.append((asked.status_code, asked.text + checked.text + guessed.text, names))

    assert answers[0] == answers[1] == answers[2]
    assert done[0] == done[1] == done[2]
    assert len(done[0]) > 3
    await site.worker.drain()
    assert [letter["To"] for letter in site.mailbag.letters] == [ADA]


@asynccontextmanager
async def statements(site: Whole) -> AsyncGenerator[list[str]]:
    """Every statement that is sent to the database meanwhile, without its values."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    engine = site.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_fourth_unused_letter_of_an_hour_is_not_sent_but_used_ones_do_not_count(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    for _ in range(4):
        await let_in(ADA)
    before = len(site.mailbag.letters)
    answers = [(await ask(site, site.reader)).headers["location"] for _ in range(5)]

    assert answers == ["/sign-in/check"] * 5
    assert len(site.mailbag.letters) == before + 3
    site.clock.advance(timedelta(minutes=75))
    await ask(site, site.reader)
    assert len(site.mailbag.letters) == before + 4


async def test_eleventh_request_of_a_network_in_an_hour_is_told_to_wait(site: Whole) -> None:
    for number in range(10):
        assert (await ask(site, site.reader, f"reader{number}@example.org")).status_code == 303

    answer = await ask(site, site.reader, "one.more@example.org")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    assert "hour" in words(answer.text)


async def test_twenty_presses_at_once_open_one_session(site: Whole, add: Add) -> None:
    await add(ADA)
    await ask(site, site.reader)
    link = link_in(site)

    answers = await asyncio.gather(*(site.reader.post(link, data={}) for _ in range(20)))

    assert sorted(each.status_code for each in answers) == [303] + [410] * 19
    assert await sessions(site) == 1


async def test_what_is_no_address_comes_back_filled_in_and_does_nothing(site: Whole) -> None:
    for email in ("", "ada", "a@b@c", "ada@example.org\r\nBcc: x@y.example", "\u202eada@example.org", "é@x.example"):
        answer = await ask(site, site.reader, email, next="/me/details")

        page = Page(answer.text)
        assert answer.status_code == 422, email
        assert page.title.startswith("Error: ")
        assert page.value("next") == "/me/details"
    assert page.value("email") == "é@x.example"
    assert (await site.reader.post("/sign-in", data={"email": ADA, "surprise": "x"})).status_code == 400
    assert (await site.reader.post("/sign-in", json={"email": ADA})).status_code == 415
    async with site.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(SignIn)) == 0


@pytest.mark.parametrize("token", ["x", "%00", "a" * 3_000, "é"])
async def test_forged_link_opens_nothing(site: Whole, token: str) -> None:
    for place in ("confirm", "address"):
        assert (await site.reader.get(f"/sign-in/{place}/{token}")).status_code == 410
        assert (await site.reader.post(f"/sign-in/{place}/{token}", data={})).status_code == 410


def test_the_page_to_go_on_to_is_one_of_our_own() -> None:
    kept = ("/me", "/me/details", "/me/giving/01M7/amount?x=1", "/give?frequency=monthly")
    assert [safe_next(each) for each in kept] == list(kept)
    strange = ("", "https://evil.example", "//evil.example", "/me//evil", "/meadow", "/desk", "/me\\x", "/me/é")
    for each in (*strange, "/me?" + "x" * 300):
        assert safe_next(each) == "/me", each


async def test_signing_out_ends_this_browser_or_all(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA)
    first, second, third = await let_in(ADA), await let_in(ADA), await let_in(ADA)
    seals = [Page((await each.get("/me")).text).all("input")[0]["value"] for each in (first, second)]

    out = await first.post("/me/sign-out", data={"seal": seals[0]})
    assert (await first.get("/me")).status_code == 303
    assert [(await each.get("/me")).status_code for each in (second, third)] == [200, 200]
    await second.post("/me/sign-out", data={"seal": seals[1], "everywhere": "yes"})

    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert [(await each.get("/me")).status_code for each in (second, third)] == [303, 303]
    assert await sessions(site) == 0


async def test_session_ends_after_a_quiet_week_and_after_a_month_in_any_case(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    quiet, busy = await let_in(ADA), await let_in(ADA)
    for _ in range(5):
        site.clock.advance(timedelta(days=5))
        assert (await busy.get("/me")).status_code == 200
    assert (await quiet.get("/me")).status_code == 303

    site.clock.advance(timedelta(days=5))

    assert (await busy.get("/me")).status_code == 303


async def test_old_requests_and_sessions_are_forgotten_with_their_addresses(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    await let_in(ADA)
    await ask(site, site.reader, "nobody@example.org")
    site.clock.advance(timedelta(days=8))
    await site.worker.tick()
    await site.worker.drain()

    async with site.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(SignIn)) == 0
    assert await sessions(site) == 0


async def test_cookie_is_bound_to_the_host_on_https_and_refused_on_plain_http(site: Whole) -> None:
    secure = replace(site.settings, base_url="https://give.example")
    cookie = session_cookie(secure, "token")

    assert (cookie.key, cookie.secure, cookie.httponly, cookie.path) == ("__Host-me", True, True, "/")
    assert cookie.samesite == "lax"
    with pytest.raises(PageError) as refused:
        check_possible(replace(site.settings, base_url="http://give.example"))
    assert refused.value.status_code == 403
