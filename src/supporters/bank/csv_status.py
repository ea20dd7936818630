"""Whether the bank has booked a row of its CSV: declined and pending ones stand between the others in many banks' files. Pure.

Only what the bank calls booked counts as money. Everything else is counted and left out, also what we do not know the word
for: a person may say that it means booked.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from supporters.bank.csv_names import plain_name
from supporters.bank.parsed import CsvProfile

BOOKED = frozenset([
    "booked", "complete", "completed", "posted", "settled", "cleared", "processed", "success", "successful", "succeeded",
    "executed", "done", "paid", "confirmed", "reconciled", "gebucht", "ausgefuhrt", "abgeschlossen", "erledigt", "verbucht",
    "comptabilise", "execute", "effectue", "termine", "completado", "contabilizado", "verwerkt", "uitgevoerd", "geboekt",
])  # fmt: skip
PENDING = frozenset([
    "pending", "authorised", "authorized", "authorisation", "authorization", "in progress", "processing", "uncleared",
    "unposted", "upcoming", "scheduled", "on hold", "held", "reserved", "vorgemerkt", "ausstehend", "in bearbeitung", "geplant",
    "umsatz vorgemerkt", "en attente", "en cours", "pendiente", "retenido", "in behandeling", "gereserveerd",
])  # fmt: skip
REFUSED = frozenset([
    "declined", "reverted", "failed", "cancelled", "canceled", "rejected", "refused", "expired", "void", "voided", "deleted",
    "abgelehnt", "fehlgeschlagen", "storniert", "abgebrochen", "refuse", "annule", "echoue", "rechazado", "cancelado",
    "geweigerd", "geannuleerd", "mislukt", "error",
])  # fmt: skip
KNOWN = BOOKED | PENDING | REFUSED


class Status(StrEnum):
    """What a row's word says."""

    BOOKED = "booked"
    PENDING = "pending"  # a later file has it, booked
    REFUSED = "refused"  # it never moved money
    UNKNOWN = "unknown"


def is_known(word: str) -> bool:
    """Whether the cell says what became of a row."""
    return plain_name(word) in KNOWN


def status_of(row: Sequence[str], profile: CsvProfile) -> Status:
    """Whether the bank has booked the row: by its status, else by a word where the day should stand. None said is booked."""
    said = _cell(row, profile.status_column)
    if said:
        return _meaning(said, profile.booked_words)
    when = _cell(row, profile.date_column)
    if not when or when[0].isdigit():  # a day: most rows go no further
        return Status.BOOKED
    found = _meaning(when, ())
    return Status.BOOKED if found is Status.UNKNOWN else found


def unknown_words(cells: Sequence[str]) -> list[str]:
    """The words of a status column that we do not know, each once."""
    return [word for word in dict.fromkeys(cells) if word and not is_known(word)]


@lru_cache(maxsize=1024)
def _meaning(said: str, also_booked: tuple[str, ...]) -> Status:
    word = plain_name(said)
    if word in BOOKED or word in map(plain_name, also_booked):
        return Status.BOOKED
    return Status.PENDING if word in PENDING else Status.REFUSED if word in REFUSED else Status.UNKNOWN


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""
