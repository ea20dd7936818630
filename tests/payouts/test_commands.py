"""`supporters sync` and `supporters cut-over`, as a person runs them."""

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from databases import Databases
from nursery import nursery
from paper import SETTINGS_ENV

LINES = "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id\n"
FEE = "txn_fee,2026-10-02 09:00:00,2026-10-02 09:00:00,gbp,-3.00,0,-3.00,fee,\n"
OLD = "txn_old,2026-09-30 09:00:00,2026-09-30 09:00:00,gbp,-9.00,0,-9.00,fee,\n"


@pytest.fixture
async def env(tmp_path: Path, databases: Databases) -> AsyncIterator[dict[str, str]]:
    """An installation whose database is migrated."""
    url = await databases.make("sqlite")
    yield {
        **os.environ,
        **SETTINGS_ENV,
        "SUPPORTERS_DATA_DIR": str(tmp_path),
        "SUPPORTERS_DATABASE_URL": url,
        "SUPPORTERS_STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_SUPPRESS_NOTICES": "true",
    }
    await databases.drop("sqlite", url)


def supporters(*args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command, run by a process that has not to load the product first."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        status = nursery().ended(nursery().start(args, env=env, out=out, err=err), wait=True)
        assert status is not None
        return subprocess.CompletedProcess(args, status, out.read_text(), err.read_text())


async def test_books_that_begin_on_a_day_and_files_read_into_them(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "activity.csv"
    file.write_text(LINES + OLD + FEE, "utf-8")
    begin = ("cut-over", "--start", "2026-10-01", "--stripe", "GBP:1204.50", "--in-transit", "po_1:GBP:310.00")
    by = ("--by", "dana@weeklylamp.example")
    nobody = supporters(*begin, *by, env=env)
    added = ("staff", "add", "dana@weeklylamp.example", "--name", "Dana", "--role", "finance", "--password")
    supporters(*added, "a long enough password", env=env)

    begun = supporters(*begin, *by, env=env)
    again = supporters(*begin, *by, env=env)
    tried = supporters("sync", "--csv", str(file), "--dry-run", env=env)
    read = supporters("sync", "--csv", str(file), env=env)

    assert (nobody.returncode, "Nobody signs in" in nobody.stderr) == (1, True)
    assert begun.stdout == "The books begin on 2026-10-01 with 2 opening balance(s).\n", begun.stderr
    assert (again.returncode, "already" in again.stderr) == (1, True)
    assert "Balance lines: 2 in the files, 2 would be new, 0 differ." in tried.stdout
    assert "Ledger: 1 posted." in read.stdout, "nothing from before the books began is posted"
    assert "Ledger: 0 posted." in supporters("sync", "--csv", str(file), env=env).stdout

    beside = supporters("payouts", "--since", "2026-10-01", env=env)
    assert beside.stdout == "0 payout(s) since 2026-10-01 with 0 line(s): 0 agree, 0 do not.\n", beside.stderr

    file.write_text("a,b\n1,2\n", "utf-8")
    wrong = supporters("sync", "--csv", str(file), env=env)
    assert (wrong.returncode, wrong.stderr.startswith("activity.csv is none of Stripe's exports")) == (1, True)
    assert "taken back" in supporters("cut-over", "--withdraw", *by, env=env).stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("sync", "--csv", "{file}", "--since", "2026-01-01"), "--csv reads the files that are given, whole"),
        (("cut-over", "--by", "x@y.example"), "give --start with the balances of that day, or --withdraw alone"),
        (
            ("cut-over", "--by", "x@y.example", "--start", "2026-10-01", "--stripe", "GBP:1.001"),
            "no currency and amount",
        ),
        (
            ("cut-over", "--by", "x@y.example", "--start", "2026-10-01", "--account", "77:GBP:1"),
            "there is no account 77",
        ),
    ],
)
async def test_what_is_asked_wrongly_is_said(
    env: dict[str, str], tmp_path: Path, args: tuple[str, ...], words: str
) -> None:
    (tmp_path / "a.csv").write_text(LINES, "utf-8")

    done = supporters(*(arg.replace("{file}", str(tmp_path / "a.csv")) for arg in args), env=env)

    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
