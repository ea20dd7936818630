"""What every response carries, and who may ask for changes."""

from dataclasses import replace

import pytest

from routes import handlers_of
from supporters.settings import Settings
from supporters.web.common.origin import origin_of
from supporters.web.common.shell import SecurityHeaders
from whole import Whole, session_id

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
ANSWERS = [
    ("GET", "/give", 200),
    ("GET", "/g/none", 404),
    ("GET", "/thanks/x", 404),
    ("GET", "/nowhere", 404),
    ("PUT", "/give", 405),
    ("POST", "/give", 415),
    ("GET", "/assets/none.css", 404),
    ("GET", "/favicon.ico", 200),
    ("GET", "/desk", 303),
    ("GET", "/desk/nowhere", 404),
    ("OPTIONS", "/give", 204),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_every_answer_carries_the_security_headers(site: Whole, method: str, path: str, status: int) -> None:
    answer = await site.reader.request(method, path)

    assert answer.status_code == status, answer.text[:500]
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


async def test_unexpected_error_and_oversized_body_carry_them_too(site: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    large = await site.reader.post(
        "/give", content=b"x" * 1_000_000, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    monkeypatch.setattr(site.ids, "ulid", lambda: 1 / 0)
    broken = await site.reader.get("/give")

    assert (large.status_code, broken.status_code) == (413, 500)
    for answer in (large, broken):
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_public_pages_run_no_script_and_post_only_to_us_and_the_payment_page(site: Whole) -> None:
    policy = (await site.reader.get("/give")).headers["content-security-policy"]

    assert "script-src 'none'" in policy
    assert f"form-action 'self' {site.settings.checkout_origin};" in policy


async def test_https_is_pinned_where_it_is_used(settings: Settings) -> None:
    async def sent_by(used: Settings) -> dict[str, str]:
        message = {"type": "http.response.start", "status": 200, "headers": []}
        await SecurityHeaders(used)(message, {"path": "/give"})  # pyright: ignore[reportArgumentType]
        return {name.decode(): value.decode() for name, value in message["headers"]}  # pyright: ignore

    assert "strict-transport-security" not in await sent_by(settings)
    pinned = await sent_by(replace(settings, base_url="https://give.example.org"))
    assert pinned["strict-transport-security"].startswith("max-age=")


async def test_own_header_of_a_response_is_kept(site: Whole) -> None:
    await site.give()
    given = await site.give(email="ada@example.org")
    await site.pay(given)
    thanks = await site.reader.get(site.sandbox.session(session_id(given))["success_url"])

    assert thanks.headers.get_list("referrer-policy") == ["same-origin"]


CROSS_SITE = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "OWN"},
    {"sec-fetch-site": "", "origin": "OWN"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "OWN.evil.example"},
    {"origin": "https://evil.example", "referer": "OWN/give"},
    {"referer": "https://evil.example/?OWN"},
    {"referer": "http://[broken"},
    {},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_form_from_another_site_is_refused(site: Whole, headers: dict[str, str]) -> None:
    stranger = site.browser()
    stranger.headers.pop("sec-fetch-site")
    sent = {name: value.replace("OWN", site.settings.base_url) for name, value in headers.items()}

    answer = await stranger.post("/give", data={"once": "25"}, headers=sent)

    assert answer.status_code == 403, answer.text[:300]
    assert "nothing was done" in answer.text
    await stranger.aclose()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "OWN"},
        {"referer": "OWN/give?amount=25"},
    ],
)
async def test_form_from_our_own_page_goes_on(site: Whole, headers: dict[str, str]) -> None:
    browser = site.browser()
    browser.headers.pop("sec-fetch-site")
    sent = {name: value.replace("OWN", site.settings.base_url) for name, value in headers.items()}

    answer = await browser.post("/give", data={"once": "25"}, headers=sent)

    assert answer.status_code == 422
    await browser.aclose()


# What others call by design: each reads no cookie, is limited, and acts only on a signature, a mailed token or a
# mailed confirmation.
FROM_ELSEWHERE = {
    "/hooks/stripe", "/hooks/mail", "/hooks/senders/{token:str}",
    "/news", "/news/stop/{token:str}", "/remind", "/remind/cancel/{token:str}",
}  # fmt: skip


async def test_only_the_named_routes_take_requests_of_other_sites(site: Whole) -> None:
    exempt = {path for path, _method, handler in handlers_of(site.app) if handler.opt.get("cross_site")}

    assert exempt == FROM_ELSEWHERE


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://a.example/x", "https://a.example:443"),
        ("http://a.example:8000", "http://a.example:8000"),
        ("HTTP://A.example", "http://a.example:80"),
        ("null", None),
        ("", None),
        ("http://a.example:port", None),
        ("ftp://a.example", None),
    ],
)
def test_origin_is_scheme_host_and_port(address: str, origin: str | None) -> None:
    assert origin_of(address) == origin


async def test_host_of_a_stranger_never_gets_into_a_page(site: Whole) -> None:
    answer = await site.reader.get("/give", headers={"host": "evil.example"})

    assert "evil.example" not in answer.text


async def test_stylesheet_is_kept_for_ever_and_not_sent_twice(site: Whole) -> None:
    address = site.tools.assets.address("site.css")

    first = await site.reader.get(address)
    again = await site.reader.get(address, headers={"if-none-match": first.headers["etag"]})
    plain = await site.reader.get(address, headers={"accept-encoding": "identity"})

    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert first.headers["content-encoding"] == "gzip"
    assert (again.status_code, again.content) == (304, b"")
    assert "content-encoding" not in plain.headers
    assert plain.text == first.text
    assert len(plain.text) > 20_000
