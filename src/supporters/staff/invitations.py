"""Asking somebody to join: a mailed link that works for seven days and once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, DeadLink, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import token_hash
from supporters.kit.strings import gettext as _
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.settings import Settings
from supporters.staff.actions import clean_email, clean_name, clean_role, lock_admins, note, put_staff, rights_changed
from supporters.staff.models import Invitation, Role, Staff
from supporters.staff.queries import staff_by_email
from supporters.staff.rules import INVITED_FOR

LETTER = "staff_invite"
LONGEST_TOKEN = 100


async def invite(
    session: AsyncSession,
    email: str,
    name: str,
    role: Role | str,
    *,
    actor: Staff,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> None:
    """A letter with the link waits to be sent; an earlier one to the same address opens nothing any more.

    Raises Refused for an address, a name or a role that won't do and for one who is no admin any more, Conflict where
    somebody signs in with the address.
    """
    address, called, kind = clean_email(email), clean_name(name), clean_role(role)
    if actor.id not in await lock_admins(session):
        raise Refused(rights_changed())
    if await staff_by_email(session, address):
        raise Conflict(_("Somebody already signs in with that address."))
    await session.execute(delete(Invitation).where(Invitation.email == address, Invitation.used_at.is_(None)))
    token, invitation_id = ids.token(), ids.ulid()
    session.add(
        Invitation(
            id=invitation_id,
            token_hash=token_hash(token),
            email=address,
            name=called,
            role=kind,
            invited_by=actor.id,
            created_at=now,
            expires_at=now + INVITED_FOR,
            used_at=None,
        )
    )
    await session.flush()
    await queue_letter(
        session,
        kind=LETTER,
        stream=Stream.SERVICE,
        recipient=address,
        dedupe_key=invitation_id,
        context={"join_url": f"{settings.base_url}/desk/join/{token}", "days": INVITED_FOR.days},
        about=invitation_id,
        ids=ids,
        now=now,
        domain=settings.mail_from.rpartition("@")[2],
    )
    detail = {"email": address, "name": called, "role": kind.value}
    await note(session, "staff.invite", invitation_id, detail, actor_id=actor.id, now=now)


async def open_invitations(session: AsyncSession) -> Sequence[Invitation]:
    """Everybody who was invited and has not joined yet, newest first; also those whose link has run out."""
    query = select(Invitation).where(Invitation.used_at.is_(None)).order_by(Invitation.id.desc())
    return (await session.scalars(query)).all()


async def find_invitation(session: AsyncSession, token: str, *, now: datetime) -> Invitation:
    """The invitation that the link is for. Raises DeadLink for one that is used, withdrawn, too old or nobody's."""
    found = None
    if len(token) <= LONGEST_TOKEN:
        still = (Invitation.token_hash == token_hash(token)) & Invitation.used_at.is_(None)
        found = await session.scalar(select(Invitation).where(still, Invitation.expires_at > now))
    if found is None:
        raise DeadLink(_("This invitation does not work any more. Ask whoever sent it for a new one."))
    return found


async def join(
    session: AsyncSession, invitation: Invitation, name: str, *, password_hash: str, ids: Ids, now: datetime
) -> Staff:
    """Whoever was invited can sign in, and the link opens nothing any more. Raises Refused, Conflict, DeadLink."""
    unused = (Invitation.id == invitation.id) & Invitation.used_at.is_(None) & (Invitation.expires_at > now)
    if changed_rows(await session.execute(update(Invitation).where(unused).values(used_at=now))) != 1:
        raise DeadLink(_("This invitation does not work any more. Ask whoever sent it for a new one."))
    return await put_staff(
        session,
        invitation.email,
        clean_name(name),
        Role(invitation.role),
        password_hash=password_hash,
        ids=ids,
        now=now,
        actor_id=invitation.invited_by,
    )


async def withdraw(session: AsyncSession, invitation_id: str, *, actor_id: str, now: datetime) -> None:
    """The mailed link opens nothing any more. Raises NotFound."""
    unused = delete(Invitation).where(Invitation.id == invitation_id, Invitation.used_at.is_(None))
    if changed_rows(await session.execute(unused)) != 1:
        raise NotFound(_("That invitation is used or withdrawn already."))
    await note(session, "staff.uninvite", invitation_id, {}, actor_id=actor_id, now=now)
