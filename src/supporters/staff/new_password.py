"""A way back for somebody who forgot the password: a link that sets a new one, good for a day and once.

Nothing is stored of the link. It is bound to the password that is forgotten, so that any new one ends it.
"""

from datetime import UTC, datetime

import msgspec
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.errors import DeadLink, Refused
from supporters.kit.ids import Ids, is_ulid
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.settings import Settings
from supporters.staff.actions import lock_member, note
from supporters.staff.letter_words import Notice
from supporters.staff.letters import NEW_PASSWORD, StaffLetters
from supporters.staff.models import Staff
from supporters.staff.rules import LINK_LASTS
from supporters.staff.sessions import close_all_sessions

LONGEST_TOKEN = 120


class PasswordLinks(msgspec.Struct, frozen=True):
    """Makes and reads the links of this installation."""

    settings: Settings

    def url(self, staff: Staff, *, now: datetime) -> str:
        """The address at which the member of staff sets a new password until a day from now."""
        ends = str(int((now + LINK_LASTS).timestamp()))
        digest = self._signer().digest(_bound(staff, ends))
        return f"{self.settings.base_url}/desk/new-password/{staff.id}.{ends}.{digest}"

    async def find(self, session: AsyncSession, token: str, *, now: datetime) -> Staff:
        """Whose link it is. Raises DeadLink for one that was used, is too old, or is nobody's who may sign in."""
        parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
        if len(parts) != 3 or not is_ulid(parts[0]):
            raise DeadLink(_over())
        staff_id, ends, digest = parts
        staff = await session.get(Staff, staff_id)
        if staff is None or not staff.is_active:
            raise DeadLink(_over())
        if self._signer().unsign(f"{_bound(staff, ends)}.{digest}") is None or _ended(ends, now=now):
            raise DeadLink(_over())
        return staff

    def _signer(self) -> Signer:
        return Signer(self.settings.secret_key, "staff-new-password")


async def send_link(
    session: AsyncSession, staff_id: str, *, links: PasswordLinks, ids: Ids, now: datetime, actor_id: str
) -> None:
    """A letter with the link waits to be sent to the member of staff. Raises NotFound, Refused for one suspended."""
    staff = await _lock_active(session, staff_id, actor_id=actor_id)
    await queue_letter(
        session,
        kind=NEW_PASSWORD,
        stream=Stream.SERVICE,
        recipient=staff.email,
        dedupe_key=f"{staff.id}:{now:%Y%m%d%H%M%S}",
        context={"password_url": links.url(staff, now=now), "until": (now + LINK_LASTS).isoformat()},
        about=staff.id,
        ids=ids,
        now=now,
        domain=links.settings.mail_from.rpartition("@")[2],
    )
    await note(session, "staff.password_link", staff.id, {}, actor_id=actor_id, now=now)


async def make_link(session: AsyncSession, staff_id: str, *, links: PasswordLinks, now: datetime) -> str:
    """The link, for whoever has the machine to hand on; the audit log says so. Raises NotFound, Refused for one suspended."""
    staff = await _lock_active(session, staff_id, actor_id=None)
    await note(session, "staff.password_link", staff.id, {}, actor_id=None, now=now)
    return links.url(staff, now=now)


async def set_new_password(
    session: AsyncSession, staff: Staff, password_hash: str, *, letters: StaffLetters, now: datetime
) -> None:
    """The member of staff signs in with the new password, is signed out everywhere and told so. Raises DeadLink.

    `staff` is as the link was read: where the password was changed meanwhile, the link opens nothing any more.
    """
    as_read = (Staff.id == staff.id) & (Staff.password_hash == staff.password_hash) & Staff.is_active
    if changed_rows(await session.execute(update(Staff).where(as_read).values(password_hash=password_hash))) != 1:
        raise DeadLink(_over())
    await close_all_sessions(session, staff.id)
    await letters.tell(session, staff.id, Notice.PASSWORD_BY_LINK, now=now)
    await note(session, "staff.password_by_link", staff.id, {}, actor_id=staff.id, now=now)


async def _lock_active(session: AsyncSession, staff_id: str, *, actor_id: str | None) -> Staff:
    staff = await lock_member(session, staff_id, actor_id=actor_id)
    if not staff.is_active:
        raise Refused(_("Whoever is suspended can't sign in with a new password either."))
    return staff


def _bound(staff: Staff, ends: str) -> str:
    """What the link is signed over: the password of now is in it."""
    return f"{staff.id}.{ends}.{staff.password_hash}"


def _ended(ends: str, *, now: datetime) -> bool:
    return now >= datetime.fromtimestamp(int(ends), UTC)


def _over() -> str:
    return _("This link does not work any more. Ask an admin for a new one.")
