"""How a bank writes its table, remembered for each account. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from supporters.bank.parsed import CsvProfile


def stored(profile: CsvProfile) -> dict[str, Any]:
    """The profile as plain values."""
    return msgspec.to_builtins(profile)


def as_profile(values: Mapping[str, Any] | None) -> CsvProfile | None:
    """The profile as it was confirmed; None where there is none, or it is of an older form."""
    try:
        return msgspec.convert(dict(values), CsvProfile) if values else None
    except msgspec.ValidationError:
        return None


def remembered(values: Mapping[str, Any] | None, guessed: CsvProfile) -> CsvProfile | None:
    """What a person confirmed for a table with these names of columns, read where this file has them; else None."""
    known = as_profile(values)
    if known is None or not guessed.has_header or _names(known) != _names(guessed):
        return None
    if guessed.status_column is not None and values is not None and "status_column" not in values:
        return None  # confirmed before anybody was asked which rows are booked
    place = {"encoding": guessed.encoding, "delimiter": guessed.delimiter, "skip_rows": guessed.skip_rows}
    return msgspec.structs.replace(known, header=guessed.header, has_header=True, **place)


def _names(profile: CsvProfile) -> list[str]:
    return [" ".join(name.split()).casefold() for name in profile.header]
