"""A box ticked on another form, such as the donation form: the request is made later, by a job, once that form came true."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.jobs.queue import enqueue
from supporters.jobs.work import Work
from supporters.kit.ids import Ids
from supporters.newsletters.queries import first_list
from supporters.newsletters.signup import request_signup
from supporters.people.matching import normalise_email
from supporters.people.models import EmailAddress
from supporters.settings import Settings

WISH = "newsletters.wish"


async def wish(session: AsyncSession, email: str, *, form: str, path: str, ids: Ids, now: datetime) -> None:
    """The first list will be asked for, for an address on file. Consent comes only with the letter's own button.

    A job, so that the caller need not know the settings; its payload names the address by its row.
    """
    wanted = select(EmailAddress.id).where(EmailAddress.normalised == normalise_email(email))
    address_id = await session.scalar(wanted)
    if address_id:
        payload = {"email_address_id": address_id, "form": form, "path": path}
        await enqueue(session, WISH, payload, ids=ids, now=now, dedupe=address_id)


async def take_wish(work: Work, payload: dict[str, Any], *, settings: Settings) -> None:
    """The wish is a request like any other: the donation form shows the list's own words beside its box."""
    now = work.clock.now()
    async with work.db.unit_of_work() as session:
        wanted = select(EmailAddress.address).where(EmailAddress.id == str(payload["email_address_id"]))
        address = await session.scalar(wanted)
        offered = await first_list(session)
        if address and offered:
            await request_signup(
                session,
                slugs=[offered.slug],
                email=address,
                form=str(payload["form"]),
                path=str(payload["path"]),
                network=None,
                settings=settings,
                ids=work.ids,
                now=now,
            )
        await work.finish(session)
