"""Showing once more that it is you: the code of a sign-in, and password or code before what can't be undone.

The guess is counted before it is looked at, and the password is hashed between units of work.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.staff.letter_words import Notice
from supporters.staff.letters import StaffLetters
from supporters.staff.limits import code_keys, count_code, forgive_code
from supporters.staff.models import Staff
from supporters.staff.passwords import NOBODY, Passwords
from supporters.staff.rules import PASSWORD_LONGEST, PASSWORD_SHORTEST
from supporters.staff.second_factor import SecondFactors, WrongCode, count_recovery_codes
from supporters.staff.sessions import Member, browser_of, note_proof, renew_token


class WrongProof(Refused):
    """What was typed is neither the password nor a code."""


class Proofs:
    """Takes a member's password or code, within limits of their own."""

    def __init__(self, secret_key: str, passwords: Passwords) -> None:
        self._signer = Signer(secret_key, "staff-proof")
        self._passwords = passwords
        self._factors = SecondFactors(secret_key)

    async def finish_sign_in(
        self, db: Database, member: Member, code: str, *, letters: StaffLetters, ids: Ids, now: datetime
    ) -> str:
        """The sign-in is complete, under a new token, which is returned; one by a recovery code is told of by letter.

        Raises WrongCode, Refused above the limit.
        """
        staff = await self._count(db, member, now=now)
        async with db.unit_of_work() as session:
            is_app = await self._factors.accept(session, staff, code, now=now)
            await forgive_code(session, code_keys(self._signer, staff_id=member.id))
            token = await renew_token(session, member.session_id, ids=ids, now=now, has_second=True)
            if not is_app:
                browser = await browser_of(session, member.session_id)
                left = await count_recovery_codes(session, member.id)
                await letters.tell(session, member.id, Notice.CODE_USED, now=now, browser=browser, left=left)
            await _note(session, member, "staff.code" if is_app else "staff.recovery_code", now=now)
        return token

    async def prove(
        self, db: Database, member: Member, typed: str, *, now: datetime, by_password: bool = False
    ) -> None:
        """The session was proved just now; with `by_password` no code will do. Raises WrongProof, Refused above the limit."""
        staff = await self._count(db, member, now=now)
        if member.has_second and not by_password and _is_app_code(typed):
            await self._prove_by_code(db, staff, typed, now=now)
        elif not await self.fits(staff, typed):
            raise WrongProof(_("That is not your password, so nothing was done yet."))
        async with db.unit_of_work() as session:
            await forgive_code(session, code_keys(self._signer, staff_id=member.id))
            await note_proof(session, member.session_id, now=now)

    async def fits(self, staff: Staff | None, password: str) -> bool:
        """Whether it is the password of that active member of staff. Takes as long for nobody's."""
        stored = staff.password_hash if staff and staff.is_active else NOBODY
        is_right = await self._passwords.fits(stored, password[: PASSWORD_LONGEST + 1])
        return is_right and staff is not None and staff.is_active

    async def _prove_by_code(self, db: Database, staff: Staff, typed: str, *, now: datetime) -> None:
        try:
            async with db.unit_of_work() as session:
                await self._factors.accept(session, staff, typed, now=now)
        except WrongCode as wrong:
            raise WrongProof(wrong.message) from wrong

    async def _count(self, db: Database, member: Member, *, now: datetime) -> Staff:
        async with db.unit_of_work() as session:
            refusal = await count_code(session, code_keys(self._signer, staff_id=member.id), now=now)
            staff = await session.get_one(Staff, member.id)
        if refusal:
            raise refusal
        return staff


def _is_app_code(typed: str) -> bool:
    """Whether it is a code of the app rather than a password, which is longer. Recovery codes are for signing in."""
    return len(typed.strip()) < PASSWORD_SHORTEST


async def _note(session: AsyncSession, member: Member, action: str, *, now: datetime) -> None:
    await record(
        session,
        action=action,
        record_kind="staff",
        record_id=member.id,
        detail={},
        actor_kind="staff",
        actor_id=member.id,
        now=now,
    )
