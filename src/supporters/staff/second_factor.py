"""The second factor: an app's codes, and ten recovery codes for the day the phone is gone.

The app's secret is sealed in the database, since it must be used again; recovery codes are keyed digests. A code is taken
once: the step of the last one is kept, and moved by a statement that only one of two at the same moment can win.
"""

import base64
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, Refused
from supporters.kit.ids import ALPHABET, Ids, encode
from supporters.kit.sealing import SealBroken, Sealer
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.staff.models import RecoveryCode, Staff
from supporters.staff.totp import matching_step, secret_from

RECOVERY_CODES = 10
RECOVERY_CHARS = 12  # of 32: 60 bits each
GROUP = 4
SETUP_LASTS = timedelta(hours=1)
PURPOSE = "staff-second-factor"
_READ_AS = str.maketrans("OIL", "011")  # as the alphabet of our ids leaves these letters out


class WrongCode(Refused):
    """The code is not right, or was used before."""


class Setup(msgspec.Struct, frozen=True):
    """A secret that is being set up: in words for the app, and sealed for the form that brings it back."""

    secret: str
    sealed: str


class SecondFactors:
    """Sets up, checks and takes away second factors, with keys of this installation."""

    def __init__(self, secret_key: str) -> None:
        self._sealer = Sealer(secret_key, PURPOSE)
        self._signer = Signer(secret_key, "staff-recovery-code")

    def begin(self, staff_id: str, *, ids: Ids, now: datetime) -> Setup:
        """A new secret, which nothing knows of but the form that it is sent with."""
        secret = secret_from(ids.token())
        return Setup(secret, self._sealer.seal(f"{staff_id} {int(now.timestamp())} {secret}", ids=ids))

    def resume(self, sealed: str, staff_id: str, *, now: datetime) -> Setup | None:
        """The setup that a form brought back; None if it is somebody else's, too old or not ours."""
        try:
            owner, started, secret = self._sealer.open(sealed).split(" ")
        except (SealBroken, ValueError):
            return None
        is_fresh = timedelta(0) <= now - datetime.fromtimestamp(int(started), tz=now.tzinfo) <= SETUP_LASTS
        return Setup(secret, sealed) if owner == staff_id and is_fresh else None

    async def enable(
        self, session: AsyncSession, staff_id: str, setup: Setup, code: str, *, ids: Ids, now: datetime
    ) -> list[str]:
        """From now on the member of staff needs the app's codes. Returns the recovery codes, to be shown once.

        Raises WrongCode, Conflict where a second factor stands already.
        """
        step = matching_step(setup.secret, code, now=now, last_step=None)
        if step is None:
            raise WrongCode(
                _("That is not the code that the app shows now. Check the phone's clock, then try the next one.")
            )
        sealed = self._sealer.seal(setup.secret, ids=ids)
        without = update(Staff).where(Staff.id == staff_id, Staff.totp_sealed.is_(None))
        done = await session.execute(without.values(totp_sealed=sealed, totp_step=step, totp_at=now))
        if changed_rows(done) != 1:
            raise Conflict(_("A second factor was set up meanwhile. Take that one away first."))
        return await self.renew_codes(session, staff_id, ids=ids, now=now)

    async def accept(self, session: AsyncSession, staff: Staff, code: str, *, now: datetime) -> bool:
        """The app's code, which nobody can use again. Raises WrongCode; returns False when it was a recovery code."""
        if staff.totp_sealed is None:
            raise WrongCode(_wrong_words())
        step = matching_step(self._sealer.open(staff.totp_sealed), code, now=now, last_step=staff.totp_step)
        if step is not None:
            later = (Staff.totp_step.is_(None)) | (Staff.totp_step < step)
            moved = update(Staff).where(Staff.id == staff.id, later).values(totp_step=step)
            if changed_rows(await session.execute(moved.execution_options(synchronize_session=False))) == 1:
                return True
        elif await self._use_recovery(session, staff.id, code, now=now):
            return False
        raise WrongCode(_wrong_words())

    async def renew_codes(self, session: AsyncSession, staff_id: str, *, ids: Ids, now: datetime) -> list[str]:
        """Ten new recovery codes stand, the old ones open nothing. Returns them, to be shown once."""
        await session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
        codes = [_new_code(ids) for _number in range(RECOVERY_CODES)]
        session.add_all(
            RecoveryCode(digest=self._digest(staff_id, code), staff_id=staff_id, made_at=now, used_at=None)
            for code in codes
        )
        await session.flush()
        return codes

    async def _use_recovery(self, session: AsyncSession, staff_id: str, code: str, *, now: datetime) -> bool:
        mine = (RecoveryCode.digest == self._digest(staff_id, code)) & (RecoveryCode.staff_id == staff_id)
        used = update(RecoveryCode).where(mine, RecoveryCode.used_at.is_(None)).values(used_at=now)
        return changed_rows(await session.execute(used)) == 1

    def _digest(self, staff_id: str, code: str) -> str:
        typed = code[:100].upper().translate(_READ_AS)
        return self._signer.digest(f"{staff_id}:{''.join(char for char in typed if char in ALPHABET)}")


async def remove_second_factor(session: AsyncSession, staff_id: str) -> bool:
    """The member of staff has no second factor and no recovery codes. False when there was none."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    having = update(Staff).where(Staff.id == staff_id, Staff.totp_sealed.is_not(None))
    gone = having.values(totp_sealed=None, totp_step=None, totp_at=None)
    return changed_rows(await session.execute(gone)) == 1


async def count_recovery_codes(session: AsyncSession, staff_id: str) -> int:
    """How many recovery codes are left."""
    unused = (RecoveryCode.staff_id == staff_id) & RecoveryCode.used_at.is_(None)
    return await session.scalar(select(func.count()).select_from(RecoveryCode).where(unused)) or 0


def _new_code(ids: Ids) -> str:
    token = ids.token()
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    chars = encode(int.from_bytes(raw, "big"), RECOVERY_CHARS)
    return "-".join(chars[start : start + GROUP] for start in range(0, RECOVERY_CHARS, GROUP))


def _wrong_words() -> str:
    return _("That code is not right, or was used before. Wait for the next one, or use a recovery code.")
