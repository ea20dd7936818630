"""/desk/senders/connections: newsletter senders, which of our lists is which of theirs, and how the exchange goes.

Handlers that call the sender hold no transaction meanwhile. Where addresses go out to is told after a fresh proof only, as with
any other export.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.connectors import actions
from supporters.connectors.mailchimp import base_of
from supporters.connectors.models import Connector, SenderKind
from supporters.connectors.opening import hook_url, open_credentials, open_sender
from supporters.connectors.queries import counts_of, find_connector, lists_of, titles_of
from supporters.connectors.wire import Credentials, OutsideList
from supporters.kit.errors import Conflict, SupportersError
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.newsletters.desk_queries import list_newsletters
from supporters.outgoing.rules import url_problem
from supporters.web.common.access import member_of
from supporters.web.common.forms import read_query
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.deeds import record_deed
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import CONNECTS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.senders_words import connector_advice, connector_tag, sender_word
from supporters.web.desk.step_up import read_proved

PATH = "/desk/senders/connections"
ONE = f"{PATH}/{{connector_id:str}}"
LIMITS = {"label": 80, "base_url": 300, "user": 120, "key": 300}
REACHED_BY = ("base_url", "user", "key")
NONE = ""

Form = Mapping[str, str]
Problems = list[tuple[str, str]]


@get(f"{PATH}/new", opt={"access": CONNECTS})
async def show_new_connection(
    request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """An empty form."""
    return await _new_page(request, reading, {}, [])


@post(f"{PATH}/new", status_code=303, opt={"access": CONNECTS, "proof": True})
async def take_new_connection(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """The connection is on file and its lists are to be chosen; or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, ["kind", *LIMITS])
    if isinstance(form, Response):
        return form
    kind = form.get("kind", "")
    label = clean_line(form.get("label", ""), limit=LIMITS["label"])
    problems: Problems = [] if kind in set(SenderKind) else [("kind", _("Choose which sender it is."))]
    problems += [] if label else [("label", _("Give it a name, such as Letters."))]
    base_url, credentials, wrong = _reached_by(request, kind, form)
    if problems or wrong:
        return await _new_page(request, session, form, [*problems, *wrong])
    try:
        connector_id = await actions.add_connector(
            session,
            kind=kind,
            label=label,
            base_url=base_url,
            credentials=credentials,
            made_by=member.id,
            settings=house.settings,
            ids=house.ids,
            now=house.clock.now(),
        )
    except Conflict as full:
        return await _new_page(request, session, form, [("kind", full.message)])
    await record_deed(request, session, "connector.add", connector_id, {"kind": kind, "base_url": base_url})
    return Redirect(f"{PATH}/{connector_id}/lists", status_code=303)


@get(ONE, opt={"access": CONNECTS})
async def show_connection(
    request: Request[Any, Any, Any], connector_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """How the exchange goes, and what can be done about it."""
    return await _page(request, reading, await find_connector(reading, connector_id), {}, [])


@post(f"{ONE}/credentials", status_code=303, opt={"access": CONNECTS, "proof": True})
async def take_credentials(
    request: Request[Any, Any, Any], connector_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The sender is reached there and with these, or the form comes back (422)."""
    house = house_of(request)
    form = await read_proved(request, REACHED_BY)
    if isinstance(form, Response):
        return form
    connector = await find_connector(session, connector_id)
    base_url, credentials, problems = _reached_by(request, connector.kind, form)
    if problems:
        return await _page(request, session, connector, form, problems)
    settings, ids = house.settings, house.ids
    await actions.change_credentials(
        session, connector_id, base_url=base_url, credentials=credentials, settings=settings, ids=ids
    )
    await record_deed(request, session, "connector.credentials", connector_id, {"base_url": base_url})
    return Redirect(f"{PATH}/{connector_id}/lists", status_code=303)


@get(f"{ONE}/lists", opt={"access": CONNECTS})
async def show_lists(request: Request[Any, Any, Any], connector_id: FromPath[str]) -> Response[bytes]:
    """The connection is tried, and which of our lists is which of theirs can be chosen."""
    theirs, problem = await _ask_lists(request, connector_id)
    return await _lists_page(request, connector_id, theirs, None, [], problem)


@post(f"{ONE}/lists", status_code=303, opt={"access": CONNECTS})
async def take_lists(request: Request[Any, Any, Any], connector_id: FromPath[str]) -> Response[Any]:
    """The lists are as chosen and the exchange begins; or the form comes back (422)."""
    house = house_of(request)
    async with house.db.reading() as session:
        slugs = [each.slug for each, _counts in await list_newsletters(session)]
    form = await read_sealed(request, member_of(request), [f"list:{slug}" for slug in slugs])
    theirs, problem = await _ask_lists(request, connector_id)
    if problem:
        return await _lists_page(request, connector_id, theirs, form, [], problem)
    by_id = {each.id: each for each in theirs}
    wanted = {slug: form.get(f"list:{slug}", NONE) for slug in slugs if form.get(f"list:{slug}", NONE) != NONE}
    problems = _list_problems(wanted, by_id)
    if problems:
        return await _lists_page(request, connector_id, theirs, form, problems, None)
    async with house.db.unit_of_work() as session:
        chosen = {slug: by_id[outside_id] for slug, outside_id in wanted.items()}
        await actions.choose_lists(session, connector_id, chosen, ids=house.ids, now=house.clock.now())
        await record_deed(request, session, "connector.lists", connector_id, {"lists": wanted})
    return _back(connector_id, "lists")


@post(f"{ONE}/turn", status_code=303, opt={"access": CONNECTS})
async def take_connection_turn(
    request: Request[Any, Any, Any], connector_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The exchange is paused, or goes on."""
    house = house_of(request)
    is_on = (await read_sealed(request, member_of(request), ["turn"])).get("turn") == "on"
    if is_on:
        await actions.go_on(session, connector_id, ids=house.ids, now=house.clock.now())
    else:
        await actions.pause(session, connector_id)
    await record_deed(request, session, "connector.on" if is_on else "connector.pause", connector_id, {})
    return _back(connector_id, "on" if is_on else "paused")


@post(f"{ONE}/again", status_code=303, opt={"access": CONNECTS})
async def take_again(
    request: Request[Any, Any, Any], connector_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Everything is told again."""
    house = house_of(request)
    await read_sealed(request, member_of(request), [])
    await actions.push_again(session, connector_id, ids=house.ids, now=house.clock.now())
    await record_deed(request, session, "connector.again", connector_id, {})
    return _back(connector_id, "again")


@post(f"{ONE}/remove", status_code=303, opt={"access": CONNECTS})
async def take_connection_removal(
    request: Request[Any, Any, Any], connector_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The connection is gone, once the box was ticked; else the page comes back (422)."""
    form = await read_sealed(request, member_of(request), ["sure"])
    connector = await find_connector(session, connector_id)
    if "sure" not in form:
        words = _("Tick the box, if you mean it. Nothing was removed.")
        return await _page(request, session, connector, {}, [("sure", words)])
    await record_deed(request, session, "connector.remove", connector_id, {"base_url": connector.base_url})
    await actions.remove_connector(session, connector_id)
    return Redirect("/desk/senders", status_code=303)


def _reached_by(request: AnyRequest, kind: str, form: Form) -> tuple[str, Credentials, Problems]:
    """Address and credentials that the form holds, and what is wrong with them."""
    said = {name: form.get(name, "").strip() for name in REACHED_BY}
    is_mailchimp = kind == SenderKind.MAILCHIMP
    base_url = said["base_url"] or (base_of(said["key"]) if is_mailchimp else None) or ""
    problems: Problems = []
    if not base_url and is_mailchimp and said["key"]:
        problems.append(("key", _("A key of theirs ends with a hyphen and the data centre, like -us21.")))
    else:
        wrong = url_problem(base_url, private_hosts=house_of(request).settings.private_hosts)
        problems += [("base_url", wrong)] if wrong and (base_url or not is_mailchimp) else []
    if not said["key"]:
        problems.append(("key", _("Enter the key that the sender gave you.")))
    if not said["user"] and not is_mailchimp:
        problems.append(("user", _("Enter the name of the API user.")))
    problems += [
        (name, _("At most %(count)s characters, without line breaks") % {"count": LIMITS[name]})
        for name in REACHED_BY
        if len(said[name]) > LIMITS[name] or not said[name].isprintable()
    ]
    return base_url, Credentials(said["user"] or "supporters", said["key"]), problems


def _list_problems(wanted: Mapping[str, str], by_id: Mapping[str, OutsideList]) -> Problems:
    problems: Problems = []
    for slug, outside_id in wanted.items():
        if outside_id not in by_id:
            problems.append((f"list:{slug}", _("That list is not there any more. Choose another.")))
        elif list(wanted.values()).count(outside_id) > 1:
            problems.append((f"list:{slug}", _("Two of your lists can't go to the same list of theirs.")))
    return problems


async def _ask_lists(request: AnyRequest, connector_id: str) -> tuple[Sequence[OutsideList], str | None]:
    """Their lists; or why they could not be asked, in words."""
    house = house_of(request)
    async with house.db.reading() as session:
        connector = await find_connector(session, connector_id)
    try:
        credentials = open_credentials(connector.secret_sealed, house.settings)
        sender = open_sender(connector.kind, connector.base_url, credentials, house.outside)
        return await sender.lists(), None
    except SupportersError as error:
        return [], error.message


async def _new_page(request: AnyRequest, session: AsyncSession, form: Form, problems: Problems) -> Response[bytes]:
    kinds = [(str(kind), sender_word(kind), form.get("kind") == kind) for kind in SenderKind]
    entry = {name: form.get(name, "") for name in LIMITS if name != "key"}
    return await desk_page(
        request, session, "desk/sender_new_connection.html", here="senders", kinds=kinds, entry=entry, problems=problems
    )


async def _page(
    request: AnyRequest, session: AsyncSession, connector: Connector, form: Form, problems: Problems
) -> Response[bytes]:
    lists = await titles_of(session, connector.id)
    counts = await counts_of(session, connector.id)
    query = read_query(request.scope["query_string"], ["done"])
    settings = house_of(request).settings
    return await desk_page(
        request,
        session,
        "desk/sender_connection.html",
        here="senders",
        it=connector,
        kind=sender_word(connector.kind),
        tag=connector_tag(connector, has_lists=bool(lists)),
        advice=connector_advice(connector),
        hook=hook_url(connector.id, settings),
        entry={"base_url": form.get("base_url", connector.base_url), "user": form.get("user", "")},
        rows=[list_row(slug, theirs, counts) for slug, theirs in sorted(lists.items())],
        done=None if problems else _done_words(query.get("done", "")),
        problems=problems,
    )


def list_row(slug: str, theirs: str, counts: Mapping[tuple[str, str], int]) -> tuple[str, str, int, int]:
    """A list, theirs, and how many are on it and off it there."""
    off = counts.get((slug, "stopped"), 0) + counts.get((slug, "suppressed"), 0)
    return slug, theirs, counts.get((slug, "confirmed"), 0), off


async def _lists_page(
    request: AnyRequest,
    connector_id: str,
    theirs: Sequence[OutsideList],
    form: Form | None,
    problems: Problems,
    trouble: str | None,
) -> Response[bytes]:
    async with house_of(request).db.reading() as session:
        connector = await find_connector(session, connector_id)
        before = await lists_of(session, connector_id)
        ours = [
            (each, before.get(each.slug, NONE) if form is None else form.get(f"list:{each.slug}", NONE))
            for each, _counts in await list_newsletters(session)
        ]
        return await desk_page(
            request,
            session,
            "desk/sender_lists.html",
            here="senders",
            it=connector,
            ours=ours,
            theirs=theirs,
            trouble=trouble,
            problems=problems,
        )


def _done_words(done: str) -> str | None:
    return {
        "lists": _("Saved. The exchange begins within a minute."),
        "on": _("Goes on. The next round is made within a minute."),
        "paused": _("Paused. Nothing is sent; what the sender tells us by itself is still taken."),
        "again": _("Everything is being told again."),
    }.get(done)


def _back(connector_id: str, done: str) -> Redirect:
    return Redirect(f"{PATH}/{connector_id}?done={done}", status_code=303)


HANDLERS: list[HTTPRouteHandler] = [
    show_new_connection,
    take_new_connection,
    show_connection,
    take_credentials,
    show_lists,
    take_lists,
    take_connection_turn,
    take_again,
    take_connection_removal,
]
