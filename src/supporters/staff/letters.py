"""Letters to those who work here, whenever their sign-in was changed. They hold no code, no link with a key, no password."""

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.settings import Settings
from supporters.staff.letter_words import OVER, Notice, notice_words
from supporters.staff.models import Staff

NOTICE = "staff_notice"
NEW_PASSWORD = "staff_new_password"  # noqa: S105 - it names the letter.


class StaffLetters(msgspec.Struct, frozen=True):
    """Writes to members of staff in the transaction that changes their sign-in."""

    settings: Settings
    ids: Ids

    async def tell(self, session: AsyncSession, staff_id: str, what: Notice, *, now: datetime, **facts: object) -> bool:
        """The letter waits to be sent. False when it was queued in this second before, or nobody has that id."""
        staff = await session.get(Staff, staff_id)
        if staff is None:
            return False
        head, lead, if_not = notice_words(what, facts)
        return await queue_letter(
            session,
            kind=NOTICE,
            stream=Stream.SERVICE,
            recipient=staff.email,
            dedupe_key=f"{what}:{facts.get('role', '')}:{now:%Y%m%d%H%M%S}",
            context={
                "head": head,
                "lead": lead,
                "if_not": if_not,
                "at": now.isoformat(),
                "look_url": None if what in OVER else f"{self.settings.base_url}/desk/you",
            },
            about=staff.id,
            ids=self.ids,
            now=now,
            domain=self.settings.mail_from.rpartition("@")[2],
        )
