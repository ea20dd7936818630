"""Do bank lines, matches and ledger agree?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# What stands in the ledger for each bank line, reversals counted for what they reverse, beside what its state says.
_BOOKED = """
SELECT line, sum(booked) AS booked_minor, sum(matched) AS matched_minor FROM (
    SELECT e.bank_line_id AS line, e.amount_minor AS booked, 0 AS matched FROM ledger_entry e
    WHERE e.account = '1000' AND e.bank_line_id IS NOT NULL
    UNION ALL
    SELECT id, 0, amount_minor FROM bank_line WHERE state = 'matched'
) AS sides GROUP BY line HAVING sum(booked) <> sum(matched)
"""

_MATCHED = """
SELECT line, sum(said) AS matches_minor, sum(written) AS line_minor FROM (
    SELECT bank_line_id AS line, amount_minor AS said, 0 AS written FROM bank_match WHERE state = 'confirmed'
    UNION ALL
    SELECT id, 0, amount_minor FROM bank_line WHERE state = 'matched'
) AS sides GROUP BY line HAVING sum(said) <> sum(written)
"""

_PAYOUTS = """
SELECT m.side, m.ref_id AS payment, max(p.amount_minor) AS amount_minor, sum(m.amount_minor) AS matched_minor
FROM bank_match m LEFT JOIN (
    SELECT 'payout' AS side, stripe_payout_id AS ref_id, amount_minor FROM payout
    UNION ALL SELECT 'payout_return', stripe_payout_id, -amount_minor FROM payout
    UNION ALL SELECT 'top_up', stripe_balance_transaction_id, -gross_minor FROM balance_transaction
    WHERE reporting_category IN ('topup', 'topup_reversal')
) p ON p.side = m.side AND p.ref_id = m.ref_id
WHERE m.state = 'confirmed' AND m.side IN ('payout', 'payout_return', 'top_up') GROUP BY m.side, m.ref_id
HAVING max(p.amount_minor) IS NULL OR sum(m.amount_minor) <> max(p.amount_minor)
"""


def checks() -> list[Check]:
    """What must hold between bank lines, matches and the ledger."""
    return [
        Check(
            "bank_lines_booked",
            _("Every matched bank line is in the ledger with its amount, and no other is."),
            _BOOKED,
        ),
        Check("bank_lines_matched", _("What a matched bank line was found to be comes to its amount."), _MATCHED),
        Check(
            "payouts_arrived", _("What Stripe sent, took or got back was found in the bank whole, and once."), _PAYOUTS
        ),
    ]
