"""Webhooks of the sandbox: signed, sent again until taken, and mishandled on purpose."""

import asyncio
import json
import random
from datetime import timedelta

import httpx
import pytest
import stripe

from stripe_in_process import HOOK, SECRET, StripeWorld
from supporters.sandbox.app import create_app
from supporters.sandbox.config import SandboxConfig
from supporters.sandbox.courier import signature


async def paid(world: StripeWorld) -> None:
    """One donation, in the books of Stripe."""
    await world.sandbox.pay((await world.donate()).id)
    await world.sandbox.settle_now()


async def test_webhook_carries_the_endpoints_version_and_the_events_data(world: StripeWorld) -> None:
    await paid(world)
    await world.sandbox.deliver_due()

    headers, body = world.hooks.tries[0]
    event = json.loads(body)
    assert (event["object"], event["api_version"], event["livemode"]) == ("event", "2026-10-28.endive", False)
    assert event["pending_webhooks"] == 1
    assert event["request"] == {"id": None, "idempotency_key": None}
    assert headers["Content-Type"].startswith("application/json")
    parsed = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET, tolerance=None)
    assert parsed.type == "payment_intent.created"


async def test_event_names_the_request_that_caused_it(world: StripeWorld) -> None:
    made = await world.stripe.v1.customers.create_async({}, {"idempotency_key": "k"})

    [event] = world.sandbox.events("customer.created")

    request_id = made.last_response.headers["request-id"]
    assert event["request"] == {"id": request_id, "idempotency_key": "k"}


async def test_signature_is_our_own_work_and_fits_the_sdks_check(world: StripeWorld) -> None:
    at = int(world.clock.now().timestamp())
    header = signature(SECRET, b'{"a": 1}', at=at)

    assert stripe.WebhookSignature.verify_header('{"a": 1}', header, SECRET, tolerance=None)
    assert header == stripe.WebhookSignature.generate_signature_header('{"a": 1}', SECRET, timestamp=at)
    for body, secret in (('{"a": 2}', SECRET), ('{"a": 1}', "whsec_other")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None)


async def test_refused_webhook_comes_again_later_and_newly_signed(world: StripeWorld) -> None:
    world.hooks.answers = [500, 0]
    await world.stripe.v1.customers.create_async({})

    await world.sandbox.deliver_due()
    assert (len(world.hooks.tries), await world.sandbox.deliver_due()) == (1, 0)
    for seconds in (5, 30):
        world.clock.advance(timedelta(seconds=seconds))
        await world.sandbox.deliver_due()

    assert world.hooks.types == ["customer.created"]
    times = [headers["Stripe-Signature"].partition(",")[0] for headers, _ in world.hooks.tries]
    assert len(set(times)) == 3
    [delivery] = world.sandbox.deliveries()
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 3, 200)


async def test_webhook_that_nobody_takes_is_given_up_and_listed(world: StripeWorld) -> None:
    world.hooks.answers = [500] * 100
    made = await world.stripe.v1.customers.create_async({})

    for _ in range(12):
        await world.sandbox.deliver_due()
        await world.sandbox.advance(timedelta(days=1))

    assert len(world.hooks.tries) == len(world.config.webhook_backoff) + 1
    lost = await world.stripe.v1.events.list_async({"delivery_success": False})
    assert [event.data.object.id for event in lost.data] == [made.id]
    assert (await world.stripe.v1.events.list_async({"delivery_success": True})).data == []


async def test_late_news_comes_ten_minutes_late(world: StripeWorld) -> None:
    session = await world.donate()
    await world.sandbox.pay(session.id, "slow")
    await world.sandbox.deliver_due()
    assert (await world.stripe.v1.checkout.sessions.retrieve_async(session.id)).payment_status == "paid"
    assert world.hooks.types == []

    await world.sandbox.advance(timedelta(seconds=600))
    await world.sandbox.deliver_due()
    await world.sandbox.advance(timedelta(seconds=600))
    await world.sandbox.deliver_due()

    assert world.hooks.types[-2:] == ["checkout.session.completed", "charge.updated"]


async def test_doubled_news_comes_twice_with_the_same_id(world: StripeWorld) -> None:
    await world.sandbox.pay((await world.donate()).id, "twice")
    await world.sandbox.deliver_all()

    ids = [event["id"] for event in world.hooks.taken]
    assert len(ids) == 10
    assert len(set(ids)) == 5


async def test_every_event_three_times_in_another_order(world: StripeWorld) -> None:
    world.sandbox.set_copies(3)
    await paid(world)
    made = [event["type"] for event in world.sandbox.events() for _ in range(3)]

    world.sandbox.shuffle(seed=4)
    await world.sandbox.deliver_due()

    assert sorted(world.hooks.types) == sorted(made)
    assert world.hooks.types != made


async def test_held_webhooks_leave_when_released(world: StripeWorld) -> None:
    world.sandbox.hold()
    await paid(world)
    assert await world.sandbox.deliver_due() == 0

    world.sandbox.release(shuffle=True, seed=1)
    await world.sandbox.deliver_due()

    assert len(world.hooks.taken) == 5


async def test_lost_webhooks_never_come_until_sent_again(world: StripeWorld) -> None:
    world.sandbox.drop_next(1, ["checkout.session.completed"])
    await paid(world)
    await world.sandbox.deliver_due()
    assert "checkout.session.completed" not in world.hooks.types

    [event] = world.sandbox.events("checkout.session.completed")
    assert event["pending_webhooks"] == 1
    world.sandbox.resend(event["id"])
    await world.sandbox.deliver_due()

    assert world.hooks.types[-1] == "checkout.session.completed"


async def test_endpoint_hears_only_what_it_asked_for(world: StripeWorld) -> None:
    await world.stripe.v1.webhook_endpoints.update_async(
        world.sandbox.objects("webhook_endpoint")[0]["id"], {"enabled_events": ["charge.updated"]}
    )

    await paid(world)
    await world.sandbox.deliver_due()

    assert world.hooks.types == ["charge.updated"]


async def test_secret_is_shown_once_when_an_endpoint_is_made(world: StripeWorld) -> None:
    endpoints = world.stripe.v1.webhook_endpoints
    made = await endpoints.create_async({"url": HOOK, "enabled_events": ["*"], "api_version": "2026-08-26.dahlia"})

    assert made.secret.startswith("whsec_")
    assert not hasattr(await endpoints.retrieve_async(made.id), "secret")
    assert [one.id for one in (await endpoints.list_async({"limit": 1})).data] == [made.id]
    assert (await endpoints.delete_async(made.id)).deleted


async def test_events_are_listed_by_kind_and_oldest_first_from_a_cursor(world: StripeWorld) -> None:
    first = await world.stripe.v1.customers.create_async({})
    await paid(world)
    made = [event["id"] for event in world.sandbox.events()]

    listed = await world.stripe.v1.events.list_async({"ending_before": made[0], "limit": 2})
    forward = [event.id async for event in listed.auto_paging_iter()]
    kinds = await world.stripe.v1.events.list_async({"types": ["charge.updated", "customer.created"]})

    assert forward == made[1:]
    assert [event.type for event in kinds.data] == ["charge.updated", "customer.created"]
    assert kinds.data[1].data.object.id == first.id
    one = await world.stripe.v1.events.retrieve_async(made[0])
    assert one.api_version == "2026-08-26.dahlia"


async def test_events_are_forgotten_after_thirty_days(world: StripeWorld) -> None:
    await world.stripe.v1.customers.create_async({})
    [event] = world.sandbox.events()

    await world.sandbox.advance(timedelta(days=31))

    assert (await world.stripe.v1.events.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.events.retrieve_async(event["id"])


async def test_every_kind_of_event_is_held_to_stripes_document(world: StripeWorld) -> None:
    outcomes = ["pay", "declined", "challenge-yes", "challenge-no", "expired", "funds", "slow", "twice"]
    for outcome in random.Random(3).sample(outcomes, len(outcomes)):
        await world.sandbox.pay((await world.donate(customer_creation="always")).id, outcome)
    await world.sandbox.settle_now()
    for charge in (await world.stripe.v1.charges.list_async()).data:
        if charge.paid:
            await world.stripe.v1.refunds.create_async({"charge": charge.id, "amount": 100})

    await world.sandbox.deliver_all()

    assert len(set(world.hooks.types)) == 13
    assert all(delivery.state == "delivered" for delivery in world.sandbox.deliveries())


async def test_served_sandbox_settles_and_tells_by_itself_over_http(world: StripeWorld) -> None:
    received: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(
            next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1]
        )
        received.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/stripe"
    app = create_app(SandboxConfig(webhook_url=url, settle_delay_seconds=0))
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        await client.post("http://stripe.test/v1/customers", auth=("sk_test_sandbox", ""))
        for _ in range(200):
            if received:
                break
            await asyncio.sleep(0.02)
    server.close()
    await server.wait_closed()

    assert json.loads(received[0])["type"] == "customer.created"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[broken/"])
async def test_address_that_nobody_answers_is_tried_again_and_breaks_nothing(url: str) -> None:
    app = create_app(SandboxConfig(webhook_url=url))
    sandbox = app.state.sandbox
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        await client.post("http://stripe.test/v1/customers", auth=("sk_test_sandbox", ""))

    await sandbox.deliver_due()

    [delivery] = sandbox.deliveries()
    assert (delivery.state, delivery.attempts, delivery.status) == ("pending", 1, None)
    assert delivery.error
    await sandbox.close()


async def test_only_changes_tell_what_was_before(world: StripeWorld) -> None:
    await paid(world)
    charge = world.sandbox.objects("charge")[0]["id"]
    await world.stripe.v1.refunds.create_async({"charge": charge, "amount": 500})

    before = {event["type"]: event["data"].get("previous_attributes") for event in world.sandbox.events()}

    assert before["charge.refunded"] == {"amount_refunded": 0}
    assert before["charge.updated"] == {"balance_transaction": None}
    assert before["payment_intent.succeeded"] is None
