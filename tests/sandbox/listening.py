"""Real HTTP to an application of this process, at addresses of this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def listening(app: Any, addresses: int = 1) -> AsyncIterator[list[int]]:
    """`app` answers at so many ports, which the block is given."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(addresses)]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets))
    try:
        yield [one.getsockname()[1] for one in sockets]
    finally:
        server.should_exit = True
        await serving
