"""The check against Stripe's document catches what it is there to catch."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from openapi import DOCUMENT, OpenApiError, OpenApiValidator, ValidatingApp
from stripe_in_process import API, KEY, StripeWorld

ENDIVE = "2026-10-28.endive"
REFUND = [("charge", "ch_1"), ("amount", "500"), ("metadata[refund]", "r1"), ("expand[0]", "balance_transaction")]


@pytest.fixture(scope="module")
def document() -> OpenApiValidator:
    return OpenApiValidator()


def test_document_is_stripes_own_and_small() -> None:
    text = DOCUMENT.read_text()

    assert json.loads(text)["info"] == {"title": "Stripe API", "version": "2026-08-26.dahlia"}
    assert len(text) < 1_500_000
    assert "MIT License" in (DOCUMENT.parent / "NOTICE.md").read_text()


def test_request_that_stripe_takes_passes(document: OpenApiValidator) -> None:
    document.check_request("POST", "/v1/refunds", REFUND)
    document.check_request(
        "GET", "/v1/events", [("types[0]", "charge.updated"), ("created[gte]", "1"), ("limit", "100")]
    )


@pytest.mark.parametrize(
    ("method", "path", "pairs", "said"),
    [
        ("POST", "/v1/refunds", [("amount", "5.00")], "amount"),
        ("POST", "/v1/refunds", [("reason", "because")], "reason"),
        ("POST", "/v1/refunds", [("sum", "500")], "sum"),
        ("POST", "/v1/refunds", [("metadata[a]", "b"), ("metadata[c][d]", "e")], "metadata"),
        ("POST", "/v1/payment_intents", [("amount", "500")], "currency"),
        ("POST", "/v1/checkout/sessions", [("ui_mode", "hosted")], "ui_mode"),
        ("POST", "/v1/checkout/sessions", [("line_items[0][price_data][cost]", "5")], "cost"),
        ("GET", "/v1/charges", [("colour", "red")], "colour"),
        ("GET", "/v1/quotes", [], "no operation"),
        ("PUT", "/v1/refunds", [], "no operation"),
    ],
)
def test_request_that_stripe_refuses_is_caught(
    document: OpenApiValidator, method: str, path: str, pairs: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(OpenApiError, match=said):
        document.check_request(method, path, pairs)


def test_endive_takes_away_payment_method_types(document: OpenApiValidator) -> None:
    pairs = [("amount", "500"), ("currency", "gbp"), ("payment_method_types[0]", "card")]

    document.check_request("POST", "/v1/payment_intents", pairs, version="2026-08-26.dahlia")
    with pytest.raises(OpenApiError, match="payment_method_types"):
        document.check_request("POST", "/v1/payment_intents", pairs, version=ENDIVE)


async def test_answer_with_a_wrong_missing_or_invented_field_is_caught(
    world: StripeWorld, document: OpenApiValidator
) -> None:
    charge: dict[str, Any] = (await paid_objects(world))["charge"]
    document.check_response("GET", "/v1/charges/ch_1", 200, charge)

    for change in ({"amount": "2500"}, {"status": "fine"}, {"colour": "red"}, {"paid": None}):
        with pytest.raises(OpenApiError, match=next(iter(change))):
            document.check_response("GET", "/v1/charges/ch_1", 200, {**charge, **change})
    with pytest.raises(OpenApiError, match="amount_refunded"):
        lacking = {key: value for key, value in charge.items() if key != "amount_refunded"}
        document.check_response("GET", "/v1/charges/ch_1", 200, lacking)


async def test_event_with_a_wrong_object_is_caught(world: StripeWorld, document: OpenApiValidator) -> None:
    await paid_objects(world)
    [event] = world.sandbox.events("charge.succeeded")
    document.check_event(event)

    wrong = copy.deepcopy(event)
    wrong["data"]["object"]["amount"] = None
    with pytest.raises(OpenApiError, match="amount"):
        document.check_event(wrong)
    wrong["data"]["object"] = {"object": "unicorn"}
    with pytest.raises(OpenApiError, match="unicorn"):
        document.check_event(wrong)


async def paid_objects(world: StripeWorld) -> dict[str, Any]:
    """What one paid donation leaves on file, the last of each kind."""
    await world.sandbox.pay((await world.donate()).id)
    await world.sandbox.settle_now()
    return {kind: world.sandbox.objects(kind)[-1] for kind in ("charge", "payment_intent", "balance_transaction")}


async def test_middleware_keeps_what_was_wrong_in_both_directions(world: StripeWorld) -> None:
    async def careless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"object": "balance"}'})

    app = ValidatingApp(careless)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=API, auth=(KEY, "")) as client:
        await client.get("/v1/balance", params={"colour": "red"})

    assert [error.partition(" ")[0] for error in app.errors] == ["request", "response", "response"]
    with pytest.raises(OpenApiError, match="colour"):
        app.assert_clean()


def test_pruning_leaves_out_what_is_not_reached(tmp_path: Path) -> None:
    whole = json.loads(DOCUMENT.read_text())
    whole["components"]["schemas"]["unicorn"] = {"type": "object", "properties": {}}
    whole["paths"]["/v1/unicorns"] = {"get": {"parameters": [], "responses": {}}}
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    source.write_text(json.dumps(whole))

    script = DOCUMENT.parent / "prune_openapi.py"
    subprocess.run([sys.executable, str(script), str(source), str(target)], check=True)

    assert target.read_text() == DOCUMENT.read_text()
