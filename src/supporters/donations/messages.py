"""What others are told of donations: ids and amounts. Who gave is asked of us, by whoever may know. Pure."""

from supporters.donations.collect import PaidDonation
from supporters.donations.models import Refund
from supporters.outgoing.emit import Message, in_words
from supporters.outgoing.models import Kind


def paid_message(paid: PaidDonation) -> Message:
    """That a donation was paid."""
    data: dict[str, object] = {
        "donation": paid.id,
        "reference": paid.reference,
        "amount_minor": paid.amount_minor,
        "currency": paid.currency,
        "frequency": paid.frequency,
        "appeal": paid.appeal_slug,
        "paid_at": in_words(paid.paid_at),
    }
    return Message(kind=Kind.DONATION_PAID, about=paid.id, data=data)


def refunded_message(refund: Refund) -> Message:
    """That money, wholly or partly, went back."""
    return Message(kind=Kind.DONATION_REFUNDED, about=refund.donation_id, data=_of(refund))


def refund_undone_message(refund: Refund) -> Message:
    """That it did not after all: the bank sent it back, or it was written down by mistake."""
    return Message(kind=Kind.REFUND_UNDONE, about=refund.donation_id, data=_of(refund))


def _of(refund: Refund) -> dict[str, object]:
    return {
        "donation": refund.donation_id,
        "refund": refund.id,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
    }
