"""POST /desk/donations/{id}/refund: asked, looked at once more, then done."""

from collections.abc import Mapping
from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.desk_story import Facts, lock_donation
from supporters.donations.models import RefundReason
from supporters.donations.reverse import NOTE_CHARS, request_refund
from supporters.kit.errors import Conflict
from supporters.kit.money import AmountProblem, Money, Problem, parse_amount
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.donation import RefundEntry, donation_page, facts_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.step_up import read_proved
from supporters.web.desk.words import reason_word

FIELDS = ("part", "amount", "reason", "note", "left", "step")


@post("/desk/donations/{donation_id:str}/refund", status_code=200, opt={"access": DOES_BOOKS, "proof": True})
async def take_refund(
    request: Request[Any, Any, Any], donation_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The form again with what is wrong (422), a page that asks once more (200), or the refund requested (303)."""
    house, member = house_of(request), member_of(request)
    form = await read_proved(request, FIELDS)
    if isinstance(form, Response):
        return form
    facts = await facts_of(session, donation_id)
    entry, amount = read_refund(form, facts)
    if entry.problems or amount is None:
        return await donation_page(request, session, donation_id, refund=entry)
    if form.get("step") != "confirm":
        return await _ask_again(request, session, facts, entry, amount)
    await lock_donation(session, donation_id)
    left = (await facts_of(session, donation_id)).refundable
    if form.get("left") != str(left.minor):
        raise Conflict(_("Another refund was asked for meanwhile, so nothing was done. Look at the donation again."))
    await request_refund(
        session,
        donation_id,
        amount=amount,
        reason=RefundReason(entry.reason),
        note_text=entry.note,
        actor_id=member.id,
        ids=house.ids,
        now=house.clock.now(),
    )
    return Redirect(f"/desk/donations/{donation_id}?done=refund", status_code=303)


def read_refund(form: Mapping[str, str], facts: Facts) -> tuple[RefundEntry, Money | None]:
    """The form as it was filled in, with what is wrong about it, and the amount if that could be read."""
    problems: list[tuple[str, str]] = []
    how = form.get("part", "")
    amount: Money | None = None
    if how == "all":
        amount = facts.refundable
    elif how == "some":
        amount = _read_part(form.get("amount", ""), facts.refundable, problems)
    else:
        problems.append(("part-all", _("Choose whether all of it or a part is returned.")))
    if amount is not None and amount.minor == 0:
        problems.append(("part-all", _("Nothing is left to return.")))
    reason = form.get("reason", "")
    note = clean_line(form.get("note", ""), limit=NOTE_CHARS)
    if reason not in {each.value for each in RefundReason}:
        problems.append(("reason", _("Choose a reason for the books.")))
    elif reason == RefundReason.OTHER and not note:
        problems.append(("note", _("Say in the note what the reason is.")))
    return RefundEntry(how=how, amount=form.get("amount", ""), reason=reason, note=note, problems=problems), amount


def _read_part(text: str, left: Money, problems: list[tuple[str, str]]) -> Money | None:
    try:
        amount = parse_amount(text, left.currency)
    except AmountProblem as error:
        words = {
            Problem.EMPTY: _("Write the part that is returned."),
            Problem.TOO_PRECISE: _("That amount has too many decimals."),
        }
        problems.append(("amount", words.get(error.problem, _("Write an amount in figures: 25 or 12.50."))))
        return None
    if amount.minor > left.minor:
        problems.append(("amount", _("That is more than is left to return.")))
        return None
    if amount.minor == 0:
        problems.append(("amount", _("The part must be more than nothing.")))
        return None
    return amount


async def _ask_again(
    request: Request[Any, Any, Any], session: AsyncSession, facts: Facts, entry: RefundEntry, amount: Money
) -> Response[bytes]:
    return await desk_page(
        request,
        session,
        "desk/refund.html",
        here="donations",
        facts=facts,
        row=facts.row,
        entry=entry,
        amount=amount,
        reason=reason_word(entry.reason),
        rest=facts.refundable - amount,
    )


HANDLERS = [take_refund]
