"""Addresses that must not be written to. Beats any consent."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.db import changed_rows, insert_for
from supporters.kit.signing import Signer
from supporters.mail.models import Stream, Suppression

ALL, MARKETING = "all", "marketing"


class Suppressions:
    """Knows addresses by their keyed digest only, so that the list outlives the person's data."""

    def __init__(self, secret_key: str) -> None:
        self._signer = Signer(secret_key, "suppression")

    def digest(self, address: str) -> str:
        """What stands for an address."""
        return self._signer.digest(address.strip().casefold())

    async def add(self, session: AsyncSession, address: str, *, scope: str, reason: str, now: datetime) -> None:
        """Nothing (scope `all`), or nothing of our own wish (`marketing`), is sent to the address any more."""
        row = insert_for(session, Suppression).values(
            address_digest=self.digest(address), scope=scope, reason=reason, at=now
        )
        await session.execute(row.on_conflict_do_nothing())

    async def lift(self, session: AsyncSession, address: str, *, scope: str) -> bool:
        """The address may be written to again, as far as this scope forbade it. False when it did not.

        Only for what the mailbox's owner asked for, or for staff who say why (the caller writes the audit).
        """
        mine = (Suppression.address_digest == self.digest(address)) & (Suppression.scope == scope)
        return changed_rows(await session.execute(delete(Suppression).where(mine))) == 1

    async def is_refused(self, session: AsyncSession, address: str, stream: str) -> bool:
        """Whether a letter of this stream must not go to the address."""
        return bool(await self.refused(session, {"": (address, stream)}))

    async def refused(self, session: AsyncSession, letters: dict[str, tuple[str, str]]) -> set[str]:
        """Of letters by id, as (recipient, stream), those that must not go out."""
        digests = {letter_id: self.digest(recipient) for letter_id, (recipient, _stream) in letters.items()}
        wanted = select(Suppression.address_digest, Suppression.scope)
        found = await session.execute(wanted.where(Suppression.address_digest.in_(set(digests.values()))))
        scopes: dict[str, set[str]] = {}
        for digest, scope in found:
            scopes.setdefault(digest, set()).add(scope)
        return {
            letter_id
            for letter_id, (_recipient, stream) in letters.items()
            if _is_refused(scopes.get(digests[letter_id], set()), stream)
        }


def _is_refused(scopes: set[str], stream: str) -> bool:
    return ALL in scopes or (stream == Stream.MARKETING and MARKETING in scopes)
