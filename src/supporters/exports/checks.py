"""Do the exports hold? Constraints refuse most of what these look for: they notice if those were missing."""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check


def checks() -> list[Check]:
    """What must hold in the exports."""
    return [
        Check(
            "exports_once",
            _("For each program a ledger transaction is in one live batch at most."),
            "SELECT target, ledger_transaction_id AS ledger_transaction, count(*) AS batches FROM export_item "
            "WHERE is_live GROUP BY target, ledger_transaction_id HAVING count(*) > 1",
        ),
        Check(
            "exports_whole",
            _("Every batch names as many ledger transactions as went out in it, live as long as the batch is."),
            "SELECT b.id AS batch, b.transactions FROM export_batch b LEFT JOIN export_item i ON i.batch_id = b.id "
            "AND i.is_live = (b.state = 'live') WHERE b.reverses_id IS NULL "
            "GROUP BY b.id, b.transactions HAVING count(i.batch_id) <> b.transactions",
        ),
        Check(
            "exports_taken_back",
            _("Every batch that was taken back names the one that takes it back, and that one names it."),
            "SELECT b.id AS batch FROM export_batch b LEFT JOIN export_batch r ON r.reverses_id = b.id "
            "WHERE (b.state = 'reversed') <> (r.id IS NOT NULL) OR (r.id IS NOT NULL AND r.id <> b.reversed_by_batch_id)",
        ),
    ]
