"""The unmodified Stripe SDK talking to a sandbox in the same process, every word of it held to Stripe's document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import stripe
from litestar import Litestar

from openapi import ValidatingApp, stripe_document
from supporters.kit.clock import FixedClock
from supporters.sandbox.app import create_app
from supporters.sandbox.config import Deliver, SandboxConfig
from supporters.sandbox.sandbox import Sandbox

stripe.enable_telemetry = False

API = "http://stripe.test"
HOOK = "https://give.weeklylamp.example/hooks/stripe"
SECRET = "whsec_test_secret"
KEY = "sk_test_sandbox"


class InProcessClient(stripe.HTTPClient):
    """The SDK's transport, led into an ASGI application without a socket."""

    name = "in-process"

    def __init__(self, app: Any) -> None:
        super().__init__()
        self.replies: list[tuple[int, Mapping[str, str]]] = []
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            reply = await self._client.request(method.upper(), url, headers=dict(headers), content=post_data)
        except Exception as error:
            raise stripe.APIConnectionError(f"no answer: {type(error).__name__}") from error
        self.replies.append((reply.status_code, reply.headers))
        return reply.content, reply.status_code, reply.headers

    async def sleep_async(self, secs: float) -> None:
        """No test waits."""

    async def close_async(self) -> None:
        await self._client.aclose()


@dataclass
class Mailroom:
    """Takes webhooks as a careful receiver does: signature, shape and all. Answers what `answers` says, then 200."""

    clock: FixedClock
    answers: list[int] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    tries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        assert url == HOOK
        stripe.WebhookSignature.verify_header(body.decode(), headers["Stripe-Signature"], SECRET, tolerance=None)
        event = json.loads(body)
        stripe_document().check_event(event)
        self.tries.append((headers, body))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise httpx.ReadTimeout("no answer in time")
        if status < 300:
            self.taken.append(event)
        return status

    @property
    def types(self) -> list[str]:
        """The types of what was taken, in order."""
        return [event["type"] for event in self.taken]


class StripeWorld:
    """A sandbox, the SDK that speaks to it, and the receiver of its webhooks."""

    def __init__(self, clock: FixedClock, **settings: Any) -> None:
        self.clock = clock
        self.hooks = Mailroom(clock)
        told = {
            "seed": 2822,
            "clock": clock,
            "webhook_url": HOOK,
            "webhook_secret": SECRET,
            "base_url": API,
            **settings,
        }
        self.config = SandboxConfig(**told)
        self.inner = take_sandbox(self.config, self.hooks)
        self.app = ValidatingApp(self.inner)
        self.sandbox: Sandbox = self.inner.state.sandbox
        self.http = InProcessClient(self.app)
        self.stripe = self.client()
        self.browser = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.inner), base_url=API)

    def client(self, key: str = KEY, version: str | None = None, retries: int = 0) -> stripe.StripeClient:
        """A client of its own settings."""
        return stripe.StripeClient(
            key,
            base_addresses={"api": API},
            http_client=self.http,
            stripe_version=version,
            max_network_retries=retries,
        )

    async def donate(self, amount: int = 2500, currency: str = "gbp", **more: Any) -> Any:
        """An open session as the product makes it."""
        return await self.stripe.v1.checkout.sessions.create_async(session_params(amount, currency, **more))

    async def close(self) -> None:
        """Nothing stays open."""
        await self.browser.aclose()
        await self.http.close_async()
        await self.sandbox.close()
        IDLE.append(self.inner)


# Registering its pages takes longer than most tests: an application that nobody uses any more gets a new sandbox.
IDLE: list[Litestar] = []


def take_sandbox(config: SandboxConfig, deliver: Deliver) -> Litestar:
    """The sandbox as an application; whoever has closed it puts it back into `IDLE`."""
    if not IDLE:
        return create_app(config, deliver)
    app = IDLE.pop()
    app.state.clear()
    app.state.sandbox = Sandbox(config, deliver)
    return app


def session_params(amount: int = 2500, currency: str = "gbp", **more: Any) -> Any:
    """What the product says when it makes a session."""
    return {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "submit_type": "donate",
        "line_items": [
            {
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": "One-off donation to The Weekly Lamp"},
                },
                "quantity": 1,
            }
        ],
        "success_url": "https://give.weeklylamp.example/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://give.weeklylamp.example/give",
        "customer_email": "ada.brook@example.org",
        "metadata": {"donation": "01JDONATION0000000000000000"},
        "payment_intent_data": {"metadata": {"donation": "01JDONATION0000000000000000"}},
        "adaptive_pricing": {"enabled": False},
        **more,
    }
