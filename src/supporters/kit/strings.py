"""The words people read, looked up in a catalogue: `from supporters.kit.strings import gettext as _`.

The words in the code are English; `locale/<language>.po` holds what they are in another language. One process serves one
publisher, so the language is the process's: `use_language()` sets it once, at the start.
"""

import gettext as plain
import io
from functools import lru_cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).resolve().parent / "locale"

_active: list[plain.NullTranslations] = [plain.NullTranslations()]


def use_language(locale: str) -> None:
    """From now on this process speaks the language of `locale` ("en_GB"); English where no catalogue fits."""
    _active[0] = load_catalogue(locale)


def language() -> str:
    """The language that this process speaks ("nb"); empty for the English in the code."""
    return _active[0].info().get("language", "")


@lru_cache(maxsize=20)
def load_catalogue(locale: str) -> plain.NullTranslations:
    """The catalogue for `locale`, or for its language, or the English in the code itself."""
    for name in (locale, locale.partition("_")[0]):
        path = LOCALES / f"{name}.po"
        if path.is_file():
            return _compiled(path)
    return plain.NullTranslations()


def gettext(message: str) -> str:
    """`message` in the language of this process."""
    return _active[0].gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """The form of the message that fits `count`."""
    return _active[0].ngettext(singular, plural, count)


def _compiled(path: Path) -> plain.GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file)
    packed = io.BytesIO()
    write_mo(packed, catalogue)
    packed.seek(0)
    return plain.GNUTranslations(packed)
