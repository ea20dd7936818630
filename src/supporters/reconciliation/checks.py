"""Do mirror, donations and ledger agree?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check
from supporters.reconciliation.postings import PLACED_CATEGORIES
from supporters.reconciliation.sent_checks import OPENED, sent_checks

_LIVE = (
    "t.source_kind = 'balance_transaction' AND t.source_id = b.stripe_balance_transaction_id "
    "AND NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id)"
)

# The same for SQLite, which looks closer only where a line is not in the ledger once, or was ever taken back there.
_POSTED_ONCE_SQLITE = f"""
WITH taken_back AS MATERIALIZED (
    SELECT t.source_id AS line FROM ledger_transaction r CROSS JOIN ledger_transaction t
    WHERE r.reverses_id IS NOT NULL AND t.id = r.reverses_id AND t.source_kind = 'balance_transaction'
), looked_at AS (
    SELECT b.stripe_balance_transaction_id AS line, b.net_minor,
    (SELECT count(*) FROM ledger_transaction t WHERE {_LIVE}) AS transactions
    FROM balance_transaction b WHERE b.posted_at IS NOT NULL AND ((
        SELECT count(*) FROM ledger_transaction t
        WHERE t.source_kind = 'balance_transaction' AND t.source_id = b.stripe_balance_transaction_id
    ) <> 1 OR b.stripe_balance_transaction_id IN (SELECT line FROM taken_back))
)
SELECT line, transactions FROM looked_at WHERE transactions > 1 OR (transactions = 0 AND net_minor <> 0)
"""  # noqa: S608 - fixed text

# Both sides are laid under each other and summed: joined line by line, either database may compare every line with
# every entry of the account when it has no statistics yet. A reversal counts for the line of what it reverses.
# Where few rows lead to many, they stand first and CROSS JOIN follows: SQLite keeps to that order, whatever it guesses.
_LINE_AMOUNTS = """
SELECT line, currency, sum(booked) AS booked_minor, sum(net) AS net_minor FROM (
    SELECT t.source_id AS line, e.currency, e.amount_minor AS booked, 0 AS net
    FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
    WHERE e.account = '1100' AND t.source_kind = 'balance_transaction'
    UNION ALL
    SELECT t.source_id, e.currency, e.amount_minor, 0
    FROM ledger_transaction r CROSS JOIN ledger_entry e JOIN ledger_transaction t ON t.id = r.reverses_id
    WHERE r.reverses_id IS NOT NULL AND e.transaction_id = r.id
    AND e.account = '1100' AND t.source_kind = 'balance_transaction'
    UNION ALL
    SELECT stripe_balance_transaction_id, currency, 0, net_minor FROM balance_transaction WHERE posted_at IS NOT NULL
) AS sides GROUP BY line, currency HAVING sum(booked) <> sum(net)
"""

_STRIPE_BALANCE = f"""
SELECT currency, sum(ledger) AS ledger_minor, sum(mirror) AS mirror_minor FROM (
    SELECT currency, sum(amount_minor) AS ledger, 0 AS mirror FROM ledger_entry WHERE account = '1100' GROUP BY currency
    UNION ALL
    SELECT currency, 0, sum(net_minor) FROM balance_transaction WHERE posted_at IS NOT NULL GROUP BY currency
    UNION ALL
    SELECT e.currency, 0, e.amount_minor FROM ({OPENED}) AS e WHERE e.account = '1100'
) AS sides GROUP BY currency HAVING sum(ledger) <> sum(mirror)
"""  # noqa: S608 - fixed text

# As for `start_moment`: a day that was withdrawn counts until another is given.
_BEFORE_START = (
    "EXISTS (SELECT 1 FROM books_start s WHERE s.revision = (SELECT max(revision) FROM books_start) "
    "AND {moment} < s.starts_at)"
)

# Whether the parts of a fee are the fee; a line that came without its parts has none. Nearly all have one part.
_FEE_PARTS = """
SELECT b.stripe_balance_transaction_id AS line, b.fee_minor, {sum} AS parts_minor FROM balance_transaction b
WHERE CASE WHEN json_array_length(b.fee_details) = 1 THEN {first} ELSE {sum} END <> b.fee_minor
"""
_FEE_PARTS_POSTGRESQL = _FEE_PARTS.format(
    first="CAST(b.fee_details->0->>'amount_minor' AS BIGINT)",
    sum="(SELECT sum(CAST(p.part->>'amount_minor' AS BIGINT)) FROM json_array_elements(b.fee_details) AS p(part))",
)
_FEE_PARTS_SQLITE = _FEE_PARTS.format(
    first="json_extract(b.fee_details, '$[0].amount_minor')",
    sum="(SELECT sum(json_extract(p.value, '$.amount_minor')) FROM json_each(b.fee_details) AS p)",
)

# A debit that its bank refuses is taken off the balance, and its payment may be tried again: then another charge follows.
_ONE_CHARGE = """
SELECT d.id AS donation, c.charges FROM (
    SELECT stripe_payment_intent_id AS payment, sum(CASE reporting_category WHEN 'charge' THEN 1 ELSE -1 END) AS charges
    FROM balance_transaction
    WHERE reporting_category IN ('charge', 'charge_failure') AND stripe_payment_intent_id IS NOT NULL
    GROUP BY stripe_payment_intent_id HAVING sum(CASE reporting_category WHEN 'charge' THEN 1 ELSE -1 END) > 1
) AS c JOIN donation d ON d.stripe_payment_intent_id = c.payment WHERE d.state = 'paid'
"""

_UNSEEN = f"""
SELECT b.stripe_balance_transaction_id AS line, b.reporting_category FROM balance_transaction b
WHERE b.posted_at IS NOT NULL AND b.net_minor <> 0
AND b.reporting_category NOT IN ({", ".join(f"'{category}'" for category in PLACED_CATEGORIES)})
AND NOT EXISTS (SELECT 1 FROM discrepancy d WHERE d.code = 'UNKNOWN_CATEGORY'
AND d.subject = b.stripe_balance_transaction_id)
"""  # noqa: S608 - fixed text

_GIVEN_BACK = """
SELECT d.id AS donation FROM donation d WHERE d.refunded_minor + d.returned_minor > d.amount_minor
AND NOT EXISTS (SELECT 1 FROM discrepancy x WHERE x.donation_id = d.id
AND x.code IN ('DISPUTE_AND_REFUND', 'REFUND_EXCEEDS'))
"""

# Counted by Stripe before the bank has paid: a debit for a donation at the bank, or for a bill that is not paid.
_AT_THE_BANK = """
SELECT 1 FROM ownership o LEFT JOIN checkout c ON c.stripe_payment_intent_id = o.stripe_id
LEFT JOIN donation d ON d.id = c.donation_id
WHERE o.stripe_id = b.stripe_payment_intent_id AND o.owner = 'ours'
AND (d.state = 'processing' OR o.made_by LIKE 'in!_%' ESCAPE '!')
AND NOT EXISTS (SELECT 1 FROM donation p WHERE p.stripe_payment_intent_id = o.stripe_id)
"""

# What stands against "disputes", by dispute: what its lines or the opening have put there, and what its end has taken off;
# the reversal of an opening that was withdrawn counts for its dispute.
_STANDING = """
SELECT b.source_id AS dispute, e.currency, e.amount_minor AS minor
FROM ledger_entry e CROSS JOIN ledger_transaction t CROSS JOIN balance_transaction b
WHERE e.account = '1160' AND t.id = e.transaction_id AND t.source_kind = 'balance_transaction'
AND b.stripe_balance_transaction_id = t.source_id
UNION ALL
SELECT t.source_id, e.currency, e.amount_minor
FROM ledger_entry e CROSS JOIN ledger_transaction t
WHERE e.account = '1160' AND t.id = e.transaction_id AND t.source_kind = 'dispute'
UNION ALL
SELECT t.source_id, e.currency, e.amount_minor
FROM ledger_entry e CROSS JOIN ledger_transaction r JOIN ledger_transaction t ON t.id = r.reverses_id
WHERE e.account = '1160' AND r.id = e.transaction_id AND t.source_kind = 'dispute'
"""

_LEFT_OF_ENDED = f"""
SELECT s.dispute, s.currency, sum(s.minor) AS left_minor FROM ({_STANDING}) AS s
JOIN dispute d ON d.stripe_dispute_id = s.dispute
WHERE d.closed_at < :day_ago AND (d.state = 'lost' OR d.settled_at IS NOT NULL)
GROUP BY s.dispute, s.currency HAVING sum(s.minor) <> 0
"""  # noqa: S608 - fixed text

_HELD_BY_BANKS = f"""
SELECT currency, sum(booked) AS booked_minor, sum(explained) AS explained_minor FROM (
    SELECT e.currency, e.amount_minor AS booked, 0 AS explained FROM ledger_entry e WHERE e.account = '1160'
    UNION ALL
    SELECT s.currency, 0, s.minor FROM ({_STANDING}) AS s JOIN dispute d ON d.stripe_dispute_id = s.dispute
) AS sides GROUP BY currency HAVING sum(booked) <> sum(explained)
"""  # noqa: S608 - fixed text

_FEES_KEPT = """
SELECT donation, sum(kept) AS kept_minor, sum(booked) AS booked_minor FROM (
    SELECT id AS donation, fee_minor AS kept, 0 AS booked FROM donation WHERE fee_minor IS NOT NULL
    UNION ALL
    SELECT e.donation_id, 0, e.amount_minor FROM ledger_entry e
    JOIN donation d ON d.id = e.donation_id AND d.currency = e.currency WHERE e.account LIKE '5%'
) AS sides GROUP BY donation HAVING sum(kept) <> sum(booked)
"""

# The same, donation by donation: SQLite finds the few entries of each faster than it sorts those of all.
_OWN_FEES = """(SELECT coalesce(sum(e.amount_minor), 0) FROM ledger_entry e
WHERE e.donation_id = d.id AND e.currency = d.currency AND e.account LIKE '5%')"""
_FEES_KEPT_SQLITE = f"""
SELECT d.id AS donation, coalesce(d.fee_minor, 0) AS kept_minor, {_OWN_FEES} AS booked_minor FROM donation d
WHERE coalesce(d.fee_minor, 0) <> {_OWN_FEES}
"""  # noqa: S608 - fixed text

_RENEWALS_KEPT = """
SELECT d.id AS donation FROM donation d WHERE d.is_renewal AND (d.frequency = 'once'
OR EXISTS (SELECT 1 FROM plan p WHERE p.first_donation_id = d.id)
OR NOT EXISTS (SELECT 1 FROM instalment i WHERE i.donation_id = d.id))
UNION ALL
SELECT d.id FROM donation d JOIN instalment i ON i.donation_id = d.id JOIN plan p ON p.id = i.plan_id
WHERE NOT d.is_renewal AND p.first_donation_id <> d.id
"""


def checks() -> list[Check]:
    """What must hold between Stripe's lines, donations, payouts, the bank and the ledger."""
    return [*_kept_on_donations(), *_between_books(), *_of_donations(), *_seen(), *sent_checks()]


def _kept_on_donations() -> list[Check]:
    return [
        Check(
            "fees_kept",
            _("Every donation's fees are those that the ledger has of it."),
            _FEES_KEPT,
            sqlite=_FEES_KEPT_SQLITE,
        ),
        Check(
            "renewals_kept",
            _("Every later payment of a plan is marked as one, and no first payment is."),
            _RENEWALS_KEPT,
        ),
    ]


def _between_books() -> list[Check]:
    return [
        Check(
            "line_posted_once",
            _("Every posted line of Stripe's balance is in the ledger exactly once."),
            "SELECT b.stripe_balance_transaction_id AS line, count(t.id) AS transactions FROM balance_transaction b "  # noqa: S608 - fixed text
            f"LEFT JOIN ledger_transaction t ON {_LIVE} WHERE b.posted_at IS NOT NULL "
            "GROUP BY b.stripe_balance_transaction_id, b.net_minor "
            "HAVING count(t.id) > 1 OR (count(t.id) = 0 AND b.net_minor <> 0)",
            sqlite=_POSTED_ONCE_SQLITE,
        ),
        Check(
            "ledger_has_line",
            _("Everything that the ledger took from Stripe's balance is a posted line there."),
            "SELECT t.id AS ledger_transaction FROM ledger_transaction t "
            "LEFT JOIN balance_transaction b ON b.stripe_balance_transaction_id = t.source_id "
            "WHERE t.source_kind = 'balance_transaction' AND b.posted_at IS NULL AND (b.created_at IS NULL "
            "OR NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id))",
        ),
        Check(
            "line_amounts",
            _("Every line of Stripe's balance moves the Stripe balance in the ledger by its net."),
            _LINE_AMOUNTS,
        ),
        Check(
            "stripe_balance",
            _("The Stripe balance in the ledger is the sum of all posted lines, in each currency."),
            _STRIPE_BALANCE,
        ),
        Check(
            "line_posted_in_time",
            _("No line of Stripe's balance has waited for more than a day to be posted."),
            "SELECT stripe_balance_transaction_id AS line, reporting_category FROM balance_transaction b "  # noqa: S608 - fixed text
            f"WHERE posted_at IS NULL AND mirrored_at < :day_ago AND NOT EXISTS ({_AT_THE_BANK}) "
            f"AND NOT {_BEFORE_START.format(moment='b.created_at')}",
        ),
        Check(
            "mirror_fee_parts",
            _("The parts of every fee of Stripe's balance sum to the fee."),
            _FEE_PARTS_POSTGRESQL,
            sqlite=_FEE_PARTS_SQLITE,
        ),
    ]


def _of_donations() -> list[Check]:
    return [
        Check(
            "paid_has_line",
            _("Every donation that was paid through Stripe more than a day ago has its charge in Stripe's balance."),
            "SELECT d.id AS donation FROM donation d WHERE d.state = 'paid' AND d.paid_at < :day_ago "  # noqa: S608 - fixed text
            "AND NOT EXISTS (SELECT 1 FROM balance_transaction b WHERE b.reporting_category = 'charge' "
            "AND b.stripe_payment_intent_id = d.stripe_payment_intent_id) "
            "AND NOT EXISTS (SELECT 1 FROM other_payment o WHERE o.donation_id = d.id) "
            f"AND NOT {_BEFORE_START.format(moment='d.paid_at')}",
        ),
        Check("paid_has_one_charge", _("No paid donation has more than one charge in Stripe's balance."), _ONE_CHARGE),
        Check(
            "disputes_closed",
            _("A dispute that ended more than a day ago has left nothing owed by the bank, once its money has moved."),
            _LEFT_OF_ENDED,
        ),
        Check(
            "disputes_open",
            _("What the books say that banks hold is what the lines of disputes say that are not over."),
            _HELD_BY_BANKS,
        ),
    ]


def _seen() -> list[Check]:
    """Where the books can't know better, a person was told."""
    return [
        Check(
            "unknown_is_seen",
            _("Every line that the books have no place for is in suspense with a discrepancy that says so."),
            _UNSEEN,
        ),
        Check(
            "given_back_is_seen",
            _("Where more went back than was given, a discrepancy says so."),
            _GIVEN_BACK,
        ),
    ]
