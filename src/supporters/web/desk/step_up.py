"""Password and code once more, before what can't be undone: a refund, an export, a change of roles or of a second factor.

A form that was sent meanwhile comes back with everything that was filled in, beside the fields for the proof; sent again to
the same address, it is proved and done in one step. An address that was opened is opened after POST /desk/step-up.
"""

from collections.abc import Collection, Mapping
from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.response import Redirect, Response

from supporters.kit.errors import Refused
from supporters.staff.proving import WrongProofCode
from supporters.staff.rules import is_proved
from supporters.staff.sessions import Stage
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import Waiting, desk_page
from supporters.web.desk.roles import EVERYBODY
from supporters.web.desk.seal import FIELD, read_sealed
from supporters.web.desk.sign_in import safe_next
from supporters.web.desk.staff_keys import letters_of, proofs_of

PROOF, CODE = "proof", "proof_code"
STEP_UP = "/desk/step-up"
HAVE_OR_OWE = frozenset({Stage.FULL, Stage.SET_UP})  # whoever sets up a second factor may be asked once more too


async def read_proved(request: AnyRequest, fields: Collection[str]) -> Mapping[str, str] | Response[Any]:
    """The fields of a desk form, once its token fits and the session was proved lately; else the page that asks for it.

    Call it before the request's session was used: it opens units of work of its own. Raises what `read_sealed` raises.
    """
    house, member = house_of(request), member_of(request)
    form = dict(await read_sealed(request, member, {*fields, PROOF, CODE}))
    typed, code = form.pop(PROOF, None), form.pop(CODE, "")
    if is_proved(member.proved_at, now=house.clock.now()):
        return form
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if typed is None:
        return await _ask(request, where, form)
    return await _try(request, where, form, typed, code) or form


async def ask_proof(request: AnyRequest) -> Response[Any] | None:
    """The page that asks for a proof before this address is opened; None once the session was proved lately."""
    house, member = house_of(request), member_of(request)
    if is_proved(member.proved_at, now=house.clock.now()):
        return None
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return await _ask(request, STEP_UP, {"next": where})


@post(STEP_UP, status_code=303, opt={"access": EVERYBODY, "stages": HAVE_OR_OWE})
async def take_step_up(request: Request[Any, Any, Any]) -> Response[Any]:
    """The session was proved, and one goes on to where one was going; or the page comes again (422)."""
    form = dict(await read_sealed(request, member_of(request), {PROOF, CODE, "next"}))
    typed, code = form.pop(PROOF, ""), form.pop(CODE, "")
    wrong = await _try(request, STEP_UP, form, typed, code)
    return wrong or Redirect(safe_next(form.get("next", "")), status_code=303)


async def _try(request: AnyRequest, where: str, kept: Mapping[str, str], typed: str, code: str) -> Response[Any] | None:
    house, member = house_of(request), member_of(request)
    proofs, letters = proofs_of(house.settings), letters_of(house)
    try:
        await proofs.prove(house.db, member, typed, code=code, letters=letters, now=house.clock.now())
    except WrongProofCode as wrong:
        return await _ask(request, where, kept, problems=[(CODE, wrong.message)])
    except Refused as refused:
        return await _ask(request, where, kept, problems=[(PROOF, refused.message)])
    return None


async def _ask(
    request: AnyRequest, where: str, kept: Mapping[str, str], *, problems: list[tuple[str, str]] | None = None
) -> Response[bytes]:
    async with house_of(request).db.reading() as reading:
        return await desk_page(
            request,
            reading,
            "desk/your_step_up.html",
            here="",
            waiting=Waiting(),
            where=where,
            kept=[(name, value) for name, value in kept.items() if name != FIELD],
            problems=problems or [],
        )


HANDLERS = [take_step_up]
