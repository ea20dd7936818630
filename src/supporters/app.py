"""Composition root of the web process: settings -> tools -> doors -> the application."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from litestar import Litestar
from litestar.datastructures import State

from supporters.appeals.queries import AppealView, published_appeal
from supporters.guard.switches import SwitchCache
from supporters.guard.tokens import FormTokens
from supporters.kit.signing import Signer
from supporters.payments.verifier import Verifier
from supporters.prompts.files import (
    PublishedPrompt,
    kept_script,
    placement_codes,
    published_prompt,
    script_names,
)
from supporters.prompts.script import Script
from supporters.settings import Settings, read_settings
from supporters.web.common import static
from supporters.web.common.access import access_guard
from supporters.web.common.cache import Cached, Latest, Named
from supporters.web.common.house import House
from supporters.web.common.network import parse_networks
from supporters.web.common.origin import OriginGuard
from supporters.web.common.session import DEPENDENCIES
from supporters.web.common.shell import EXCEPTION_HANDLERS, SecurityHeaders
from supporters.web.desk import door as desk
from supporters.web.embed import door as embed
from supporters.web.embed.files import Files, FilesFirst
from supporters.web.hooks import door as hooks
from supporters.web.ops import door as ops
from supporters.web.site import door as site
from supporters.worker import Tools, Worker, open_tools, prepare

LARGEST_BODY = 256 * 1024
GRACE_SECONDS = 20
FOR_EVER = timedelta(days=365)  # a script's name says what it holds
PAGES_KEPT = 300  # donation pages as drawn for one link each, some 15 kB apiece


def create_app(settings: Settings, *, tools: Tools | None = None, with_worker: bool = True) -> Litestar:
    """The whole web service; with `with_worker` its background work runs inside. `tools` given are not closed."""
    mine = tools is None
    tools = tools or open_tools(settings)
    house, security = build_house(tools), SecurityHeaders(settings)
    app = FilesFirst(
        route_handlers=[
            *site.HANDLERS,
            *embed.HANDLERS,
            *desk.HANDLERS,
            *desk.FOR_LINKS,
            *hooks.HANDLERS,
            *ops.HANDLERS,
            *static.HANDLERS,
        ],
        dependencies=DEPENDENCIES,
        guards=[access_guard],
        middleware=[OriginGuard(settings.base_url)],
        before_send=[security],
        exception_handlers=dict(EXCEPTION_HANDLERS),
        lifespan=[partial(_life, tools=tools, with_worker=with_worker, is_mine=mine)],
        request_max_body_size=LARGEST_BODY,
        state=State({"house": house}),
        openapi_config=None,
        logging_config=None,
    )
    app.files = Files(house, security.secured)
    return app


def build_house(tools: Tools) -> House:
    """What handlers work with."""
    settings, db, clock = tools.settings, tools.db, tools.clock

    async def load_appeal(slug: str) -> AppealView | None:
        async with db.reading() as session:
            return await published_appeal(session, slug)

    async def load_prompt(placement: str) -> PublishedPrompt | None:
        async with db.reading() as session:
            return await published_prompt(session, placement)

    async def load_script(name: str) -> Script | None:
        async with db.reading() as session:
            return await kept_script(session, name)

    async def load_codes() -> Sequence[str]:
        async with db.reading() as session:
            return await placement_codes(session)

    async def load_script_names() -> Sequence[str]:
        async with db.reading() as session:
            return await script_names(session)

    return House(
        settings=settings,
        db=db,
        clock=clock,
        ids=tools.ids,
        gateway=tools.gateway,
        verifier=Verifier(
            settings.stripe_webhook_secrets,
            clock=clock,
            account=settings.stripe_account or None,
            livemode=not settings.is_test_mode,
        ),
        templates=tools.templates,
        assets=tools.assets,
        tokens=FormTokens(Signer(settings.secret_key, "form")),
        limits=tools.limits,
        appeals=Cached(load_appeal, clock),
        switches=SwitchCache(db),
        prompts=Named(load_codes, load_prompt, clock),
        scripts=Named(load_script_names, load_script, clock, keep=FOR_EVER),
        outside=tools.outside,
        links_drawn=Latest(PAGES_KEPT),
        trusted=parse_networks(settings.trusted_proxies),
        find_member=desk.member_finder(settings),
    )


def web_only() -> Litestar:
    """The web process without background work, for `uvicorn --factory` and several workers."""
    return create_app(read_settings(), with_worker=False)


def everything() -> Litestar:
    """The web process with its background work inside."""
    return create_app(read_settings())


@asynccontextmanager
async def _life(_app: Litestar, *, tools: Tools, with_worker: bool, is_mine: bool) -> AsyncGenerator[None]:
    await prepare(tools)
    stop = asyncio.Event()
    work = asyncio.create_task(Worker(tools).run(stop)) if with_worker else None
    try:
        yield
    finally:
        stop.set()
        if work is not None:
            await asyncio.wait({work}, timeout=GRACE_SECONDS)
            work.cancel()
        if is_mine:
            await tools.close()
