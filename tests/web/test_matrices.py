"""Made from the route table, so that a new route cannot be forgotten: headers on every answer, no unsafe request from afar."""

import httpx
import pytest
from litestar import Litestar

from routes import handlers_of
from whole import Whole

ULID = "01JDONATION000000000000000"
ALWAYS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def address(path: str) -> str:
    """The route's path with something in the place of each parameter."""
    parts = (ULID if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def requests_of(app: Litestar) -> list[tuple[str, str]]:
    """Method and address of every route; a bare handler takes POST."""
    return [("POST" if method == "*" else method, address(path)) for path, method, _handler in handlers_of(app)]


async def answer(site: Whole, method: str, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=site.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=site.settings.base_url) as client:
        return await client.request(method, path, headers=headers, data={} if method not in SAFE else None)


async def test_every_route_answers_strangers_with_every_security_header_and_without_a_fault(site: Whole) -> None:
    for method, path in requests_of(site.app):
        found = await answer(site, method, path, **{"sec-fetch-site": "same-origin"})
        missing = [name for name in ALWAYS if name not in found.headers]
        assert not missing, f"{method} {path} lacks {missing}"
        assert "'unsafe-" not in found.headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in found.headers["content-security-policy"], path
        assert found.status_code < 500, f"{method} {path}: {found.status_code}"


async def test_no_unsafe_route_takes_a_request_that_another_site_made(site: Whole) -> None:
    exempt = {address(path) for path, _method, handler in handlers_of(site.app) if handler.opt.get("cross_site")}
    unsafe = [(method, path) for method, path in requests_of(site.app) if method not in SAFE and path not in exempt]
    assert len(unsafe) > 5
    for method, path in unsafe:
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"referer": "https://evil.example/x"},
            {},
        ):
            found = await answer(site, method, path, **headers)
            assert found.status_code == 403, f"{method} {path} {headers}: {found.status_code}"


@pytest.mark.parametrize("path", ["/desk", "/desk/donations", "/thanks/x", "/give"])
async def test_pages_with_personal_data_are_kept_by_no_cache(site: Whole, path: str) -> None:
    found = await answer(site, "GET", path)

    assert found.headers["cache-control"] == "no-store"
