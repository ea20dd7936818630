"""Erasing somebody who worked here: name, address and sign-in go, what they did stays under an id that says nothing."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.erase import erase_details
from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.mail.models import Letter
from supporters.staff.actions import lock_member, note
from supporters.staff.models import Invitation, Staff
from supporters.staff.rules import erased_address, is_erased
from supporters.staff.second_factor import remove_second_factor
from supporters.staff.sessions import close_all_sessions

TO_STAFF = "staff_"  # what the kinds of their letters begin with
NAMING = ("staff.invite",)  # deeds whose detail holds name and address


async def erase_member(session: AsyncSession, staff_id: str, *, now: datetime, actor_id: str) -> None:
    """Nothing here says any more who it was. Raises NotFound, Refused for somebody who may still sign in.

    The deeds of the audit log stay, and so does their chain. There is no way back.
    """
    staff = await lock_member(session, staff_id, actor_id=actor_id)
    if staff.is_active:
        raise Refused(_("Suspend this person first. Somebody who may sign in can't be erased."))
    if is_erased(staff.email):
        return
    about = {staff.id, *await _erase_invitations(session, staff.email)}
    await erase_details(session, record_kind="staff", record_ids=about, actions=NAMING)
    await _erase_letters(session, staff.email, about)
    await remove_second_factor(session, staff.id)
    await close_all_sessions(session, staff.id)
    await _forget(session, staff)
    await note(session, "staff.erase", staff.id, {}, actor_id=actor_id, now=now)


async def _erase_invitations(session: AsyncSession, email: str) -> list[str]:
    """Every invitation to the address is gone; returns their ids."""
    theirs = delete(Invitation).where(Invitation.email == email).returning(Invitation.id)
    return list((await session.scalars(theirs)).all())


async def _erase_letters(session: AsyncSession, email: str, about: Collection[str]) -> None:
    """Letters to staff are gone, and those about nothing, which were tries; receipts of a giver stay."""
    as_staff = Letter.about.in_(about) & Letter.kind.startswith(TO_STAFF, autoescape=True)
    tries = (Letter.recipient == email) & Letter.about.is_(None) & Letter.sent_at.is_not(None)
    await session.execute(delete(Letter).where(as_staff | tries), execution_options={"synchronize_session": False})


async def _forget(session: AsyncSession, staff: Staff) -> None:
    staff.name = _("Somebody who worked here (%(mark)s)") % {"mark": staff.id[-4:]}
    staff.email = erased_address(staff.id)
    staff.password_hash, staff.last_sign_in_at = "", None
    await session.flush()
