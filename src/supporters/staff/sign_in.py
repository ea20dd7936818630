"""Signing in and out. The password is checked between two units of work: no write lock is held while it is hashed."""

from datetime import datetime

import msgspec
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.db import Database, changed_rows
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.kit.signing import Signer, token_hash
from supporters.kit.strings import gettext as _
from supporters.staff.limits import count_guess, forgive, guess_keys
from supporters.staff.models import Staff
from supporters.staff.passwords import NOBODY, Passwords
from supporters.staff.queries import staff_by_email
from supporters.staff.rules import PASSWORD_LONGEST
from supporters.staff.sessions import Member, close_session, open_session


class WrongSignIn(Refused):
    """Address and password do not go together; the words are the same whichever is wrong."""


class Guess(msgspec.Struct, frozen=True):
    """What somebody typed to sign in, and from which network."""

    email: str
    password: str
    network: str
    browser: str = ""


class SignIns:
    """Lets staff in: limits, equal work for known and unknown addresses, a new token each time."""

    def __init__(self, signer: Signer, passwords: Passwords) -> None:
        self._signer = signer
        self._passwords = passwords

    async def sign_in(
        self, db: Database, guess: Guess, *, ids: Ids, now: datetime, old_token: str | None = None
    ) -> str:
        """The member of staff has a new session; that of `old_token` is gone. Returns the new token.

        Raises WrongSignIn, Refused above the limit.
        """
        email_key, network_key = guess_keys(self._signer, email=guess.email, network=guess.network)
        async with db.unit_of_work() as session:
            refusal = await _count(session, (email_key, network_key), now=now)
            staff = await staff_by_email(session, guess.email)
        if refusal:
            raise refusal
        stored = staff.password_hash if staff and staff.is_active else NOBODY
        fits = await self._passwords.fits(stored, guess.password[: PASSWORD_LONGEST + 1])
        if staff is None or not staff.is_active or not fits:
            raise WrongSignIn(_wrong_words())
        rehash = await self._rehash(staff, guess.password)
        async with db.unit_of_work() as session:
            await _welcome(session, staff, rehash, now=now)
            await forgive(session, email_key=email_key, network_key=network_key, now=now)
            if old_token:
                await close_session(session, token_hash(old_token))
            return await open_session(session, staff.id, ids=ids, now=now, browser=guess.browser)

    async def _rehash(self, staff: Staff, password: str) -> str | None:
        if not self._passwords.is_outdated(staff.password_hash):
            return None
        return await self._passwords.make(password)


async def sign_out(session: AsyncSession, member: Member, *, now: datetime) -> None:
    """The member's session is gone."""
    await close_session(session, member.session_hash)
    await _note(session, "staff.sign_out", member.id, now=now)


async def _count(session: AsyncSession, keys: tuple[str, str], *, now: datetime) -> Refused | None:
    """Counts the guess and hands the refusal back instead of raising it, so that the count itself is stored."""
    try:
        await count_guess(session, keys, now=now)
    except Refused as refusal:
        return refusal
    return None


async def _welcome(session: AsyncSession, staff: Staff, rehash: str | None, *, now: datetime) -> None:
    """Raises WrongSignIn where the password was changed or the member suspended while the old one was being checked."""
    values: dict[str, object] = {"last_sign_in_at": now}
    if rehash:
        values["password_hash"] = rehash
    same = (Staff.id == staff.id) & Staff.is_active & (Staff.password_hash == staff.password_hash)
    if changed_rows(await session.execute(update(Staff).where(same).values(values))) != 1:
        raise WrongSignIn(_wrong_words())
    await _note(session, "staff.sign_in", staff.id, now=now)


def _wrong_words() -> str:
    return _("The email address and the password do not go together.")


async def _note(session: AsyncSession, action: str, staff_id: str, *, now: datetime) -> None:
    await record(
        session,
        action=action,
        record_kind="staff",
        record_id=staff_id,
        detail={},
        actor_kind="staff",
        actor_id=staff_id,
        now=now,
    )
