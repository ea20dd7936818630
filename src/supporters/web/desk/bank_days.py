"""Which days a file is of, as a person names them: a table lists lines, and says nothing of the quiet days around them."""

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount, BankFile
from supporters.bank.prepare import WITHOUT_DAYS
from supporters.bank.queries import lines_here
from supporters.kit.clock import local_date
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.when import When

FIELDS = ("from", "to")
AT_MOST = timedelta(days=366)  # beside its lines: more is a slip of the pen
ONE_DAY = timedelta(days=1)


class Named(msgspec.Struct, frozen=True):
    """The days that were named, as they were typed. `days` is None where they are those of its lines."""

    typed: Mapping[str, str]
    days: tuple[date, date] | None = None
    problems: list[tuple[str, str]] = []


def lines_between(file: BankFile) -> tuple[date, date] | None:
    """The days of its first and its last line, where a person may name others; None where the file says its days."""
    first, last = (str(file.counts.get(name) or "") for name in ("starts_on", "ends_on"))
    if file.format not in WITHOUT_DAYS or file.counts.get("statements") != 1 or not (first and last):
        return None
    return date.fromisoformat(first), date.fromisoformat(last)


async def read_days(
    request: AnyRequest, session: AsyncSession, file: BankFile, account: BankAccount, form: Mapping[str, str]
) -> Named:
    """The days that the form names, held to what the bank could show today where the publisher is."""
    house = house_of(request)
    settings, now = house.settings, house.clock.now()
    when, today = When(zone=settings.time_zone, locale=settings.locale, now=now), local_date(now, settings.time_zone)
    return await read_named(session, file, account, form, today=today, when=when)


def shown_days(file: BankFile, typed: Mapping[str, str]) -> dict[str, str]:
    """The fields as the form shows them: as typed, else as the lines say; none where the file says its days itself."""
    lines = lines_between(file)
    days = zip(FIELDS, lines or (), strict=False)
    return {name: clean_line(typed.get(name, ""), limit=20) or day.isoformat() for name, day in days}


async def read_named(
    session: AsyncSession, file: BankFile, account: BankAccount, form: Mapping[str, str], *, today: date, when: When
) -> Named:
    """The days that the form names, or what is wrong with them, by field."""
    typed = {name: clean_line(form[name], limit=20) for name in FIELDS if form.get(name, "").strip()}
    lines = lines_between(file)
    if lines is None or not typed:
        return Named({})
    problems: list[tuple[str, str]] = []
    first, last = (_day(typed, name, known, problems) for name, known in zip(FIELDS, lines, strict=True))
    problems = problems or _misfits((first, last), lines, today, when)
    if not problems and (first, last) != lines:
        problems = await _lines_elsewhere(session, account, (first, last), lines, when)
    return Named(typed, None if problems or (first, last) == lines else (first, last), problems)


def _day(typed: Mapping[str, str], name: str, known: date, problems: list[tuple[str, str]]) -> date:
    try:
        return date.fromisoformat(typed[name]) if name in typed else known
    except ValueError:
        problems.append((f"f-{name}", _("Write the day as year, month and day: 2026-11-22.")))
        return known


def _misfits(named: tuple[date, date], lines: tuple[date, date], today: date, when: When) -> list[tuple[str, str]]:
    """What can't be right about the days."""
    problems: list[tuple[str, str]] = []
    if named[0] > lines[0]:
        said = _("The file has a line of %(day)s, so its first day can't be later.") % {"day": when.day(lines[0])}
        problems.append(("f-from", said))
    if named[1] < lines[1]:
        said = _("The file has a line of %(day)s, so its last day can't be earlier.") % {"day": when.day(lines[1])}
        problems.append(("f-to", said))
    if named[1] > max(today, lines[1]):
        problems.append(("f-to", _("This day has not come yet. Name the last day that the bank could show you.")))
    if lines[0] - named[0] > AT_MOST or named[1] - lines[1] > AT_MOST:
        problems.append(("f-from", _("That is more than a year beside its lines. Look at the year.")))
    return problems


async def _lines_elsewhere(
    session: AsyncSession, account: BankAccount, named: tuple[date, date], lines: tuple[date, date], when: When
) -> list[tuple[str, str]]:
    """A day before or after the file's own lines of which there is a line here can't be one of its days."""
    problems: list[tuple[str, str]] = []
    around = (("f-from", named[0], lines[0] - ONE_DAY), ("f-to", lines[1] + ONE_DAY, named[1]))
    for field, first, last in around:
        here = await lines_here(session, account.id, first=first, last=last) if first <= last else []
        if here:
            nearest = (max if field == "f-from" else min)(each.booked_on for each in here)
            said = _("There is a line of %(day)s here that this file does not have. It can't be of that day.")
            problems.append((field, said % {"day": when.day(nearest)}))
    return problems
