"""Where templates/ and migrations/ are: inside the wheel, or beside src/ in a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """The folder `name` that ships with the product. Raises FileNotFoundError when the installation is incomplete."""
    for candidate in (PACKAGE / "_data" / name, PACKAGE.parents[1] / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the folder {name!r} is missing from this installation; install Supporters again")


STATIC = PACKAGE / "web" / "static"
