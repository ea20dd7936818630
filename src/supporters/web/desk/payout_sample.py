"""A made-up payout that shows what a proof looks like, while there is no real one. Pure: nothing of it is stored or counted."""

import msgspec

from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.payout_lines import Part
from supporters.web.desk.payout_words import Because, ShownBar, payout_bars

PARTS = (Part("charge", 12, 28_400, 894, 27_506), Part("refund", 1, -1_000, 0, -1_000))


class Sample(msgspec.Struct, frozen=True):
    """The made-up payout as the page shows it."""

    amount: Money
    lines: int
    bars: list[ShownBar]
    reasons: list[Because]


def sample_payout(currency: str) -> Sample:
    """A payout of twelve donations and one refund, in that currency, proved on all sides."""
    lines = sum(part.lines for part in PARTS)
    reasons = [
        Because(_("Its lines add up to it: %(count)s") % {"count": lines}, True),
        Because(_("Each of its lines is in the books"), True),
        Because(_("Stripe's reference is on the bank line, and the amount is the same to the penny"), True),
    ]
    amount = Money(sum(part.net_minor for part in PARTS), currency)
    return Sample(amount, lines, payout_bars(PARTS, currency), reasons)
