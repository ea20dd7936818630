"""`supporters verify`: certificates are checked with nothing but the files."""

import json
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from months.test_closing import PAYOUT
from supporters.cli_money import verify
from supporters.reconciliation.certificate import read, seal


def run(*files: Path) -> Result:
    return CliRunner().invoke(verify, [str(file) for file in files])


def two(folder: Path) -> tuple[Path, Path]:
    """Two certificates that follow each other, as files."""
    one, other = folder / "1.json", folder / "2.json"
    one.write_bytes(seal(PAYOUT))
    hashed = read(one.read_bytes())["sha256"]
    other.write_bytes(seal({**PAYOUT, "number": 2, "previous_sha256": hashed}))
    return one, other


def test_what_holds_is_said_line_by_line(tmp_path: Path) -> None:
    one, other = two(tmp_path)

    done = run(other, one)

    assert done.exit_code == 0, done.output
    assert "certificate 1 of payout po_1, The Weekly" in done.output
    assert "ok  its lines add up to GBP 0.90, what was paid out" in done.output
    assert "ok  certificates 1 and 2 follow each other" in done.output
    assert done.output.endswith("Everything holds.\n")


def test_a_change_of_one_penny_is_found(tmp_path: Path) -> None:
    one, _other = two(tmp_path)
    body = json.loads(one.read_bytes())
    body["bank"][0]["minor"] -= 1
    one.write_bytes(msgspec.json.encode(body))

    done = run(one)

    assert done.exit_code == 1
    assert "NO  THE FILE WAS CHANGED" in done.output
    assert "the difference is GBP -0.01" in done.output
    assert done.output.endswith("Not everything holds.\n")


def test_one_that_was_made_anew_does_not_fit_the_next(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    one.write_bytes(seal({**PAYOUT, "publisher": "Somebody else"}))

    done = run(one, other)

    assert done.exit_code == 1
    assert "NO  certificates 1 and 2 DO NOT FIT" in done.output


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    file.write_text("a,b\n")

    done = run(file)

    assert done.exit_code == 1
    assert "statement.csv: this is no JSON" in done.output
