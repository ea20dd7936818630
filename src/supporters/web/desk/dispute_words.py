"""What the desk says about disputes: where each stands, what its bank says, and what can be done."""

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.dispute_queries import ANSWERABLE, disputes_of_donation
from supporters.donations.lifecycle import is_returned_debit
from supporters.donations.models import Dispute, DisputeState
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.web.desk.words import Tag


class DisputeShown(msgspec.Struct, frozen=True):
    """One dispute as pages show it."""

    id: str
    donation_id: str
    stripe_id: str
    tag: Tag
    reason: str
    todo: str
    amount: Money
    due_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    can_answer: bool


def show_dispute(found: Dispute) -> DisputeShown:
    """The dispute in words."""
    can_answer = found.state in ANSWERABLE and not is_returned_debit(found.reason)
    return DisputeShown(
        id=found.id,
        donation_id=found.donation_id,
        stripe_id=found.stripe_dispute_id,
        tag=dispute_tag(found.state),
        reason=dispute_reason(found.reason),
        todo=_todo(found),
        amount=Money(found.amount_minor, found.currency),
        due_at=found.due_at if can_answer else None,
        opened_at=found.opened_at,
        closed_at=found.closed_at,
        can_answer=can_answer,
    )


async def disputes_shown(session: AsyncSession, donation_id: str) -> list[DisputeShown]:
    """Every dispute of the donation in words, oldest first."""
    return [show_dispute(each) for each in await disputes_of_donation(session, donation_id)]


def dispute_tag(state: str) -> Tag:
    """Where the dispute and its money stand."""
    taken = _("The bank has taken the money back until it decides.")
    return {
        DisputeState.INQUIRY.value: Tag(_("Inquiry"), "alert", "warn", _("The bank asks. No money has moved.")),
        DisputeState.NEEDS_ANSWER.value: Tag(_("Needs an answer"), "alert", "warn", taken),
        DisputeState.UNDER_REVIEW.value: Tag(_("Under review"), "clock", "info", taken),
        DisputeState.WON.value: Tag(_("Won"), "check", "pos", _("Decided for us. The money comes back.")),
        DisputeState.LOST.value: Tag(_("Lost"), "undo", "neg", _("The bank keeps the money for the supporter.")),
        DisputeState.CLOSED.value: Tag(_("Closed"), "dash", "", _("The inquiry came to nothing.")),
    }.get(state, Tag(state, "dot", "", ""))


def dispute_reason(reason: str) -> str:
    """Why the bank has taken the money back, in plain words."""
    return {
        "bank_cannot_process": _("The bank could not process the debit"),
        "credit_not_processed": _("A refund was promised and did not come"),
        "customer_initiated": _("The supporter asked their bank to return the debit"),
        "debit_not_authorized": _("The supporter says that they never allowed the debit"),
        "duplicate": _("The supporter says that they paid twice"),
        "fraudulent": _("The card's owner says that the payment was not theirs"),
        "general": _("The bank gives no reason"),
        "incorrect_account_details": _("The account is closed or its details are wrong"),
        "insufficient_funds": _("There was not enough money in the account"),
        "product_not_received": _("The supporter says that they did not get what they paid for"),
        "product_unacceptable": _("The supporter says that it was not what was promised"),
        "subscription_canceled": _("The supporter says that they had stopped before"),
        "unrecognized": _("The supporter does not recognise the payment"),
    }.get(reason, reason.replace("_", " ").capitalize())


def _todo(found: Dispute) -> str:
    if is_returned_debit(found.reason):
        return _("Nothing can be done about a returned debit. The supporter got a letter, and the receipt was voided.")
    return {
        DisputeState.INQUIRY.value: _(
            "Answer at Stripe before the day, or refund the donation: an inquiry that nobody answers becomes a dispute."
        ),
        DisputeState.NEEDS_ANSWER.value: _(
            "Send evidence at Stripe before the day: the receipt, the page's address, what the supporter wrote. "
            "Whoever says nothing loses."
        ),
        DisputeState.UNDER_REVIEW.value: _("Nothing to do: the bank decides, mostly within two or three months."),
        DisputeState.WON.value: _(
            "Nothing to do. A regular donation that was held for it stays so: its supporter is asked whether it goes on."
        ),
        DisputeState.LOST.value: _("Nothing to do. The books count it as returned, and the receipt was voided."),
    }.get(found.state, _("Nothing to do."))
