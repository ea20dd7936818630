"""/hooks/senders/{token}: what newsletter senders tell us by themselves. The address itself is the secret."""

from typing import Any

import structlog
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.hear import apply_heard
from supporters.connectors.listmonk import heard_in_report
from supporters.connectors.mailchimp import heard_in_form
from supporters.connectors.models import Connector, SenderKind
from supporters.connectors.opening import connector_of
from supporters.connectors.queries import find_connector, lock_connector
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.web.common.access import PUBLIC
from supporters.web.common.forms import read_body
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest

LARGEST_BODY = 64 * 1024
PATH = "/hooks/senders/{token:str}"

log = structlog.stdlib.get_logger("hooks")


@get(PATH, opt={"access": PUBLIC})
async def try_sender_hook(
    request: Request[Any, Any, Any], token: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """200 with nothing, for a sender that tries the address before it keeps it. 404 for an address that we did not make."""
    await _find(request, reading, token)
    return Response(b"", media_type="text/plain")


@post(PATH, status_code=200, opt={"access": PUBLIC, "cross_site": True})
async def take_sender_news(
    request: Request[Any, Any, Any], token: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """Stops, bounces and complaints hold here too, once each; anything else is taken and left alone.

    404 for an address that we did not make, 413 for too much.
    """
    house = house_of(request)
    connector = await _find(request, session, token)
    body = await read_body(request, largest=LARGEST_BODY)
    now = house.clock.now()
    is_mailchimp = connector.kind == SenderKind.MAILCHIMP
    heard = heard_in_form(body, now=now) if is_mailchimp else heard_in_report(body)
    count = await apply_heard(session, connector, heard, settings=house.settings, ids=house.ids, now=now)
    log.info("sender_news", record_id=connector.id, count=count)
    return Response(b"", media_type="text/plain")


async def _find(request: AnyRequest, session: AsyncSession, token: str) -> Connector:
    connector_id = connector_of(token, house_of(request).settings)
    if connector_id is None:
        raise NotFound(_("There is nothing at this address."))
    is_read = request.method in ("GET", "HEAD")
    return await (find_connector if is_read else lock_connector)(session, connector_id)


HANDLERS: list[HTTPRouteHandler] = [try_sender_hook, take_sender_news]
