"""The sandbox's pages: checkout, the bank's question, the controls."""

import re
from datetime import timedelta

import pytest

from stripe_in_process import StripeWorld

THANKS = "https://give.weeklylamp.example/thanks?session="


async def open_page(world: StripeWorld, **more: object) -> tuple[str, str]:
    """An open session's id and the path of its page."""
    session = await world.donate(**more)
    return session.id, f"/c/pay/{session.id}"


async def test_page_shows_what_is_paid_and_one_big_button_first(world: StripeWorld) -> None:
    _, path = await open_page(world)

    page = await world.browser.get(path)

    assert page.status_code == 200
    assert '<html lang="en-GB">' in page.text
    assert "One-off donation to The Weekly Lamp" in page.text
    buttons = re.findall(r'<button [^>]*value="([a-z-]+)"', page.text)
    assert buttons[0] == "pay"
    assert "Pay £25.00</button>" in page.text
    assert set(buttons) == {
        "pay", "declined", "funds", "challenge-no", "challenge-yes", "slow", "twice", "closed", "expired",
        "debit", "debit-fails", "debit-returns",
    }  # fmt: skip
    assert "£0.58" in page.text
    assert "£24.42" in page.text
    assert "<script" not in page.text
    assert "<input" not in page.text


async def test_page_obeys_a_strict_policy_that_lets_the_form_end_at_the_shop(world: StripeWorld) -> None:
    _, path = await open_page(world)

    headers = (await world.browser.get(path)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://give.weeklylamp.example" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    styles = await world.browser.get("/static/sandbox.css")
    assert styles.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("outcome", ["pay", "slow", "twice"])
async def test_paying_leads_back_with_the_sessions_id(world: StripeWorld, outcome: str) -> None:
    session_id, path = await open_page(world)

    reply = await world.browser.post(path, data={"outcome": outcome})

    assert (reply.status_code, reply.headers["location"]) == (303, f"{THANKS}{session_id}")
    assert world.sandbox.session(session_id)["payment_status"] == "paid"


@pytest.mark.parametrize(("outcome", "text"), [("declined", "was declined"), ("funds", "insufficient funds")])
async def test_refusal_shows_the_page_again_with_the_banks_words(world: StripeWorld, outcome: str, text: str) -> None:
    session_id, path = await open_page(world)

    page = await world.browser.post(path, data={"outcome": outcome})

    assert page.status_code == 402
    assert text in page.text
    assert 'role="alert"' in page.text
    assert "Pay £25.00" in page.text
    assert world.sandbox.session(session_id)["status"] == "open"
    assert (await world.browser.get(path)).text.count('role="alert"') == 0


@pytest.mark.parametrize(("outcome", "first"), [("challenge-yes", "complete"), ("challenge-no", "fail")])
async def test_bank_asks_on_a_page_of_its_own(world: StripeWorld, outcome: str, first: str) -> None:
    session_id, path = await open_page(world)
    reply = await world.browser.post(path, data={"outcome": outcome})

    page = await world.browser.get(reply.headers["location"])
    assert re.findall(r'name="answer"\s+value="([a-z]+)"', page.text)[0] == first
    failed = await world.browser.post(reply.headers["location"], data={"answer": "fail"})
    assert failed.status_code == 402
    assert "unable to authenticate" in failed.text

    again = await world.browser.post(path, data={"outcome": outcome})
    done = await world.browser.post(again.headers["location"], data={"answer": "complete"})

    assert done.headers["location"] == f"{THANKS}{session_id}"
    late = await world.browser.post(again.headers["location"], data={"answer": "fail"})
    assert late.headers["location"] == f"{THANKS}{session_id}"
    assert world.sandbox.session(session_id)["payment_status"] == "paid"


async def test_closing_the_page_charges_nothing_and_leads_back(world: StripeWorld) -> None:
    session_id, path = await open_page(world)

    reply = await world.browser.post(path, data={"outcome": "closed"})

    assert reply.headers["location"] == "https://give.weeklylamp.example/give"
    assert world.sandbox.session(session_id)["status"] == "open"


async def test_page_that_has_run_out_says_so(world: StripeWorld) -> None:
    session_id, path = await open_page(world)
    run_out = await world.browser.post(path, data={"outcome": "expired"})
    _, other = await open_page(world)
    await world.sandbox.advance(timedelta(hours=24))

    late = await world.browser.post(other, data={"outcome": "pay"})

    assert "Nothing was charged" in run_out.text
    assert (late.status_code, "This page has run out" in late.text) == (409, True)
    assert world.sandbox.session(session_id)["status"] == "expired"


async def test_paid_page_cannot_be_paid_twice(world: StripeWorld) -> None:
    session_id, path = await open_page(world)
    await world.browser.post(path, data={"outcome": "pay"})

    again = await world.browser.post(path, data={"outcome": "pay"})

    assert again.status_code == 409
    assert f"{THANKS}{session_id}" in again.text
    assert len(world.sandbox.objects("charge")) == 1


async def test_nonsense_on_a_page_is_refused_in_words(world: StripeWorld) -> None:
    _, path = await open_page(world)

    replies = [
        await world.browser.get("/c/pay/cs_test_none"),
        await world.browser.get("/nowhere"),
        await world.browser.post(path, data={"outcome": "free"}),
        await world.browser.post(path, content=b"\xff\xfe"),
        await world.browser.post(path, json={"outcome": ["pay"]}),
        await world.browser.put(path),
        await world.browser.get("/c/proof/pi_none"),
    ]

    assert all(400 <= reply.status_code < 500 for reply in replies), [reply.status_code for reply in replies]
    assert all("<h1>" in reply.text for reply in replies)


async def test_text_from_outside_is_escaped(world: StripeWorld) -> None:
    data = {"currency": "gbp", "unit_amount": 500, "product_data": {"name": "<b>Gift</b>", "description": "<i>x</i>"}}
    _, path = await open_page(world, line_items=[{"price_data": data, "quantity": 1}], client_reference_id="<u>r</u>")

    page = await world.browser.get(path)

    assert "&lt;b&gt;Gift" in page.text
    assert not re.search("<(b|i|u)>", page.text)


# controls


async def test_controls_show_what_has_happened(world: StripeWorld) -> None:
    empty = await world.browser.get("/_control")
    session_id, _ = await open_page(world)
    await world.sandbox.pay(session_id)
    await world.sandbox.deliver_all()

    page = await world.browser.get("/_control")

    assert "Nothing has happened yet" in empty.text
    assert session_id[:24] in page.text
    assert page.text.count(">delivered</span>") == 5
    assert (await world.browser.get("/")).headers["location"] == "/_control"


async def test_controls_show_a_page_on_which_nothing_is_paid(world: StripeWorld) -> None:
    setup = {"mode": "setup", "currency": "gbp", "success_url": THANKS, "ui_mode": "hosted_page"}
    session = await world.stripe.v1.checkout.sessions.create_async(setup)

    page = await world.browser.get("/_control")

    assert page.status_code == 200
    assert session.id[:24] in page.text


async def test_controls_answer_programs_in_json(world: StripeWorld) -> None:
    session_id, _ = await open_page(world)
    before = (await world.browser.get("/_control/state")).json()

    await world.browser.post("/_control/pay", json={"session": session_id, "outcome": "pay"})
    await world.browser.post("/_control/advance", json={"seconds": 3600})
    after = (await world.browser.post("/_control/fail", json={"kind": "500", "count": 2})).json()

    assert after["now"] == before["now"] + 3600
    assert after["sessions"][0]["payment_status"] == "paid"
    assert after["deliveries"] == {"pending": 5}
    assert after["faults"][0]["count"] == 2


async def test_every_control_works_from_its_form(world: StripeWorld) -> None:
    await world.stripe.v1.customers.create_async({})
    [event] = world.sandbox.events()
    forms: dict[str, dict[str, str]] = {
        "advance": {"seconds": "600"},
        "hold": {},
        "release": {"shuffle": "true", "seed": "1"},
        "shuffle": {},
        "copies": {"copies": "3"},
        "drop": {"count": "2"},
        "resend": {"event": event["id"]},
        "fail": {"kind": "429", "path": "/v1/", "effect": "none", "count": "1"},
        "clear-faults": {},
        "settle": {},
        "deliver": {},
        "seed": {"seed": "9"},
    }

    for action, form in forms.items():
        reply = await world.browser.post(
            f"/_control/{action}", data=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert (reply.status_code, reply.headers["location"]) == (303, "/_control"), action

    state = (await world.browser.get("/_control/state")).json()
    assert (state["copies"], state["is_held"], state["seed"], state["faults"]) == (3, False, 9, [])
    assert state["drops"] == [{"count": 2, "types": []}]
    assert world.hooks.types == ["customer.created", "customer.created"]


async def test_controls_refuse_nonsense_and_other_sites(world: StripeWorld) -> None:
    replies = [
        await world.browser.post("/_control/advance", json={"seconds": "soon"}),
        await world.browser.post("/_control/advance", json={"seconds": -5}),
        await world.browser.post("/_control/copies", json={"copies": 0}),
        await world.browser.post("/_control/advance", content=b"{"),
        await world.browser.post("/_control/fly", json={}),
        await world.browser.post("/_control/resend", json={"event": "evt_none"}),
        await world.browser.post("/_control/hold", headers={"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [reply.status_code for reply in replies] == [400, 400, 400, 400, 404, 404, 403]
    assert all(reply.json()["error"]["message"] for reply in replies)
