"""Do the statements hold? Every closing balance is reached, no line is here twice, and parts make up their line."""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check

_LISTED = (
    "SELECT id AS line, bank_statement_id AS statement, amount_minor FROM bank_line "
    "WHERE parent_id IS NULL AND state <> 'undone' "
    "UNION ALL SELECT l.id, s.bank_statement_id, l.amount_minor FROM bank_sighting s "
    "JOIN bank_line l ON l.id = s.bank_line_id AND l.state <> 'undone'"
)


def checks() -> list[Check]:
    """What must hold in the statements of banks."""
    return [
        Check(
            "bank_statements_add_up",
            _("Every bank statement's opening balance and lines come to its closing balance."),
            "SELECT t.id AS statement, t.closing_minor - t.opening_minor - coalesce(sum(l.amount_minor), 0) AS off_minor "  # noqa: S608 - no value of anybody's
            "FROM bank_statement t JOIN bank_file f ON f.id = t.bank_file_id AND f.state = 'imported' "
            f"LEFT JOIN ({_LISTED}) l ON l.statement = t.id "
            "WHERE t.opening_minor IS NOT NULL AND t.closing_minor IS NOT NULL "
            "GROUP BY t.id, t.opening_minor, t.closing_minor "
            "HAVING t.closing_minor - t.opening_minor <> coalesce(sum(l.amount_minor), 0)",
        ),
        Check(
            "bank_parts_add_up",
            _("The single payments of a bank line come to the line."),
            "SELECT l.id AS line, l.amount_minor, sum(p.amount_minor) AS parts_minor FROM bank_line l "
            "JOIN bank_line p ON p.parent_id = l.id GROUP BY l.id, l.amount_minor "
            "HAVING l.amount_minor <> sum(p.amount_minor)",
        ),
        Check(
            "bank_lines_at_home",
            _("Bank lines stand under an imported file unless they were taken back with it."),
            "SELECT l.id AS line, l.state, f.state AS file_state FROM bank_line l JOIN bank_file f ON f.id = l.bank_file_id "
            "WHERE (l.state = 'undone') <> (f.state = 'undone')",
        ),
    ]
