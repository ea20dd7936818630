"""Holds what is sent to Stripe and what comes back to Stripe's own published document.

`OpenApiValidator` checks one request, answer or event; `ValidatingApp` checks everything that passes through an ASGI
application and keeps what is wrong, so that a test ends with `assert_clean()`.

Schemas are read more strictly than Stripe publishes them: a property that the document does not name is an error, in
requests and in answers. What endive changed after the document was written stands in `_overlay`. Stripe's private
`/v1/payment_pages` is in no document and is exempt by name, as is the sandbox's own `/_control` and its pages.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

DOCUMENT = Path(__file__).parent / "data" / "stripe-openapi.json"
EXEMPT = ("/v1/payment_pages/", "/_control", "/c/", "/static/")
ADDRESS = "stripe:/document"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Pairs = Sequence[tuple[str, str]]


class OpenApiError(AssertionError):
    """Something that Stripe's document does not allow."""


class OpenApiValidator:
    """Stripe's document, ready to check with."""

    def __init__(self, path: Path = DOCUMENT) -> None:
        document = json.loads(path.read_text())
        _overlay(document)
        self._paths: dict[str, Any] = document["paths"]
        self._schemas = {name: _strict(schema) for name, schema in document["components"]["schemas"].items()}
        self._patterns = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path) for path in self._paths]
        parts = {"$schema": DIALECT, "components": {"schemas": self._schemas}}
        self._registry = jsonschema_rs.Registry([(ADDRESS, parts)])
        self._validators: dict[str, tuple[Any, str]] = {}
        self._requests: dict[str, Any] = {}
        # One validator for whatever Stripe says: alone, each would hold all that its schema leads to, ten megabytes.
        said = {_text(schema): schema for schema in map(_strict, self._said())}
        self._words = jsonschema_rs.Draft202012Validator(
            {"$schema": DIALECT, "properties": said, "additionalProperties": False}, registry=self._registry
        )
        self._said_texts = frozenset(said)

    def check_request(self, method: str, path: str, form_pairs: Pairs, *, version: str = "") -> None:
        """The request is one that Stripe's document allows. Raises OpenApiError."""
        if path.startswith(EXEMPT):
            return
        template, operation = self._operation(method, path)
        key = f"request {method} {template} {version.endswith('.endive')}"
        if key not in self._requests:
            self._requests[key] = _request_schema(operation, endive=version.endswith(".endive"))
        schema = self._requests[key]
        tree = _typed(_nest(form_pairs), schema, self._schemas)
        self._check(key, schema, tree, f"{method} {path}")

    def check_response(self, method: str, path: str, status: int, document: Any) -> None:
        """The answer is one that Stripe's document allows. Raises OpenApiError."""
        if path.startswith(EXEMPT):
            return
        try:
            template, operation = self._operation(method, path)
        except OpenApiError:
            if status in (401, 404):
                template, operation = "any", self._paths["/v1/account"]["get"]
            else:
                raise
        replies = operation["responses"]
        code = str(status) if str(status) in replies else "default"
        schema = replies[code]["content"]["application/json"]["schema"]
        self._check(f"response {method} {template} {code}", schema, document, f"{status} of {method} {path}")

    def check_event(self, event: Any) -> None:
        """The event, and the object in it, are as Stripe's document has them. Raises OpenApiError."""
        self._check("event", {"$ref": "#/components/schemas/event"}, event, f"event {event.get('type')}")
        document = event["data"]["object"]
        kind = document["object"]
        if kind not in self._schemas:
            raise OpenApiError(f"event {event['type']} carries an unknown kind of object: {kind}")
        self._check(f"object {kind}", {"$ref": f"#/components/schemas/{kind}"}, document, f"object of {event['type']}")

    def _operation(self, method: str, path: str) -> tuple[str, Any]:
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self._paths[template]:
                return template, self._paths[template][method.lower()]
        raise OpenApiError(f"{method} {path} is no operation of Stripe's document")

    def _check(self, key: str, schema: Any, value: Any, where: str) -> None:
        if key not in self._validators:
            self._validators[key] = self._validator(_strict(schema))
        validator, name = self._validators[key]
        whole = {name: value} if name else value
        if not validator.is_valid(whole):
            problems = [_say(error, list(error.instance_path)[bool(name) :]) for error in validator.iter_errors(whole)]
            raise OpenApiError(f"{where}: " + "; ".join(problems[:5]))

    def _validator(self, schema: Any) -> tuple[Any, str]:
        """What checks a value of that schema, and the name under which it is to be given the value, if any."""
        text = _text(schema)
        if text in self._said_texts:
            return self._words, text
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry), ""

    def _said(self) -> Iterator[Any]:
        """The schema of every object, and of every answer."""
        for name in self._schemas:
            yield {"$ref": f"#/components/schemas/{name}"}
        for operations in self._paths.values():
            for operation in operations.values():
                for reply in operation["responses"].values():
                    yield reply["content"]["application/json"]["schema"]


@cache
def stripe_document() -> OpenApiValidator:
    """One validator for a whole test run."""
    return OpenApiValidator()


class ValidatingApp:
    """An ASGI application in front of another that checks all that passes, before and after."""

    def __init__(self, app: Any, validator: OpenApiValidator | None = None) -> None:
        self.app = app
        self.validator = validator or stripe_document()
        self.requests: list[tuple[str, str, list[tuple[str, str]]]] = []
        self.errors: list[str] = []

    def assert_clean(self) -> None:
        """Nothing that Stripe's document forbids has passed. Raises OpenApiError."""
        errors, self.errors = self.errors, []
        if errors:
            raise OpenApiError("\n".join(errors))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        scope = dict(scope)
        method, path = scope["method"], scope["path"]
        body, given = await _take(receive)
        pairs = self._look_at_request(scope, body)
        sent: dict[str, Any] = {"body": b""}

        async def watch(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
            else:
                sent["body"] += message.get("body", b"")
            await send(message)

        await self.app(scope, given, watch)
        self._look_at_reply(method, path, sent, refused=pairs is None)

    def _look_at_request(self, scope: Any, body: bytes) -> list[tuple[str, str]] | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        text = scope["query_string"] if scope["method"] == "GET" else body
        pairs = parse_qsl(text.decode(), keep_blank_values=True)
        self.requests.append((scope["method"], scope["path"], pairs))
        version = headers.get(b"stripe-version", "")
        try:
            self.validator.check_request(scope["method"], scope["path"], pairs, version=version)
        except OpenApiError as error:
            self.errors.append(f"request {error}")
            return None
        return pairs

    def _look_at_reply(self, method: str, path: str, sent: dict[str, Any], *, refused: bool) -> None:
        try:
            document = json.loads(sent["body"])
            self.validator.check_response(method, path, sent["status"], document)
        except OpenApiError as error:
            self.errors.append(f"response {error}")
        if refused and sent["status"] == 200:
            self.errors.append(f"response to {method} {path}: 200 to a request that is not allowed")


async def _take(receive: Any) -> tuple[bytes, Any]:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return body, again


def _overlay(document: dict[str, Any]) -> None:
    """What endive (2026-09-30) changed after the document: see docs.stripe.com/changelog/endive, read 22 November 2026.

    A new billing cycle is asked for in a hash; its plain word is dahlia's.
    `payment_method_types` is taken out of requests by `_request_schema`, since dahlia callers may still send it.
    """
    types = {"type": "array", "items": {"type": "string"}}
    create = document["paths"]["/v1/checkout/sessions"]["post"]["requestBody"]["content"]
    create["application/x-www-form-urlencoded"]["schema"]["properties"]["allowed_payment_method_types"] = types
    document["components"]["schemas"]["checkout.session"]["properties"]["allowed_payment_method_types"] = types
    update = document["paths"]["/v1/subscriptions/{subscription_exposed_id}"]["post"]["requestBody"]["content"]
    properties = update["application/x-www-form-urlencoded"]["schema"]["properties"]
    kind = {"type": "string", "enum": ["now", "unchanged"]}
    anchor = {"type": "object", "properties": {"type": kind}, "required": ["type"]}
    properties["billing_cycle_anchor"] = {"anyOf": [properties["billing_cycle_anchor"], anchor]}


def _request_schema(operation: dict[str, Any], *, endive: bool) -> dict[str, Any]:
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        schema = next(iter(content.values()))["schema"]
        properties = dict(schema.get("properties", {}))
        required = list(schema.get("required", []))
    else:
        properties, required = {}, []
    for parameter in operation["parameters"]:
        if parameter["in"] == "query":
            properties[parameter["name"]] = parameter["schema"]
            if parameter["required"]:
                required.append(parameter["name"])
    if endive:
        properties.pop("payment_method_types", None)
    whole = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return _strict(whole)


def _strict(schema: Any) -> Any:
    """The schema as JSON Schema has it: `nullable` written out, unnamed properties forbidden, parts at their address."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items() if key != "nullable"}
    if str(strict.get("$ref", "")).startswith("#"):
        strict["$ref"] = ADDRESS + strict["$ref"]
    if isinstance(schema.get("properties"), dict):
        strict["properties"] = {name: _strict(below) for name, below in schema["properties"].items()}
        if schema["properties"]:
            strict.setdefault("additionalProperties", False)
    if schema.get("nullable") is True:
        return {"anyOf": [strict, {"type": "null"}]}
    return strict


def _nest(pairs: Pairs) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in pairs:
        name, *rest = [key.partition("[")[0], *re.findall(r"\[([^\]]*)\]", key)]
        node, step = tree, name
        for below in rest:
            node, step = node.setdefault(step or str(len(node)), {}), below
            if not isinstance(node, dict):
                raise OpenApiError(f"{key} is both a value and a hash")
        node[step or str(len(node))] = value
    return tree


def _typed(value: Any, schema: Any, schemas: dict[str, Any]) -> Any:
    """The text of a form as the schema would have it: numbers, booleans, lists."""
    options = list(_options(schema, schemas))
    if isinstance(value, str):
        return _typed_text(value, {option.get("type") for option in options})
    for option in options:
        if option.get("type") == "array" and all(key.isdigit() for key in value):
            ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
            return [_typed(below, option.get("items", {}), schemas) for _, below in ordered]
    shapes = [option for option in options if option.get("type") == "object"]
    best = max(shapes, key=lambda shape: len(set(value) & set(shape.get("properties", {}))), default={})
    named, others = best.get("properties", {}), best.get("additionalProperties")
    rest = others if isinstance(others, dict) else {}
    return {key: _typed(below, named.get(key, rest), schemas) for key, below in value.items()}


def _typed_text(value: str, kinds: set[Any]) -> Any:
    if "integer" in kinds and re.fullmatch(r"-?\d+", value):
        return int(value)
    if "boolean" in kinds and value in ("true", "false"):
        return value == "true"
    if "number" in kinds and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    if kinds == {"array"} and value == "":
        return []
    return value


def _options(schema: Any, schemas: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _options(choice, schemas)
    else:
        yield schema


def _text(schema: Any) -> str:
    return json.dumps(schema, sort_keys=True)


def _say(error: Any, path: list[Any]) -> str:
    place = "/".join(str(step) for step in path)
    return f"{place or '(top)'}: {str(error.message)[:300]}"
