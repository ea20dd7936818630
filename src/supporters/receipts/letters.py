"""What a receipt's letter says."""

from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from supporters.donations.collect import PaidDonation
from supporters.mail.rules import echoable_name
from supporters.settings import Settings


def receipt_context(paid: PaidDonation, *, number: str, settings: Settings) -> dict[str, object]:
    """The plain values for templates/mail/receipt. The date is written out here: a proof names its year in every year."""
    local = paid.paid_at.astimezone(ZoneInfo(settings.time_zone))
    return {
        "amount_minor": paid.amount_minor,
        "currency": paid.currency,
        "number": number,
        "reference": paid.reference,
        "frequency": paid.frequency,
        "name": echoable_name(paid.name),
        "card_last4": paid.card_last4,
        "appeal_slug": paid.appeal_slug,
        "appeal_heading": paid.appeal_heading,
        "appeal_thanks": paid.appeal_thanks,
        "appeal_signed_by": paid.appeal_signed_by,
        "paid_on": format_datetime(local, "d MMMM y, HH:mm", locale=settings.locale),
    }
