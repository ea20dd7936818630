"""Real processes of the product, for tests that kill them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS = 30


class Process:
    """One `supporters …` process that can be killed and started again."""

    def __init__(self, *args: str, env: dict[str, str], port: int | None = None, log: Path) -> None:
        self._args = args
        self._env = {**os.environ, **env}
        self._port = port
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "supporters.cli", *self._args]
            self._running = subprocess.Popen(command, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def until_ready(self) -> None:
        """The process listens. Raises RuntimeError with its log."""
        deadline = time.monotonic() + START_SECONDS
        while self._port is not None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            if time.monotonic() > deadline or (self._running and self._running.poll() is not None):
                raise RuntimeError(f"{self._args} did not start: {self._log.read_text()[-3000:]}")
            await asyncio.sleep(0.05)

    def kill(self) -> None:
        """kill -9: no goodbye."""
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(signal.SIGKILL)
            self._running.wait(timeout=10)

    def stop(self) -> None:
        """A polite end, and an impolite one after ten seconds."""
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
            try:
                self._running.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill()
