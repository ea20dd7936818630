"""Calling other machines: feeds, webhooks, connectors. Never our own network, unless the settings name the host.

A name is looked up once, every address of it must be public, and the connection goes to that very address: a name that
changes its answer between check and call gains nothing. Redirects are not followed. Source: OWASP, "Server-Side Request
Forgery Prevention Cheat Sheet", read 2026-11-22.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import msgspec

from supporters.kit.errors import SupportersError

SLOWEST_SECONDS = 10.0
LARGEST_REPLY = 5 * 1024 * 1024
PORTS = {"http": 80, "https": 443}


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
    """The way to other machines. `private_hosts` may be called although their addresses are private."""

    def __init__(self, *, private_hosts: Sequence[str] = (), transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._private_hosts = frozenset(host.strip().lower() for host in private_hosts)
        self._transport = transport

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
        target, host = await self._pin(url)
        given = {"accept-encoding": "identity", **(headers or {}), "host": host}
        try:
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(transport=self._transport, timeout=seconds, trust_env=False) as client,
                client.stream(
                    method,
                    target,
                    headers=given,
                    content=content,
                    extensions={"sni_hostname": host.partition(":")[0]},
                ) as answer,
            ):
                body = await _read(answer)
                return Reply(answer.status_code, dict(answer.headers), body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise OutsideError(f"{host} did not answer within {seconds:.0f} seconds") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutsideError(f"{host} could not be called: {type(error).__name__}") from error

    async def _pin(self, url: str) -> tuple[str, str]:
        """The address to connect to, with the machine's number in place of its name; and the name with its port."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
        except ValueError as error:
            raise OutsideError("that is no web address") from error
        if parts.scheme not in PORTS or not host or port is None or parts.username is not None:
            raise OutsideError("that is no http or https address")
        number = await _look_up(host, port, allow_private=host.lower() in self._private_hosts)
        shown = f"[{number}]" if ":" in number else number
        name = f"[{host}]" if ":" in host else host
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = name if port == PORTS[parts.scheme] else f"{name}:{port}"
        return f"{parts.scheme}://{shown}:{port}{path}", named


async def _look_up(host: str, port: int, *, allow_private: bool) -> str:
    """The first of the machine's addresses, all of which are public."""
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OutsideError(f"there is no machine called {host}") from error
    numbers = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not allow_private and not all(_is_public(number) for number in numbers):
        raise PrivateAddress(f"{host} is on a private network; name it in SUPPORTERS_PRIVATE_HOSTS if that is meant")
    return numbers[0]


def _is_public(number: str) -> bool:
    address = ip_address(number)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


async def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > LARGEST_REPLY:
            raise OutsideError("the answer is longer than 5 MB")
    return bytes(body)
