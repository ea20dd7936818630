"""The letter to whom monthly was offered, who said yes, and for whom it could not be begun."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation, Frequency
from supporters.kit.ids import Ids
from supporters.kit.money import Money, plain_amount
from supporters.kit.strings import gettext as _
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.newsletters.letters import domain_of
from supporters.plans.words import Style, Words
from supporters.settings import Settings

NOT_BEGUN = "plan_not_begun"


async def tell_not_begun(
    session: AsyncSession, donation: Donation, amount: Money, *, ids: Ids, now: datetime, settings: Settings
) -> bool:
    """Its giver hears that nothing was begun, that nothing more is taken, and how to begin anew. *Idempotent by* the donation."""
    words = _words(donation, amount, Style(settings, now), settings)
    return await queue_letter(
        session,
        kind=NOT_BEGUN,
        stream=Stream.SERVICE,
        recipient=donation.email,
        dedupe_key=donation.id,
        context=words.context() | {"name": echoable_name(donation.name), "reference": donation.reference},
        about=donation.id,
        ids=ids,
        now=now,
        domain=domain_of(settings),
    )


def _words(donation: Donation, amount: Money, style: Style, settings: Settings) -> Words:
    frequency = Frequency.MONTHLY
    per = style.per(amount.minor, amount.currency, frequency)
    return Words(
        subject=_("Not begun: your {per} to {paper}").format(per=per, paper=style.paper),
        head=_("Your monthly donation has not begun."),
        lead=_("It could not be set up with the card that you gave with. Nothing more is taken."),
        rows=[
            (_("Not begun"), per),
            (_("Given once, and kept"), style.sum(donation.amount_minor, donation.currency)),
        ],
        then=_("If you still want to give monthly, start it here. If not, there is nothing to do."),
        button=_("Start monthly"),
        url=f"{settings.base_url}/give?frequency={frequency}&amount={plain_amount(amount)}",
        more=_("We have asked Stripe, who take payments for us, not to keep the card."),
    )
