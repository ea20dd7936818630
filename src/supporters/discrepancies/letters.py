"""A letter to whoever a comment names: that a colleague asks, about what, and where. It holds nothing of the comment."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.codes import Code, describe
from supporters.discrepancies.models import Discrepancy
from supporters.kit.ids import Ids
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.settings import Settings
from supporters.staff.models import Staff

LETTER = "staff_mention"


async def tell_mentioned(
    session: AsyncSession,
    found: Discrepancy,
    people: Collection[str],
    *,
    comment_id: str,
    by: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> None:
    """A letter to each of these colleagues waits to be sent. *Idempotent by* comment and person; `by` is the writer's name."""
    context = {
        "by": by,
        "sentence": describe(Code(found.code)),
        "due_on": found.due_on.isoformat(),
        "look_url": f"{settings.base_url}/desk/discrepancies/{found.id}",
    }
    for person in await session.scalars(select(Staff).where(Staff.id.in_(people), Staff.is_active)):
        await queue_letter(
            session,
            kind=LETTER,
            stream=Stream.SERVICE,
            recipient=person.email,
            dedupe_key=f"mention:{comment_id}",
            context=context,
            about=person.id,
            ids=ids,
            now=now,
            domain=settings.mail_from.rpartition("@")[2],
        )
