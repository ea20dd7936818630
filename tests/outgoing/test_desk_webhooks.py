"""Receivers at the desk, and the journey of a donation to another program."""

import html
import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from machines import Receiver, verifies, wire
from supporters.audit.models import AuditEntry
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint
from whole import PASSWORD, Whole, hidden_fields

NEW = "/desk/senders/webhooks/new"
FORM = {"url": "https://crm.test/hook", "description": "our records", "kind:donation.paid": "on"}


async def send(desk: httpx.AsyncClient, page: str, action: str, **fields: str) -> httpx.Response:
    """A form of the page, sent to `action` with its seal."""
    seal = hidden_fields((await desk.get(page)).text)["seal"]
    return await desk.post(action, data={"seal": seal, **fields})


async def made(desk: httpx.AsyncClient, **changes: str) -> tuple[str, str]:
    """A receiver that was added: its page and its secret."""
    answer = await send(desk, NEW, NEW, **{**FORM, **changes})
    assert answer.status_code == 200, answer.text
    secret = re.search(r'value="(whsec_[^"]+)"', answer.text)
    page = re.search(r'href="(/desk/senders/webhooks/[0-9A-Z]{26})"', answer.text)
    assert secret
    assert page
    return page[1], html.unescape(secret[1])


async def actions_of(site: Whole) -> list[str]:
    async with site.db.reading() as session:
        found = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))
        return [action for action in found if action.startswith("webhook.")]


async def test_paid_donation_and_its_refund_reach_the_receiver_once_each(both: Whole) -> None:
    crm = Receiver()
    wire(both, crm_test=crm)
    desk = await both.staff()
    _page, secret = await made(desk, **{"kind:donation.refunded": "on"})
    crm.status = 503

    await both.pay(await both.give(amount="25"))
    await both.settle()
    for headers, body in list(both.deliveries):  # Stripe tells everything a second time
        sent = {name: value for name, value in headers.items() if name.lower() != "sec-fetch-site"}
        await both.browser().post("/hooks/stripe", headers=sent, content=body)
    await both.settle()
    down = {headers["webhook-id"] for headers, _body in crm.got}
    crm.status = 200
    both.clock.advance(timedelta(minutes=10))
    await both.worker.tick()
    await both.settle()

    assert len(down) == 1
    assert crm.ids == list(down)
    assert all(verifies(headers, body, secret) for headers, body in crm.taken)
    [paid] = crm.messages
    assert paid["type"] == "donation.paid"
    assert (paid["data"]["amount_minor"], paid["data"]["currency"]) == (2500, "GBP")
    assert "ben.osei" not in str(crm.got)

    donation = paid["data"]["donation"]
    page = f"/desk/donations/{donation}"
    asked = await send(
        desk, page, f"{page}/refund", part="some", amount="10", reason="other", note="by phone", proof=PASSWORD
    )
    answer = await desk.post(f"{page}/refund", data=hidden_fields(asked.text))
    assert answer.status_code == 303, answer.text[-800:]
    for _time in range(3):
        await both.settle()
        both.clock.advance(timedelta(minutes=1))
        await both.worker.tick()

    assert [message["type"] for message in crm.messages] == ["donation.paid", "donation.refunded"]
    assert crm.messages[1]["data"]["amount_minor"] == 1000
    assert len(set(crm.ids)) == 2


async def test_secret_is_shown_once(site: Whole) -> None:
    desk = await site.staff()

    page, secret = await made(desk)

    assert secret.startswith("whsec_")
    shown = (await desk.get(page)).text
    assert secret not in shown
    assert "our records" in shown
    assert await actions_of(site) == ["webhook.add"]


@pytest.mark.parametrize(
    "url",
    [
        "", "crm.test", "http://crm.test/hook", "ftp://crm.test/", "https://user:pw@crm.test/", "https://127.0.0.1/x",
        "https://[::1]/", "https://10.0.0.1/", "https://localhost/", "https://169.254.169.254/", "https://a b.test/",
        "https://crm.test/#part", "https://" + "a" * 600 + ".test/", "https://crm.test:99999/", "javascript:alert(1)",
        "https://crm\u202e.test/",
    ],
)  # fmt: skip
async def test_address_that_can_not_be_called_comes_back_in_the_form(site: Whole, url: str) -> None:
    desk = await site.staff()

    answer = await send(desk, NEW, NEW, **{**FORM, "url": url})

    assert answer.status_code == 422
    assert "our records" in answer.text
    async with site.db.reading() as session:
        assert (await session.scalars(select(WebhookEndpoint))).all() == []


async def test_receiver_that_is_told_nothing_is_not_made(site: Whole) -> None:
    desk = await site.staff()

    answer = await send(desk, NEW, NEW, url=FORM["url"], description="x" * 5000)

    assert answer.status_code == 422
    assert "Tick at least one thing to tell." in answer.text


async def test_receiver_is_changed_turned_tested_and_removed(site: Whole) -> None:
    crm = Receiver()
    wire(site, crm_test=crm)
    desk = await site.staff()
    page, _secret = await made(desk)

    changed = await send(desk, page, page, **{**FORM, "description": "Übersicht <b>"})
    off = await send(desk, page, f"{page}/turn", turn="off")
    refused = await send(desk, page, f"{page}/test")
    on = await send(desk, page, f"{page}/turn", turn="on")
    tested = await send(desk, page, f"{page}/test")
    await site.worker.drain()
    shown = (await desk.get(tested.headers["location"])).text
    unsure = await send(desk, page, f"{page}/remove")
    removed = await send(desk, page, f"{page}/remove", sure="on")

    codes = [each.status_code for each in (changed, off, refused, on, tested, unsure, removed)]
    assert codes == [303, 303, 409, 303, 303, 422, 303]
    assert "Übersicht &lt;b&gt;" in shown
    assert "A test message is on its way" in shown
    assert "Delivered" in shown
    assert [message["type"] for message in crm.messages] == ["webhook.test"]
    assert (await desk.get(page)).status_code == 404
    assert await actions_of(site) == [
        "webhook.add", "webhook.change", "webhook.off", "webhook.on", "webhook.test", "webhook.remove",
    ]  # fmt: skip


async def test_new_secret_signs_and_the_old_one_too(site: Whole) -> None:
    crm = Receiver()
    wire(site, crm_test=crm)
    desk = await site.staff()
    page, old = await made(desk)

    answer = await send(desk, page, f"{page}/secret")
    await send(desk, page, f"{page}/test")
    await site.worker.drain()

    found = re.search(r'value="(whsec_[^"]+)"', answer.text)
    assert found
    assert "The old secret signs beside it until" in answer.text
    [message] = crm.taken
    assert verifies(*message, old)
    assert verifies(*message, html.unescape(found[1]))


async def test_what_was_given_up_is_seen_and_sent_again(site: Whole) -> None:
    crm = Receiver()
    crm.status, crm.body = 410, b"<script>alert(1)</script>"
    wire(site, crm_test=crm)
    desk = await site.staff()
    page, _secret = await made(desk)
    await send(desk, page, f"{page}/test")
    await site.worker.drain()
    shown = (await desk.get(page)).text
    assert "Off: gone" in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "Send the one that was given up again" in shown

    crm.status = 200
    await send(desk, page, f"{page}/replay")
    await send(desk, page, f"{page}/turn", turn="on")
    await site.worker.drain()
    again = await send(desk, page, f"{page}/replay", message=(await rows(site))[0].id)
    await site.worker.drain()
    unknown = await send(desk, page, f"{page}/replay", message="nonsense")

    assert (again.status_code, unknown.status_code) == (303, 404)
    assert len(crm.ids) == 2
    assert len(set(crm.ids)) == 1


async def rows(site: Whole) -> list[WebhookDelivery]:
    async with site.db.reading() as session:
        return list(await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


async def test_long_log_is_shown_in_pages(site: Whole) -> None:
    wire(site, crm_test=Receiver())
    desk = await site.staff()
    page, _secret = await made(desk)
    for _time in range(53):
        await send(desk, page, f"{page}/test")

    first = (await desk.get(page)).text
    older = re.search(r'href="([^"]+before=[^"]+)"', first)
    assert older
    second = (await desk.get(html.unescape(older[1]))).text

    assert (first.count('name="message"'), second.count('name="message"')) == (50, 3)


async def test_only_admins_see_connections(site: Whole) -> None:
    for role in ("viewer", "support", "finance", "editor"):
        desk = await site.staff(role)
        assert (await desk.get("/desk/senders")).status_code == 403
        assert (await desk.get(NEW)).status_code == 403


async def test_form_without_its_seal_does_nothing(site: Whole) -> None:
    desk = await site.staff()
    page, _secret = await made(desk)

    for path in (NEW, page, f"{page}/secret", f"{page}/turn", f"{page}/test", f"{page}/replay", f"{page}/remove"):
        assert (await desk.post(path, data={"seal": "wrong"})).status_code == 403, path
