"""Adding staff, and turning them off."""

from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.staff.models import Role, Staff
from supporters.staff.passwords import Passwords
from supporters.staff.queries import count_admins, staff_by_email
from supporters.staff.rules import password_problem
from supporters.staff.sessions import close_all_sessions

NAME_LONGEST = 120


async def add_staff(
    session: AsyncSession,
    email: str,
    name: str,
    role: Role | str,
    password: str,
    *,
    ids: Ids,
    now: datetime,
    passwords: Passwords | None = None,
    actor_id: str | None = None,
) -> Staff:
    """A member of staff can sign in with `email` and `password`. Without `actor_id` the command line did it.

    Raises Refused for an address, a name, a role or a password that won't do, Conflict for an address already in use.
    """
    address, called, kind = _clean_email(email), _clean_name(name), _clean_role(role)
    if problem := password_problem(password, email=address):
        raise Refused(problem)
    if await staff_by_email(session, address):
        raise Conflict(_("Somebody already signs in with that address."))
    staff = Staff(
        id=ids.ulid(),
        email=address,
        name=called,
        password_hash=await (passwords or Passwords()).make(password),
        role=kind,
        is_active=True,
        created_at=now,
        last_sign_in_at=None,
    )
    session.add(staff)
    await session.flush()
    await _note(session, "staff.add", staff.id, {"role": kind.value}, actor_id=actor_id, now=now)
    return staff


async def deactivate(session: AsyncSession, staff_id: str, *, now: datetime, actor_id: str | None = None) -> None:
    """The member of staff can no longer sign in and is signed out everywhere. Raises NotFound, Refused for the last admin."""
    staff = await session.get(Staff, staff_id)
    if staff is None:
        raise NotFound(_("There is no such member of staff."))
    if staff.is_active and staff.role == Role.ADMIN and await count_admins(session) == 1:
        raise Refused(_("This is the last admin. Make somebody else an admin first."))
    staff.is_active = False
    await session.flush()
    await close_all_sessions(session, staff.id)
    await _note(session, "staff.deactivate", staff.id, {}, actor_id=actor_id, now=now)


def _clean_email(email: str) -> str:
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.casefold()
    except EmailNotValidError as error:
        raise Refused(_("That is not an email address.")) from error


def _clean_name(name: str) -> str:
    kept = clean_line(name, limit=NAME_LONGEST)
    if not kept:
        raise Refused(_("A member of staff needs a name."))
    return kept


def _clean_role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        names = ", ".join(each.value for each in Role)
        raise Refused(_("There is no such role. Roles are: %(names)s.") % {"names": names}) from error


async def _note(
    session: AsyncSession, action: str, staff_id: str, detail: dict[str, str], *, actor_id: str | None, now: datetime
) -> None:
    await record(
        session,
        action=action,
        record_kind="staff",
        record_id=staff_id,
        detail=detail,
        actor_kind="staff" if actor_id else "cli",
        actor_id=actor_id,
        now=now,
    )
