"""Field 86 of MT940: numbered subfields (`?20`), words between slashes (`/REMI/`), or free text. Pure."""

import re
from itertools import pairwise

import msgspec

from supporters.bank.clean import clean

PURPOSE = frozenset([*(str(code) for code in range(20, 30)), "60", "61", "62", "63"])
FULL = 27  # a purpose that fills its subfield goes on in the next one, in the middle of a word
EMPTY = frozenset(["NOTPROVIDED", "NONREF", "NOT PROVIDED"])
_NUMBERED = re.compile(r"\d{3}([?>~@^§#])(?=\d\d)", re.ASCII)
_KEYWORD = re.compile(r"(?:^|(?<=\s)|(?<=\n))(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|COAM|OAMT|PURP|IBAN|BIC)\+\s?")
_SLASHED = re.compile(
    r"/(TRTP|IBAN|BIC|NAME|REMI|EREF|KREF|MARF|CSID|ORDP|BENM|ISDT|RTRN|PREF|ADDR|ID|SVCL|PURP|ULTD|ULTC|UDTR|UCRD|TRCD)/"
)


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What field 86 says of a line."""

    name: str = ""
    account: str = ""
    text: str = ""
    end_to_end: str = ""


def read_details(text: str) -> Details:
    """The details, by whichever of the three ways the bank writes; nothing in them is an error."""
    tight = text.replace("\n", "")
    numbered = _NUMBERED.match(tight)
    if numbered:
        return _numbered(tight[numbered.end() - 1 :], numbered[1])
    if text.startswith("/") and _SLASHED.match(tight):
        return _slashed(tight)
    return Details(text=clean(text))


def _numbered(text: str, mark: str) -> Details:
    """Subfields in any order: purpose 20–29 and 60–63, account 31, name 32 and 33."""
    found: dict[str, list[str]] = {}
    for piece in re.split(rf"{re.escape(mark)}(?=\d\d)", text)[1:]:
        found.setdefault(piece[:2], []).append(piece[2:])
    purpose = _joined([each for code in sorted(found) if code in PURPOSE for each in found[code]])
    words = _keywords(purpose)
    return Details(
        name=clean(_joined(found.get("32", []) + found.get("33", []))) or clean(words.get("ABWA", "")),
        account=clean("".join(found.get("31", [])) or words.get("IBAN", "")),
        text=clean(words.get("SVWZ") or words.get("", "") or " ".join(found.get("00", []))),
        end_to_end=_given(words.get("EREF", "")),
    )


def _joined(pieces: list[str]) -> str:
    """The pieces as one text: a full one goes on without a space, a keyword begins after one."""
    if not pieces:
        return ""
    joined = pieces[0]
    for before, piece in pairwise(pieces):
        is_apart = len(before) < FULL or bool(_KEYWORD.match(piece))
        joined += ("\n" if is_apart else "") + piece
    return joined


def _keywords(purpose: str) -> dict[str, str]:
    """What stands after each keyword; under "" what stands before the first."""
    first, *rest = _KEYWORD.split(purpose)
    words = {"": first.strip()}
    for keyword, value in zip(rest[::2], rest[1::2], strict=True):
        words.setdefault(keyword, value.strip())
    return words


def _slashed(text: str) -> Details:
    """`/TRTP/…/IBAN/…/NAME/…/REMI/…/EREF/…`."""
    _before, *rest = _SLASHED.split(text)
    words: dict[str, str] = {}
    for keyword, value in zip(rest[::2], rest[1::2], strict=True):
        words.setdefault(keyword, value.strip("/ "))
    return Details(
        name=clean(words.get("NAME", "")),
        account=clean(words.get("IBAN", "")),
        text=clean(words.get("REMI", "").removeprefix("USTD//")) or clean(words.get("TRTP", "")),
        end_to_end=_given(words.get("EREF", "")),
    )


def _given(text: str) -> str:
    kept = clean(text)
    return "" if kept.upper() in EMPTY else kept
