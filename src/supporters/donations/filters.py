"""What staff may ask of the list of donations. Pure: an address in, a filter out, and back."""

from datetime import date

import msgspec

# `received`: whatever became of it later. `paid`: some of it is still here. `refunded`: also in part.
# `returned`: a bank took it back, for good or until a dispute is decided.
STATES = ("received", "paid", "refunded", "returned", "processing", "not_paid")


class DonationFilter(msgspec.Struct, frozen=True):
    """One view of the list. *Time*: both days inclusive, in the publisher's time zone. *Money*: minor units, inclusive."""

    words: str = ""
    state: str = ""
    since: date | None = None
    until: date | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    appeal: str = ""
    article: str = ""
    issue: str = ""
    sees_people: bool = False  # names and addresses may be searched
    givers: tuple[tuple[str, str], ...] | None = None  # addresses and names that the words are in, once looked up

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows the list."""
        return msgspec.structs.replace(self, sees_people=False) == DonationFilter()
