"""GET /desk/donations/{id}: where the money is, what happened, and what can be done about it."""

from typing import Any

import msgspec
from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.discrepancies.queries import discrepancies_of_donation
from supporters.donations.desk_story import Facts, StoryLine, donation_facts, donation_story
from supporters.donations.models import RefundReason
from supporters.donations.other_queries import payment_of
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.receipts.queries import receipt_of, receipt_words
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.dispute_words import disputes_shown
from supporters.web.desk.frame import desk_page
from supporters.web.desk.masking import mask_facts, mask_story, sees_people
from supporters.web.desk.money_trail import money_trail
from supporters.web.desk.other_words import kind_words, payment_tag
from supporters.web.desk.roles import SEES_DONATIONS
from supporters.web.desk.words import (
    account_word,
    code_words,
    donation_tag,
    frequency_word,
    origin_words,
    reason_word,
    refund_tag,
    tell_story,
)


class RefundEntry(msgspec.Struct, frozen=True):
    """The refund form as somebody filled it in. `problems` are (id of the field, words)."""

    how: str = ""
    amount: str = ""
    reason: str = ""
    note: str = ""
    problems: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])


class ReceiptEntry(msgspec.Struct, frozen=True):
    """The form of a receipt's address as somebody filled it in."""

    email: str | None = None
    problems: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])


@get("/desk/donations/{donation_id:str}", opt={"access": SEES_DONATIONS})
async def show_donation(
    request: Request[Any, Any, Any], donation_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One donation with everything on record about it, as far as the role may see it."""
    done = request.query_params.get("done")
    return await donation_page(request, reading, donation_id, done=done)


async def donation_page(
    request: AnyRequest,
    session: AsyncSession,
    donation_id: str,
    *,
    refund: RefundEntry | None = None,
    receipt_entry: ReceiptEntry | None = None,
    done: str | None = None,
) -> Response[bytes]:
    """The donation's page; with a form that failed, that form as it was filled in and status 422."""
    role = member_of(request).role
    facts = mask_facts(await facts_of(session, donation_id), role)
    receipt = await receipt_of(session, donation_id)
    about = [receipt.id] if receipt else []
    story = mask_story(await donation_story(session, donation_id, also_about=about), role)
    names = await staff_names(session, _actors(story, facts))
    other = await payment_of(session, donation_id)
    refund, receipt_entry = refund or RefundEntry(), receipt_entry or ReceiptEntry()
    problems = refund.problems + receipt_entry.problems
    return await desk_page(
        request,
        session,
        "desk/donation.html",
        here="donations",
        facts=facts,
        row=facts.row,
        how_often=frequency_word(facts.row.frequency),
        origin=origin_words(facts.origin),
        tag=donation_tag(facts.row),
        story=tell_story(story, names=names),
        refunds=[(each, refund_tag(each.state), reason_word(each.reason)) for each in facts.refunds],
        disputes=await disputes_shown(session, donation_id),
        receipt=receipt if receipt and sees_people(role) else None,
        receipt_number=await receipt_words(session, donation_id, receipt),
        discrepancies=(found := await discrepancies_of_donation(session, donation_id)),
        sentences={each.code: code_words(each.code) for each in found},
        accounts=account_names(facts),
        held=held_by_books(facts),
        other=(other, kind_words(other.kind), payment_tag(other.state)) if other else None,
        trail=await money_trail(session, facts) if facts.row.is_paid else [],
        refund=refund,
        receipt_entry=receipt_entry,
        problems=problems,
        reasons=[(each.value, reason_word(each)) for each in RefundReason],
        done=_done_words(done),
    )


async def facts_of(session: AsyncSession, donation_id: str) -> Facts:
    """The donation's facts. Raises NotFound, also for what has not the shape of an id."""
    if not is_ulid(donation_id):
        raise NotFound(_("There is no such donation."))
    return await donation_facts(session, donation_id)


def account_names(facts: Facts) -> dict[str, str]:
    """The name of each account that the donation's entries touch."""
    return {entry.account: account_word(entry.account) for posting in facts.postings for entry in posting.entries}


def held_by_books(facts: Facts) -> Money | None:
    """What the ledger says Stripe holds of the donation; None until it is posted."""
    if not facts.postings:
        return None
    currency = facts.row.amount.currency
    entries = [entry for posting in facts.postings for entry in posting.entries]
    mine = [each for each in entries if each.account == Account.STRIPE_BALANCE and each.amount.currency == currency]
    return Money(sum(each.amount.minor for each in mine), currency)


def _done_words(done: str | None) -> str | None:
    """What the page says after something was done."""
    return {
        "refund": _("The refund is on its way. The supporter gets a letter when the bank has it."),
        "receipt": _("The receipt goes out within seconds."),
    }.get(done or "")


def _actors(story: list[StoryLine], facts: Facts) -> list[str | None]:
    actors = [line.detail.get("actor_id") or line.detail.get("by") for line in story]
    return [each for each in actors if isinstance(each, str)] + [each.requested_by for each in facts.refunds]


HANDLERS = [show_donation]
