"""/desk/appeals/{id}/picture: what is shown where a link to the appeal is shared. It is no part of the drafts."""

from typing import Any

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.history import note
from supporters.appeals.pictures import (
    ALT_CHARS,
    LEAST_HEIGHT,
    LEAST_WIDTH,
    MOST_BYTES,
    MOST_SIDE,
    Picture,
    PictureFault,
    PictureProblem,
    keep_picture,
    read_picture,
    rename_picture,
    take_picture_away,
)
from supporters.appeals.queries import share_card
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.appeal_form import standing_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import EDITS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.upload import ENVELOPE, Upload, read_upload

AnyRequest = Request[Any, Any, Any]
HERE = "/desk/appeals/{appeal_id:str}/picture"
Problems = list[tuple[str, str]]


@get(HERE, opt={"access": EDITS})
async def show_picture_form(
    request: AnyRequest, appeal_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """The picture as it is now, and the form that changes it."""
    return await _form(request, reading, appeal_id)


@post(HERE, status_code=303, opt={"access": EDITS}, request_max_body_size=MOST_BYTES + ENVELOPE)
async def take_picture(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Links are shared with this picture (303), or the form again with what is wrong (422).

    Without a file, only the words for those who can't see the picture change.
    """
    house, member = house_of(request), member_of(request)
    too_large = _words(PictureFault.TOO_LARGE)
    upload = await read_upload(request, member, "picture", too_large=too_large, texts=["alt"])
    await standing_of(session, house, appeal_id)
    problems: Problems = []
    has_one = await share_card(session, appeal_id) is not None
    picture = None if has_one and not upload.name else _picture(upload, problems)
    alt = _alt(upload.texts["alt"], problems)
    if problems:
        return await _form(request, session, appeal_id, problems=problems, alt=upload.texts["alt"])
    now = house.clock.now()
    detail: dict[str, object] = {"alt": alt}
    if picture is None:
        await rename_picture(session, appeal_id, alt=alt, actor_id=member.id, now=now)
    else:
        await keep_picture(session, appeal_id, picture, alt=alt, actor_id=member.id, now=now)
        detail |= {"digest": picture.digest, "bytes": len(picture.body)}
    await note(session, "picture", appeal_id, detail, actor_id=member.id, now=now)
    return Redirect(f"/desk/appeals/{appeal_id}/picture?done=saved", status_code=303)


@post(f"{HERE}/remove", status_code=303, opt={"access": EDITS})
async def take_removal(
    request: AnyRequest, appeal_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """Links are shared without a picture of the appeal's own (303); a second press changes nothing."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    await standing_of(session, house, appeal_id)
    if await take_picture_away(session, appeal_id):
        await note(session, "picture_removed", appeal_id, {}, actor_id=member.id, now=house.clock.now())
    return Redirect(f"/desk/appeals/{appeal_id}/picture?done=removed", status_code=303)


async def _form(
    request: AnyRequest,
    session: AsyncSession,
    appeal_id: str,
    *,
    problems: Problems | None = None,
    alt: str | None = None,
) -> Response[bytes]:
    standing = await standing_of(session, house_of(request), appeal_id)
    card = await share_card(session, appeal_id)
    done = {
        "saved": _(
            "Saved. Links that are shared from now on carry it; networks keep what they have fetched for a while."
        ),
        "removed": _("Removed. Links are shared without it from now on."),
    }.get(request.query_params.get("done", ""))
    return await desk_page(
        request,
        session,
        "desk/appeal_picture.html",
        here="appeals",
        appeal=standing.appeal,
        card=card,
        alt=alt if alt is not None else card.alt if card else "",
        problems=problems or [],
        done=None if problems else done,
    )


def _picture(upload: Upload, problems: Problems) -> Picture | None:
    try:
        return read_picture(upload.content)
    except PictureProblem as problem:
        words = _words(problem.fault) if upload.name else _("Choose a picture first")
        problems.append(("picture", words))
        return None


def _alt(text: str, problems: Problems) -> str:
    alt = clean_line(text, limit=ALT_CHARS + 1)
    if not alt:
        problems.append(("alt", _("Say what the picture shows, for readers who can't see it")))
    elif len(alt) > ALT_CHARS:
        problems.append(("alt", _("Use at most %(count)s characters here") % {"count": ALT_CHARS}))
    return alt


def _words(fault: PictureFault) -> str:
    return {
        PictureFault.EMPTY: _("There is nothing in this file. Choose another"),
        PictureFault.TOO_LARGE: _("The picture is larger than 1 MB. Save it smaller, or as JPEG"),
        PictureFault.NO_PICTURE: _(
            "This is no whole PNG or JPEG picture, whatever its name says. Save it again as one"
        ),
        PictureFault.TOO_SMALL: _("The picture is too small. It needs at least %(width)s × %(height)s dots")
        % {"width": LEAST_WIDTH, "height": LEAST_HEIGHT},
        PictureFault.TOO_WIDE: _("The picture has too many dots. At most %(side)s on each side, please")
        % {"side": f"{MOST_SIDE:,}"},
    }[fault]


HANDLERS = [show_picture_form, take_picture, take_removal]
