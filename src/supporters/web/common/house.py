"""The house: what the composition root builds once and every handler may use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection, Request

from supporters.appeals.queries import AppealView
from supporters.donations.links import Links
from supporters.guard.limits import Limits
from supporters.guard.switches import SwitchCache
from supporters.guard.tokens import FormTokens
from supporters.kit.assets import Assets
from supporters.kit.clock import Clock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.kit.outside import Outside
from supporters.kit.templates import Templates
from supporters.payments.gateway import Gateway
from supporters.payments.verifier import Verifier
from supporters.prompts.files import PublishedPrompt
from supporters.prompts.script import Script
from supporters.settings import Settings
from supporters.staff.sessions import Member
from supporters.web.common.cache import Cached, Latest, Named
from supporters.web.common.network import Network, client_address

Connection = ASGIConnection[Any, Any, Any, Any]
MemberResolver = Callable[[Connection], Awaitable[Member | None]]


class Kept(NamedTuple):
    """A page before and after the place of its token, good until then."""

    before: bytes
    after: bytes
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that outlives a request. `find_member` is the desk's way to know who is signed in."""

    settings: Settings
    db: Database
    clock: Clock
    ids: Ids
    gateway: Gateway
    verifier: Verifier
    templates: Templates
    assets: Assets
    tokens: FormTokens
    limits: Limits
    appeals: Cached[AppealView | None]
    switches: SwitchCache
    prompts: Named[PublishedPrompt | None]
    scripts: Named[Script | None]
    outside: Outside
    links_drawn: Latest[Kept]
    trusted: tuple[Network, ...]
    find_member: MemberResolver

    @property
    def links(self) -> Links:
        """The signed links that readers hold."""
        return Links(self.settings.secret_key, self.settings.base_url)


def house_of(connection: Connection) -> House:
    """The house that serves this connection."""
    house: House = connection.app.state.house
    return house


def provide_house(request: Request[Any, Any, Any]) -> House:
    """Dependency `house`."""
    return house_of(request)


def client_ip(connection: Connection) -> str:
    """The address of whoever is at the other end, behind our own proxies."""
    peer = connection.client.host if connection.client else None
    return client_address(peer, connection.headers.get("x-forwarded-for"), house_of(connection).trusted)
