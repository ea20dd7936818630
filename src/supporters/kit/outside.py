"""Calling other machines: feeds, webhooks, connectors. Never our own network, unless the settings name the host.

A name is looked up once, every address of it must be public, and the connection goes to that very address: a name that
changes its answer between check and call gains nothing. Redirects are not followed. Source: OWASP, "Server-Side Request
Forgery Prevention Cheat Sheet", read 2026-11-22.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import httpx
import msgspec

from supporters.kit.errors import SupportersError
from supporters.kit.strings import gettext as _

SLOWEST_SECONDS = 10.0
LARGEST_REPLY = 5 * 1024 * 1024
PORTS = {"http": 80, "https": 443}
NAT64 = IPv6Network("64:ff9b::/96")  # the last four bytes are an IPv4 address, as in ::/96
COMPATIBLE = IPv6Network("::/96")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class OutsideError(SupportersError):
    """The other machine could not be called or did not answer in time; the message says why, in words for staff."""


class PrivateAddress(OutsideError):
    """The address leads into our own network, which is not called."""


class Reply(msgspec.Struct, frozen=True):
    """What the other machine said. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether the status says that it worked."""
        return 200 <= self.status < 300


class Outside:
    """The way to other machines. `private_hosts` may be called although their addresses are private.

    Tests hand in a `transport` and a `resolve`, which says what numbers a name has.
    """

    def __init__(
        self,
        *,
        private_hosts: Sequence[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._private_hosts = frozenset(host.strip().lower() for host in private_hosts)
        self._transport = transport
        self._resolve = resolve or _ask_resolver

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        seconds: float = SLOWEST_SECONDS,
    ) -> Reply:
        """What the machine at `url` answers to one request. Raises PrivateAddress, OutsideError."""
        place = _read_address(url)
        try:
            async with asyncio.timeout(seconds):
                number = await self._look_up(place)
                return await self._send(method, place, number, headers or {}, content, seconds)
        except (TimeoutError, httpx.TimeoutException) as error:
            words = _("%(host)s did not answer within %(seconds)s seconds")
            raise OutsideError(words % {"host": place.host, "seconds": f"{seconds:g}"}) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            words = _("%(host)s could not be called: %(kind)s")
            raise OutsideError(words % {"host": place.host, "kind": type(error).__name__}) from error

    async def _send(
        self, method: str, place: "_Place", number: str, headers: Mapping[str, str], content: bytes, seconds: float
    ) -> Reply:
        given = {"accept-encoding": "identity", **headers, "host": place.named}
        async with (
            httpx.AsyncClient(transport=self._transport, timeout=seconds, trust_env=False) as client,
            client.stream(
                method,
                place.pinned_to(number),
                headers=given,
                content=content,
                extensions={"sni_hostname": place.host},
            ) as answer,
        ):
            return Reply(answer.status_code, dict(answer.headers), await _read(answer))

    async def _look_up(self, place: "_Place") -> str:
        """The first of the machine's numbers, all of which are public."""
        try:
            numbers = [number.partition("%")[0] for number in await self._resolve(place.host, place.port)]
        except (OSError, UnicodeError) as error:
            raise OutsideError(_("there is no machine called %(host)s") % {"host": place.host}) from error
        if not numbers:
            raise OutsideError(_("there is no machine called %(host)s") % {"host": place.host})
        if place.host not in self._private_hosts and not all(is_public(number) for number in numbers):
            words = _("%(host)s is on a private network; name it in SUPPORTERS_PRIVATE_HOSTS if that is meant")
            raise PrivateAddress(words % {"host": place.host})
        return numbers[0]


class _Place(msgspec.Struct, frozen=True):
    """An address, taken apart. `host` is in small ASCII letters, without the brackets of a number."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def named(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS[self.scheme] else f"{name}:{self.port}"

    def pinned_to(self, number: str) -> str:
        """The address to connect to, with the machine's number in place of its name."""
        shown = f"[{number}]" if ":" in number else number
        return f"{self.scheme}://{shown}:{self.port}{self.path}"


def _read_address(url: str) -> _Place:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError as error:
        raise OutsideError(_("that is no web address")) from error
    if parts.scheme not in PORTS or not host or port is None or parts.username is not None:
        raise OutsideError(_("that is no http or https address"))
    return _Place(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


async def _ask_resolver(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_public(number: str) -> bool:
    """Whether an IP address is one that everybody may call, and so is the IPv4 address that it may carry inside."""
    address = ip_address(number)
    inner = _carried(address) if isinstance(address, IPv6Address) else None
    return (inner or address).is_global and not (inner or address).is_multicast


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address behind a mapped, translated or tunnelled one."""
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 or address in COMPATIBLE else None


async def _read(answer: httpx.Response) -> bytes:
    """The body as it came: one that was packed is not unpacked, so that a small one can't become a large one."""
    body = bytearray()
    # an answer that a stand-in made up is there already and has no stream
    async for part in answer.aiter_bytes() if answer.is_stream_consumed else answer.aiter_raw():
        body += part
        if len(body) > LARGEST_REPLY:
            raise OutsideError(_("the answer is longer than 5 MB"))
    return bytes(body)
