"""Who may do what at the desk: every route, every method, every role, generated from the route table."""

import re

import httpx
import pytest

from supporters.staff.models import Role
from supporters.web.desk.door import RouteRule, route_rules
from whole import Whole, hidden_fields

RULES = route_rules()
ANY_ID = "01M7SESBR0GH6X5M4JM9NYJG7Z"
SIGN_OUT = "/desk/sign-out"


def address(rule: RouteRule) -> str:
    """The route with something in place of each name."""
    known = rule.path.replace("{event_id:str}", "evt_none").replace("{name:str}", "giving")
    return re.sub(r"\{\w+:str\}", ANY_ID, known.replace("{what:str}", "page"))


UPLOADS = {"/desk/imports"}


async def call(desk: httpx.AsyncClient, rule: RouteRule, **fields: str) -> httpx.Response:
    if rule.method == "GET":
        return await desk.get(address(rule))
    if rule.path in UPLOADS:
        return await desk.post(address(rule), data=fields, files={"file": ("list.csv", b"email\n", "text/csv")})
    return await desk.request(rule.method, address(rule), data=fields)


def test_every_route_names_its_roles_and_only_signing_in_and_joining_are_public() -> None:
    public = {rule.path for rule in RULES if rule.roles is None}
    assert public == {"/desk/sign-in", "/desk/join/{token:str}", "/desk/new-password/{token:str}"}
    assert all(rule.roles for rule in RULES if rule.roles is not None)
    assert len(RULES) >= 19


async def test_the_app_has_no_desk_route_that_the_table_does_not_know(site: Whole) -> None:
    served = {
        (route.path, method)
        for route in site.app.routes
        if route.path.startswith("/desk")
        for method in getattr(route, "methods", ())
        if method not in {"OPTIONS", "HEAD"}
    }

    assert served == {(rule.path, rule.method) for rule in RULES}


async def test_strangers_are_sent_to_sign_in_from_every_page_and_change_nothing(site: Whole) -> None:
    for rule in RULES:
        if rule.roles is None:
            continue
        answer = await call(site.reader, rule)

        assert answer.status_code == 303, rule
        assert answer.headers["location"].startswith("/desk/sign-in"), rule


@pytest.mark.parametrize("role", list(Role))
async def test_each_cell_of_the_matrix(site: Whole, role: Role) -> None:
    desk = await site.staff(role)
    seal = hidden_fields((await desk.get("/desk")).text)["seal"]
    rules = [rule for rule in RULES if rule.roles is not None]

    for rule in sorted(rules, key=lambda each: each.path == SIGN_OUT):
        answer = await call(desk, rule, seal=seal)
        assert rule.roles is not None
        if role in rule.roles:
            assert answer.status_code in {200, 303, 404, 409, 422}, (rule, answer.status_code)
            assert not answer.headers.get("location", "").startswith("/desk/sign-in") or rule.path == SIGN_OUT
        else:
            assert answer.status_code == 403, (rule, answer.status_code)
    await desk.aclose()


async def test_every_form_refuses_a_missing_a_foreign_and_a_cross_site_seal(site: Whole) -> None:
    desk, other = await site.staff("admin"), await site.staff("finance")
    foreign = hidden_fields((await other.get("/desk")).text)["seal"]
    own = hidden_fields((await desk.get("/desk")).text)["seal"]

    for rule in (each for each in RULES if each.method != "GET" and each.roles is not None):
        assert (await call(desk, rule, seal="")).status_code == 403, rule
        assert (await call(desk, rule, seal=foreign)).status_code == 403, rule
        crossed = await desk.post(address(rule), data={"seal": own}, headers={"sec-fetch-site": "cross-site"})
        assert crossed.status_code == 403, rule
    assert (await desk.get("/desk")).status_code == 200
    await desk.aclose()
    await other.aclose()


async def test_nobody_signs_in_from_another_site(site: Whole) -> None:
    answer = await site.reader.post("/desk/sign-in", data={}, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
