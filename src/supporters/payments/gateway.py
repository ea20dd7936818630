"""Stripe's door: the only file that imports its SDK.

Every call is async, typed to our own structs, bounded in time, and pinned to one API version. A call that creates
something takes the caller's idempotency key; the key belongs to a row that is committed before the call.
"""

from collections.abc import Awaitable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import stripe

from supporters import __version__
from supporters.kit.errors import SupportersError
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
from supporters.payments.gateway_money import PAGE_SIZE, MoneyCalls, created_within
from supporters.payments.gateway_plans import PlanCalls, safe_id
from supporters.payments.pages import CheckoutRequest, SetupRequest, checkout_params, setup_params

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 10

# With telemetry on (its default) the SDK writes to the user's home, and fails every call where there is none (16.1.0).
stripe.enable_telemetry = False
stripe.set_app_info("Supporters", version=__version__)

W = TypeVar("W")


class GatewayError(SupportersError):
    """Stripe did not do what was asked. `code` is Stripe's own, for logs and decisions."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds


class GatewayRefused(GatewayError):
    """Stripe understood and said no; asking the same again will not help."""


class GatewayUnavailable(GatewayError):
    """Stripe did not answer, or not now. What was asked may or may not have happened; the same key may be sent again."""


class Reply(dict[str, str]):
    """The headers of a reply, and its body as it came."""

    def __init__(self, headers: Mapping[str, str], raw: bytes) -> None:
        super().__init__(headers)
        self.raw = raw


class RawReplies(stripe.HTTPClient):
    """Another client, whose good replies to GET are handed to the SDK empty and to us as they came.

    The SDK builds a tree of every reply before it gives it away: eight times what reading it takes (16.1.0), and nobody here
    looks at that tree. Replies that say no stay whole: the SDK makes its errors of them.
    """

    name = "raw"

    def __init__(self, inner: stripe.HTTPClient) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # the SDK leaves a parameter without a type
        self.inner = inner

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """What the other client brings; the body of a good reply to GET is in its headers."""
        # As above: what is posted has no type there.
        body, status, said = await self.inner.request_async(method, url, headers, post_data)  # pyright: ignore[reportUnknownMemberType]
        if method.lower() != "get" or status != HTTPStatus.OK:
            return body, status, said
        return b"{}", status, Reply(said, body)

    def sleep_async(self, seconds: float) -> Awaitable[None]:  # pyright: ignore[reportIncompatibleMethodOverride]  # a name
        """As the other client rests."""
        return self.inner.sleep_async(seconds)

    async def close_async(self) -> None:
        """The other client is closed."""
        await self.inner.close_async()


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
        self._http = RawReplies(http_client or stripe.HTTPXClient(timeout=TIMEOUT_SECONDS))
        self.is_live = secret_key.startswith(("sk_live_", "rk_live_"))
        self._client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base.rstrip("/")},
            http_client=self._http,
            max_network_retries=max_network_retries,
        )
        self.plans = PlanCalls(self)
        self.money = MoneyCalls(self)

    async def close(self) -> None:
        """No connection to Stripe is open any more."""
        await self._http.close_async()

    # ---- payment pages

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CreatedCheckout:
        """A hosted payment page for exactly this amount is open.

        Raises GatewayRefused, GatewayUnavailable. Nothing has been charged in either case.
        """
        return await self._open_page(checkout_params(request), idempotency_key)

    async def create_setup(self, request: SetupRequest, *, idempotency_key: str) -> CreatedCheckout:
        """A hosted page on which a supporter gives another card or bank account is open; nothing is charged on it."""
        return await self._open_page(setup_params(request), idempotency_key)

    async def _open_page(self, params: dict[str, Any], idempotency_key: str) -> CreatedCheckout:
        # Its parts depend on each other, which no type says; the tests hold them to Stripe's document.
        asked: Any = params
        with _errors():
            made = await self._client.v1.checkout.sessions.create_async(asked, {"idempotency_key": idempotency_key})
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
        return await self.money.lines(
            created_gte=created_gte, created_lt=created_lt, payout_id=payout_id, starting_after=starting_after
        )

    async def list_events(
        self, *, created_gte: datetime | None = None, types: tuple[str, ...] = (), starting_after: str | None = None
    ) -> Page[RawEvent]:
        """Up to 100 events, newest first. Stripe keeps 30 days of them, and takes at most 20 types."""
        asked: dict[str, Any] = {"limit": PAGE_SIZE} | created_within(created_gte, None)
        asked |= {"types": list(types)} if types else {}
        asked |= {"starting_after": starting_after} if starting_after else {}
        page = await self.get("/v1/events", asked, wire.EventPage)
        events = [_event(bytes(raw)) for raw in page.data]
        return Page(events, events[-1].id if page.has_more and events else None)

    async def balance(self) -> dict[str, int]:
        """What Stripe owes us, available and pending together, by currency in capitals."""
        held = await self.money.holdings()
        return {currency: each.available_minor + each.pending_minor for currency, each in held.items()}

    async def ping(self) -> datetime | None:
        """Stripe answered and took our key; the time by its clock, where it says so. Raises the gateway's errors."""
        reply = await self._ask("get", "/v1/balance", {})
        said = reply.headers.get("date")
        return parsedate_to_datetime(said) if said else None

    # ---- how it is asked, for the calls above and those of `plans`

    async def get(self, path: str, params: Mapping[str, Any], shape: type[W]) -> W:
        """What Stripe says at `path`."""
        reply = await self._ask("get", path, params)
        return _decode(reply.headers.raw if isinstance(reply.headers, Reply) else reply.body, shape)

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


def _created(session: wire.Session) -> CreatedCheckout:
    if not session.url:
        raise GatewayUnavailable(_("Stripe answered without the address of the payment page."))
    return CreatedCheckout(session.id, session.url, wire.moment(session.expires_at))


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
            later = _seconds((error.headers or {}).get("retry-after"))
            raise GatewayUnavailable(words, code=code, http_status=status, retry_after_seconds=later) from error
        raise GatewayRefused(_("Stripe refused this request."), code=code, http_status=status) from error


def _seconds(said: str | None) -> int | None:
    """How long Stripe asks us to wait, where it says so in plain seconds."""
    return int(said) if said and said.isascii() and said.isdigit() and len(said) < 6 else None


def _reply(made: stripe.StripeObject, shape: type[W]) -> W:
    assert made.last_response is not None, "every reply of the SDK carries its response"
    return _decode(made.last_response.body, shape)


def _decode(body: str | bytes, shape: type[W]) -> W:
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
