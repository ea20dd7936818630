"""/desk/events: what Stripe told us and what came of it; letters and jobs that gave up; trying again."""

import re
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.jobs.revive import revive
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.mail.desk_queries import stuck_jobs, stuck_letters
from supporters.mail.outbox import send_now
from supporters.payments.desk_queries import list_events
from supporters.payments.inbox import replay
from supporters.payments.models import InboxState
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.words import inbox_tag, letter_word

MOST, RECENT = 100, 30
_EVENT_ID = re.compile(r"[A-Za-z0-9_]{1,120}")


@get("/desk/events", opt={"access": DOES_BOOKS})
async def show_events(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Parked, waiting and recent events, then letters and jobs that gave up."""
    return await desk_page(
        request,
        reading,
        "desk/events.html",
        here="events",
        parked=await list_events(reading, InboxState.PARKED, limit=MOST),
        waits=await list_events(reading, InboxState.WAITING, limit=MOST),
        recent=await list_events(reading, None, limit=RECENT),
        letters=[
            (each, letter_word(each.kind), f"/desk/letters/{each.id}")
            for each in await stuck_letters(reading, limit=MOST)
        ],
        jobs=[(each, each.kind, None) for each in await stuck_jobs(reading, limit=MOST)],
        tags={each.value: inbox_tag(each) for each in InboxState},
        done=_("It is tried again within seconds.") if request.query_params.get("done") == "again" else None,
    )


@post("/desk/events/{event_id:str}/again", status_code=303, opt={"access": DOES_BOOKS})
async def take_replay(
    request: Request[Any, Any, Any], event_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A parked event is looked at again from the start."""
    await read_sealed(request, member_of(request), [])
    if not _EVENT_ID.fullmatch(event_id):
        raise NotFound(_("There is no such event."))
    house = house_of(request)
    await replay(session, event_id, why_foreign=house.verifier.why_not_again, now=house.clock.now())
    await _note(request, session, "event.replay", "inbox_event", event_id)
    return Redirect("/desk/events?done=again", status_code=303)


@post("/desk/letters/{letter_id:str}/again", status_code=303, opt={"access": DOES_BOOKS})
async def take_letter_again(
    request: Request[Any, Any, Any], letter_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A letter that gave up goes out with the next round."""
    await read_sealed(request, member_of(request), [])
    if not is_ulid(letter_id) or not await send_now(session, letter_id, now=house_of(request).clock.now()):
        raise Conflict(_("That letter does not wait any more. Nothing was changed."))
    await _note(request, session, "letter.again", "letter", letter_id)
    return Redirect("/desk/events?done=again", status_code=303)


@post("/desk/jobs/{job_id:str}/again", status_code=303, opt={"access": DOES_BOOKS})
async def take_job_again(
    request: Request[Any, Any, Any], job_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A job that gave up is due again."""
    await read_sealed(request, member_of(request), [])
    if not is_ulid(job_id):
        raise NotFound(_("There is no such job."))
    await revive(session, job_id, now=house_of(request).clock.now())
    await _note(request, session, "job.again", "job", job_id)
    return Redirect("/desk/events?done=again", status_code=303)


async def _note(request: AnyRequest, session: AsyncSession, action: str, kind: str, record_id: str) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=member_of(request).id,
        action=action,
        record_kind=kind,
        record_id=record_id[:60],
        detail={},
        now=house_of(request).clock.now(),
    )


HANDLERS = [show_events, take_replay, take_letter_again, take_job_again]
