"""/desk/senders: who is told what happens here, and which newsletter senders we exchange lists with."""

from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors.queries import all_connectors, lists_of
from supporters.outgoing.queries import all_endpoints
from supporters.web.desk import senders_connections, senders_webhooks
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import CONNECTS
from supporters.web.desk.senders_words import connector_tag, endpoint_tag, sender_word


@get("/desk/senders", opt={"access": CONNECTS})
async def show_senders(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every receiver of webhooks and every connection, with how it stands."""
    endpoints = [(each, endpoint_tag(each), counts) for each, counts in await all_endpoints(reading)]
    connectors = [
        (each, connector_tag(each, has_lists=bool(await lists_of(reading, each.id))), sender_word(each.kind))
        for each in await all_connectors(reading)
    ]
    return await desk_page(
        request, reading, "desk/senders.html", here="senders", endpoints=endpoints, connectors=connectors
    )


HANDLERS: list[HTTPRouteHandler] = [show_senders, *senders_webhooks.HANDLERS, *senders_connections.HANDLERS]
