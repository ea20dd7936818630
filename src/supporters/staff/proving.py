"""Showing once more that it is you: the code of a sign-in, and password and code before what can't be undone.

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
from supporters.staff.rules import PASSWORD_LONGEST
from supporters.staff.second_factor import SecondFactors, WrongCode, count_recovery_codes
from supporters.staff.sessions import Member, browser_of, note_proof, renew_token


class WrongProof(Refused):
    """What was typed is not the password."""


class WrongProofCode(Refused):
    """The password was right, and its code is not, or was used before."""


class Proofs:
    """Takes a member's password and code, within limits of their own."""

    def __init__(self, secret_key: str, passwords: Passwords) -> None:
        self._signer = Signer(secret_key, "staff-proof")
        self._passwords = passwords
        self._factors = SecondFactors(secret_key)

    async def finish_sign_in(
        self, db: Database, member: Member, code: str, *, letters: StaffLetters, ids: Ids, now: datetime
    ) -> str:
        """The sign-in is complete, under a new token, which is returned; one by a recovery code is told of by letter.

        Raises WrongCode, Refused above the limit, Conflict where the session was ended meanwhile.
        """
        staff = await self._count(db, member, now=now)
        async with db.unit_of_work() as session:
            is_app = await self._factors.accept(session, staff, code, now=now)
            await forgive_code(session, code_keys(self._signer, staff_id=member.id))
            token = await renew_token(session, member.session_id, ids=ids, has_second=True)
            await note_proof(session, member.session_id, now=now)
            if not is_app:
                await _tell_of_recovery(session, member, letters=letters, now=now)
            await _note(session, member, "staff.code" if is_app else "staff.recovery_code", now=now)
        return token

    async def prove(
        self,
        db: Database,
        member: Member,
        password: str,
        *,
        code: str = "",
        letters: StaffLetters | None = None,
        now: datetime,
    ) -> None:
        """The session was proved just now: by the password, and by a fresh code too where there is a second factor.

        There is no proof by less, since it would also take back the codes guessed so far. `letters` tells of a recovery
        code that was used. Raises WrongProof, WrongProofCode, Refused above the limit.
        """
        staff = await self._count(db, member, now=now)
        if not await self.fits(staff, password):
            raise WrongProof(_("That is not your password, so nothing was done yet."))
        async with db.unit_of_work() as session:
            if staff.totp_sealed is not None:
                await self._take_code(session, staff, member, code, letters=letters, now=now)
            await forgive_code(session, code_keys(self._signer, staff_id=member.id))
            await note_proof(session, member.session_id, now=now)

    async def fits(self, staff: Staff | None, password: str) -> bool:
        """Whether it is the password of that active member of staff. Takes as long for nobody's."""
        stored = staff.password_hash if staff and staff.is_active else NOBODY
        is_right = await self._passwords.fits(stored, password[: PASSWORD_LONGEST + 1])
        return is_right and staff is not None and staff.is_active

    async def _take_code(
        self,
        session: AsyncSession,
        staff: Staff,
        member: Member,
        code: str,
        *,
        letters: StaffLetters | None,
        now: datetime,
    ) -> None:
        try:
            is_app = await self._factors.accept(session, staff, code, now=now)
        except WrongCode as wrong:
            raise WrongProofCode(wrong.message) from wrong
        if not is_app:
            await _tell_of_recovery(session, member, letters=letters, now=now)
            await _note(session, member, "staff.recovery_code", now=now)

    async def _count(self, db: Database, member: Member, *, now: datetime) -> Staff:
        async with db.unit_of_work() as session:
            refusal = await count_code(session, code_keys(self._signer, staff_id=member.id), now=now)
            staff = await session.get_one(Staff, member.id)
        if refusal:
            raise refusal
        return staff


async def _tell_of_recovery(
    session: AsyncSession, member: Member, *, letters: StaffLetters | None, now: datetime
) -> None:
    browser, left = await browser_of(session, member.session_id), await count_recovery_codes(session, member.id)
    if letters:
        await letters.tell(session, member.id, Notice.CODE_USED, now=now, browser=browser, left=left)


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
