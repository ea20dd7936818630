"""Do Stripe's payouts, their lines, and what is in transit agree?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# Every entry that says what was there when the books began, and of what took such a posting back. These are few and stand
# first: SQLite keeps to the order of a CROSS JOIN, and would else begin with every entry of an account.
OPENED = """
SELECT e.account, e.currency, e.amount_minor FROM ledger_transaction o CROSS JOIN ledger_entry e
WHERE o.source_kind = 'opening' AND e.transaction_id = o.id
UNION ALL
SELECT e.account, e.currency, e.amount_minor
FROM ledger_transaction o CROSS JOIN ledger_transaction r CROSS JOIN ledger_entry e
WHERE o.source_kind = 'opening' AND r.reverses_id = o.id AND e.transaction_id = r.id
"""

_CONTENT = """
SELECT p.stripe_payout_id AS payout, p.amount_minor, coalesce(sum(b.net_minor), 0) AS lines_minor FROM payout p
LEFT JOIN balance_transaction b ON b.stripe_payout_id = p.stripe_payout_id AND b.currency = p.currency
AND (b.source_id IS NULL OR b.source_id <> p.stripe_payout_id)
WHERE p.content = 'verified' GROUP BY p.stripe_payout_id, p.amount_minor
HAVING coalesce(sum(b.net_minor), 0) <> p.amount_minor
UNION ALL
SELECT p.stripe_payout_id, p.amount_minor, p.amount_minor + p.content_off_minor FROM payout p
WHERE p.content = 'off' AND NOT EXISTS (
    SELECT 1 FROM discrepancy d
    WHERE d.code = 'PAYOUT_CONTENT_OFF' AND d.subject = p.stripe_payout_id AND d.state = 'resolved')
"""

# What Stripe says that it holds is asked for once a day; what differs and nobody has explained stands open until it is gone.
_AGREES = """
SELECT d.subject AS currency, d.amount_minor FROM discrepancy d WHERE d.code = 'BALANCE_DRIFT' AND d.state = 'open'
"""

# What a person resolved against "payouts in transit" is explained by that resolution.
_IN_TRANSIT = f"""
SELECT currency, sum(booked) AS booked_minor, sum(sent) AS sent_minor FROM (
    SELECT e.currency, e.amount_minor AS booked, 0 AS sent FROM ledger_entry e
    JOIN ledger_transaction t ON t.id = e.transaction_id
    LEFT JOIN ledger_transaction o ON o.id = t.reverses_id
    WHERE e.account = '1150' AND e.bank_line_id IS NULL
    AND coalesce(o.source_kind, t.source_kind) IN ('balance_transaction', 'opening')
    UNION ALL
    SELECT currency, 0, -gross_minor FROM balance_transaction WHERE posted_at IS NOT NULL
    AND reporting_category IN ('payout', 'payout_reversal', 'topup', 'topup_reversal')
    UNION ALL
    SELECT e.currency, 0, e.amount_minor FROM ({OPENED}) AS e WHERE e.account = '1150'
) AS sides GROUP BY currency HAVING sum(booked) <> sum(sent)
"""  # noqa: S608 - fixed text

# A payout stands in transit whole or not at all: on its way, or arrived, or back in the balance.
_STANDING = """
SELECT p.stripe_payout_id AS payout, p.status, p.amount_minor, sum(e.amount_minor) AS standing_minor FROM payout p
JOIN ledger_entry e ON e.stripe_payout_id = p.stripe_payout_id AND e.account = '1150'
GROUP BY p.stripe_payout_id, p.status, p.amount_minor
HAVING sum(e.amount_minor) NOT IN (0, p.amount_minor) AND NOT EXISTS (
    SELECT 1 FROM discrepancy d WHERE d.subject = p.stripe_payout_id AND d.state = 'open')
"""

# Of a payout that Stripe calls paid: what bank lines show of it, and what stands in transit. One whose own line is not in
# the books yet has nothing to be held to; what a person has booked elsewhere, a discrepancy says.
_BANKED = """
SELECT p.stripe_payout_id AS payout, p.amount_minor, sum(s.arrived) AS banked_minor, sum(s.standing) AS standing_minor
FROM payout p JOIN (
    SELECT stripe_payout_id AS payout, amount_minor AS standing, 0 AS arrived,
    CASE WHEN bank_line_id IS NULL THEN 1 ELSE 0 END AS sent
    FROM ledger_entry WHERE account = '1150' AND stripe_payout_id IS NOT NULL
    UNION ALL
    SELECT ref_id, 0, amount_minor, 0 FROM bank_match WHERE state = 'confirmed' AND side = 'payout'
) AS s ON s.payout = p.stripe_payout_id
WHERE p.status = 'paid' AND NOT EXISTS (
    SELECT 1 FROM discrepancy d WHERE d.subject = p.stripe_payout_id AND (d.state = 'open' OR d.postings IS NOT NULL))
GROUP BY p.stripe_payout_id, p.amount_minor
HAVING sum(s.sent) > 0 AND sum(s.arrived) + sum(s.standing) <> p.amount_minor
"""

# What was on its way when the books began is a payout that Stripe knows, once its list has been read.
_OPENED = """
SELECT e.stripe_payout_id AS payout, e.currency, sum(e.amount_minor) AS amount_minor
FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
WHERE t.source_kind = 'opening' AND e.account = '1150'
AND NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id)
AND NOT EXISTS (SELECT 1 FROM payout p WHERE p.stripe_payout_id = e.stripe_payout_id)
AND EXISTS (SELECT 1 FROM sync_mark m WHERE m.name = 'payouts')
GROUP BY e.stripe_payout_id, e.currency
"""


def sent_checks() -> list[Check]:
    """What must hold between payouts and the ledger."""
    return [
        Check(
            "payout_content",
            _(
                "The lines of every payout that Stripe has itemised sum to what was paid out, or a person has said why not."
            ),
            _CONTENT,
        ),
        Check(
            "balance_agrees",
            _("What Stripe held when it was last asked is what the books say, or a person has said why not."),
            _AGREES,
        ),
        Check(
            "opened_in_transit",
            _("Every payout that was on its way when the books began is one that Stripe knows."),
            _OPENED,
        ),
        Check(
            "payouts_in_transit",
            _("What is in transit is what left Stripe or was sent to it, less what the bank shows, in each currency."),
            _IN_TRANSIT,
        ),
        Check(
            "payout_whole",
            _("Every payout is in transit whole, or has arrived whole, or a discrepancy is open."),
            _STANDING,
        ),
        Check(
            "payout_banked",
            _(
                "What the bank shows of a paid payout and what is in transit of it are the payout, or a discrepancy is open."
            ),
            _BANKED,
        ),
    ]
