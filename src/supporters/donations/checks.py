"""Do donations and their refunds hold?"""

from supporters.donations.tally import PARTS
from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# What is few is added up first, and leads to its donations: CROSS JOIN, or SQLite would look at every donation. All others are
# asked only whether they say that something came back.
_REFUNDS = (
    "(SELECT donation_id, sum(amount_minor) AS minor FROM refund WHERE state = 'succeeded' GROUP BY donation_id) AS r"
)
_TAKEN = (
    "(SELECT donation_id, sum(amount_minor) AS minor FROM ("
    "SELECT donation_id, amount_minor FROM dispute WHERE state IN ('needs_answer', 'under_review', 'lost') "
    "UNION ALL SELECT donation_id, amount_minor FROM other_payment WHERE state IN ('bounced', 'void') "
    "UNION ALL SELECT o.donation_id, -f.amount_minor FROM other_refund f JOIN other_payment o ON o.id = f.other_payment_id "
    "WHERE f.state <> 'void' AND o.state = 'bounced'"  # that part had gone back before
    ") AS taken GROUP BY donation_id) AS r"
)
_SUM_OF = (
    "SELECT d.id AS donation, d.{said}, r.minor AS {summed} FROM {parts} CROSS JOIN donation d WHERE d.id = r.donation_id "
    "AND d.{said} <> CASE WHEN r.minor > d.amount_minor THEN d.amount_minor ELSE r.minor END UNION ALL "
    "SELECT d.id, d.{said}, 0 FROM donation d WHERE d.{said} <> 0 AND d.id NOT IN (SELECT r.donation_id FROM {parts})"
)
_TOO_MUCH = (
    "SELECT d.id AS donation, d.amount_minor, r.minor AS returned_minor "  # noqa: S608 - fixed text
    f"FROM {_REFUNDS} CROSS JOIN donation d WHERE d.id = r.donation_id AND r.minor > d.amount_minor AND NOT EXISTS ("
    "SELECT 1 FROM discrepancy x WHERE x.donation_id = d.id AND x.code IN ('DISPUTE_AND_REFUND', 'REFUND_EXCEEDS'))"
)

# Both sides are laid under each other and summed. A donation belongs to the last day that does not begin after it.
_NAMES = ", ".join(PARTS)
_COUNTED = ", ".join(f"-({part.format('d.')})" for part in PARTS.values())
_SUMMED = ", ".join(f"-sum({part.format('')})" for part in PARTS.values())
# SQLite knows the day by the beginning of the moment, and sums each day's donations first: it sorts what it groups.
_SIDES = (
    f"SELECT since, currency, state, {', '.join(f'sum({name}) AS {name}' for name in PARTS)} FROM ("  # noqa: S608 - fixed text
    f"SELECT since, currency, state, {_NAMES} FROM donation_tally UNION ALL {{counted}}"
    f") AS sides GROUP BY since, currency, state HAVING {' OR '.join(f'sum({name}) <> 0' for name in PARTS)}"
)
_KEPT = _SIDES.format(
    counted="SELECT (SELECT max(t.since) FROM donation_tally t WHERE t.since <= coalesce(d.paid_at, d.created_at)), "  # noqa: S608 - fixed text
    f"d.currency, d.state, {_COUNTED} FROM donation d"
)
_KEPT_SQLITE = _SIDES.format(
    counted="SELECT day || ' 00:00:00.000000', currency, state, "  # noqa: S608 - fixed text
    f"{_SUMMED} FROM (SELECT "
    "substr(coalesce(paid_at, created_at), 1, 10) AS day, currency, state, amount_minor, fee_minor, refunded_minor, "
    "returned_minor FROM donation) AS d GROUP BY day, currency, state"
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
            _TOO_MUCH,
        ),
        Check(
            "refunded_sum",
            _("What a donation says was returned is the sum of its refunds that succeeded, at most all of it."),
            _SUM_OF.format(said="refunded_minor", summed="refunds_minor", parts=_REFUNDS),
        ),
        Check(
            "refund_currency",
            _("Every refund is in the currency of its donation."),
            "SELECT r.id AS refund FROM refund r CROSS JOIN donation d WHERE d.id = r.donation_id AND r.currency <> d.currency",
        ),
        Check(
            "refund_of_paid",
            _("Only paid donations have refunds."),
            "SELECT r.id AS refund FROM refund r CROSS JOIN donation d WHERE d.id = r.donation_id AND d.state <> 'paid'",
        ),
        Check(
            "returned_sum",
            _(
                "What banks have taken of a donation is the sum of its disputes that are lost or open, and of what "
                "bounced or was taken back, at most all of it."
            ),
            _SUM_OF.format(said="returned_minor", summed="taken_minor", parts=_TAKEN),
        ),
        Check(
            "sums_kept",
            _("What the database keeps of each day's donations is what they add up to."),
            _KEPT,
            sqlite=_KEPT_SQLITE,
        ),
        Check(
            "dispute_of_paid",
            _("Only paid donations have disputes."),
            "SELECT x.id AS dispute FROM dispute x CROSS JOIN donation d WHERE d.id = x.donation_id AND d.state <> 'paid'",
        ),
    ]
