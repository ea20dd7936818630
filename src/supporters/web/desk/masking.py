"""What a role may not see never reaches a template. Pure."""

from collections.abc import Iterable

import msgspec

from supporters.donations.desk_queries import DonationRow
from supporters.donations.desk_story import Facts, StoryLine
from supporters.staff.models import Role
from supporters.web.desk.roles import SEES_PEOPLE

PERSONAL = frozenset({"recipient", "email", "name", "note"})


def sees_people(role: Role) -> bool:
    """Whether the role may see names and addresses."""
    return role in SEES_PEOPLE


def mask_row(row: DonationRow, role: Role) -> DonationRow:
    """The row without name and address, unless the role sees them."""
    return row if sees_people(role) else msgspec.structs.replace(row, name="", email="")


def mask_rows(rows: Iterable[DonationRow], role: Role) -> list[DonationRow]:
    """Every row as the role may see it."""
    return [mask_row(row, role) for row in rows]


def mask_facts(facts: Facts, role: Role) -> Facts:
    """The facts as the role may see them: a note of staff may quote a person, a card's digits may tell one."""
    if sees_people(role):
        return facts
    refunds = [msgspec.structs.replace(each, note=None) for each in facts.refunds]
    return msgspec.structs.replace(facts, row=mask_row(facts.row, role), refunds=refunds, card=None, supporter_id=None)


def mask_story(lines: Iterable[StoryLine], role: Role) -> list[StoryLine]:
    """The story as the role may see it."""
    if sees_people(role):
        return list(lines)
    return [
        msgspec.structs.replace(line, detail={key: each for key, each in line.detail.items() if key not in PERSONAL})
        for line in lines
    ]
