"""Real processes of the product, for tests that kill them."""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

from nursery import nursery

START_SECONDS = 30


class Process:
    """One `supporters …` process that can be killed and started again."""

    def __init__(self, *args: str, env: dict[str, str], port: int | None = None, log: Path) -> None:
        self._args = args
        self._env = {**os.environ, **env}
        self._port = port
        self._log = log
        self._pid: int | None = None

    def start(self) -> None:
        self._pid = nursery().start(self._args, env=self._env, out=self._log, err=self._log)

    async def until_ready(self) -> None:
        """The process listens. Raises RuntimeError with its log."""
        deadline = time.monotonic() + START_SECONDS
        while self._port is not None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            if time.monotonic() > deadline or not self._is_running():
                raise RuntimeError(f"{self._args} did not start: {self._log.read_text()[-3000:]}")
            await asyncio.sleep(0.05)

    def kill(self) -> None:
        """kill -9: no goodbye."""
        if self._is_running():
            self._end(signal.SIGKILL)
            self._is_running(wait=True)

    def stop(self) -> None:
        """A polite end, and an impolite one after ten seconds."""
        if not self._is_running():
            return
        self._end(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self._is_running():
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.02)

    def _end(self, sign: signal.Signals) -> None:
        assert self._pid is not None
        os.kill(self._pid, sign)

    def _is_running(self, *, wait: bool = False) -> bool:
        if self._pid is not None and nursery().ended(self._pid, wait=wait) is not None:
            self._pid = None
        return self._pid is not None
