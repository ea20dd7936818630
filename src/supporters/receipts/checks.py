"""Do the receipts hold?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# A statement is sent from 5 January on, and looked for from February on; where the year ends decides the publisher's time
# zone, so that the last hours of a year are looked at a year later. What was heard of late has a day.
_STATED_LATE = (
    "SELECT d.id AS donation FROM stated_payment s JOIN donation d ON d.id = s.donation_id "
    "WHERE s.statement_id IS NULL AND d.state = 'paid' AND s.kept_at < :day_ago AND "
)


def checks() -> list[Check]:
    """What must hold for receipts and their letters."""
    return [
        Check(
            "paid_has_receipt",
            _("Every paid donation has a receipt, unless its giver wanted one statement a year when it was paid."),
            "SELECT d.id AS donation FROM donation d LEFT JOIN receipt r ON r.donation_id = d.id "
            "LEFT JOIN stated_payment s ON s.donation_id = d.id "
            "WHERE d.state = 'paid' AND r.id IS NULL AND s.donation_id IS NULL",
        ),
        Check(
            "receipt_or_statement",
            _("No payment has a receipt of its own and waits for its year's statement too."),
            "SELECT s.donation_id AS donation, r.number AS receipt FROM stated_payment s "
            "JOIN receipt r ON r.donation_id = s.donation_id",
        ),
        Check(
            "yearly_has_statement",
            _("Once a year is over, its statement tells of every payment of whoever wanted one statement a year."),
            f"{_STATED_LATE} extract(year FROM d.paid_at AT TIME ZONE 'UTC' + interval '14 hours') < "
            "extract(year FROM CAST(:day_ago AS timestamptz) AT TIME ZONE 'UTC' - interval '31 days')",
            f"{_STATED_LATE} strftime('%Y', d.paid_at, '+14 hours') < strftime('%Y', :day_ago, '-31 days')",
        ),
        Check(
            "statement_has_letter",
            _("Every statement of a year for somebody with an email address has a letter that carries it."),
            "SELECT y.id AS statement FROM year_statement y LEFT JOIN letter l ON l.kind = 'year_statement' "
            "AND l.about = y.id WHERE y.has_letter AND l.id IS NULL",
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
