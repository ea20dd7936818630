"""Serving applications on this machine, and ending them."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import uvicorn

from supporters.kit.errors import SupportersError

READY_SECONDS = 20.0
HOST = "127.0.0.1"


class QuietServer(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    def capture_signals(self) -> Any:  # uvicorn's own would take Ctrl-C from the demo, which has other things to end
        from contextlib import nullcontext

        return nullcontext()


def server_of(app: Any, *, port: int) -> QuietServer:
    """A server for `app` on loopback, not started yet."""
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    return QuietServer(config)


async def serve_app(app: Any, *, port: int, until: Awaitable[None] | None = None) -> None:
    """Serves until interrupted, or until `until` is over."""
    server = server_of(app, port=port)
    if until is None:
        await uvicorn.Server(server.config).serve()
        return
    task = asyncio.create_task(server.serve())
    waiting = asyncio.ensure_future(until)
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await task
    waiting.cancel()


async def until_input_ends() -> None:
    """Returns when standard input is closed: the parent process is gone."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def until_answers(port: int, *, is_over: Callable[[], bool] = lambda: False) -> None:
    """Something listens on the port. Raises SupportersError when nothing does in time, or `is_over` says why wait."""
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while asyncio.get_running_loop().time() < deadline and not is_over():
        with suppress(OSError):
            _reader, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise SupportersError(f"Nothing answers on port {port}. Is something else in its way? PORT= moves the demo.")


def refuse_taken_ports(*ports: int) -> None:
    """Raises SupportersError that names every port that something else listens on."""
    taken = [str(port) for port in ports if _is_taken(port)]
    if taken:
        raise SupportersError(
            f"Port {' and '.join(taken)} on this machine is taken. Move the demo, for example: make demo PORT=8100"
        )


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False
