"""/desk/newsletters: the lists, what they are called and say, and how many are on them."""

from collections.abc import Mapping
from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.errors import Conflict
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.newsletters.desk_queries import list_newsletters, wordings_of
from supporters.newsletters.lists import SLUG, ListForm, create_list, edit_list, find_list
from supporters.newsletters.models import Newsletter
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.publishing import publish_prompts
from supporters.web.common.shell import AnyRequest
from supporters.web.desk import newsletter_people
from supporters.web.desk.frame import desk_page
from supporters.web.desk.masking import sees_people
from supporters.web.desk.roles import RUNS_LISTS
from supporters.web.desk.seal import read_sealed

PATH = "/desk/newsletters"
LIMITS = {"slug": 40, "name": 80, "how_often": 120, "sender_name": 120, "wording": 400}
BOXES = ("is_single_opt_in", "is_public")
NOT_SLUGS = frozenset({"new", "people", "all"})


@get(PATH, opt={"access": RUNS_LISTS})
async def show_newsletters(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every list with its counts."""
    rows = await list_newsletters(reading)
    return await desk_page(request, reading, "desk/newsletters.html", here="newsletters", rows=rows)


@get(f"{PATH}/new", opt={"access": RUNS_LISTS})
async def show_new_newsletter(
    request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """An empty form. Nothing is ticked: a list is private until somebody says otherwise."""
    return await _form_page(request, reading, None, {"sender_name": house_of(request).settings.publisher_name}, [])


@post(f"{PATH}/new", status_code=303, opt={"access": RUNS_LISTS})
async def take_new_newsletter(request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]) -> Response[Any]:
    """There is a new list, or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, [*LIMITS, *BOXES])
    asked, problems = _check(form, slug=None)
    if problems:
        return await _form_page(request, session, None, form, problems)
    now = house.clock.now()
    try:
        newsletter_id = await create_list(session, asked, ids=house.ids, now=now)
    except Conflict as taken:
        return await _form_page(request, session, None, form, [("slug", taken.message)])
    await publish_prompts(house, session)
    await _record(request, session, "newsletter.create", newsletter_id, {"slug": asked.slug, "wording": asked.wording})
    return Redirect(f"{PATH}/{newsletter_id}", status_code=303)


@get(f"{PATH}/{{newsletter_id:str}}", opt={"access": RUNS_LISTS})
async def show_newsletter(
    request: Request[Any, Any, Any], newsletter_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One list: its counts, its form, and every wording that readers were shown."""
    found = await find_list(reading, newsletter_id)
    return await _form_page(request, reading, found, _fields(found), [])


@post(f"{PATH}/{{newsletter_id:str}}", status_code=303, opt={"access": RUNS_LISTS})
async def take_newsletter(
    request: Request[Any, Any, Any], newsletter_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The list is as the form says, and the snippet on every site follows within a minute; or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, [*LIMITS, *BOXES])
    found = await find_list(session, newsletter_id)
    asked, problems = _check(form, slug=found.slug)
    if problems:
        return await _form_page(request, session, found, form, problems)
    changed = await edit_list(session, newsletter_id, asked, ids=house.ids, now=house.clock.now())
    if changed:
        await publish_prompts(house, session)
        detail = {name: getattr(asked, name) for name in changed}
        await _record(request, session, "newsletter.change", newsletter_id, detail)
    return Redirect(f"{PATH}/{newsletter_id}?saved=yes", status_code=303)


def _check(form: Mapping[str, str], *, slug: str | None) -> tuple[ListForm, list[tuple[str, str]]]:
    """What the form says, and each problem as (id of the field, words). A list's short name never changes."""
    said = {name: clean_line(form.get(name, ""), limit=limit) for name, limit in LIMITS.items()}
    said["slug"] = slug or said["slug"]
    empty = {
        "name": _("Give the list a name, as readers will see it"),
        "how_often": _("Say how often it comes"),
        "sender_name": _("Say who sends it"),
        "wording": _("Write what readers agree to"),
    }
    problems = [(name, words) for name, words in empty.items() if not said[name]]
    problems += [
        (name, _("At most %(count)s characters, please") % {"count": limit})
        for name, limit in LIMITS.items()
        if len(form.get(name, "").strip()) > limit
    ]
    if not SLUG.fullmatch(said["slug"]) or said["slug"] in NOT_SLUGS:
        problems.insert(0, ("slug", _("A short name has small letters, digits and hyphens, like morning-light")))
    asked = ListForm(
        **said,  # pyright: ignore[reportArgumentType] - the texts; the two choices follow
        is_double_opt_in="is_single_opt_in" not in form,
        is_public="is_public" in form,
    )
    return asked, problems


def _fields(found: Newsletter) -> dict[str, str]:
    """The list as its form would be sent."""
    fields = {name: str(getattr(found, name)) for name in LIMITS}
    fields |= {"is_single_opt_in": "on"} if not found.is_double_opt_in else {}
    return fields | ({"is_public": "on"} if found.is_public else {})


async def _form_page(
    request: AnyRequest,
    session: AsyncSession,
    found: Newsletter | None,
    form: Mapping[str, str],
    problems: list[tuple[str, str]],
) -> Response[bytes]:
    rows = await list_newsletters(session) if found else []
    return await desk_page(
        request,
        session,
        "desk/newsletter.html",
        here="newsletters",
        it=found,
        counts=next((counts for each, counts in rows if found and each.id == found.id), None),
        entry={name: form.get(name, "") for name in (*LIMITS, *BOXES)},
        wordings=await wordings_of(session, found.id) if found else [],
        shows_people=sees_people(member_of(request).role),
        is_saved="saved" in request.query_params and not problems,
        problems=problems,
    )


async def _record(
    request: AnyRequest, session: AsyncSession, action: str, newsletter_id: str, detail: Mapping[str, object]
) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=member_of(request).id,
        action=action,
        record_kind="newsletter",
        record_id=newsletter_id,
        detail=detail,
        now=house_of(request).clock.now(),
    )


HANDLERS = [
    show_newsletters,
    show_new_newsletter,
    take_new_newsletter,
    show_newsletter,
    take_newsletter,
    *newsletter_people.HANDLERS,
]
