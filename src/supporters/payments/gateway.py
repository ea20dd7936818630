"""Stripe's door: the only file that imports its SDK.

Every call is async, typed to our own structs, bounded in time, and pinned to one API version. A call that creates
something takes the caller's idempotency key; the key belongs to a row that is committed before the call.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec
import stripe

from supporters import __version__
from supporters.kit.errors import SupportersError
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.payments import translate, wire
from supporters.payments.facts import (
    BalanceLine,
    CreatedCheckout,
    Fact,
    Page,
    RawEvent,
    RefundChanged,
    SessionLink,
)
from supporters.payments.gateway_plans import PlanCalls, safe_id

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10
PAGE_SIZE = 100

# With telemetry on (its default) the SDK writes to the user's home, and fails every call where there is none (16.1.0).
stripe.enable_telemetry = False
stripe.set_app_info("Supporters", version=__version__)

W = TypeVar("W")


class GatewayError(SupportersError):
    """Stripe did not do what was asked. `code` is Stripe's own, for logs and decisions."""

    def __init__(self, message: str, *, code: str | None = None, http_status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status


class GatewayRefused(GatewayError):
    """Stripe understood and said no; asking the same again will not help."""


class GatewayUnavailable(GatewayError):
    """Stripe did not answer, or not now. What was asked may or may not have happened; the same key may be sent again."""


class CheckoutRequest(msgspec.Struct, frozen=True):
    """What a payment page is asked to take, and where it leads back to."""

    donation_id: str
    amount: Money
    product_name: str
    email: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    locale: str = "auto"
    interval: str = ""  # month, year; empty for one payment
    saves_method: bool = False  # of one payment: the card may be used again, if its giver asks for it
    excluded_methods: tuple[str, ...] = ()


class SetupRequest(msgspec.Struct, frozen=True):
    """What a page is asked to take on which a supporter gives another card or bank account."""

    customer_id: str
    currency: str
    change_id: str
    success_url: str
    cancel_url: str
    locale: str = "auto"


class Gateway:
    """One Stripe account, through one key."""

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str = "https://api.stripe.com",
        http_client: stripe.HTTPClient | None = None,
        max_network_retries: int = 1,
    ) -> None:
        self._http = http_client or stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self.is_live = secret_key.startswith(("sk_live_", "rk_live_"))
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base.rstrip("/")},
            http_client=self._http,
            max_network_retries=max_network_retries,
        )
        self.plans = PlanCalls(self)

    async def close(self) -> None:
        """No connection to Stripe is open any more."""
        await self._http.close_async()

    # ---- payment pages

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CreatedCheckout:
        """A hosted payment page for exactly this amount is open.

        Raises GatewayRefused, GatewayUnavailable. Nothing has been charged in either case.
        """
        params = _checkout_params(request)
        with _errors():
            made = await self._client.v1.checkout.sessions.create_async(params, {"idempotency_key": idempotency_key})
        return _created(_reply(made, wire.Session))

    async def create_setup(self, request: SetupRequest, *, idempotency_key: str) -> CreatedCheckout:
        """A hosted page on which a supporter gives another card or bank account is open; nothing is charged on it."""
        with _errors():
            made = await self._client.v1.checkout.sessions.create_async(
                _setup_params(request), {"idempotency_key": idempotency_key}
            )
        return _created(_reply(made, wire.Session))

    async def retrieve_session(self, session_id: str) -> list[Fact]:
        """Everything that one payment page and its payment say now."""
        expand = {"expand": ["payment_intent.latest_charge"]}
        session = await self.get(f"/v1/checkout/sessions/{_safe(session_id)}", expand, wire.Session)
        return translate.facts_of_session(session)

    async def session_of(self, stripe_id: str) -> SessionLink | None:
        """The payment page that made this payment or subscription, or None when no payment page did."""
        about = "subscription" if stripe_id.startswith("sub_") else "payment_intent"
        asked = {about: stripe_id, "limit": 1, "expand": ["data.payment_intent.latest_charge"]}
        page = await self.get("/v1/checkout/sessions", asked, wire.SessionPage)
        if not page.data:
            return None
        return SessionLink(page.data[0].id, stripe_id, translate.facts_of_session(page.data[0]))

    async def expire_session(self, session_id: str) -> bool:
        """Nobody can pay on this page any more: True. It is already complete, so money may have moved: False."""
        try:
            with _errors():
                await self._client.v1.checkout.sessions.expire_async(session_id)
        except GatewayRefused:
            session = await self.get(f"/v1/checkout/sessions/{_safe(session_id)}", {}, wire.Session)
            if session.status == "open":
                raise
            return session.status == "expired"
        return True

    # ---- refunds

    async def create_refund(
        self, payment_intent_id: str, *, amount_minor: int, our_refund_id: str, idempotency_key: str
    ) -> RefundChanged:
        """This much of the payment is on its way back. Raises GatewayRefused, GatewayUnavailable."""
        with _errors():
            made = await self._client.v1.refunds.create_async(
                {"payment_intent": payment_intent_id, "amount": amount_minor, "metadata": {"refund": our_refund_id}},
                {"idempotency_key": idempotency_key},
            )
        return translate.fact_of_refund(_reply(made, wire.Refund))

    async def list_refunds(self, payment_intent_id: str) -> list[RefundChanged]:
        """Every refund of one payment, as each stands."""
        asked = {"payment_intent": payment_intent_id, "limit": PAGE_SIZE}
        page = await self.get("/v1/refunds", asked, wire.RefundPage)
        return [translate.fact_of_refund(refund) for refund in page.data]

    # ---- lists that the books are kept from

    async def list_balance_transactions(
        self,
        *,
        created_gte: datetime | None = None,
        created_lt: datetime | None = None,
        payout_id: str | None = None,
        starting_after: str | None = None,
    ) -> Page[BalanceLine]:
        """Up to 100 lines of the balance, newest first, each with the charge or refund that made it."""
        asked: dict[str, Any] = {"limit": PAGE_SIZE, "expand": ["data.source"]}
        asked |= _window(created_gte, created_lt)
        asked |= {"payout": payout_id} if payout_id else {}
        asked |= {"starting_after": starting_after} if starting_after else {}
        page = await self.get("/v1/balance_transactions", asked, wire.BalancePage)
        lines = [translate.line_of_entry(entry) for entry in page.data]
        return Page(lines, lines[-1].id if page.has_more and lines else None)

    async def list_events(
        self, *, created_gte: datetime | None = None, types: tuple[str, ...] = (), starting_after: str | None = None
    ) -> Page[RawEvent]:
        """Up to 100 events, newest first. Stripe keeps 30 days of them, and takes at most 20 types."""
        asked: dict[str, Any] = {"limit": PAGE_SIZE} | _window(created_gte, None)
        asked |= {"types": list(types)} if types else {}
        asked |= {"starting_after": starting_after} if starting_after else {}
        page = await self.get("/v1/events", asked, wire.EventPage)
        events = [_event(bytes(raw)) for raw in page.data]
        return Page(events, events[-1].id if page.has_more and events else None)

    async def balance(self) -> dict[str, int]:
        """What Stripe owes us, available and pending together, by currency in capitals."""
        return _sums(await self.get("/v1/balance", {}, wire.Balance))

    async def ping(self) -> datetime | None:
        """Stripe answered and took our key; the time by its clock, where it says so. Raises the gateway's errors."""
        reply = await self._ask("get", "/v1/balance", {})
        said = reply.headers.get("date")
        return parsedate_to_datetime(said) if said else None

    # ---- how it is asked, for the calls above and those of `plans`

    async def get(self, path: str, params: Mapping[str, Any], shape: type[W]) -> W:
        """What Stripe says at `path`."""
        return _decode((await self._ask("get", path, params)).body, shape)

    async def post(self, path: str, params: Mapping[str, Any], shape: type[W], *, idempotency_key: str) -> W:
        """Stripe has done what was asked at `path`, once for this key."""
        return _decode((await self._ask("post", path, {**params, "idempotency_key": idempotency_key})).body, shape)

    async def delete(self, path: str, params: Mapping[str, Any], shape: type[W], *, idempotency_key: str) -> W:
        """What was at `path` has ended."""
        return _decode((await self._ask("delete", path, {**params, "idempotency_key": idempotency_key})).body, shape)

    async def _ask(self, method: str, path: str, params: Mapping[str, Any]) -> stripe.StripeResponse:
        with _errors():
            # The SDK leaves the type of its free parameters open.
            return await self._client.raw_request_async(method, path, **params)  # pyright: ignore[reportUnknownMemberType]


def signature_fits(body: bytes, header: str, secret: str) -> bool:
    """Whether one of the header's signatures was made with `secret` over this body and time. Constant time.

    Does not judge the time itself: the SDK knows only the machine's clock and accepts times in the future.
    """
    try:
        # The SDK gives its tolerance no type.
        return stripe.WebhookSignature.verify_header(body, header, secret)  # pyright: ignore[reportUnknownMemberType]
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        return False


def _checkout_params(request: CheckoutRequest) -> "stripe.params.checkout.SessionCreateParams":
    metadata = {"donation": request.donation_id}
    price: dict[str, Any] = {
        "currency": request.amount.currency.lower(),
        "unit_amount": request.amount.minor,
        "product_data": {"name": request.product_name},
    }
    asked: dict[str, Any] = {
        "ui_mode": "hosted_page",
        "line_items": [{"quantity": 1, "price_data": price}],
        "customer_email": request.email,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": int(request.expires_at.timestamp()),
        "metadata": metadata,
        "locale": stripe_locale(request.locale),
    }
    if request.excluded_methods:
        asked["excluded_payment_method_types"] = list(request.excluded_methods)
    if request.interval:
        price["recurring"] = {"interval": request.interval}
        asked |= {"mode": "subscription", "subscription_data": {"metadata": metadata}}
    else:
        asked |= {"mode": "payment", "submit_type": "donate", "adaptive_pricing": {"enabled": False}}
        asked["payment_intent_data"] = {"metadata": metadata} | _saving(request)
        asked |= {"customer_creation": "always"} if request.saves_method else {}
    return asked  # pyright: ignore[reportReturnType]  # its parts depend on each other; the tests hold it to the document


def _saving(request: CheckoutRequest) -> dict[str, str]:
    return {"setup_future_usage": "off_session"} if request.saves_method else {}


def _setup_params(request: SetupRequest) -> "stripe.params.checkout.SessionCreateParams":
    return {
        "mode": "setup",
        "ui_mode": "hosted_page",
        "currency": request.currency.lower(),
        "customer": request.customer_id,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "metadata": {"change": request.change_id},
        "locale": stripe_locale(request.locale),
    }


def _created(session: wire.Session) -> CreatedCheckout:
    if not session.url:
        raise GatewayUnavailable(_("Stripe answered without the address of the payment page."))
    return CreatedCheckout(session.id, session.url, wire.moment(session.expires_at))


_CHECKOUT_LANGUAGES = """
bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv
th tr vi zh zh-HK zh-TW
"""
_CHECKOUT_LOCALES = frozenset(_CHECKOUT_LANGUAGES.split())


def stripe_locale(locale: str) -> str:
    """The nearest language that Stripe's page speaks: `en_GB` is `en-GB`, `de_AT` is `de`, others the browser's own."""
    tag = locale.replace("_", "-")
    language = tag.partition("-")[0]
    if tag in _CHECKOUT_LOCALES:
        return tag
    return language if language in _CHECKOUT_LOCALES else "auto"


@contextmanager
def _errors() -> Generator[None]:
    """The SDK's errors in our words. Its own texts may quote what was sent, so they are not passed on."""
    try:
        yield
    except stripe.StripeError as error:
        status: int | None = error.http_status
        code = error.code or (error.error.type if error.error else None)
        if status is None or status < 400 or status in {409, 429} or status >= 500:
            words = _("Stripe did not answer. Please try again in a few minutes.")
            raise GatewayUnavailable(words, code=code, http_status=status) from error
        raise GatewayRefused(_("Stripe refused this request."), code=code, http_status=status) from error


def _reply(made: stripe.StripeObject, shape: type[W]) -> W:
    assert made.last_response is not None, "every reply of the SDK carries its response"
    return _decode(made.last_response.body, shape)


def _decode(body: str, shape: type[W]) -> W:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise GatewayUnavailable(_("Stripe's answer could not be understood."), code=shape.__name__) from error


def _event(body: bytes) -> RawEvent:
    try:
        return wire.read_event(body)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise GatewayUnavailable(_("Stripe's answer could not be understood."), code="event") from error


def _safe(stripe_id: str) -> str:
    try:
        return safe_id(stripe_id)
    except ValueError as error:
        words = _("Stripe refused this request.")
        raise GatewayRefused(words, code="resource_missing", http_status=404) from error


def _window(gte: datetime | None, lt: datetime | None) -> dict[str, Any]:
    created: dict[str, int] = {}
    if gte:
        created["gte"] = int(gte.timestamp())
    if lt:
        created["lt"] = int(lt.timestamp())
    return {"created": created} if created else {}


def _sums(balance: wire.Balance) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in (*balance.available, *balance.pending):
        sums[part.currency.upper()] = sums.get(part.currency.upper(), 0) + part.amount
    return sums
