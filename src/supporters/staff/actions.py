"""Adding staff, giving them other roles, turning them off and on again."""

from collections.abc import Mapping
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.staff.letter_words import Notice
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Invitation, Role, Staff
from supporters.staff.passwords import Passwords
from supporters.staff.queries import staff_by_email
from supporters.staff.rules import is_erased, password_problem
from supporters.staff.second_factor import remove_second_factor
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
    address, called, kind = clean_email(email), clean_name(name), clean_role(role)
    if problem := password_problem(password, email=address):
        raise Refused(problem)
    made = await (passwords or Passwords()).make(password)
    return await put_staff(session, address, called, kind, password_hash=made, ids=ids, now=now, actor_id=actor_id)


async def put_staff(
    session: AsyncSession,
    address: str,
    name: str,
    role: Role,
    *,
    password_hash: str,
    ids: Ids,
    now: datetime,
    actor_id: str | None,
) -> Staff:
    """The member of staff is on file. Raises Conflict for an address already in use."""
    if await staff_by_email(session, address):
        raise Conflict(_("Somebody already signs in with that address."))
    staff = Staff(
        id=ids.ulid(),
        email=address,
        name=name,
        password_hash=password_hash,
        role=role,
        is_active=True,
        created_at=now,
        last_sign_in_at=None,
    )
    session.add(staff)
    await session.flush()
    await note(session, "staff.add", staff.id, {"role": role.value}, actor_id=actor_id, now=now)
    return staff


async def change_role(
    session: AsyncSession,
    staff_id: str,
    role: Role | str,
    *,
    letters: StaffLetters,
    now: datetime,
    actor_id: str | None = None,
) -> None:
    """The member of staff has that role, is signed out everywhere and told so by letter. Nobody changes their own.

    Raises NotFound, Refused for one's own role and for the last admin's.
    """
    kind = clean_role(role)
    if staff_id == actor_id:
        raise Refused(_("Nobody changes their own role. Another admin can."))
    staff = await lock_member(session, staff_id, actor_id=actor_id)
    before = Role(staff.role)
    if before == kind:
        return
    await _keep_an_admin(session, staff)
    staff.role = kind
    await session.flush()
    await _take_back(session, staff.id, actor_id=actor_id, now=now)
    await letters.tell(session, staff.id, Notice.ROLE, now=now, role=kind.value)
    change = {"role": {"before": before.value, "after": kind.value}}
    await note(session, "staff.role", staff.id, change, actor_id=actor_id, now=now)


async def deactivate(
    session: AsyncSession, staff_id: str, *, letters: StaffLetters, now: datetime, actor_id: str | None = None
) -> None:
    """The member of staff can no longer sign in, is signed out everywhere and told so by letter.

    Raises NotFound, Refused for the last admin.
    """
    staff = await lock_member(session, staff_id, actor_id=actor_id)
    if not staff.is_active:
        return
    await _keep_an_admin(session, staff)
    staff.is_active = False
    await session.flush()
    await _take_back(session, staff.id, actor_id=actor_id, now=now)
    await letters.tell(session, staff.id, Notice.SUSPENDED, now=now)
    await note(session, "staff.deactivate", staff.id, {}, actor_id=actor_id, now=now)


async def restore(
    session: AsyncSession, staff_id: str, *, letters: StaffLetters, now: datetime, actor_id: str | None = None
) -> None:
    """The member of staff may sign in again, with the password and role of before, and is told so.

    Raises NotFound, Refused for somebody who was erased.
    """
    staff = await lock_member(session, staff_id, actor_id=actor_id)
    if is_erased(staff.email):
        raise Refused(_("Who this was is erased. Invite them anew."))
    if not staff.is_active:
        staff.is_active = True
        await session.flush()
        await letters.tell(session, staff.id, Notice.RESTORED, now=now)
        await note(session, "staff.restore", staff.id, {}, actor_id=actor_id, now=now)


async def reset_second_factor(
    session: AsyncSession, staff_id: str, *, letters: StaffLetters, now: datetime, actor_id: str | None = None
) -> bool:
    """The member of staff has no second factor, is signed out everywhere and told so. False when there was none.

    Raises NotFound.
    """
    staff = await lock_member(session, staff_id, actor_id=actor_id)
    if not await remove_second_factor(session, staff.id):
        return False
    await close_all_sessions(session, staff.id)
    await letters.tell(session, staff.id, Notice.FACTOR_RESET, now=now)
    await note(session, "staff.second_factor_reset", staff.id, {}, actor_id=actor_id, now=now)
    return True


async def note(
    session: AsyncSession,
    action: str,
    staff_id: str,
    detail: Mapping[str, object],
    *,
    actor_id: str | None,
    now: datetime,
) -> None:
    """The audit log says what was done to a member of staff. Without `actor_id` the command line did it."""
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


async def lock_member(session: AsyncSession, staff_id: str, *, actor_id: str | None) -> Staff:
    """The member of staff, while nobody else changes who is an admin: two admins can't remove each other at once.

    Raises NotFound, Refused where the one who asks was removed meanwhile.
    """
    admins = await lock_admins(session)
    if actor_id is not None and actor_id not in admins:
        raise Refused(rights_changed())
    staff = await session.get(Staff, staff_id, populate_existing=True, with_for_update=True)
    if staff is None:
        raise NotFound(_("There is no such member of staff."))
    return staff


async def lock_admins(session: AsyncSession) -> set[str]:
    """Every admin who may sign in, by id, while nobody else changes who is one."""
    active = select(Staff.id).where(Staff.role == Role.ADMIN, Staff.is_active).order_by(Staff.id)
    return set((await session.scalars(active.with_for_update())).all())


def rights_changed() -> str:
    """What somebody reads who was an admin when the page was opened."""
    return _("Your own rights were changed meanwhile, so nothing was done.")


def clean_email(email: str) -> str:
    """The address as it is stored. Raises Refused."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.casefold()
    except EmailNotValidError as error:
        raise Refused(_("That is not an email address.")) from error


def clean_name(name: str) -> str:
    """The name as it is stored. Raises Refused for none."""
    kept = clean_line(name, limit=NAME_LONGEST)
    if not kept:
        raise Refused(_("A member of staff needs a name."))
    return kept


def clean_role(role: Role | str) -> Role:
    """The role of that name. Raises Refused."""
    try:
        return Role(role)
    except ValueError as error:
        names = ", ".join(each.value for each in Role)
        raise Refused(_("There is no such role. Roles are: %(names)s.") % {"names": names}) from error


async def _take_back(session: AsyncSession, staff_id: str, *, actor_id: str | None, now: datetime) -> None:
    """Nothing is open any more that rested on the rights of before: neither browsers nor invitations that wait."""
    await close_all_sessions(session, staff_id)
    waiting = delete(Invitation).where(Invitation.invited_by == staff_id, Invitation.used_at.is_(None))
    for invitation_id in (await session.scalars(waiting.returning(Invitation.id))).all():
        await note(session, "staff.uninvite", invitation_id, {}, actor_id=actor_id, now=now)


async def _keep_an_admin(session: AsyncSession, staff: Staff) -> None:
    if staff.is_active and staff.role == Role.ADMIN and await lock_admins(session) == {staff.id}:
        raise Refused(_("This is the last admin. Make somebody else an admin first."))
