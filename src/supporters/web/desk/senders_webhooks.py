"""/desk/senders/webhooks: receivers of signed messages, their secrets, and the log of what was sent.

Where messages go to, and what signs them, is changed after a fresh proof only, as with any other export.
"""

from collections.abc import Mapping
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import Conflict
from supporters.kit.sealing import Sealer
from supporters.kit.strings import gettext as _
from supporters.kit.strings import ngettext
from supporters.kit.text import clean_line
from supporters.outgoing import actions
from supporters.outgoing.actions import OFFERED, PURPOSE, NewSecret
from supporters.outgoing.models import WebhookEndpoint
from supporters.outgoing.queries import counts_of, deliveries_of, find_endpoint
from supporters.outgoing.rules import url_problem
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.deeds import record_deed
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import CONNECTS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.senders_words import delivery_tag, endpoint_advice, endpoint_tag, kind_word
from supporters.web.desk.step_up import read_proved

PATH = "/desk/senders/webhooks"
ONE = f"{PATH}/{{endpoint_id:str}}"
LOG_LINES = 50
DESCRIPTION_CHARS = 200
FIELDS = ("url", "description", *(f"kind:{kind}" for kind in OFFERED))

Form = Mapping[str, str]


@get(f"{PATH}/new", opt={"access": CONNECTS})
async def show_new_webhook(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """An empty form; nothing is ticked."""
    return await _new_page(request, reading, {}, [])


@post(f"{PATH}/new", status_code=200, opt={"access": CONNECTS, "proof": True})
async def take_new_webhook(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The receiver is made, and its secret shown this once; or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, FIELDS)
    if isinstance(form, Response):
        return form
    problems = _problems(request, form)
    if problems:
        return await _new_page(request, session, form, problems)
    url, description, kinds = _said(form)
    try:
        made = await actions.add_endpoint(
            session,
            url=url,
            description=description,
            kinds=kinds,
            made_by=member.id,
            sealer=_sealer(request),
            ids=house.ids,
            now=house.clock.now(),
        )
    except Conflict as full:
        return await _new_page(request, session, form, [("url", full.message)])
    await record_deed(request, session, "webhook.add", made.endpoint_id, {"url": url, "kinds": kinds})
    return await _secret_page(request, session, made)


@get(ONE, opt={"access": CONNECTS})
async def show_webhook(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One receiver: how it stands, its form, and what was sent to it."""
    return await _page(request, reading, await find_endpoint(reading, endpoint_id), None, [])


@post(ONE, status_code=303, opt={"access": CONNECTS, "proof": True})
async def take_webhook(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The receiver is as the form says, or the form comes back (422)."""
    form = await read_proved(request, FIELDS)
    if isinstance(form, Response):
        return form
    problems = _problems(request, form)
    if problems:
        return await _page(request, session, await find_endpoint(session, endpoint_id), form, problems)
    url, description, kinds = _said(form)
    await actions.change_endpoint(session, endpoint_id, url=url, description=description, kinds=kinds)
    await record_deed(request, session, "webhook.change", endpoint_id, {"url": url, "kinds": kinds})
    return _back(endpoint_id, "saved")


@post(f"{ONE}/secret", status_code=200, opt={"access": CONNECTS, "proof": True})
async def take_new_secret(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A new secret signs, shown this once; the old one signs beside it for a day."""
    house = house_of(request)
    form = await read_proved(request, [])
    if isinstance(form, Response):
        return form
    made = await actions.rotate_secret(
        session, endpoint_id, sealer=_sealer(request), ids=house.ids, now=house.clock.now()
    )
    await record_deed(request, session, "webhook.new_secret", endpoint_id, {})
    return await _secret_page(request, session, made)


@post(f"{ONE}/test", status_code=303, opt={"access": CONNECTS})
async def take_test(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """A test message is on its way to this receiver."""
    house = house_of(request)
    await read_sealed(request, member_of(request), [])
    await actions.send_test(session, endpoint_id, ids=house.ids, now=house.clock.now())
    await record_deed(request, session, "webhook.test", endpoint_id, {})
    return _back(endpoint_id, "test")


@post(f"{ONE}/turn", status_code=303, opt={"access": CONNECTS})
async def take_turn(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The receiver is turned on or off."""
    house = house_of(request)
    is_on = (await read_sealed(request, member_of(request), ["turn"])).get("turn") == "on"
    await actions.turn_endpoint(session, endpoint_id, is_on=is_on, ids=house.ids, now=house.clock.now())
    await record_deed(request, session, "webhook.on" if is_on else "webhook.off", endpoint_id, {})
    return _back(endpoint_id, "on" if is_on else "off")


@post(f"{ONE}/replay", status_code=303, opt={"access": CONNECTS})
async def take_replay(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """One message, or every one that was given up when none is named, is sent again with the same id."""
    house = house_of(request)
    delivery = (await read_sealed(request, member_of(request), ["message"])).get("message")
    await find_endpoint(session, endpoint_id)
    now, count = house.clock.now(), 1
    if delivery is not None:
        await actions.replay(session, endpoint_id, delivery, ids=house.ids, now=now)
    else:
        count = await actions.replay_failed(session, endpoint_id, ids=house.ids, now=now)
    await record_deed(request, session, "webhook.replay", endpoint_id, {"message": delivery, "count": count})
    return _back(endpoint_id, "again")


@post(f"{ONE}/remove", status_code=303, opt={"access": CONNECTS})
async def take_removal(
    request: Request[Any, Any, Any], endpoint_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The receiver and its log are gone, once the box was ticked; else the page comes back (422)."""
    form = await read_sealed(request, member_of(request), ["sure"])
    endpoint = await find_endpoint(session, endpoint_id)
    if "sure" not in form:
        words = _("Tick the box, if you mean it. Nothing was removed.")
        return await _page(request, session, endpoint, None, [("sure", words)])
    await record_deed(request, session, "webhook.remove", endpoint_id, {"url": endpoint.url})
    await actions.remove_endpoint(session, endpoint_id)
    return Redirect("/desk/senders", status_code=303)


def _sealer(request: AnyRequest) -> Sealer:
    return Sealer(house_of(request).settings.secret_key, PURPOSE)


def _said(form: Form) -> tuple[str, str, list[str]]:
    kinds = [str(kind) for kind in OFFERED if f"kind:{kind}" in form]
    return form.get("url", "").strip(), clean_line(form.get("description", ""), limit=DESCRIPTION_CHARS), kinds


def _problems(request: AnyRequest, form: Form) -> list[tuple[str, str]]:
    url, _description, kinds = _said(form)
    wrong = url_problem(url, private_hosts=house_of(request).settings.private_hosts)
    problems = [("url", wrong)] if wrong else []
    if len(form.get("description", "").strip()) > DESCRIPTION_CHARS:
        problems.append(("description", _("At most %(count)s characters, please") % {"count": DESCRIPTION_CHARS}))
    return problems if kinds else [*problems, (f"kind:{OFFERED[0]}", _("Tick at least one thing to tell."))]


def _fields(endpoint: WebhookEndpoint) -> dict[str, str]:
    """The receiver as its form would be sent."""
    kinds = {f"kind:{kind}": "on" for kind in endpoint.kinds}
    return {"url": endpoint.url, "description": endpoint.description, **kinds}


def _entry(form: Form) -> dict[str, object]:
    kinds = [(f"kind:{kind}", kind_word(kind), f"kind:{kind}" in form) for kind in OFFERED]
    return {"url": form.get("url", ""), "description": form.get("description", ""), "kinds": kinds}


async def _new_page(
    request: AnyRequest, session: AsyncSession, form: Form, problems: list[tuple[str, str]]
) -> Response[bytes]:
    return await desk_page(
        request, session, "desk/sender_new_webhook.html", here="senders", entry=_entry(form), problems=problems
    )


async def _secret_page(request: AnyRequest, session: AsyncSession, made: NewSecret) -> Response[bytes]:
    endpoint = await find_endpoint(session, made.endpoint_id)
    return await desk_page(request, session, "desk/sender_secret.html", here="senders", it=endpoint, secret=made.secret)


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    form: Form | None,
    problems: list[tuple[str, str]],
) -> Response[bytes]:
    query = read_query(request.scope["query_string"], ["before", "done"])
    rows = await deliveries_of(session, endpoint.id, before=query.get("before"), limit=LOG_LINES + 1)
    counts = await counts_of(session, endpoint.id)
    return await desk_page(
        request,
        session,
        "desk/sender_webhook.html",
        here="senders",
        it=endpoint,
        tag=endpoint_tag(endpoint),
        advice=endpoint_advice(endpoint),
        entry=_entry(_fields(endpoint) if form is None else form),
        counts=counts,
        given_up_words=_again_words(counts.given_up),
        rows=[(row, delivery_tag(row), kind_word(row.kind)) for row in rows[:LOG_LINES]],
        older=rows[LOG_LINES - 1].id if len(rows) > LOG_LINES else None,
        done=None if problems else _done_words(query.get("done", "")),
        problems=problems,
    )


def _again_words(count: int) -> str:
    words = ngettext("Send the one that was given up again", "Send all %(count)s that were given up again", count)
    return words % {"count": count} if count != 1 else words


def _done_words(done: str) -> str | None:
    return {
        "saved": _("Saved. What waits goes to the new address."),
        "test": _("A test message is on its way. It stands in the log within seconds."),
        "on": _("Turned on. What waited is being sent."),
        "off": _("Turned off. Nothing is sent, and what happens meanwhile is not told later."),
        "again": _("Being sent again, with the same id."),
    }.get(done)


def _back(endpoint_id: str, done: str) -> Redirect:
    return Redirect(f"{PATH}/{endpoint_id}?done={done}", status_code=303)


HANDLERS: list[HTTPRouteHandler] = [
    show_new_webhook,
    take_new_webhook,
    show_webhook,
    take_webhook,
    take_new_secret,
    take_test,
    take_turn,
    take_replay,
    take_removal,
]
