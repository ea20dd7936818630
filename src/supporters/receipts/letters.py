"""What a receipt's letter says."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from supporters.appeals.queries import AppealView
from supporters.donations.collect import PaidDonation
from supporters.kit.strings import gettext as _
from supporters.mail.rules import echoable_name
from supporters.settings import Settings


def receipt_context(
    paid: PaidDonation, *, number: str, settings: Settings, subject: str = "", signoff: str = ""
) -> dict[str, object]:
    """The plain values for templates/mail/receipt. The date is written out here: a proof names its year in every year.

    `subject` and `signoff` are the appeal's own, empty where the usual ones hold; `%(amount)s` and `%(paper)s` in them are
    filled in by the templates.
    """
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
        "letter_subject": subject,
        "letter_signoff": signoff,
        "paid_on": format_datetime(local, "d MMMM y, HH:mm", locale=settings.locale),
    }


def sample_letter(appeal: AppealView, *, name: str, now: datetime, settings: Settings) -> dict[str, object]:
    """The values of a receipt's letter that nobody's donation stands behind, to be looked at before it is published."""
    rungs = appeal.amounts.get("once") or (settings.minimum_minor,)
    paid = PaidDonation(
        id="",
        reference=_("none"),
        amount_minor=rungs[len(rungs) // 2],
        currency=appeal.currency,
        frequency="once",
        email="",
        name=name,
        card_last4="4242",
        appeal_slug=appeal.slug,
        appeal_heading=appeal.heading,
        appeal_thanks=appeal.thanks,
        appeal_signed_by=appeal.signed_by,
        paid_at=now,
    )
    subject, signoff = appeal.letter_subject, appeal.letter_signoff
    return receipt_context(paid, number=_("for a look only"), settings=settings, subject=subject, signoff=signoff)
