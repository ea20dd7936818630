"""POST /hooks/mail: the mail provider tells of bounces and complaints, or hands over the mail server's own report.

Off without a secret. The caller shows it as a bearer token, or signs the body with it (`X-Signature`, HMAC-SHA256 in hex).
What is taken is applied at once, since each is one address and there are few.
"""

import hashlib
import hmac
from typing import Any, Literal

import msgspec
import structlog
from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.strings import gettext as _
from supporters.mail.bounces import Trouble
from supporters.mail.models import BounceKind
from supporters.mail.reports import LARGEST_REPORT, NotAReport
from supporters.newsletters.actions import stop_address
from supporters.newsletters.troubles import take_bounce, take_word
from supporters.people.matching import EmailProblem, read_email
from supporters.web.common.access import PUBLIC
from supporters.web.common.errors import PageError
from supporters.web.common.forms import read_body
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest

MOST_EVENTS = 500
log = structlog.stdlib.get_logger("hooks")


class MailEvent(msgspec.Struct, frozen=True):
    """One thing that a provider tells about one address."""

    type: Literal["bounce", "complaint", "unsubscribe"]
    address: str
    message_id: str | None = None
    is_hard: bool = False
    code: str = ""


class MailEvents(msgspec.Struct, frozen=True):
    """What a provider tells at once."""

    events: list[MailEvent]


@post("/hooks/mail", status_code=200, opt={"access": PUBLIC, "cross_site": True})
async def take_mail_report(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """What the report says is applied, once. 404 without a secret, 401 for the wrong one, 400 for what can't be read."""
    house = house_of(request)
    secret = house.settings.mail_hook_secret
    if not secret:
        raise PageError(404, _("There is nothing at this address."))
    body = await read_body(request, largest=LARGEST_REPORT)
    if not _is_signed(request, body, secret):
        raise PageError(401, _("This report is not signed with our secret, so nothing was done."))
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return Response({"taken": await _take_events(session, house, body)})
    if media_type in {"message/rfc822", "multipart/report"}:
        return Response({"taken": await _take_report(session, house, body)})
    raise PageError(415, _("This address takes message/rfc822 or application/json. Nothing was done."))


async def _take_report(session: AsyncSession, house: House, body: bytes) -> int:
    try:
        return await take_bounce(session, body, settings=house.settings, ids=house.ids, now=house.clock.now())
    except NotAReport as refused:
        raise PageError(400, refused.message) from refused


async def _take_events(session: AsyncSession, house: House, body: bytes) -> int:
    try:
        events = msgspec.json.decode(body, type=MailEvents).events
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise PageError(400, _("The events could not be read, so nothing was done.")) from wrong
    if len(events) > MOST_EVENTS:
        raise PageError(413, _("Too many events at once. Send at most 500."))
    return sum([await _take_event(session, house, event) for event in events])


async def _take_event(session: AsyncSession, house: House, event: MailEvent) -> int:
    """1 when something came of it. An address that is none is passed over: the others must not wait for it."""
    settings, ids, now = house.settings, house.ids, house.clock.now()
    try:
        address = read_email(event.address)
    except EmailProblem:
        log.warning("mail_event_without_address", type=event.type)
        return 0
    if event.type == "unsubscribe":
        await stop_address(session, address=address, slugs=None, why="provider", settings=settings, ids=ids, now=now)
        return 1
    kind = BounceKind.COMPLAINT
    if event.type == "bounce":
        kind = BounceKind.HARD if event.is_hard else BounceKind.SOFT
    trouble = Trouble(address=address, kind=kind, source="hook", code=event.code[:12], message_id=_id_of(event))
    return int(await take_word(session, trouble, settings=settings, ids=ids, now=now))


def _id_of(event: MailEvent) -> str | None:
    """The Message-ID in angle brackets; providers give it with and without."""
    text = (event.message_id or "").strip().strip("<>")
    return f"<{text}>" if text else None


def _is_signed(request: AnyRequest, body: bytes, secret: str) -> bool:
    bearer = request.headers.get("authorization", "")
    if bearer.lower().startswith("bearer "):
        return hmac.compare_digest(bearer[7:].strip().encode("utf-8", "replace"), secret.encode())
    signed = request.headers.get("x-signature", "").strip().lower().removeprefix("sha256=")
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signed.encode("utf-8", "replace"), wanted.encode())


HANDLERS = [take_mail_report]
