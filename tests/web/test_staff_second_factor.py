"""Where the second factor is required: set up right after sign-in, asked for at the next, and nothing else opens meanwhile."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from paper import SETTINGS_ENV
from supporters.settings import Settings, SettingsError, read_settings
from supporters.staff.actions import add_staff
from supporters.staff.rules import GUESSES
from supporters.staff.totp import code_at, step_of
from supporters.web.desk.door import route_rules
from whole import PASSWORD, Whole, hidden_fields, words

EMAIL = "dana@weeklylamp.example"
SET_UP = "/desk/you/second-factor"


@pytest.fixture
def settings() -> Settings:
    return replace(read_settings(SETTINGS_ENV), second_factor="required")


async def hire(site: Whole, role: str = "finance") -> None:
    async with site.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana", role, PASSWORD, ids=site.ids, now=site.clock.now())


async def sign_in(site: Whole) -> httpx.AsyncClient:
    browser = site.browser()
    answer = await browser.post("/desk/sign-in", data={"email": EMAIL, "password": PASSWORD, "next": "/desk/donations"})
    assert answer.status_code == 303
    return browser


def secret_on(page: str) -> str:
    """The secret that the page shows for typing."""
    found = re.search(r"secret=([A-Z2-7]{32})", page)
    assert found
    return found[1]


async def set_up(site: Whole, browser: httpx.AsyncClient) -> tuple[str, list[str]]:
    """The secret and the recovery codes."""
    page = await browser.get(SET_UP)
    secret = secret_on(page.text)
    code = code_at(secret, step_of(site.clock.now()))
    done = await browser.post(SET_UP, data={**hidden_fields(page.text), "code": code})
    assert done.status_code == 200, words(done.text)
    return secret, re.findall(r"<li>([0-9A-Z-]{14})</li>", done.text)


async def test_until_it_is_set_up_every_route_leads_there(site: Whole) -> None:
    await hire(site, "admin")
    desk = await sign_in(site)
    open_still = {(SET_UP, "GET"), (SET_UP, "POST"), ("/desk/sign-out", "POST"), ("/desk/step-up", "POST")}

    for rule in route_rules():
        if rule.roles is None or (rule.path, rule.method) in open_still:
            continue
        path = re.sub(r"\{\w+:str\}", "x", rule.path)
        answer = await desk.request(rule.method, path, data={} if rule.method != "GET" else None)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, SET_UP), rule
    assert "Donations" not in words((await desk.get(SET_UP)).text)
    await desk.aclose()


async def test_it_is_set_up_with_the_first_code_and_asked_for_ever_after(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)

    secret, codes = await set_up(site, desk)

    assert len(set(codes)) == 10
    assert (await desk.get("/desk/donations")).status_code == 200
    await desk.aclose()
    site.clock.advance(timedelta(minutes=1))
    desk = await sign_in(site)
    asked = await desk.get("/desk/donations")
    assert asked.headers["location"] == "/desk/sign-in/code?next=/desk/donations"
    page = await desk.get(asked.headers["location"])
    wrong = await desk.post("/desk/sign-in/code", data={**hidden_fields(page.text), "code": "000000"})
    assert wrong.status_code == 422
    assert "not right" in words(wrong.text)
    code = code_at(secret, step_of(site.clock.now()))
    before = desk.cookies["desk"]
    right = await desk.post("/desk/sign-in/code", data={**hidden_fields(page.text), "code": code})
    assert right.headers["location"] == "/desk/donations"
    assert desk.cookies["desk"] != before
    assert (await desk.get("/desk/donations")).status_code == 200
    await desk.aclose()


async def test_with_the_password_alone_nothing_opens_not_even_the_setting_up(site: Whole) -> None:
    await hire(site)
    await set_up(site, await sign_in(site))
    thief = await sign_in(site)

    for path in ("/desk", "/desk/you", SET_UP, "/desk/donations.csv", "/desk/audit"):
        assert (await thief.get(path)).headers["location"].startswith("/desk/sign-in/code"), path
    await thief.aclose()


async def test_a_wrong_first_code_keeps_the_picture_and_turns_nothing_on(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    page = await desk.get(SET_UP)

    wrong = await desk.post(SET_UP, data={**hidden_fields(page.text), "code": "12345x"})

    assert wrong.status_code == 422
    assert secret_on(wrong.text) == secret_on(page.text)
    assert (await desk.get("/desk")).headers["location"].startswith(SET_UP)
    await desk.aclose()


async def test_what_cannot_be_undone_takes_password_and_a_code_that_nobody_has_used(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    secret, codes = await set_up(site, desk)
    site.clock.advance(timedelta(minutes=11))
    view = "/desk/donations.csv"
    asked = await desk.get(view)
    fields = {name: value for name, value in hidden_fields(asked.text).items() if name in {"seal", "next"}}

    async def prove(**typed: str) -> httpx.Response:
        return await desk.post("/desk/step-up", data={**fields, **typed})

    alone = await prove(proof=PASSWORD)
    code = code_at(secret, step_of(site.clock.now()))
    without = await prove(proof=code, proof_code=code)
    both = await prove(proof=PASSWORD, proof_code=code)
    site.clock.advance(timedelta(minutes=10))
    again = await prove(proof=PASSWORD, proof_code=code)
    lost_phone = await prove(proof=PASSWORD, proof_code=codes[0])

    assert 'name="proof_code"' in asked.text
    assert [each.status_code for each in (alone, without, both, again, lost_phone)] == [422, 422, 303, 422, 303]
    assert both.headers["location"] == view
    assert 'id="proof_code-error"' in alone.text
    assert 'id="proof-error"' in without.text
    await desk.aclose()


async def test_a_new_password_takes_a_code_that_nobody_has_used_and_is_no_way_around_one(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    secret, codes = await set_up(site, desk)
    used = code_at(secret, step_of(site.clock.now()))
    site.clock.advance(timedelta(minutes=11))
    view, you = "/desk/donations.csv", "/desk/you/password"
    page = await desk.get("/desk/you")
    fields = {"seal": hidden_fields(page.text)["seal"], "current": PASSWORD, "new": "quite another long word 9"}

    alone = await desk.post(you, data=fields)
    stale = await desk.post(you, data={**fields, "code": used})
    still_asked = await desk.get(view)
    code = code_at(secret, step_of(site.clock.now()))
    short = await desk.post(you, data={**fields, "new": "short", "code": code})
    done = await desk.post(you, data={**fields, "code": code})
    opened = await desk.get(view)
    newer = {**fields, "current": fields["new"], "new": "one more long word 9"}
    twice = await desk.post(you, data={**newer, "code": code})
    lost_phone = await desk.post(you, data={**newer, "code": codes[0]})

    assert 'name="code"' in page.text
    assert [each.status_code for each in (alone, stale, short, done, twice, lost_phone)] == [
        422,
        422,
        422,
        303,
        422,
        303,
    ]
    assert all('id="code-error"' in each.text for each in (alone, stale, twice))
    assert 'name="proof_code"' in still_asked.text
    assert opened.headers["content-type"].startswith("text/csv")
    await desk.aclose()


async def test_a_right_password_wins_no_more_guesses_at_codes(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    await set_up(site, desk)
    site.clock.advance(timedelta(minutes=11))
    seal = {"seal": hidden_fields((await desk.get("/desk/you")).text)["seal"]}
    guess = {**seal, "next": "/desk", "proof": PASSWORD, "proof_code": "000000"}

    tries = [await desk.post("/desk/step-up", data=guess) for _ in range(GUESSES - 1)]
    await desk.post("/desk/you/password", data={**seal, "current": PASSWORD, "new": "quite another long word 9"})
    beyond = await desk.post("/desk/step-up", data=guess)

    assert not any("Too many" in each.text for each in tries)
    assert "Too many wrong codes" in words(beyond.text)
    await desk.aclose()


async def test_setting_it_up_late_asks_for_the_password_and_goes_on(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    site.clock.advance(timedelta(minutes=11))
    asked = await desk.get(SET_UP)
    assert 'name="proof"' in asked.text

    proved = await desk.post("/desk/step-up", data={**hidden_fields(asked.text), "proof": PASSWORD})

    assert proved.headers["location"] == SET_UP
    await set_up(site, desk)
    assert (await desk.get("/desk/donations")).status_code == 200
    await desk.aclose()


async def test_finance_cannot_take_it_away_and_support_can(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    await set_up(site, desk)
    page = await desk.get("/desk/you")
    assert "Take the second factor away" not in words(page.text)

    refused = await desk.post(f"{SET_UP}/off", data={"seal": hidden_fields(page.text)["seal"]})

    assert refused.status_code == 403
    support = await site.staff("support")
    await set_up(site, support)
    seal = hidden_fields((await support.get("/desk/you")).text)["seal"]
    assert (await support.post(f"{SET_UP}/off", data={"seal": seal})).headers["location"] == "/desk/you?done=off"
    await desk.aclose()
    await support.aclose()


async def test_new_recovery_codes_replace_the_old(site: Whole) -> None:
    await hire(site)
    desk = await sign_in(site)
    _secret, old = await set_up(site, desk)
    seal = hidden_fields((await desk.get("/desk/you")).text)["seal"]

    fresh = await desk.post(f"{SET_UP}/codes", data={"seal": seal})

    assert len(set(re.findall(r"<li>([0-9A-Z-]{14})</li>", fresh.text)) - set(old)) == 10
    other = await sign_in(site)
    page = await other.get("/desk/sign-in/code")
    used = await other.post("/desk/sign-in/code", data={**hidden_fields(page.text), "code": old[0]})
    assert used.status_code == 422
    await desk.aclose()
    await other.aclose()


def test_only_the_sandbox_may_do_without() -> None:
    with pytest.raises(SettingsError, match="only with the sandbox"):
        read_settings({**SETTINGS_ENV, "SUPPORTERS_STRIPE_API_BASE": "https://api.stripe.com"})
    with pytest.raises(SettingsError, match="required or optional"):
        read_settings({**SETTINGS_ENV, "SUPPORTERS_SECOND_FACTOR": "off"})
    without = {name: value for name, value in SETTINGS_ENV.items() if name != "SUPPORTERS_SECOND_FACTOR"}
    assert read_settings(without).second_factor == "required"
