"""Does the ledger hold? Triggers and constraints already refuse what these look for: they notice if those were missing.

`Check` is the form of every room's checks: one SQL statement for both databases that returns the rows that are wrong.
"""

import msgspec

from supporters.kit.strings import gettext as _


class Check(msgspec.Struct, frozen=True):
    """One thing that must hold. `sql` returns offending rows, without personal data; it may use `:day_ago`.

    `sqlite` is the same for SQLite where one statement can't serve both databases.
    """

    name: str
    sentence: str
    sql: str
    sqlite: str = ""


def checks() -> list[Check]:
    """What must hold in the ledger."""
    return [*_balanced(), *_dated()]


def _balanced() -> list[Check]:
    return [
        Check(
            "ledger_balanced",
            _("The entries of every ledger transaction sum to zero in each currency."),
            "SELECT transaction_id AS ledger_transaction, currency, sum(amount_minor) AS total FROM ledger_entry "
            "GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0",
        ),
        Check(
            "ledger_no_orphans",
            _("Every ledger entry belongs to a ledger transaction."),
            "SELECT e.transaction_id AS missing FROM (SELECT DISTINCT transaction_id FROM ledger_entry) AS e "
            "LEFT JOIN ledger_transaction t ON t.id = e.transaction_id WHERE t.id IS NULL",
        ),
        Check(
            "ledger_no_empty",
            _("Every ledger transaction has two entries or more."),
            "SELECT t.id AS ledger_transaction FROM ledger_transaction t "
            "LEFT JOIN ledger_entry e ON e.transaction_id = t.id GROUP BY t.id HAVING count(e.id) < 2",
            sqlite="SELECT t.id AS ledger_transaction FROM ledger_transaction t "
            "WHERE (SELECT count(*) FROM ledger_entry e WHERE e.transaction_id = t.id) < 2",
        ),
        Check(
            "ledger_reversals",
            _("A reversal leaves nothing of what it reverses on any account."),
            "SELECT r.id AS reversal, e.account, e.currency, sum(e.amount_minor) AS total FROM ledger_transaction r "
            "JOIN ledger_entry e ON e.transaction_id IN (r.id, r.reverses_id) WHERE r.reverses_id IS NOT NULL "
            "GROUP BY r.id, e.account, e.currency HAVING sum(e.amount_minor) <> 0",
        ),
    ]


def _dated() -> list[Check]:
    return [
        Check(
            "ledger_periods",
            _("Every ledger transaction stands in the month of its day."),
            "SELECT id AS ledger_transaction, period FROM ledger_transaction "
            "WHERE substr(CAST(booked_on AS VARCHAR(10)), 1, 7) <> period",
        ),
        Check(
            "ledger_locked_months",
            _(
                "A locked month holds exactly what it held when it was locked, and no month before it is open with postings."
            ),
            "SELECT p.period, p.transactions AS locked_with, count(t.id) AS transactions FROM ledger_period p "
            "LEFT JOIN ledger_transaction t ON t.period = p.period WHERE p.state = 'locked' "
            "GROUP BY p.period, p.transactions HAVING p.transactions IS NULL OR count(t.id) <> p.transactions "
            "UNION ALL SELECT period, NULL, count(*) FROM ledger_transaction "
            "WHERE period < (SELECT max(period) FROM ledger_period WHERE state = 'locked') "
            "AND period NOT IN (SELECT period FROM ledger_period WHERE state = 'locked') GROUP BY period",
        ),
        Check(
            "ledger_late_facts",
            _("What was posted later than its day, because its month was locked, keeps a day of an earlier month."),
            "SELECT id AS ledger_transaction, period, effective_on FROM ledger_transaction WHERE effective_on IS NOT NULL "
            "AND substr(CAST(effective_on AS VARCHAR(10)), 1, 7) >= period",
        ),
        Check(
            "ledger_since_start",
            _("Nothing is posted that is older than the day on which these books began."),
            "SELECT t.id AS ledger_transaction, t.booked_on FROM ledger_transaction t "
            "JOIN books_start s ON s.withdrawn_at IS NULL AND t.booked_on < s.starts_on "
            "WHERE t.purpose NOT IN ('opening', 'reversal') "
            "AND NOT EXISTS (SELECT 1 FROM ledger_transaction r WHERE r.reverses_id = t.id)",
        ),
    ]
