"""A process that has loaded the product once, and of which others are born: loading takes two seconds each time.

What is born of it is a process of its own, as one that a person starts: its own memory, its own environment, its own end.
Run as a program it is the mother; imported it is the way to her.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LOADED = (
    "supporters.app",
    "supporters.worker",
    "supporters.sandbox.app",
    "supporters.checkup",
    "supporters.kit.migrate",
)


class Nursery:
    """The way to the mother. She answers one word at a time."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._mother = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.close)

    def start(self, args: tuple[str, ...], *, env: Mapping[str, str], out: Path, err: Path) -> int:
        """A new `supporters …` process; its id."""
        told = {"args": args, "env": dict(env), "cwd": str(Path.cwd()), "out": str(out), "err": str(err)}
        return int(self._ask("start", told))

    def ended(self, pid: int, *, wait: bool) -> int | None:
        """Its exit code, negative for a signal; None while it runs, unless told to wait."""
        return self._ask("ended", {"pid": pid, "wait": wait})

    def close(self) -> None:
        """The mother is gone."""
        assert self._mother.stdin is not None
        self._mother.stdin.close()
        self._mother.wait(timeout=10)

    def _ask(self, word: str, told: Mapping[str, Any]) -> Any:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write(json.dumps([word, told]).encode() + b"\n")
        self._mother.stdin.flush()
        return json.loads(self._mother.stdout.readline())


@cache
def nursery() -> Nursery:
    """One for a whole test process."""
    return Nursery()


def _start(told: Mapping[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _become(told)
        from supporters.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become(told: Mapping[str, Any]) -> None:
    """Input is empty, output goes to files; environment, folder and words of the command are as told."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for place, path in ((1, told["out"]), (2, told["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), place)
    os.environ.clear()
    os.environ.update(told["env"])
    os.chdir(told["cwd"])
    sys.argv = ["supporters", *told["args"]]


def _ended(told: Mapping[str, Any]) -> int | None:
    pid, status = os.waitpid(told["pid"], 0 if told["wait"] else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def _be_mother() -> None:
    import gc
    from importlib import import_module

    for module in LOADED:
        import_module(module)
    gc.freeze()  # so that children share the memory
    for line in sys.stdin:
        word, told = json.loads(line)
        print(json.dumps({"start": _start, "ended": _ended}[word](told)), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _be_mother()
