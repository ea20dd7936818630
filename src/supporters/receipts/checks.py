"""Do the receipts hold?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# Whoever has a plan may want one statement a year instead, and change that as often as they like.
_ONE_A_YEAR = (
    "SELECT 1 FROM instalment i JOIN plan p ON p.id = i.plan_id WHERE i.donation_id = d.id AND (p.receipts <> 'each' "
    "OR EXISTS (SELECT 1 FROM plan_event e WHERE e.plan_id = p.id AND e.kind = 'changed_receipts'))"
)


def checks() -> list[Check]:
    """What must hold for receipts and their letters."""
    return [
        Check(
            "paid_has_receipt",
            _("Every paid donation has a receipt, unless its giver wants one statement a year."),
            "SELECT d.id AS donation FROM donation d LEFT JOIN receipt r ON r.donation_id = d.id "  # noqa: S608 - fixed text
            f"WHERE d.state = 'paid' AND r.id IS NULL AND NOT EXISTS ({_ONE_A_YEAR})",
        ),
        Check(
            "receipt_has_paid",
            _("Every receipt is for a paid donation, with its amount and currency."),
            "SELECT r.number AS receipt FROM receipt r LEFT JOIN donation d ON d.id = r.donation_id "
            "WHERE d.id IS NULL OR d.state <> 'paid' OR d.amount_minor <> r.amount_minor OR d.currency <> r.currency",
        ),
        Check(
            "receipts_gap_free",
            _("The receipt numbers of every year run from 1 without a gap."),
            "SELECT year, count(*) AS receipts, max(sequence) AS highest FROM receipt GROUP BY year "
            "HAVING count(*) <> max(sequence) OR min(sequence) <> 1",
        ),
        Check(
            "receipt_counter",
            _("The counter of every year stands at its last receipt."),
            "SELECT year, sum(last) AS counter, sum(highest) AS highest FROM ("
            "SELECT year, last, 0 AS highest FROM receipt_counter "
            "UNION ALL SELECT year, 0, max(sequence) FROM receipt GROUP BY year"
            ") AS counted GROUP BY year HAVING sum(last) <> sum(highest)",
        ),
        Check(
            "receipt_has_letter",
            _("Every receipt of somebody with an email address has a letter that carries it."),
            "SELECT r.number AS receipt FROM receipt r LEFT JOIN letter l ON l.kind = 'receipt' AND l.about = r.donation_id "
            "WHERE l.id IS NULL AND r.email <> ''",
        ),
    ]
