"""Letters about somebody's own door: link and code to sign in, a new address to confirm, and that it was taken.

None holds a word that a stranger chose, and no subject says that somebody gives.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.ids import Ids
from supporters.mail.models import Letter, Stream
from supporters.mail.outbox import queue_letter
from supporters.settings import Settings

SIGN_IN, ADDRESS_CONFIRM, ADDRESS_CHANGED = "sign_in", "address_confirm", "address_changed"


async def queue_sign_in(
    session: AsyncSession,
    sign_in_id: str,
    address: str,
    *,
    token: str,
    code: str,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> bool:
    """The letter with link and code waits to be sent. It opens nothing without the browser that asked."""
    context = {"url": f"{settings.base_url}/sign-in/confirm/{token}", "code": f"{code[:3]} {code[3:]}"}
    return await _queue(session, SIGN_IN, sign_in_id, address, context, settings=settings, ids=ids, now=now)


async def queue_address_confirm(
    session: AsyncSession, change_id: str, address: str, *, token: str, settings: Settings, ids: Ids, now: datetime
) -> bool:
    """The new address is asked whether it is theirs."""
    context = {"url": f"{settings.base_url}/sign-in/address/{token}"}
    return await _queue(session, ADDRESS_CONFIRM, change_id, address, context, settings=settings, ids=ids, now=now)


async def queue_address_changed(
    session: AsyncSession, change_id: str, address: str, *, settings: Settings, ids: Ids, now: datetime
) -> bool:
    """The old address is told that another one has taken its place."""
    return await _queue(session, ADDRESS_CHANGED, change_id, address, {}, settings=settings, ids=ids, now=now)


async def forget(session: AsyncSession, about: Sequence[str]) -> None:
    """Letters with links or codes of these requests are gone, sent or not."""
    theirs = Letter.about.in_(list(about)) & Letter.kind.in_((SIGN_IN, ADDRESS_CONFIRM))
    await session.execute(delete(Letter).where(theirs), execution_options={"synchronize_session": False})


async def _queue(
    session: AsyncSession,
    kind: str,
    about: str,
    address: str,
    context: Mapping[str, object],
    *,
    settings: Settings,
    ids: Ids,
    now: datetime,
) -> bool:
    return await queue_letter(
        session,
        kind=kind,
        stream=Stream.SERVICE,
        recipient=address,
        dedupe_key=about,
        context=context,
        about=about,
        ids=ids,
        now=now,
        domain=settings.mail_from.rpartition("@")[2],
    )
