"""How the sandbox's API behaves whatever it is asked for: keys, errors, replays, pages of lists, expansion."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import stripe

from stripe_in_process import API, KEY, StripeWorld, session_params
from supporters.kit.clock import FixedClock
from supporters.sandbox.config import SandboxConfig


async def raw(world: StripeWorld, method: str, path: str, **more: object) -> httpx.Response:
    """A request without the SDK."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.app), base_url=API) as client:
        return await client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)


# keys


async def test_live_key_is_refused_at_the_start_and_on_every_call(world: StripeWorld) -> None:
    for key in ("sk_live_123", "rk_live_123", "nonsense"):
        with pytest.raises(ValueError, match="test keys only"):
            SandboxConfig(api_key=key)

    with pytest.raises(stripe.AuthenticationError, match="refuses live keys"):
        await world.client("sk_live_1234567890").v1.balance.retrieve_async()


async def test_wrong_or_missing_key_is_401_and_never_echoed(world: StripeWorld) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        await world.client("sk_test_of_somebody_else").v1.balance.retrieve_async()
    assert "of_somebody" not in str(caught.value)

    reply = await raw(world, "GET", "/v1/balance", headers={"Authorization": ""})
    assert reply.status_code == 401
    assert reply.json()["error"]["type"] == "invalid_request_error"


async def test_key_may_come_as_basic_auth(world: StripeWorld) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.app), auth=(KEY, "")) as client:
        reply = await client.get(f"{API}/v1/account")

    assert reply.json()["id"] == world.config.account_id


# errors


async def test_every_answer_names_its_request_and_version(world: StripeWorld) -> None:
    session = await world.donate()

    headers = session.last_response.headers
    assert headers["request-id"].startswith("req_")
    assert headers["stripe-version"] == "2026-10-28.endive"
    assert headers["idempotency-key"]


async def test_version_is_the_accounts_own_when_none_is_asked_for(world: StripeWorld) -> None:
    reply = await raw(world, "GET", "/v1/balance")

    assert reply.headers["stripe-version"] == "2026-08-26.dahlia"
    wrong = await raw(world, "GET", "/v1/balance", headers={"Stripe-Version": "yesterday"})
    assert wrong.status_code == 400


async def test_unknown_address_and_unknown_object_are_404_in_stripes_words(world: StripeWorld) -> None:
    lost = await raw(world, "GET", "/v1/balances")
    assert (lost.status_code, lost.json()["error"]["type"]) == (404, "invalid_request_error")
    slash = await raw(world, "GET", "/v1/customers/")
    assert slash.status_code == 404
    world.app.errors.clear()

    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.stripe.v1.payment_intents.retrieve_async("pi_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"mode": "payment", "colour": "red"}, "parameter_unknown", "colour"),
        ({"line_items": [{"price_data": {"currency": "gbp", "cost": 5}}]}, "parameter_unknown", None),
        ({"success_url": "https://a.example"}, "parameter_missing", "mode"),
        ({"mode": "payment", "success_url": "https://a.example"}, "parameter_missing", "line_items"),
        ({"mode": "payment", "expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
        ({"mode": "payment", "metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 41}]"),
        ({"mode": "payment", "metadata": {"k": "v" * 501}}, None, "metadata[k]"),
    ],
)
async def test_parameter_that_does_not_fit_is_named(
    world: StripeWorld, params: dict[str, object], code: str | None, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await world.stripe.v1.checkout.sessions.create_async(params)

    assert caught.value.code == code
    assert caught.value.param == (param or "line_items[0][price_data][cost]")
    world.app.errors.clear()


async def test_body_that_is_no_form_is_refused_without_a_crash(world: StripeWorld) -> None:
    json_body = await raw(world, "POST", "/v1/customers", json={"email": "ada.brook@example.org"})
    bad_text = await raw(
        world, "POST", "/v1/refunds", content=b"a=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    clash = await raw(world, "POST", "/v1/refunds", data={"metadata": "x", "metadata[a]": "y"})

    assert [json_body.status_code, bad_text.status_code, clash.status_code] == [400, 400, 400]
    world.app.errors.clear()


# idempotency


async def test_same_key_and_same_content_gives_the_same_session_once(world: StripeWorld) -> None:
    first = await world.stripe.v1.checkout.sessions.create_async(session_params(), {"idempotency_key": "v1:once"})
    second = await world.stripe.v1.checkout.sessions.create_async(session_params(), {"idempotency_key": "v1:once"})

    assert second.to_dict() == first.to_dict()
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.last_response.headers
    assert len(world.sandbox.objects("checkout.session")) == 1


async def test_same_key_with_other_content_is_refused(world: StripeWorld) -> None:
    await world.stripe.v1.checkout.sessions.create_async(session_params(), {"idempotency_key": "v1:once"})

    with pytest.raises(stripe.IdempotencyError):
        await world.stripe.v1.checkout.sessions.create_async(session_params(500), {"idempotency_key": "v1:once"})


async def test_key_is_forgotten_after_a_day(world: StripeWorld) -> None:
    first = await world.stripe.v1.customers.create_async({"email": "a@example.org"}, {"idempotency_key": "k"})

    world.clock.advance(timedelta(hours=24, seconds=1))
    second = await world.stripe.v1.customers.create_async({"email": "a@example.org"}, {"idempotency_key": "k"})

    assert second.id != first.id


async def test_key_of_a_refused_request_can_be_used_again(world: StripeWorld) -> None:
    options = {"idempotency_key": "k"}
    with pytest.raises(stripe.InvalidRequestError):
        await world.stripe.v1.checkout.sessions.create_async({"mode": "payment"}, options)

    session = await world.stripe.v1.checkout.sessions.create_async(session_params(), options)

    assert session.status == "open"


async def test_simultaneous_requests_with_one_key_make_one_object(world: StripeWorld) -> None:
    async def create() -> object:
        return await world.stripe.v1.checkout.sessions.create_async(session_params(), {"idempotency_key": "k"})

    results = await asyncio.gather(*(create() for _ in range(50)), return_exceptions=True)

    errors = [one for one in results if isinstance(one, stripe.StripeError)]
    assert len(world.sandbox.objects("checkout.session")) == 1
    assert len(errors) < 50
    assert {(one.http_status, one.error.code) for one in errors} <= {(409, "idempotency_key_in_use")}


async def test_second_request_meets_the_first_while_it_hangs(world: StripeWorld) -> None:
    world.sandbox.fail_next("timeout", effect="done", seconds=0.2)
    first = asyncio.create_task(world.stripe.v1.customers.create_async({}, {"idempotency_key": "k"}))
    await asyncio.sleep(0.05)

    with pytest.raises(stripe.StripeError) as caught:
        await world.stripe.v1.customers.create_async({}, {"idempotency_key": "k"})

    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert (await first).id


# faults


async def test_next_calls_fail_as_they_were_told(world: StripeWorld) -> None:
    world.sandbox.fail_next("429", count=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            await world.stripe.v1.balance.retrieve_async()

    assert await world.stripe.v1.balance.retrieve_async()


async def test_failure_meets_only_the_calls_it_is_meant_for(world: StripeWorld) -> None:
    world.sandbox.fail_next("500", path="/v1/refunds", method="POST")

    assert await world.donate()
    with pytest.raises(stripe.APIError) as caught:
        await world.stripe.v1.refunds.create_async({"charge": "ch_none"})
    assert caught.value.http_status == 500


async def test_500_without_effect_is_healed_by_the_sdks_own_retry(world: StripeWorld) -> None:
    world.sandbox.fail_next("500")

    await world.client(retries=2).v1.customers.create_async({})

    assert len(world.sandbox.objects("customer")) == 1


async def test_500_after_the_effect_replays_for_its_key(world: StripeWorld) -> None:
    world.sandbox.fail_next("500", effect="done")

    with pytest.raises(stripe.APIError):
        await world.client(retries=2).v1.customers.create_async({}, {"idempotency_key": "k"})
    with pytest.raises(stripe.APIError):
        await world.stripe.v1.customers.create_async({}, {"idempotency_key": "k"})

    assert len(world.sandbox.objects("customer")) == 1


async def test_lost_reply_leaves_its_effect_and_the_retry_finds_it(world: StripeWorld) -> None:
    world.sandbox.fail_next("reply_lost", effect="done")
    with pytest.raises(stripe.APIConnectionError):
        await world.stripe.v1.customers.create_async({}, {"idempotency_key": "k"})

    again = await world.stripe.v1.customers.create_async({}, {"idempotency_key": "k"})

    assert [one["id"] for one in world.sandbox.objects("customer")] == [again.id]


# lists and expansion


async def test_list_is_newest_first_and_pages_both_ways(world: StripeWorld) -> None:
    made = [(await world.stripe.v1.customers.create_async({"name": str(number)})).id for number in range(7)]
    newest_first = made[::-1]

    first = await world.stripe.v1.customers.list_async({"limit": 3})
    second = await world.stripe.v1.customers.list_async({"limit": 3, "starting_after": first.data[-1].id})
    back = await world.stripe.v1.customers.list_async({"limit": 2, "ending_before": second.data[0].id})
    every = [one.id async for one in (await world.stripe.v1.customers.list_async({"limit": 3})).auto_paging_iter()]

    assert [one.id for one in first.data] == newest_first[:3]
    assert [one.id for one in second.data] == newest_first[3:6]
    assert [one.id for one in back.data] == newest_first[1:3]
    assert (first.has_more, second.has_more, back.has_more) == (True, True, True)
    assert every == newest_first


async def test_list_keeps_its_limits(world: StripeWorld) -> None:
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await world.stripe.v1.customers.list_async({"limit": limit})
        assert caught.value.param == "limit"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await world.stripe.v1.customers.list_async({"starting_after": "cus_none"})


async def test_list_keeps_to_a_span_of_time(world: StripeWorld) -> None:
    await world.stripe.v1.customers.create_async({})
    world.clock.advance(timedelta(hours=1))
    later = await world.stripe.v1.customers.create_async({})
    world.clock.advance(timedelta(hours=1))
    await world.stripe.v1.customers.create_async({})

    span = {"gte": later.created, "lt": later.created + 3600}
    found = await world.stripe.v1.customers.list_async({"created": span})
    exact = await world.stripe.v1.customers.list_async({"created": later.created})

    assert [one.id for one in found.data] == [later.id]
    assert [one.id for one in exact.data] == [later.id]


async def test_expansion_goes_down_several_levels_and_through_lists(world: StripeWorld) -> None:
    session = await world.donate()
    await world.sandbox.pay(session.id)
    await world.sandbox.settle_now()

    deep = await world.stripe.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "payment_intent.payment_method"]}
    )
    lines = await world.stripe.v1.balance_transactions.list_async({"expand": ["data.source"]})

    charge = deep.payment_intent.latest_charge
    assert charge.balance_transaction.net == 2442
    assert deep.payment_intent.payment_method.card.last4 == "4242"
    assert lines.data[0].source.id == charge.id


async def test_what_cannot_be_expanded_is_refused(world: StripeWorld) -> None:
    for path in ("currency", "nothing", "data.customer"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            await world.donate(expand=[path])


# memory


async def test_restart_keeps_everything_and_repeats_no_id(clock: FixedClock, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    before = StripeWorld(clock, database_path=path)
    session = await before.donate()
    await before.sandbox.advance(timedelta(minutes=5))
    now = before.sandbox.world.now()
    await before.close()

    after = StripeWorld(clock, database_path=path)
    again = await after.stripe.v1.checkout.sessions.retrieve_async(session.id)
    other = await after.donate()
    await after.sandbox.pay(session.id)
    await after.sandbox.deliver_all()

    assert again.to_dict() == session.to_dict()
    assert other.id != session.id
    assert after.sandbox.world.now() == now
    assert len(after.sandbox.objects("webhook_endpoint")) == 1
    assert "checkout.session.completed" in after.hooks.types
    await after.close()
    after.app.assert_clean()


async def test_same_seed_makes_the_same_ids(clock: FixedClock) -> None:
    ids: list[str] = []
    for _ in range(2):
        made = StripeWorld(clock, seed=7)
        ids.append((await made.donate()).id)
        await made.close()

    assert ids[0] == ids[1]
