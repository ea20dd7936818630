"""The sandbox as an ASGI application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, asgi, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import Receive, Scope, Send

from supporters.kit.strings import gettext as _
from supporters.sandbox import control, hosted
from supporters.sandbox.config import Deliver, SandboxConfig
from supporters.sandbox.errors import ApiError
from supporters.sandbox.pages import draw
from supporters.sandbox.sandbox import Sandbox


@get("/")
async def show_start() -> Redirect:
    """The sandbox's own pages start at its controls."""
    return Redirect("/_control", status_code=303)


def create_app(config: SandboxConfig, deliver: Deliver | None = None) -> Litestar:
    """The sandbox, ready to be served at the root of its own address by one process.

    `app.state.sandbox` is the `Sandbox`; with `in_background` the served application lets time pass and sends
    webhooks by itself. `deliver` sends webhooks in place of real HTTP.
    Raises: ValueError for a live key.
    """
    app = Litestar(
        route_handlers=[stripe_api, show_start, *hosted.HANDLERS, *control.HANDLERS],
        dependencies={"sandbox": Provide(_of_state, sync_to_thread=False)},
        exception_handlers={ApiError: _explain, HTTPException: _explain},
        lifespan=[_life],
        openapi_config=None,
        logging_config=None,
    )
    app.state.sandbox = Sandbox(config, deliver)
    return app


@asgi("/v1", is_mount=True, copy_scope=True)
async def stripe_api(scope: Scope, receive: Receive, send: Send) -> None:
    """Stripe's own API."""
    await _of_state(Litestar.from_scope(scope).state).api(scope, receive, send)


def _of_state(state: State) -> Sandbox:
    return state["sandbox"]


@asynccontextmanager
async def _life(app: Litestar) -> AsyncGenerator[None, None]:
    sandbox = _of_state(app.state)
    task = asyncio.create_task(sandbox.run()) if sandbox.config.in_background else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await sandbox.close()


def _explain(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A page for people, JSON for programs."""
    publisher = _of_state(request.app.state).config.publisher
    if isinstance(error, ApiError):
        status, text = error.status, error.message
    else:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = _("There is no such page.") if status == 404 else _("This request could not be read.")
    is_program = request.url.path.startswith("/_control") and "text/html" not in request.headers.get("accept", "")
    if is_program:
        body = msgspec.json.encode({"error": {"message": text}})
        return Response(body, status_code=status, media_type=MediaType.JSON)
    heading = _("Not found") if status == 404 else _("This did not work")
    return draw("message.html", status=status, publisher=publisher, heading=heading, text=text, link=None)
