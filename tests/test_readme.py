"""README says what is true: every setting with its default, every command, every picture."""

import re
from dataclasses import fields
from pathlib import Path

from supporters.cli import cli
from supporters.payments.translate import HEARD
from supporters.settings import Settings, env_name

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def settings_table() -> str:
    """The table as README must have it."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for item in fields(Settings):
        default = ", ".join(item.default) if isinstance(item.default, tuple) else str(item.default)
        rows.append(f"| `{env_name(item.name)}` | {f'`{default}`' if default else ''} | {item.metadata['help']} |")
    return "\n".join(rows)


def test_the_settings_table_is_true() -> None:
    found = re.search(r"<!-- settings:begin -->\n(.*?)\n<!-- settings:end -->", README.read_text("utf-8"), re.DOTALL)

    assert found
    assert found[1] == settings_table()


def test_every_command_is_named() -> None:
    said = README.read_text("utf-8")

    for command in cli.commands:
        assert f"supporters {command}" in said


def test_every_picture_is_there() -> None:
    for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README.read_text("utf-8")):
        assert (ROOT / path).is_file(), path


def test_readme_names_every_event_that_the_house_hears() -> None:
    text = README.read_text(encoding="utf-8")
    listed = text[text.index("these events:") : text.index("Put a proxy")]
    named: set[str] = set()
    family = ""
    for word in re.findall(r"`([a-z_.]+)`", listed):
        if not word.startswith("."):
            family = word.rpartition(".")[0]
        named.add(family + word if word.startswith(".") else word)

    assert named == set(HEARD)
