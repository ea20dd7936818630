"""Cuts Stripe's OpenAPI document down to what the sandbox serves: `prune_openapi.py spec3.json stripe-openapi.json`.

What stays is Stripe's own text. What goes: operations that the sandbox does not serve, schemas that those do not reach,
the objects behind expandable ids that the sandbox never expands, and all prose (descriptions, titles, x- fields).
"""

import json
import sys
from pathlib import Path
from typing import Any

SERVED = {
    "/v1/account": ["get"],
    "/v1/balance": ["get"],
    "/v1/balance_transactions": ["get"],
    "/v1/balance_transactions/{id}": ["get"],
    "/v1/billing_portal/configurations": ["get", "post"],
    "/v1/billing_portal/sessions": ["post"],
    "/v1/charges": ["get"],
    "/v1/charges/{charge}": ["get", "post"],
    "/v1/checkout/sessions": ["get", "post"],
    "/v1/checkout/sessions/{session}": ["get", "post"],
    "/v1/checkout/sessions/{session}/expire": ["post"],
    "/v1/checkout/sessions/{session}/line_items": ["get"],
    "/v1/customer_sessions": ["post"],
    "/v1/customers": ["get", "post"],
    "/v1/customers/{customer}": ["get", "post", "delete"],
    "/v1/customers/{customer}/payment_methods": ["get"],
    "/v1/disputes": ["get"],
    "/v1/disputes/{dispute}": ["get", "post"],
    "/v1/disputes/{dispute}/close": ["post"],
    "/v1/events": ["get"],
    "/v1/events/{id}": ["get"],
    "/v1/files/{file}": ["get"],
    "/v1/invoice_payments": ["get"],
    "/v1/invoice_payments/{invoice_payment}": ["get"],
    "/v1/invoiceitems": ["get", "post"],
    "/v1/invoiceitems/{invoiceitem}": ["get", "post", "delete"],
    "/v1/invoices": ["get", "post"],
    "/v1/invoices/create_preview": ["post"],
    "/v1/invoices/{invoice}": ["get", "post", "delete"],
    "/v1/invoices/{invoice}/finalize": ["post"],
    "/v1/invoices/{invoice}/lines": ["get"],
    "/v1/invoices/{invoice}/mark_uncollectible": ["post"],
    "/v1/invoices/{invoice}/pay": ["post"],
    "/v1/invoices/{invoice}/send": ["post"],
    "/v1/invoices/{invoice}/void": ["post"],
    "/v1/mandates/{mandate}": ["get"],
    "/v1/payment_intents": ["get", "post"],
    "/v1/payment_intents/{intent}": ["get", "post"],
    "/v1/payment_intents/{intent}/cancel": ["post"],
    "/v1/payment_intents/{intent}/capture": ["post"],
    "/v1/payment_intents/{intent}/confirm": ["post"],
    "/v1/payment_methods": ["get", "post"],
    "/v1/payment_methods/{payment_method}": ["get", "post"],
    "/v1/payment_methods/{payment_method}/attach": ["post"],
    "/v1/payment_methods/{payment_method}/detach": ["post"],
    "/v1/payouts": ["get", "post"],
    "/v1/payouts/{payout}": ["get", "post"],
    "/v1/payouts/{payout}/cancel": ["post"],
    "/v1/payouts/{payout}/reverse": ["post"],
    "/v1/prices": ["get", "post"],
    "/v1/prices/{price}": ["get", "post"],
    "/v1/products": ["get", "post"],
    "/v1/products/{id}": ["get", "post", "delete"],
    "/v1/radar/early_fraud_warnings": ["get"],
    "/v1/radar/early_fraud_warnings/{early_fraud_warning}": ["get"],
    "/v1/refunds": ["get", "post"],
    "/v1/refunds/{refund}": ["get", "post"],
    "/v1/refunds/{refund}/cancel": ["post"],
    "/v1/reporting/report_runs": ["get", "post"],
    "/v1/reporting/report_runs/{report_run}": ["get"],
    "/v1/reporting/report_types": ["get"],
    "/v1/reporting/report_types/{report_type}": ["get"],
    "/v1/setup_intents": ["get", "post"],
    "/v1/setup_intents/{intent}": ["get", "post"],
    "/v1/setup_intents/{intent}/cancel": ["post"],
    "/v1/setup_intents/{intent}/confirm": ["post"],
    "/v1/subscription_items": ["get"],
    "/v1/subscription_items/{item}": ["get"],
    "/v1/subscriptions": ["get", "post"],
    "/v1/subscriptions/{subscription_exposed_id}": ["get", "post", "delete"],
    "/v1/subscriptions/{subscription}/resume": ["post"],
    "/v1/test_helpers/test_clocks": ["get", "post"],
    "/v1/test_helpers/test_clocks/{test_clock}": ["get", "delete"],
    "/v1/test_helpers/test_clocks/{test_clock}/advance": ["post"],
    "/v1/topups": ["get", "post"],
    "/v1/topups/{topup}": ["get", "post"],
    "/v1/topups/{topup}/cancel": ["post"],
    "/v1/webhook_endpoints": ["get", "post"],
    "/v1/webhook_endpoints/{webhook_endpoint}": ["get", "post", "delete"],
}
KINDS = {
    "account", "balance", "balance_transaction", "billing_portal.configuration", "billing_portal.session", "charge",
    "checkout.session", "customer", "customer_session", "deleted_customer", "deleted_invoice",
    "deleted_invoiceitem", "deleted_product", "deleted_test_helpers.test_clock", "dispute", "event", "file", "invoice",
    "invoice_payment", "invoiceitem", "mandate", "payment_intent", "payment_method", "payout", "price", "product",
    "radar.early_fraud_warning", "refund", "reporting.report_run", "reporting.report_type", "setup_intent",
    "subscription", "subscription_item", "test_helpers.test_clock", "topup", "webhook_endpoint",
}  # fmt: skip
PROSE = {"description", "title", "externalDocs", "example", "deprecated"}
REF = "#/components/schemas/"


def prune(spec: dict[str, Any]) -> dict[str, Any]:
    """The document with only what the sandbox serves."""
    paths = {
        path: {method: _operation(spec["paths"][path][method]) for method in methods}
        for path, methods in SERVED.items()
    }
    schemas: dict[str, Any] = {}
    wanted = sorted(KINDS | _references(paths))
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _bare(spec["components"]["schemas"][name])
            wanted.extend(sorted(_references(schemas[name]) - schemas.keys()))
    info = {"title": spec["info"]["title"], "version": spec["info"]["version"]}
    components = {"schemas": dict(sorted(schemas.items()))}
    return {"openapi": spec["openapi"], "info": info, "paths": paths, "components": components}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "parameters": [
            {"name": one["name"], "in": one["in"], "required": one["required"], "schema": _bare(one["schema"])}
            for one in operation.get("parameters", [])
        ],
        "responses": {status: _content(reply) for status, reply in operation["responses"].items()},
    }
    if "requestBody" in operation:
        kept["requestBody"] = _content(operation["requestBody"])
    return kept


def _content(part: dict[str, Any]) -> dict[str, Any]:
    return {"content": {kind: {"schema": _bare(body["schema"])} for kind, body in part["content"].items()}}


def _bare(node: Any, *, named: bool = False) -> Any:
    """Without prose; `named` says that the keys are names of properties, which stay."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if named or not (key in PROSE or key.startswith("x-"))}
    if not named and isinstance(kept.get("anyOf"), list):
        kept["anyOf"] = _choices(kept["anyOf"])
    return {key: _bare(value, named=not named and key == "properties") for key, value in kept.items()}


def _choices(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not any(choice.get("type") == "string" for choice in choices):
        return choices
    return [choice for choice in choices if "$ref" not in choice or choice["$ref"].removeprefix(REF) in KINDS]


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_references(item) for item in node))
    if not isinstance(node, dict):
        return set()
    found = {node["$ref"].removeprefix(REF)} if isinstance(node.get("$ref"), str) else set[str]()
    return found.union(*(_references(value) for value in node.values()))


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    text = json.dumps(prune(json.loads(source.read_text())), separators=(",", ":"), sort_keys=False)
    target.write_text(text + "\n")
