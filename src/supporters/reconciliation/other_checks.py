"""Do payments that never met Stripe, deposits, promises, the bank and the ledger agree?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

# Everything that their own postings have put on "undeposited", reversals counted for what they reverse.
_PAYMENTS = """
SELECT payment, currency, sum(booked) AS booked_minor, sum(said) AS payment_minor FROM (
    SELECT t.source_id AS payment, e.currency, e.amount_minor AS booked, 0 AS said
    FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = '1200'
    WHERE t.source_kind = 'other_payment'
    UNION ALL
    SELECT t.source_id, e.currency, e.amount_minor, 0
    FROM ledger_transaction t JOIN ledger_transaction r ON r.reverses_id = t.id
    JOIN ledger_entry e ON e.transaction_id = r.id AND e.account = '1200'
    WHERE t.source_kind = 'other_payment'
    UNION ALL
    SELECT id, currency, 0, amount_minor FROM other_payment WHERE state NOT IN ('bounced', 'void')
) AS sides GROUP BY payment, currency HAVING sum(booked) <> sum(said)
"""

_DONATIONS = """
SELECT o.id AS payment FROM other_payment o CROSS JOIN donation d WHERE d.id = o.donation_id
AND (d.state <> 'paid' OR d.amount_minor <> o.amount_minor OR d.currency <> o.currency
OR d.stripe_payment_intent_id IS NOT NULL)
"""

_DEPOSITS = """
SELECT d.id AS deposit, d.counted_minor, coalesce(sum(m.amount_minor), 0) AS matched_minor FROM deposit d
LEFT JOIN bank_match m ON m.side = 'deposit' AND m.ref_id = d.id AND m.state = 'confirmed'
GROUP BY d.id, d.counted_minor, d.state
HAVING coalesce(sum(m.amount_minor), 0) <> CASE d.state WHEN 'cleared' THEN d.counted_minor ELSE 0 END
"""

_DEPOSITED = """
SELECT o.id AS payment FROM other_payment o LEFT JOIN deposit d ON d.id = o.deposit_id
WHERE (o.state = 'deposited' AND (d.id IS NULL OR d.state <> 'paid_in'))
OR (o.state = 'cleared' AND d.id IS NOT NULL AND d.state <> 'cleared')
OR (o.state = 'recorded' AND d.id IS NOT NULL)
"""

_PROMISES = """
SELECT o.id AS payment, o.amount_minor, coalesce(sum(m.amount_minor), 0) AS matched_minor FROM other_payment o
LEFT JOIN bank_match m ON m.side = 'promise' AND m.state = 'confirmed'
AND m.ref_id = o.promise_id || ':' || CAST(o.promise_turn AS VARCHAR(12))
WHERE o.promise_id IS NOT NULL AND o.state = 'cleared' AND o.recorded_at < :day_ago
GROUP BY o.id, o.amount_minor HAVING coalesce(sum(m.amount_minor), 0) <> o.amount_minor
"""

# What the postings have taken off income for it, reversals counted for what they reverse.
_REFUNDS = """
SELECT refund, currency, sum(booked) AS booked_minor, sum(said) AS refund_minor FROM (
    SELECT t.source_id AS refund, e.currency, e.amount_minor AS booked, 0 AS said
    FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id AND e.account = '4090'
    WHERE t.source_kind = 'other_refund'
    UNION ALL
    SELECT t.source_id, e.currency, e.amount_minor, 0
    FROM ledger_transaction t JOIN ledger_transaction r ON r.reverses_id = t.id
    JOIN ledger_entry e ON e.transaction_id = r.id AND e.account = '4090'
    WHERE t.source_kind = 'other_refund'
    UNION ALL
    SELECT id, currency, 0, amount_minor FROM other_refund WHERE state <> 'void'
) AS sides GROUP BY refund, currency HAVING sum(booked) <> sum(said)
"""

_REFUNDED = """
SELECT o.id AS refund, o.amount_minor, coalesce(sum(m.amount_minor), 0) AS matched_minor FROM other_refund o
LEFT JOIN bank_match m ON m.side = 'other_refund' AND m.ref_id = o.id AND m.state = 'confirmed'
GROUP BY o.id, o.amount_minor, o.state
HAVING coalesce(sum(m.amount_minor), 0) <> CASE o.state WHEN 'cleared' THEN -o.amount_minor ELSE 0 END
"""


def checks() -> list[Check]:
    """What must hold for money that never met Stripe."""
    return [
        Check(
            "other_payments_booked",
            _("Every payment that never met Stripe is in the ledger once, until it bounced or was taken back."),
            _PAYMENTS,
        ),
        Check("other_payments_given", _("Every such payment is a paid donation of its amount."), _DONATIONS),
        Check("deposits_arrived", _("A deposit that cleared was found in the bank with what was counted."), _DEPOSITS),
        Check("deposited_with", _("What was paid in stands as its deposit does."), _DEPOSITED),
        Check(
            "other_refunds_booked",
            _("Everything that was paid back without Stripe is in the ledger once, unless that was taken back."),
            _REFUNDS,
        ),
        Check("other_refunds_left", _("Money paid back that cleared was found in the bank."), _REFUNDED),
        Check("promises_arrived", _("Every payment of a promise is a bank line that was matched with it."), _PROMISES),
    ]
