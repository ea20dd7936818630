"""Whatever a stranger sends to a public route, the answer is a clear refusal: never a 500, nothing half-stored."""

import json
from collections.abc import Mapping

import pytest
from sqlalchemy import func, select

from pages import Page
from routes import handlers_of
from supporters.donations.models import Donation
from supporters.kit.errors import DatabaseBusy
from supporters.web.common.access import PUBLIC
from whole import Whole

FORM = {"content-type": "application/x-www-form-urlencoded"}
MEGABYTE = b"x" * 1_000_000
CLEAR = ("<h1", "</html>")

BAD_BODIES: Mapping[str, tuple[bytes, dict[str, str], int]] = {
    "json": (b'{"once": 25}', {"content-type": "application/json"}, 415),
    "multipart": (b"--x\r\n\r\n--x--", {"content-type": "multipart/form-data; boundary=x"}, 415),
    "no content type": (b"once=25", {"content-type": ""}, 415),
    "a megabyte in one field": (b"name=" + MEGABYTE, FORM, 413),
    "a megabyte of fields": (b"&".join([b"a=b"] * 250_000), FORM, 413),
    "not utf-8": (b"name=%ff%fe", FORM, 400),
    "raw bytes that are not utf-8": (b"name=\xff\xfe", FORM, 400),
    "surrogates": (b"name=%ed%a0%80", FORM, 400),
    "a field twice": (b"once=25&once=50", FORM, 400),
    "the email twice": (b"email=a%40example.org&email=b%40example.org", FORM, 400),
    "an unknown field": (b"once=25&colour=red", FORM, 400),
    "a hundred fields": (b"&".join(b"f%d=1" % number for number in range(100)), FORM, 400),
    "a tick that is none": (b"newsletter=yes", FORM, 400),
    "nothing": (b"", FORM, 422),
    "only separators": (b"&&&==&;", FORM, 400),
    "control characters": (b"name=%00%01%1b&email=%07&once=%0b", FORM, 422),
    "bidi characters": ("name=\u202eeman&email=\u2066x@example.org".encode(), FORM, 422),
    "one field of ten kilobytes": (b"name=" + b"n" * 10_000, FORM, 422),
    "a list": (b"once[]=25", FORM, 400),
}


@pytest.mark.parametrize("what", BAD_BODIES)
async def test_bad_form_is_refused_in_words(site: Whole, what: str) -> None:
    body, headers, status = BAD_BODIES[what]

    answer = await site.reader.post("/give", content=body, headers=headers)

    assert answer.status_code == status, answer.text[:2000]
    assert all(mark in answer.text for mark in CLEAR)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    async with site.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Donation)) == 0


@pytest.mark.parametrize(("stated", "status"), [("9999999999999999999999", 413), ("-1", 400), ("ten", 400), ("٣", 400)])
async def test_stated_length_is_not_trusted(site: Whole, stated: str, status: int) -> None:
    headers = [(b"content-type", FORM["content-type"].encode()), (b"content-length", stated.encode())]

    answer = await site.reader.post("/give", content=b"once=25", headers=headers)

    assert answer.status_code == status


BAD_QUERIES = {
    "not utf-8": ("amount=%ff", 400),
    "a field twice": ("amount=5&amount=10", 400),
    "no number": ("frequency=once&amount=lots", 400),
    "unknown frequency": ("frequency=hourly", 400),
    "too long": ("article=" + "x" * 5_000, 414),
    "a hundred fields": ("&".join(f"f{number}=1" for number in range(100)), 400),
    "control characters": ("article=%00%0a%0d&issue=%1b", 200),
    "fields of others": ("fbclid=abc&mc_eid=1&frequency=once", 200),
    "markup": ("issue=%3Cscript%3Ealert(1)%3C/script%3E", 200),
    "attempt of nobody": ("attempt=x.y", 200),
    "attempt with odd characters": ("attempt=%F0%9F%8D%8B.%00", 200),
}


@pytest.mark.parametrize("what", BAD_QUERIES)
@pytest.mark.parametrize("path", ["/give", "/g/general"])
async def test_bad_link_gets_a_page_and_never_an_error_of_ours(site: Whole, path: str, what: str) -> None:
    query, status = BAD_QUERIES[what]

    answer = await site.reader.get(f"{path}?{query}")

    assert answer.status_code == status, answer.text[:2000]
    assert all(mark in answer.text for mark in CLEAR)
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/g/%ff",
        "/g/" + "x" * 3000,
        "/g/..%2f..%2fetc%2fpasswd",
        "/g/%00",
        "/g/A%20B",
        "/thanks/x",
        "/thanks/%ff%fe",
        "/thanks/" + "x" * 3000,
        "/thanks/01ARZ3NDEKTSV4RRFFQ69G5FAV.AAAA",
        "/assets/nothing.css",
        "/assets/..%2f..%2fsettings.py",
        "/nowhere",
        "/give/more",
    ],
)
async def test_address_that_leads_nowhere_is_a_404_page(site: Whole, path: str) -> None:
    answer = await site.reader.get(path)

    assert answer.status_code == 404, answer.text[:2000]
    assert all(mark in answer.text for mark in CLEAR)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
@pytest.mark.parametrize("path", ["/g/general", "/thanks/x", "/assets/site.css", "/favicon.ico"])
async def test_wrong_method_is_a_405_that_names_the_right_ones(site: Whole, path: str, method: str) -> None:
    answer = await site.reader.request(method, path)

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert all(mark in answer.text for mark in CLEAR)


@pytest.mark.parametrize("path", ["/nowhere", "/thanks/x", "/give?amount=5&amount=6"])
async def test_who_prefers_json_gets_a_problem_document(site: Whole, path: str) -> None:
    answer = await site.reader.get(path, headers={"accept": "application/json"})

    assert answer.status_code in {404, 400}
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = json.loads(answer.content)
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/html,application/json;q=0.9", ",,;;q=", "\xff"])
async def test_browser_gets_html_whatever_its_accept_looks_like(site: Whole, accept: str) -> None:
    answer = await site.reader.get("/nowhere", headers=[(b"accept", accept.encode("latin-1"))])

    assert answer.status_code == 404
    assert "<h1>Page not found</h1>" in answer.text


async def test_unexpected_error_shows_a_reference_and_nothing_else(
    site: Whole, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_template: str, /, **_context: object) -> str:
        monkeypatch.undo()
        raise RuntimeError("secret of ben@example.org")

    monkeypatch.setattr(site.tools.templates, "render", broken)

    answer = await site.reader.get("/give")

    page = Page(answer.text)
    (reference,) = [words for _tag, marks, words in page.texts if marks.get("class") == "num"]
    assert answer.status_code == 500
    assert reference.startswith("E-")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    logged = capsys.readouterr()
    assert "secret" not in logged.out + logged.err


async def test_busy_database_is_a_clean_503(site: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> None:
        raise DatabaseBusy("The database did not answer in time.")

    token = site.app.state.house.links.thanks_url(site.ids.ulid()).rpartition("/")[2]
    monkeypatch.setattr(site.db, "reading", busy)

    answer = await site.reader.get(f"/thanks/{token}")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "did not answer in time" in answer.text


async def test_every_route_says_who_may_use_it(site: Whole) -> None:
    silent = [f"{method} {path}" for path, method, handler in handlers_of(site.app) if "access" not in handler.opt]

    assert len(list(handlers_of(site.app))) > 10
    assert silent == []


async def test_desk_is_public_nowhere_but_at_its_door(site: Whole) -> None:
    public = {
        path
        for path, _method, handler in handlers_of(site.app)
        if path.startswith("/desk") and handler.opt["access"] == PUBLIC
    }

    assert public <= {"/desk/sign-in", "/desk/join/{token:str}", "/desk/new-password/{token:str}"}
