"""Other machines, in this process: receivers of webhooks, stand-ins by name, and an independent reading of a signature."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from supporters.kit.outside import Outside
from supporters.worker import Worker
from whole import Whole


class Receiver:
    """Keeps what it is sent; answers as it is told to."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"thanks"
        self.headers: list[tuple[bytes, bytes]] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.hangs = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.got.append((headers, body))
        if self.hangs:
            await asyncio.sleep(3600)
        if 200 <= self.status < 300:
            self.taken.append((headers, body))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    @property
    def ids(self) -> list[str]:
        """The message ids that were taken, in order."""
        return [headers["webhook-id"] for headers, _body in self.taken]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies that were taken."""
        return [json.loads(body) for _headers, body in self.taken]


class Machines(httpx.AsyncBaseTransport):
    """Several receivers by the name in the Host header."""

    def __init__(self, **apps: Any) -> None:
        self.apps = {name.replace("_", "."): httpx.ASGITransport(app=app) for name, app in apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.headers["host"].partition(":")[0]
        if name not in self.apps:
            raise httpx.ConnectError("refused", request=request)
        return await self.apps[name].handle_async_request(request)


def verifies(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether one of the signatures is this secret's, computed from the specification and from nothing of ours."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return wanted.decode() in headers["webhook-signature"].split(" ")


async def public(_host: str, _port: int) -> Sequence[str]:
    """Every name is that of a public machine."""
    return ["93.184.216.34"]


def outside(**apps: Any) -> Outside:
    """The way to these machines and no others; `crm_test` is called crm.test."""
    return Outside(transport=Machines(**apps), resolve=public)


def wire(site: Whole, **apps: Any) -> None:
    """The product reaches these machines and no others."""
    site.tools.outside = outside(**apps)
    site.app.state.house = replace(site.app.state.house, outside=site.tools.outside)
    site.worker = Worker(site.tools)
