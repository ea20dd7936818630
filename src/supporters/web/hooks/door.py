"""POST /hooks/stripe. One statement stores the event, and the answer goes out after its commit.

A bare ASGI handler: an ordinary one costs three times as much in building requests and responses, and under a flood of
events that is most of the work. Guards, error pages and security headers are the application's, as for every route.
"""

import asyncio
from typing import cast

import structlog
from litestar import asgi
from litestar.enums import ScopeType
from litestar.types import Message, Receive, Scope, Send

from supporters.kit.strings import gettext as _
from supporters.payments import inbox
from supporters.payments.verifier import LARGEST_BODY, BadEvent
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.house import House
from supporters.web.hooks import mail, senders

SLOWEST_BODY_SECONDS = 10
OK: tuple[Message, Message] = (
    {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]},
    {"type": "http.response.body", "body": b"", "more_body": False},
)
log = structlog.stdlib.get_logger("hooks")


@asgi("/hooks/stripe", opt={"access": PUBLIC, "cross_site": True}, copy_scope=False)
async def take_stripe_event(scope: Scope, receive: Receive, send: Send) -> None:
    """The event is stored, once, before Stripe hears 200. What it is good for is found out later.

    404 without a secret, 400 for what Stripe did not sign, 413 for too much of it, 503 when the database is busy.
    """
    house: House = scope["litestar_app"].state.house
    if house.verifier.is_off:
        raise PageError(404, _("There is nothing at this address."))
    if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
        raise PageError(405, _("This address takes messages from Stripe and nothing else."), headers={"allow": "POST"})
    body = await _body_of(receive)
    await _store(house, body, _signature_of(scope))
    for message in OK:
        await send(cast("Message", {**message}))


async def _store(house: House, body: bytes, signature: str | None) -> None:
    try:
        event = house.verifier.verify(body, signature)
    except BadEvent as refused:
        log.warning("webhook_refused", reason=type(refused).__name__)
        raise PageError(400, refused.message) from refused
    why_foreign = house.verifier.why_foreign(event)
    if why_foreign:
        log.error("webhook_foreign", event_id=event.id, reason=why_foreign)
    row = inbox.row_of(event, via=inbox.WEBHOOK, now=house.clock.now(), why_foreign=why_foreign)
    await house.db.accept(inbox.accept_statement(is_sqlite=house.db.is_sqlite), row)


async def _body_of(receive: Receive) -> bytes:
    """The body; no more than the limit is ever held. Raises PageError 413, 408, 400."""
    body = b""
    try:
        async with asyncio.timeout(SLOWEST_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise PageError(400, _("The body was cut off."))
                body += message["body"]
                if len(body) > LARGEST_BODY:
                    raise PageError(413, _("The body is too large."))
                if not message["more_body"]:
                    return body
    except TimeoutError as late:
        raise PageError(408, _("The body did not come in time.")) from late


def _signature_of(scope: Scope) -> str | None:
    """The signature; None when it is missing or sent more than once."""
    found = [value for name, value in scope["headers"] if name == b"stripe-signature"]
    return found[0].decode("latin-1") if len(found) == 1 else None


HANDLERS = [take_stripe_event, *mail.HANDLERS, *senders.HANDLERS]
