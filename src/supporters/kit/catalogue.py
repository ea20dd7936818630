"""Collects every string that people read into the English catalogue: `python -m supporters.kit.catalogue`.

The English catalogue has no translations, since the words in the code are English. It is what translators start from, and a
test compares it with the code.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from supporters.kit.strings import LOCALES
from supporters.paths import PACKAGE, data_dir

ENGLISH = LOCALES / "en.po"
PYTHON = [("**.py", "python")]
TEMPLATES = [("**.html", "jinja2"), ("**.txt", "jinja2")]
OPTIONS: dict[str, dict[str, Any]] = {"**.html": {"trimmed": "true"}, "**.txt": {"trimmed": "true"}}
KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "ngettext": (1, 2)}


def collect() -> Catalog:
    """The catalogue of every string in the code and in the templates."""
    catalogue = Catalog(locale="en", project="Supporters", charset="utf-8", fuzzy=False)
    for message in sorted(set(_messages()), key=repr):
        catalogue.add(message)
    return catalogue


def message_ids(catalogue: Catalog) -> set[str | tuple[str, ...]]:
    """The words of a catalogue, without its header."""
    return {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalogue if message.id}


def write(path: Path = ENGLISH) -> int:
    """The English catalogue is the one that the code needs now; returns how many strings it holds."""
    catalogue = collect()
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=True, sort_output=True)
    return len(message_ids(catalogue))


def _messages() -> Iterator[str | tuple[str, ...]]:
    for folder, methods in ((PACKAGE, PYTHON), (data_dir("templates"), TEMPLATES)):
        found = extract_from_dir(folder, method_map=methods, options_map=OPTIONS, keywords=KEYWORDS)
        for _file, _line, message, _comments, _context in found:
            yield message if isinstance(message, str) else tuple(message)


if __name__ == "__main__":
    write()
