"""The desk's door: the cookie, wrong guesses, where one goes on to."""

from datetime import timedelta

import httpx
import pytest

from supporters.settings import Settings
from supporters.staff.actions import add_staff
from supporters.web.common.errors import PageError
from supporters.web.desk.cookies import cookie_name, session_cookie
from supporters.web.desk.sign_in import safe_next
from whole import PASSWORD, Whole, hidden_fields, words

EMAIL = "dana@weeklylamp.example"


async def hire(site: Whole) -> None:
    async with site.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana", "finance", PASSWORD, ids=site.ids, now=site.clock.now())


async def sign_in(browser: httpx.AsyncClient, **changes: str) -> httpx.Response:
    return await browser.post("/desk/sign-in", data={"email": EMAIL, "password": PASSWORD, **changes})


async def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_page(site: Whole) -> None:
    await hire(site)
    asked = await site.reader.get("/desk/donations?state=paid&min=25")
    page = await site.reader.get(asked.headers["location"])

    answer = await sign_in(site.reader, **hidden_fields(page.text))

    assert answer.status_code == 303
    assert answer.headers["location"] == "/desk/donations?state=paid&min=25"
    assert (await site.reader.get(answer.headers["location"])).status_code == 200


async def test_the_cookie_is_for_this_host_only_and_no_script_reads_it(site: Whole) -> None:
    await hire(site)

    cookie = (await sign_in(site.reader)).headers["set-cookie"]

    assert cookie.startswith("desk=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_on_https_the_cookie_has_the_host_prefix_and_elsewhere_there_is_no_desk(settings: Settings) -> None:
    from dataclasses import replace

    https = replace(settings, base_url="https://give.weeklylamp.example")
    cookie = session_cookie(https, "token").to_header(header="")
    assert cookie.startswith("__Host-desk=token")
    assert "Secure" in cookie
    assert "HttpOnly" in cookie

    with pytest.raises(PageError, match="https only"):
        cookie_name(replace(settings, base_url="http://give.weeklylamp.example"))


async def test_a_wrong_password_and_an_unknown_address_read_the_same(site: Whole) -> None:
    await hire(site)

    wrong = await sign_in(site.reader, password="not the password")
    unknown = await sign_in(site.reader, email="nobody@weeklylamp.example")

    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert words(wrong.text) == words(unknown.text)
    assert "set-cookie" not in wrong.headers
    assert f'value="{EMAIL}"' in wrong.text
    assert "not the password" not in wrong.text


async def test_the_eleventh_guess_is_429_even_when_it_is_right(site: Whole) -> None:
    await hire(site)
    for _ in range(10):
        assert (await sign_in(site.reader, password="wrong")).status_code == 422

    blocked = await sign_in(site.reader)
    site.clock.advance(timedelta(minutes=5))
    later = await sign_in(site.reader)

    assert blocked.status_code == 429
    assert blocked.headers["retry-after"] == "300"
    assert later.status_code == 303


async def test_a_planted_cookie_is_never_adopted(site: Whole) -> None:
    await hire(site)
    site.reader.cookies.set("desk", "planted-by-mallory", domain="127.0.0.1")

    answer = await sign_in(site.reader)

    assert answer.cookies["desk"] != "planted-by-mallory"
    mallory = site.browser()
    mallory.cookies.set("desk", "planted-by-mallory", domain="127.0.0.1")
    assert (await mallory.get("/desk")).status_code == 303
    await mallory.aclose()


async def test_signing_out_ends_the_session_for_good(site: Whole) -> None:
    desk = await site.staff("finance")
    stolen = dict(desk.cookies)
    seal = hidden_fields((await desk.get("/desk")).text)["seal"]

    answer = await desk.post("/desk/sign-out", data={"seal": seal})

    assert answer.headers["location"] == "/desk/sign-in"
    thief = site.browser()
    thief.cookies.update(stolen)
    assert (await thief.get("/desk")).status_code == 303
    await thief.aclose()
    await desk.aclose()


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/desk",
        "/desk\\evil.example",
        "/deskevil",
        "/desk//evil.example",
        "/desk/sign-out",
        "/give",
        "javascript:alert(1)",
        "/desk\r\nset-cookie: a=b",
        "/desk/" + "x" * 1000,
        "",
    ],
)
def test_one_goes_on_to_the_desk_only(target: str) -> None:
    assert safe_next(target) == "/desk"


@pytest.mark.parametrize(
    "target", ["/desk", "/desk/donations", "/desk/donations?q=a%20b&from=2026-11-01", "/desk?x=//y"]
)
def test_one_goes_on_to_where_one_was_going(target: str) -> None:
    assert safe_next(target) == target


async def test_every_desk_page_says_that_it_is_a_test_and_is_kept_by_no_cache(site: Whole) -> None:
    desk = await site.staff("admin")

    for path in ("/desk", "/desk/donations", "/desk/discrepancies", "/desk/events", "/desk/switches"):
        page = await desk.get(path)
        assert "no real money moves" in words(page.text), path
        assert page.headers["cache-control"] == "no-store", path
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path
    await desk.aclose()
