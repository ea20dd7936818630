"""What the benchmarks share: a durable database, processes that are ended again, signed events, a lean client, a report."""

import asyncio
import hashlib
import hmac
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

SECRET = "whsec_bench"
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty migrated database that keeps what it says it keeps: fsync on, synchronous FULL."""
    from postgres import running_postgres

    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            url = f"sqlite:///{folder}/bench.db"
            asyncio.run(_migrate(url))
            yield url
        return
    with running_postgres(fsync=True, port=free_port()) as server:
        asyncio.run(_migrate(server.url("postgres")))
        yield server.url("postgres")


async def _migrate(url: str) -> None:
    from supporters.kit.db import Database
    from supporters.kit.migrate import migrate

    db = Database(url)
    await migrate(db)
    await db.close()


async def keep_house(db: Any) -> None:
    """Statistics and visibility are as nights and PostgreSQL's own housekeeping leave them."""
    from sqlalchemy import text

    await db.keep_statistics()
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(text("VACUUM (ANALYZE)"))


@asynccontextmanager
async def desk_client(url: str, *, env: dict[str, str], email: str, password: str) -> AsyncIterator[Any]:
    """A browser of that member of staff, signed in, in front of the whole product without its background work."""
    import httpx

    from supporters.app import create_app
    from supporters.settings import read_settings
    from whole import hidden_fields

    settings = read_settings({**env, "SUPPORTERS_DATABASE_URL": url})
    transport = httpx.ASGITransport(app=create_app(settings, with_worker=False))
    headers = {"sec-fetch-site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url=settings.base_url, headers=headers) as client:
        fields = hidden_fields((await client.get("/desk/sign-in")).text)
        signed = await client.post("/desk/sign-in", data={**fields, "email": email, "password": password})
        assert signed.status_code == 303, signed.status_code
        yield client


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    target: str, *, processes: int, env: dict[str, str], with_worker: bool = False
) -> Iterator[tuple[int, list[int]]]:
    """`processes` uvicorn processes on one port of 127.0.0.1; gives the port and their ids. All are ended afterwards."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", target, "--factory", "--host", "127.0.0.1", "--port", str(port), "--loop", "uvloop",
        "--http", "httptools", "--no-access-log", "--log-level", "warning", "--lifespan", "on" if with_worker else "off",
        "--workers", str(processes),
    ]  # fmt: skip
    paths = os.pathsep.join([str(ROOT / "bench"), str(ROOT / "src"), str(ROOT / "tests")])
    started = subprocess.Popen(command, env={**os.environ, **env, "PYTHONPATH": paths})
    try:
        yield port, Family(started.pid)
    finally:
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()


class Family(list[int]):
    """A process and all that it has started, as they are when somebody looks."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._pid = pid

    def __iter__(self) -> Iterator[int]:
        return iter(descendants(self._pid))


def descendants(pid: int) -> list[int]:
    """The process and everything below it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        with suppress(FileNotFoundError):
            waiting += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time that these processes have used."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:  # a connection's process has ended meanwhile
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def postgres_pids() -> list[int]:
    """The processes of the database that this benchmark has started."""
    return [pid for pid in descendants(os.getpid())[1:] if _is_postgres(pid)]


def _is_postgres(pid: int) -> bool:
    try:
        return "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def signed(body: bytes) -> str:
    """Stripe's header for this body, made now."""
    at = int(time.time())
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _event_template() -> bytes:
    """A signed event of 2.3 kB, the size of a charge as Stripe shows it, with its number left open."""
    thing = {
        "id": "ch_NUMBER",
        "object": "charge",
        "amount": 2500,
        "currency": "gbp",
        "status": "succeeded",
        "payment_intent": "pi_NUMBER",
        "billing_details": {"email": "ben.okafor@example.org", "name": "Ben Okafor", "address": {"country": "GB"}},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242", "exp_year": 2030}},
        "outcome": {"network_status": "approved_by_network", "risk_level": "normal", "type": "authorized"},
        "description": "x" * 900,
        "metadata": {"donation": "01JDONATION0000000000000000"},
    }
    made = {
        "id": "evt_NUMBER",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": thing},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "charge.succeeded",
    }
    return json.dumps(made, indent=2).encode()


EVENT = _event_template()


def event_body(number: int, *, run: str = "a") -> bytes:
    """The event with that number."""
    return EVENT.replace(b"NUMBER", f"{run}{number:012d}".encode())


def webhook_request(number: int, *, run: str) -> bytes:
    """The whole request that brings one new event."""
    body = event_body(number, run=run)
    head = (
        f"POST /hooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nStripe-Signature: {signed(body)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """A few kept-alive connections that send `make(number)` as fast as they are answered."""

    def __init__(self, port: int, *, connections: int, make: Callable[[int], bytes]) -> None:
        self._port = port
        self._connections = connections
        self._make = make
        self.latencies: list[float] = []
        self.seconds = 0.0

    async def go(self, seconds: float) -> None:
        """Sends for so many seconds. Raises RuntimeError for any answer but 200."""
        started = time.perf_counter()
        deadline = started + seconds
        await asyncio.gather(*(self._one(number, deadline) for number in range(self._connections)))
        self.seconds = time.perf_counter() - started

    async def _one(self, number: int, deadline: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        count = number * 10_000_000
        while time.perf_counter() < deadline:
            request = self._make(count)
            before = time.perf_counter()
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode("latin-1"))
            length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if length:
                await reader.readexactly(length)
            self.latencies.append(time.perf_counter() - before)
            count += 1
        writer.close()

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency in milliseconds that `share` of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def resident_mb(pids: Sequence[int]) -> float:
    """Memory that these processes hold."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_mb(*, anew: bool = False) -> float:
    """The most memory that this process has held since its start, or since it was asked `anew`."""
    status = Path("/proc/self/status").read_text()
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def machine() -> str:
    """What this ran on."""
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("litestar", "sqlalchemy", "asyncpg", "uvicorn", "msgspec")
    )
    load = os.getloadavg()[0]
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the start, "
        f"Python {platform.python_version()}, {packages}"
    )
