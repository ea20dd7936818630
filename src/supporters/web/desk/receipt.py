"""POST /desk/donations/{id}/receipt and .../receipt/again: another address on a receipt; the letter once more."""

from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.people.matching import EmailProblem
from supporters.receipts.issue import correct_address, resend
from supporters.receipts.queries import ReceiptView, receipt_of
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.donation import ReceiptEntry, donation_page
from supporters.web.desk.roles import SEES_PEOPLE
from supporters.web.desk.seal import read_sealed

LONGEST_TYPED = 320


@post("/desk/donations/{donation_id:str}/receipt", status_code=303, opt={"access": SEES_PEOPLE})
async def take_address(
    request: Request[Any, Any, Any], donation_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The receipt names the new address and goes there; the form again (422) for what is no address."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, ["email"])
    receipt = await _receipt(session, donation_id)
    typed = form.get("email", "")[:LONGEST_TYPED]
    try:
        await correct_address(
            session,
            receipt.id,
            email=typed,
            actor_id=member.id,
            ids=house.ids,
            now=house.clock.now(),
            settings=house.settings,
        )
    except EmailProblem:
        words = _("Write an email address like name@example.org. Nothing was changed.")
        entry = ReceiptEntry(email=typed, problems=[("email", words)])
        return await donation_page(request, session, donation_id, receipt_entry=entry)
    return Redirect(f"/desk/donations/{donation_id}?done=receipt", status_code=303)


@post("/desk/donations/{donation_id:str}/receipt/again", status_code=303, opt={"access": SEES_PEOPLE})
async def take_again(
    request: Request[Any, Any, Any], donation_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The receipt's letter waits to be sent once more."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    receipt = await _receipt(session, donation_id)
    await resend(session, receipt.id, actor_id=member.id, ids=house.ids, now=house.clock.now(), settings=house.settings)
    return Redirect(f"/desk/donations/{donation_id}?done=receipt", status_code=303)


async def _receipt(session: AsyncSession, donation_id: str) -> ReceiptView:
    receipt = await receipt_of(session, donation_id) if is_ulid(donation_id) else None
    if receipt is None:
        raise NotFound(_("This donation has no receipt."))
    return receipt


HANDLERS = [take_address, take_again]
