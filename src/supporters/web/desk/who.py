"""Whose money it is: somebody found on file, somebody new, or nobody that can be known. Shared by the forms that ask."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.other_queries import Namesake, find_giver, find_givers
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.people.actions import put_nobody_on_file
from supporters.people.matching import EmailProblem, read_email
from supporters.reconciliation.other_money import Giver
from supporters.web.common.forms import read_query
from supporters.web.common.shell import AnyRequest

FIELDS = ("whose", "name", "email")
SEARCH = "who"
NEW, NOBODY = "new", "nobody"
NAME_CHARS, EMAIL_CHARS = 120, 254
Problems = list[tuple[str, str]]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the part of a form shows that asks for a giver."""

    words: str = ""  # searched for
    found: Sequence[Namesake] = ()
    is_searched: bool = False
    may_be_nobody: bool = False
    whose: str = ""
    name: str = ""
    email: str = ""


async def read_choice(
    request: AnyRequest,
    session: AsyncSession,
    typed: Mapping[str, str],
    *,
    known: Sequence[Namesake] = (),
    may_be_nobody: bool = False,
    name: str = "",
) -> Choice:
    """Who may be chosen: whoever is known already, whoever the address searches for, and whoever was chosen before.

    `name` stands in the field for somebody new until something else is typed.
    """
    query = read_query(request.scope["query_string"], (SEARCH, "supporter"))
    words, asked = clean_line(query.get(SEARCH, ""), limit=NAME_CHARS), query.get("supporter", "")
    whose = typed.get("whose", asked if is_ulid(asked) else "")
    people = [*known, *await find_givers(session, words)]
    chosen = await find_giver(session, whose) if is_ulid(whose) else None
    if chosen:
        people.insert(0, chosen)
        whose = chosen.id
    return Choice(
        words=words,
        found=list({each.id: each for each in people}.values()),
        is_searched=bool(words),
        may_be_nobody=may_be_nobody,
        whose=whose,
        name=clean_line(typed.get("name", name), limit=NAME_CHARS),
        email=clean_line(typed.get("email", ""), limit=EMAIL_CHARS),
    )


async def read_giver(
    session: AsyncSession, typed: Mapping[str, str], problems: Problems, *, nobody_at: datetime | None = None
) -> Giver | None:
    """Who the form says it is; None with what is wrong. `nobody_at`: now, where it may be nobody that can be known."""
    whose = typed.get("whose", "")
    if is_ulid(whose):
        known = await find_giver(session, whose)
        if known:
            return Giver(supporter_id=known.id, name=known.name, email=known.address)
    elif whose == NOBODY and nobody_at:
        return await _nobody(session, nobody_at)
    elif whose == NEW:
        return _somebody_new(typed, problems)
    problems.append(("whose", _("Say who it is.")))
    return None


async def _nobody(session: AsyncSession, now: datetime) -> Giver:
    """The record of all whom nobody can know: found by its id, never by a name that somebody may bear."""
    found = await put_nobody_on_file(session, name=_("Anonymous"), now=now)
    return Giver(supporter_id=found.id, name=found.name)


def _somebody_new(typed: Mapping[str, str], problems: Problems) -> Giver | None:
    name = clean_line(typed.get("name", ""), limit=NAME_CHARS)
    if not name:
        problems.append(("name", _("Write the name.")))
    email = ""
    try:
        email = read_email(typed["email"]) if typed.get("email", "").strip() else ""
    except EmailProblem:
        problems.append(("email", _("Enter an email address in the format name@example.org")))
    return None if problems else Giver(name=name, email=email)
