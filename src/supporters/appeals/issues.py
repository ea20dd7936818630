"""Issues of the printed paper: their records, and the short address that stands in print."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import quote, urlsplit

import msgspec
from sqlalchemy import desc, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import PrintIssue
from supporters.appeals.rules import appeal_slug, own_hosts
from supporters.audit.record import record
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line

NUMBER_CHARS, TITLE_CHARS, ADDRESS_CHARS = 20, 200, 1000
EARLIEST, LATEST = date(1600, 1, 1), date(2200, 1, 1)
FIELDS = ("number", "published_on", "title", "cover_url", "pdf_url", "appeal_slug")


class IssueForm(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as staff typed it, cleaned."""

    number: str = ""
    title: str = ""
    published_on: date | None = None
    cover_url: str = ""
    pdf_url: str = ""
    appeal_slug: str = ""


class CheckedIssue(msgspec.Struct, frozen=True):
    """The form, and each problem as (field, words)."""

    form: IssueForm
    problems: list[tuple[str, str]]


def check_issue(fields: Mapping[str, str], *, sites: Sequence[str]) -> CheckedIssue:
    """The issue that the fields describe, or all that is wrong with it, in the order of the form."""
    problems: list[tuple[str, str]] = []
    form = IssueForm(
        number=_number(fields.get("number", ""), problems),
        published_on=_day(fields.get("published_on", ""), problems),
        title=_line(fields, "title", TITLE_CHARS, problems),
        cover_url=_address(fields.get("cover_url", ""), "cover_url", sites, problems),
        pdf_url=_address(fields.get("pdf_url", ""), "pdf_url", sites, problems),
        appeal_slug=appeal_slug(fields.get("appeal_slug", "")) or "",
    )
    return CheckedIssue(form, problems)


async def add_issue(session: AsyncSession, form: IssueForm, *, actor_id: str, ids: Ids, now: datetime) -> str:
    """The issue is on record; returns its id. Raises Conflict when its number is taken."""
    issue_id = ids.ulid()
    values = msgspec.structs.asdict(form) | {"id": issue_id, "created_at": now}
    await _write(session, insert(PrintIssue).values(values), form.number)
    await _record(session, "issue.add", issue_id, form, actor_id=actor_id, now=now)
    return issue_id


async def change_issue(session: AsyncSession, issue_id: str, form: IssueForm, *, actor_id: str, now: datetime) -> None:
    """The issue says what the form says. Raises NotFound, Conflict when its number is taken by another."""
    await find_issue(session, issue_id)
    values = msgspec.structs.asdict(form)
    await _write(session, update(PrintIssue).where(PrintIssue.id == issue_id).values(values), form.number)
    await _record(session, "issue.change", issue_id, form, actor_id=actor_id, now=now)


async def find_issue(session: AsyncSession, issue_id: str) -> PrintIssue:
    """The issue of that id. Raises NotFound."""
    found = await session.scalar(select(PrintIssue).where(PrintIssue.id == issue_id))
    if found is None:
        raise NotFound(_("There is no such issue."))
    return found


async def issue_of_number(session: AsyncSession, number: str) -> PrintIssue | None:
    """The issue with that number, as it stands in print."""
    cleaned = clean_line(number, limit=NUMBER_CHARS)
    return await session.scalar(select(PrintIssue).where(PrintIssue.number == cleaned)) if cleaned else None


async def list_issues(session: AsyncSession, *, limit: int) -> Sequence[PrintIssue]:
    """The issues, the newest first."""
    newest = (desc(func.coalesce(PrintIssue.published_on, EARLIEST)), desc(PrintIssue.id))
    return (await session.scalars(select(PrintIssue).order_by(*newest).limit(limit))).all()


async def titles_of_issues(session: AsyncSession, numbers: Sequence[str]) -> dict[str, str]:
    """The title of each of these issues that is on record with one."""
    query = select(PrintIssue.number, PrintIssue.title).where(PrintIssue.number.in_(numbers), PrintIssue.title != "")
    return {row[0]: row[1] for row in await session.execute(query)}


def short_url(base_url: str, number: str) -> str:
    """The address that stands in print beside the QR code."""
    return f"{base_url}/q/{quote(number, safe='')}"


def print_fields(number: str, *, appeal: str = "") -> dict[str, str]:
    """What the short address of an issue says of where the reader comes from."""
    return {"appeal": appeal, "issue": number, "placement": "print", "source": "print"}


def block_fields(number: str, *, appeal: str = "") -> dict[str, str]:
    """What the link on an issue's own page, or where its PDF is fetched, says of where the reader comes from."""
    return {"appeal": appeal, "issue": number, "placement": "issue-page"}


def is_own_address(address: str, sites: Sequence[str]) -> bool:
    """Whether it is an http address on one of our own sites, without a name and password in it."""
    try:
        parts = urlsplit(address)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = parts.username is None and parts.password is None and "\\" not in address and " " not in address
    return parts.scheme in {"http", "https"} and parts.hostname in own_hosts(sites) and has_port and is_plain


async def _write(session: AsyncSession, statement: object, number: str) -> None:
    try:
        async with session.begin_nested():
            await session.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
    except IntegrityError as error:
        raise Conflict(_("Issue %(number)s is on record already.") % {"number": number}) from error


async def _record(
    session: AsyncSession, action: str, issue_id: str, form: IssueForm, *, actor_id: str, now: datetime
) -> None:
    detail: dict[str, object] = {name: str(value or "") for name, value in msgspec.structs.asdict(form).items()}
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action=action,
        record_kind="issue",
        record_id=issue_id,
        detail=detail,
        now=now,
    )


def _number(text: str, problems: list[tuple[str, str]]) -> str:
    number = clean_line(text, limit=NUMBER_CHARS + 1)
    if not number:
        problems.append(("number", _("Enter the issue's number, as it stands in print")))
    elif len(number) > NUMBER_CHARS:
        problems.append(("number", _("Enter a number of at most %(count)s characters") % {"count": NUMBER_CHARS}))
    elif not all(char.isalnum() or char in "-." for char in number):
        problems.append(("number", _("Enter letters and figures only, since it becomes part of a short address")))
    return number


def _day(text: str, problems: list[tuple[str, str]]) -> date | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or not EARLIEST <= day <= LATEST:
        problems.append(("published_on", _("Write the day as year, month and day: 2026-11-22")))
        return None
    return day


def _line(fields: Mapping[str, str], name: str, limit: int, problems: list[tuple[str, str]]) -> str:
    text = clean_line(fields.get(name, ""), limit=limit + 1)
    if len(text) > limit:
        problems.append((name, _("Enter at most %(count)s characters") % {"count": limit}))
    return text[:limit]


def _address(text: str, name: str, sites: Sequence[str], problems: list[tuple[str, str]]) -> str:
    address = clean_line(text, limit=ADDRESS_CHARS + 1)
    if address and (len(address) > ADDRESS_CHARS or not is_own_address(address, sites)):
        known = ", ".join(sorted({urlsplit(site).hostname or "" for site in sites}))
        problems.append((name, _("Enter a full address on one of your own sites: %(sites)s") % {"sites": known}))
    return address[:ADDRESS_CHARS]
