"""The processes of a campaign of plans: web, worker and sandbox, all by one clock that the driver moves."""

import asyncio
import ctypes
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common import ROOT

SPAN = struct.Struct("f")


class MovedClock:
    """The machine's clock and an offset that every process of the campaign reads from one file."""

    def __init__(self, folder: Path) -> None:
        path = folder / "clock"
        if not path.exists():
            path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)

    def now(self) -> datetime:
        (offset,) = struct.unpack("d", self._shared[:8])
        return datetime.now(UTC) + timedelta(seconds=offset)

    def advance(self, seconds: float) -> None:
        """Everybody's clock stands so much later."""
        (offset,) = struct.unpack("d", self._shared[:8])
        self._shared[:8] = struct.pack("d", offset + seconds)


class Spans:
    """How long things took, kept in a file so that an ended run loses nothing."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def add(self, seconds: float) -> None:
        self._file.write(SPAN.pack(seconds))


class NoMail:
    """A mail server that takes every letter and keeps none: it is not what is measured."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["NoMail"]:
        yield self

    async def check(self) -> None: ...

    async def send(self, _message: Any, *, sender: str | None = None) -> None: ...


def tools_of(folder: Path) -> Any:
    """The product's tools: real database, Stripe over HTTP, the campaign's clock."""
    from supporters.kit.db import Database
    from supporters.kit.ids import Ids
    from supporters.payments.gateway import Gateway
    from supporters.settings import read_settings
    from supporters.worker import Tools

    settings, clock = read_settings(), MovedClock(folder)
    gateway = Gateway(settings.stripe_secret_key, api_base=settings.stripe_api_base)
    db = Database(settings.database_url)
    return Tools(settings=settings, db=db, gateway=gateway, transport=NoMail(), clock=clock, ids=Ids(clock))


def web() -> Any:
    """For uvicorn: the web service, each webhook timed from its arrival to its answer."""
    from supporters.app import create_app

    folder = Path(os.environ["CAMPAIGN"])
    tools = tools_of(folder)
    app, spans = create_app(tools.settings, tools=tools, with_worker=False), Spans(folder / "accept")

    async def timed(scope: Any, receive: Any, send: Any) -> None:
        before = time.perf_counter()
        await app(scope, receive, send)
        if scope["type"] == "http" and scope["path"] == "/hooks/stripe":
            spans.add(time.perf_counter() - before)

    return timed


def sandbox() -> Any:
    """For uvicorn: the sandbox, with two doors of its own: how much is left to do, and a card that fails from now on."""
    from supporters.sandbox.app import create_app

    made = create_app(sandbox_config(Path(os.environ["CAMPAIGN"])))
    world = made.state.sandbox.world
    hear_only_what_is_handled(world)

    async def with_doors(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/_bench/"):
            await made(scope, receive, send)
            return
        if scope["path"] == "/_bench/break-card":
            break_card(world, scope["query_string"].decode())
        left = len(world.store.due(world.wall())) + len(
            world.store.deliveries("state = 'pending' and due_at <= ?", (world.now() + 5,), 1)
        )
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(left).encode()})

    return with_doors


def sandbox_config(folder: Path) -> Any:
    from supporters.sandbox.config import SandboxConfig

    return SandboxConfig(
        database_path=folder / "sandbox.db",
        base_url=os.environ["SUPPORTERS_STRIPE_API_BASE"],
        webhook_url=f"{os.environ['SUPPORTERS_BASE_URL']}/hooks/stripe",
        webhook_secret=os.environ["SUPPORTERS_STRIPE_WEBHOOK_SECRET"],
        clock=MovedClock(folder),
        payout_interval="daily",
    )


def hear_only_what_is_handled(world: Any) -> None:
    from supporters.payments.translate import HEARD

    with world.atomic():
        for endpoint in world.store.endpoints():
            world.change(endpoint, {"enabled_events": sorted(HEARD)})


def break_card(world: Any, subscription_id: str) -> None:
    plan = world.get("subscription", subscription_id)
    method = world.get("payment_method", plan["default_payment_method"])
    with world.atomic():
        world.change(method, {"_card": "chargeCustomerFail"})


async def work(folder: Path) -> None:
    """The worker, until it is told to stop."""
    from supporters.kit.logs import configure_logs
    from supporters.worker import Worker

    configure_logs(as_json=True)
    tools, stop = tools_of(folder), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await Worker(tools).run(stop)
    await tools.close()


def _end_with_driver() -> None:
    """Linux ends the process when the driver is gone, killed or not."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextmanager
def processes(folder: Path) -> Iterator[dict[str, int]]:
    """Web, sandbox and worker run; gives their process ids. All are ended afterwards."""
    api, site = (
        int(os.environ[name].rpartition(":")[2]) for name in ("SUPPORTERS_STRIPE_API_BASE", "SUPPORTERS_BASE_URL")
    )
    uvicorn = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "--host",
        "127.0.0.1",
        "--no-access-log",
        "--log-level",
        "warning",
    ]
    commands = {
        "web": [*uvicorn, "plan_processes:web", "--port", str(site)],
        "sandbox": [*uvicorn, "plan_processes:sandbox", "--port", str(api)],
        "worker": [sys.executable, str(Path(__file__).with_name("plans.py")), "--folder", str(folder), "--work"],
    }
    paths = os.pathsep.join(str(ROOT / part) for part in ("bench", "src", "tests"))
    with (folder / "log").open("ab") as log:
        told: dict[str, Any] = {
            "env": {**os.environ, "PYTHONPATH": paths},
            "stdout": log,
            "stderr": log,
            "preexec_fn": _end_with_driver,
        }
        started = {name: subprocess.Popen(command, **told) for name, command in commands.items()}
        try:
            yield {name: process.pid for name, process in started.items()}
        finally:
            for process in started.values():
                process.terminate()
            for process in started.values():
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
