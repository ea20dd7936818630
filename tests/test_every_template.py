"""No template is broken, and none lies about unused."""

from pathlib import Path

from supporters.kit.templates import Templates
from supporters.paths import data_dir
from supporters.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def names() -> set[str]:
    """Every template, as the code names it."""
    folder = data_dir("templates")
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in {".html", ".txt"}}


def test_every_template_compiles(settings: Settings) -> None:
    environment = Templates(settings, asset=lambda name: name).environment

    for name in names():
        if not name.startswith("sandbox/"):  # the sandbox has an environment of its own
            environment.get_template(name)


def test_every_template_is_used_by_code_or_by_another_template() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "templates").rglob("*.*")]
    said = "\n".join(path.read_text("utf-8") for path in sources)

    def is_named(name: str) -> bool:
        door, _slash, rest = name.partition("/")
        if door == "mail":  # a letter's kind names its folder
            return f'"{name}"' in said or f'"{rest.partition("/")[0]}"' in said
        return f'"{name}"' in said or (door == "sandbox" and f'"{rest}"' in said)

    assert {name for name in names() if not is_named(name)} == set()
