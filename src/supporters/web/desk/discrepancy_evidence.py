"""/desk/discrepancies/{id}/evidence: files that explain it. They are taken away as files; no browser draws them here."""

from typing import Any
from urllib.parse import quote

from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.evidence import File, add_evidence, erase_evidence, take_evidence, too_large
from supporters.discrepancies.file_kinds import MEDIA_TYPES, MOST_BYTES
from supporters.kit.errors import Refused
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.discrepancy import ONE, discrepancy_page, find_one
from supporters.web.desk.discrepancy_words import PATH
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.upload import ENVELOPE, read_upload

HERE = ONE + "/evidence"
FILE = HERE + "/{evidence_id:str}"
NO_PAGE = "sandbox; default-src 'none'; frame-ancestors 'none'"


@post(HERE, status_code=303, opt={"access": DOES_BOOKS}, request_max_body_size=MOST_BYTES + ENVELOPE)
async def take_file(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The file stands under the discrepancy; or the form comes back with what is wrong (422)."""
    member, house = member_of(request), house_of(request)
    upload = await read_upload(request, member, "file", too_large=too_large())
    found = await find_one(session, discrepancy_id)
    try:
        await add_evidence(
            session,
            found.id,
            name=upload.name,
            content=upload.content,
            actor_id=member.id,
            ids=house.ids,
            now=house.clock.now(),
        )
    except Refused as refused:
        return await discrepancy_page(request, session, found, problems=[("file", refused.message)])
    return Redirect(f"{PATH}/{found.id}#evidence", status_code=303)


@get(FILE, opt={"access": DOES_BOOKS})
async def give_file(
    request: Request[Any, Any, Any], discrepancy_id: FromPath[str], evidence_id: FromPath[str]
) -> Response[bytes]:
    """The file to keep, byte for byte as it was brought; the audit says who took it."""
    house = house_of(request)
    async with house.db.unit_of_work() as session:
        found = await find_one(session, discrepancy_id)
        file = await take_evidence(
            session, found.id, evidence_id[:26], actor_id=member_of(request).id, now=house.clock.now()
        )
    headers = {
        "content-disposition": _disposition(file),
        "content-security-policy": NO_PAGE,
        "cache-control": "no-store",
    }
    return Response(file.body, media_type=MEDIA_TYPES[file.kind], headers=headers)


@post(FILE + "/erase", status_code=303, opt={"access": DOES_BOOKS})
async def take_erasure(
    request: Request[Any, Any, Any],
    discrepancy_id: FromPath[str],
    evidence_id: FromPath[str],
    session: NamedDependency[AsyncSession],
) -> Response[Any]:
    """Name and content of the file are gone for good; or the form comes back (422)."""
    member = member_of(request)
    form = await read_sealed(request, member, ["reason"])
    found, now = await find_one(session, discrepancy_id), house_of(request).clock.now()
    try:
        await erase_evidence(
            session, found.id, evidence_id[:26], reason=form.get("reason", ""), actor_id=member.id, now=now
        )
    except Refused as refused:
        problem = (f"gone-{evidence_id[:26]}", refused.message)
        return await discrepancy_page(request, session, found, problems=[problem])
    return Redirect(f"{PATH}/{found.id}#evidence", status_code=303)


def _disposition(file: File) -> str:
    """*Source*: RFC 6266 §4.3 and appendix D."""
    plain = "".join(char if char.isascii() and char not in '"\\' else "_" for char in file.name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file.name, safe='')}"


HANDLERS = [take_file, give_file, take_erasure]
