"""Publishing after a change: what readers see is worked out again in the transaction of whatever changed it."""

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.publishing import publish_all
from supporters.web.common.house import House


async def publish_prompts(house: House, session: AsyncSession) -> None:
    """Every placement's file says what holds now, once the caller's transaction commits. Readers see it within seconds."""
    await publish_all(session, settings=house.settings, ids=house.ids, now=house.clock.now())

    def forget(*_told: object) -> None:
        house.prompts.forget()
        house.appeals.forget()

    # not before: whoever asked in between would keep the old words for five seconds more
    event.listen(session.sync_session, "after_commit", forget, once=True)
