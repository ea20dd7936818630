"""How many sign-ins may fail: counted before the password is looked at, so that parallel guesses gain nothing.

A right password takes its own count back, so that an office behind one address may sign in all morning.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.guard.models import GuardCount
from supporters.kit.db import insert_for
from supporters.kit.errors import Refused
from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.staff.rules import DAY, GUESSES, GUESSES_A_DAY, window_start


def guess_keys(signer: Signer, *, email: str, network: str) -> tuple[str, str]:
    """The two keys that a guess counts for: the address and the network, both as keyed digests."""
    return (
        "desk-email:" + signer.digest(email.strip().casefold())[:32],
        "desk-network:" + signer.digest(network)[:32],
    )


def code_keys(signer: Signer, *, staff_id: str) -> tuple[str, str]:
    """The two keys that a guess at a code, or at one's own password once more, counts for: of now, and of the day."""
    digest = signer.digest(staff_id)[:32]
    return f"desk-code:{digest}", f"desk-code-day:{digest}"


async def count_code(session: AsyncSession, keys: tuple[str, str], *, now: datetime) -> Refused | None:
    """One more guess stands against the member of staff. Hands the refusal back, so that the count itself is stored."""
    here, day = keys
    lately = await _add_one(session, here, window_start(now))
    today = await _add_one(session, day, window_start(now, window=DAY))
    if lately > GUESSES:
        return Refused(_("Too many wrong codes or passwords. Wait five minutes, then try again."))
    if today > GUESSES_A_DAY:
        return Refused(_("Too many wrong codes or passwords today. Try again tomorrow, or ask an admin."))
    return None


async def forgive_code(session: AsyncSession, keys: tuple[str, str]) -> None:
    """The code was right: nothing stands against the member of staff any more."""
    await session.execute(delete(GuardCount).where(GuardCount.key.in_(keys)))


async def count_guess(session: AsyncSession, keys: Sequence[str], *, now: datetime) -> None:
    """One more guess stands against each key. Raises Refused above the limit."""
    start = window_start(now)
    counts = [await _add_one(session, key, start) for key in keys]
    if max(counts) > GUESSES:
        raise Refused(_("Too many tries to sign in. Wait five minutes, then try again."))


async def forgive(session: AsyncSession, *, email_key: str, network_key: str, now: datetime) -> None:
    """The guess was right: nothing stands against the address any more, one less against the network."""
    start = window_start(now)
    await session.execute(delete(GuardCount).where(GuardCount.key == email_key))
    mine = (GuardCount.key == network_key) & (GuardCount.window_start == start) & (GuardCount.count > 0)
    await session.execute(update(GuardCount).where(mine).values(count=GuardCount.count - 1))


async def _add_one(session: AsyncSession, key: str, start: datetime) -> int:
    statement = insert_for(session, GuardCount).values(key=key, window_start=start, count=1)
    statement = statement.on_conflict_do_update(
        index_elements=[GuardCount.key, GuardCount.window_start], set_={"count": GuardCount.count + 1}
    ).returning(GuardCount.count)
    return (await session.execute(statement)).scalar_one()
