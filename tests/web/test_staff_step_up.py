"""Ten minutes after the last proof, what can't be undone asks for another, and what was filled in is kept."""

import re
from datetime import timedelta

import httpx
from sqlalchemy import func, select

from supporters.audit.models import AuditEntry
from supporters.donations.models import Refund
from supporters.web.desk.door import HANDLERS
from whole import PASSWORD, Whole, hidden_fields, words

STALE = timedelta(minutes=10)


def steps_up() -> list[tuple[str, str]]:
    """Every route that says that it needs a fresh proof."""
    return sorted(
        (path, str(method))
        for handler in HANDLERS
        if handler.opt.get("proof")
        for path in handler.paths
        for method in handler.http_methods
        if method != "OPTIONS"
    )


async def entries(site: Whole) -> int:
    async with site.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(AuditEntry)) or 0


async def seal_of(desk: httpx.AsyncClient) -> str:
    return hidden_fields((await desk.get("/desk/you")).text)["seal"]


def test_refunds_exports_roles_and_second_factors_need_a_fresh_proof() -> None:
    said = {path for path, _method in steps_up()}

    assert said >= {
        "/desk/donations/{donation_id:str}/refund",
        "/desk/donations.csv",
        "/desk/audit.csv",
        "/desk/newsletters/{newsletter_id:str}/export",
        "/desk/staff",
        "/desk/staff/{staff_id:str}/role",
        "/desk/staff/{staff_id:str}/suspend",
        "/desk/staff/{staff_id:str}/second-factor",
        "/desk/staff/{staff_id:str}/new-password",
        "/desk/imports/{batch_id:str}/errors.csv",
        "/desk/senders/webhooks/new",
        "/desk/senders/webhooks/{endpoint_id:str}",
        "/desk/senders/webhooks/{endpoint_id:str}/secret",
        "/desk/senders/connections/new",
        "/desk/senders/connections/{connector_id:str}/credentials",
        "/desk/you/second-factor",
        "/desk/you/second-factor/off",
        "/desk/you/second-factor/codes",
    }


async def test_each_of_them_asks_first_and_does_nothing(site: Whole) -> None:
    desk = await site.staff("admin")
    seal = await seal_of(desk)
    site.clock.advance(STALE)
    before = await entries(site)

    for path, method in steps_up():
        where = re.sub(r"\{\w+:str\}", "01M7SESBR0GH6X5M4JM9NYJG7Z", path)
        answer = await desk.request(method, where, data={"seal": seal} if method == "POST" else None)
        assert answer.status_code == 200, (path, method)
        assert 'name="proof"' in answer.text, (path, method)
    assert await entries(site) == before
    await desk.aclose()


async def test_a_refund_survives_the_proof_and_is_asked_for_once(site: Whole) -> None:
    await site.pay(await site.give())
    await site.settle()
    desk = await site.staff("finance")
    rows = await desk.get("/desk/donations")
    found = re.search(r"/desk/donations/([0-9A-Z]{26})", rows.text)
    assert found
    where = f"/desk/donations/{found[1]}/refund"
    form = {"part": "some", "amount": "7.50", "reason": "other", "note": "Zoë asked: “please”\u00a0<b>"}
    page = await desk.post(where, data={"seal": await seal_of(desk), **form})
    confirm = hidden_fields(page.text)
    site.clock.advance(STALE)

    asked = await desk.post(where, data=confirm)
    wrong = await desk.post(where, data={**hidden_fields(asked.text), "proof": "not the password"})
    kept = hidden_fields(wrong.text)
    async with site.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Refund)) == 0
    done = await desk.post(where, data={**kept, "proof": PASSWORD})
    again = await desk.post(where, data={**kept, "proof": PASSWORD})

    assert (asked.status_code, wrong.status_code, done.status_code, again.status_code) == (200, 422, 303, 409)
    assert kept == confirm
    async with site.db.reading() as session:
        refunds = (await session.scalars(select(Refund))).all()
    assert [(each.amount_minor, each.note) for each in refunds] == [(750, "Zoë asked: “please” <b>")]
    await desk.aclose()


async def test_an_export_goes_on_to_the_same_view(site: Whole) -> None:
    desk = await site.staff("finance")
    site.clock.advance(STALE)
    view = "/desk/donations.csv?state=paid&min=25"

    asked = await desk.get(view)
    fields = {name: value for name, value in hidden_fields(asked.text).items() if name in {"seal", "next"}}
    proved = await desk.post("/desk/step-up", data={**fields, "proof": PASSWORD})

    assert proved.headers["location"] == view
    assert (await desk.get(view)).headers["content-type"].startswith("text/csv")
    await desk.aclose()


async def test_after_ten_wrong_passwords_the_right_one_waits_too(site: Whole) -> None:
    desk = await site.staff("admin")
    seal = await seal_of(desk)
    site.clock.advance(STALE)
    for number in range(10):
        answer = await desk.post("/desk/step-up", data={"seal": seal, "proof": f"wrong password {number}"})
        assert "not your password" in words(answer.text)

    blocked = await desk.post("/desk/step-up", data={"seal": seal, "proof": PASSWORD})

    assert blocked.status_code == 422
    assert "Wait five minutes" in words(blocked.text)
    await desk.aclose()


async def test_a_proof_leads_to_the_desk_only(site: Whole) -> None:
    desk = await site.staff("viewer")

    answer = await desk.post(
        "/desk/step-up", data={"seal": await seal_of(desk), "proof": PASSWORD, "next": "https://evil.example/"}
    )

    assert answer.headers["location"] == "/desk"
    await desk.aclose()
