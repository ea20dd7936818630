"""What a member of staff does to their own sign-in."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.staff.actions import note
from supporters.staff.letter_words import Notice
from supporters.staff.letters import StaffLetters
from supporters.staff.models import Staff
from supporters.staff.passwords import Passwords
from supporters.staff.rules import password_problem
from supporters.staff.second_factor import SecondFactors, Setup, remove_second_factor
from supporters.staff.sessions import NEEDS_SECOND, Member, close_other_sessions, note_proof, renew_token


async def hash_new_password(password: str, *, email: str, passwords: Passwords) -> str:
    """What to store of a new password. Raises Refused for one that won't do."""
    if problem := password_problem(password, email=email):
        raise Refused(problem)
    return await passwords.make(password)


async def change_password(
    session: AsyncSession, member: Member, password_hash: str, *, letters: StaffLetters, ids: Ids, now: datetime
) -> str:
    """The member signs in with the new password, and every other browser is signed out. Returns this one's new token.

    Proves nothing: whoever calls it has asked for the proof. Raises Conflict where the session was ended meanwhile.
    """
    await session.execute(update(Staff).where(Staff.id == member.id).values(password_hash=password_hash))
    await close_other_sessions(session, member)
    token = await renew_token(session, member.session_id, ids=ids, has_second=member.has_second)
    await letters.tell(session, member.id, Notice.PASSWORD, now=now)
    await note(session, "staff.password", member.id, {}, actor_id=member.id, now=now)
    return token


async def set_up_second_factor(
    session: AsyncSession,
    member: Member,
    setup: Setup,
    code: str,
    *,
    factors: SecondFactors,
    letters: StaffLetters,
    ids: Ids,
    now: datetime,
) -> tuple[str, list[str]]:
    """The member needs the app's codes from now on, and every other browser is signed out.

    Returns this one's new token, and the recovery codes. Raises WrongCode, Conflict.
    """
    codes = await factors.enable(session, member.id, setup, code, ids=ids, now=now)
    await close_other_sessions(session, member)
    token = await renew_token(session, member.session_id, ids=ids, has_second=True)
    await note_proof(session, member.session_id, now=now)
    await letters.tell(session, member.id, Notice.FACTOR_ON, now=now)
    await note(session, "staff.second_factor_on", member.id, {}, actor_id=member.id, now=now)
    return token, codes


async def renew_recovery_codes(
    session: AsyncSession, member: Member, *, factors: SecondFactors, letters: StaffLetters, ids: Ids, now: datetime
) -> list[str]:
    """Ten new recovery codes stand and the old ones open nothing. Returns them, to be shown once."""
    codes = await factors.renew_codes(session, member.id, ids=ids, now=now)
    await letters.tell(session, member.id, Notice.NEW_CODES, now=now)
    await note(session, "staff.recovery_codes", member.id, {}, actor_id=member.id, now=now)
    return codes


async def take_second_factor_off(
    session: AsyncSession, member: Member, *, letters: StaffLetters, now: datetime
) -> None:
    """The member signs in with the password alone."""
    if await remove_second_factor(session, member.id):
        await letters.tell(session, member.id, Notice.FACTOR_OFF, now=now)
        await note(session, "staff.second_factor_off", member.id, {}, actor_id=member.id, now=now)


async def choose_money_letter(session: AsyncSession, member: Member, *, is_wanted: bool, now: datetime) -> None:
    """The member gets the weekly letter about the books while their role does them, or gets it no more."""
    mine = update(Staff).where(Staff.id == member.id, Staff.no_money_letter_at.is_not(None) == is_wanted)
    chosen = mine.values(no_money_letter_at=None if is_wanted else now)
    if changed_rows(await session.execute(chosen)):
        await note(session, "staff.money_letter", member.id, {"wanted": is_wanted}, actor_id=member.id, now=now)


async def choose_density(session: AsyncSession, member: Member, *, is_compact: bool) -> None:
    """The member's lists stand closer, or with more room. How a page looks is no deed, so the audit does not have it."""
    await session.execute(update(Staff).where(Staff.id == member.id).values(likes_compact=is_compact))


def may_go_without(member: Member, *, second_required: bool) -> bool:
    """Whether the member's role works without a second factor."""
    return not (second_required and member.role in NEEDS_SECOND)
