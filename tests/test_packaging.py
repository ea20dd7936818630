"""The wheel holds everything that the product needs: templates, migrations, stylesheets, words."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_is_complete(tmp_path: Path) -> None:
    build = (
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    )
    subprocess.run([sys.executable, *build], check=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")

    held = set(zipfile.ZipFile(wheel).namelist())

    for folder in ("templates", "migrations"):
        wanted = {
            path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.suffix in {".html", ".txt", ".py"}
        }
        assert {f"supporters/_data/{path}" for path in wanted} <= held
    package = ROOT / "src"
    suffixes = {".py", ".css", ".svg", ".po", ".pdf"}
    assert {
        str(path.relative_to(package)) for path in (package / "supporters").rglob("*") if path.suffix in suffixes
    } <= held
    assert not [name for name in held if name.startswith("tests/")]
