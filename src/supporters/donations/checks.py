"""Do donations and their refunds hold?"""

from supporters.donations.tally import PARTS
from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# What is few is added up first, and only then laid beside every donation.
_REFUNDS = (
    "(SELECT donation_id, sum(amount_minor) AS minor FROM refund WHERE state = 'succeeded' GROUP BY donation_id) AS r"
)
_RETURNED = (
    "SELECT d.id AS donation, d.amount_minor, d.refunded_minor, coalesce(r.minor, 0) AS returned_minor "  # noqa: S608 - fixed text
    f"FROM donation d LEFT JOIN {_REFUNDS} ON r.donation_id = d.id "
)

_REFUNDED = "coalesce(r.minor, 0)"

_IS_SEEN = (
    "SELECT 1 FROM discrepancy x WHERE x.donation_id = d.id AND x.code IN ('DISPUTE_AND_REFUND', 'REFUND_EXCEEDS')"
)
_IS_NOT_COUNTED = f"d.refunded_minor <> CASE WHEN {_REFUNDED} > d.amount_minor THEN d.amount_minor ELSE {_REFUNDED} END"

_TAKEN = (
    "(SELECT donation_id, sum(amount_minor) AS minor FROM ("
    "SELECT donation_id, amount_minor FROM dispute WHERE state IN ('needs_answer', 'under_review', 'lost') "
    "UNION ALL SELECT donation_id, amount_minor FROM other_payment WHERE state IN ('bounced', 'void')"
    ") AS taken GROUP BY donation_id) AS x"
)
_MINOR = "coalesce(x.minor, 0)"
_TAKEN_BACK = (
    f"SELECT d.id AS donation, d.returned_minor, {_MINOR} AS taken_minor "  # noqa: S608 - fixed text
    f"FROM donation d LEFT JOIN {_TAKEN} ON x.donation_id = d.id "
    f"WHERE d.returned_minor <> CASE WHEN {_MINOR} > d.amount_minor THEN d.amount_minor ELSE {_MINOR} END"
)

# Both sides are laid under each other and summed. A donation belongs to the last day that does not begin after it.
_NAMES = ", ".join(PARTS)
_COUNTED = ", ".join(f"-({part.format('d.')})" for part in PARTS.values())
_KEPT = (
    f"SELECT since, currency, state, {', '.join(f'sum({name}) AS {name}' for name in PARTS)} FROM ("  # noqa: S608 - fixed text
    f"SELECT since, currency, state, {_NAMES} FROM donation_tally UNION ALL "
    "SELECT (SELECT max(t.since) FROM donation_tally t WHERE t.since <= coalesce(d.paid_at, d.created_at)), "
    f"d.currency, d.state, {_COUNTED} FROM donation d"
    f") AS sides GROUP BY since, currency, state HAVING {' OR '.join(f'sum({name}) <> 0' for name in PARTS)}"
)


def checks() -> list[Check]:
    """What must hold for donations and refunds."""
    return [
        Check(
            "paid_has_payment",
            _("Every paid donation names its payment and when it was paid."),
            "SELECT id AS donation FROM donation d WHERE state = 'paid' AND (paid_at IS NULL OR supporter_id IS NULL "
            "OR (stripe_payment_intent_id IS NULL AND NOT EXISTS ("
            "SELECT 1 FROM other_payment o WHERE o.donation_id = d.id)))",
        ),
        Check(
            "refunds_within_donation",
            _("No more was refunded than was given, or a discrepancy says so."),
            _RETURNED + f"WHERE {_REFUNDED} > d.amount_minor AND NOT EXISTS ({_IS_SEEN})",
        ),
        Check(
            "refunded_sum",
            _("What a donation says was returned is the sum of its refunds that succeeded, at most all of it."),
            _RETURNED + f"WHERE {_IS_NOT_COUNTED}",
        ),
        Check(
            "refund_currency",
            _("Every refund is in the currency of its donation."),
            "SELECT r.id AS refund FROM refund r JOIN donation d ON d.id = r.donation_id WHERE r.currency <> d.currency",
        ),
        Check(
            "refund_of_paid",
            _("Only paid donations have refunds."),
            "SELECT r.id AS refund FROM refund r JOIN donation d ON d.id = r.donation_id WHERE d.state <> 'paid'",
        ),
        Check(
            "returned_sum",
            _(
                "What banks have taken of a donation is the sum of its disputes that are lost or open, and of what "
                "bounced or was taken back, at most all of it."
            ),
            _TAKEN_BACK,
        ),
        Check(
            "sums_kept",
            _("What the database keeps of each day's donations is what they add up to."),
            _KEPT,
        ),
        Check(
            "dispute_of_paid",
            _("Only paid donations have disputes."),
            "SELECT x.id AS dispute FROM dispute x JOIN donation d ON d.id = x.donation_id WHERE d.state <> 'paid'",
        ),
    ]
