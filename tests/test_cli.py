"""The command line: works as README says, and says in words what is wrong."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nursery import nursery
from paper import SETTINGS_ENV


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        **SETTINGS_ENV,
        "SUPPORTERS_DATA_DIR": str(tmp_path),
        "SUPPORTERS_STRIPE_API_BASE": "http://127.0.0.1:9",
        "SUPPORTERS_SMTP_URL": "smtp://127.0.0.1:9",
        "STRIPE_SUPPRESS_NOTICES": "true",
    }


def supporters(*args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command, run by a process that has not to load the product first."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        status = nursery().ended(nursery().start(args, env=env, out=out, err=err), wait=True)
        assert status is not None
        return subprocess.CompletedProcess(args, status, out.read_text(), err.read_text())


def from_the_shell(*args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command, as a person runs it."""
    command = [sys.executable, "-m", "supporters.cli", *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_database_that_is_not_migrated_is_said_in_words(env: dict[str, str]) -> None:
    for run, command in ((supporters, ("serve", "--port", "1")), (from_the_shell, ("worker",))):
        done = run(*command, env=env)

        assert done.returncode == 1
        assert done.stderr.strip() == "The database is not up to date. Run `supporters migrate` first."


def test_a_database_that_cannot_be_opened_is_said_in_words(env: dict[str, str]) -> None:
    done = supporters("serve", env={**env, "SUPPORTERS_DATABASE_URL": "sqlite:////nowhere/at/all.db"})

    assert done.returncode == 1
    assert "can't be opened" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_said_at_once(env: dict[str, str]) -> None:
    done = supporters("check", env={**env, "SUPPORTERS_SECRET_KEY": "x", "SUPPORTERS_STRIPE_SECRET_KEY": "sk_live_x"})

    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert "live key" in done.stderr


def test_migrate_then_staff_then_check(env: dict[str, str]) -> None:
    assert from_the_shell("migrate", env=env).stdout == "The database is up to date.\n"
    assert supporters("migrate", env=env).returncode == 0

    added = ("staff", "add", "dana@weeklylamp.example", "--name", "Dana", "--role", "finance", "--password")
    assert supporters(*added, "a long enough password", env=env).returncode == 0
    again = supporters(*added, "a long enough password", env=env)
    short = supporters(*added, "short", env=env)
    assert (again.returncode, short.returncode) == (1, 1)
    assert "already" in again.stderr
    assert "12" in short.stderr

    link = supporters("staff", "new-password", "Dana@weeklylamp.example", env=env)
    assert link.returncode == 0
    assert re.search(r"^http\S+/desk/new-password/[0-9A-Z]{26}\.\d{10}\.[\w-]{43}$", link.stdout, re.MULTILINE)

    books = from_the_shell("check", "--books", env=env)
    assert books.returncode == 0
    assert "ok    books: stripe_balance: The Stripe balance in the ledger is" in books.stdout
    assert books.stdout.endswith("ok    books: they hold\n")
    told = json.loads(supporters("check", "--books", "--json", env=env).stdout)
    assert told["ok"] is True
    assert len(told["findings"]) == len(books.stdout.splitlines()) - 1
    whole = supporters("check", env=env)
    assert whole.returncode == 1
    assert "ok    database: answers and is up to date" in whole.stdout
    assert "FAIL  Stripe:" in whole.stdout
    assert "FAIL  mail server:" in whole.stdout
    assert SETTINGS_ENV["SUPPORTERS_SECRET_KEY"] not in whole.stdout + whole.stderr


def test_several_workers_need_postgresql(env: dict[str, str]) -> None:
    done = supporters("serve", "--workers", "2", env=env)

    assert done.returncode == 2
    assert "PostgreSQL" in done.stderr


def test_every_command_is_listed() -> None:
    done = from_the_shell("--help", env=dict(os.environ))

    assert done.returncode == 0
    for command in ("demo", "serve", "worker", "migrate", "check", "sandbox", "staff"):
        assert command in done.stdout
