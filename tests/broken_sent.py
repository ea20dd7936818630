"""Payouts and bank lines, broken on purpose: the name of the check that must notice, and what breaks it."""

TRANSACTION = "(SELECT id FROM ledger_transaction WHERE source_id = 'txn_1')"
PAYOUT = (
    "INSERT INTO payout (stripe_payout_id, livemode, created_at, arrival_on, amount_minor, currency, is_automatic, method, "
    "status, reconciliation_status, content, mirrored_at, changed_at) "
    "SELECT 'po_1', false, created_at, '2026-11-24', 9000, 'GBP', true, 'standard', 'paid', 'completed', '{content}', "
    "mirrored_at, mirrored_at FROM balance_transaction WHERE stripe_balance_transaction_id = 'txn_1'"
)
SENT = f"UPDATE ledger_entry SET account = '1150' WHERE transaction_id = {TRANSACTION} AND account = '4000'"
FILE = (
    "INSERT INTO bank_file (id, bank_account_id, state, name, sha256, format, layout, size_bytes, counts, taken_by, taken_at) "
    "VALUES ('file', 'account', 'imported', 'november.csv', '', 'csv', '', 1, '{}', 'dana', '2026-11-22 09:00:00.000000')"
)
STATEMENT = (
    "INSERT INTO bank_statement (id, bank_file_id, bank_account_id, position, number, starts_on, ends_on, opening_minor, "
    "closing_minor) VALUES ('statement', 'file', 'account', 0, '', '2026-11-01', '2026-11-30', 100, 105)"
)
NEXT_STATEMENT = (
    STATEMENT.replace("'statement'", "'next'")
    .replace("'2026-11-01', '2026-11-30', 100, 105", "'2026-12-01', '2026-12-31', 104, 104")
)  # fmt: skip
BANK_LINE = (
    "INSERT INTO bank_line (id, bank_account_id, bank_file_id, bank_statement_id, position, booked_on, amount_minor, currency, "
    "counterparty, counterparty_hash, counterparty_last4, text, bank_reference, end_to_end, type_code, is_reversal, fingerprint, "
    "occurrence, layout, is_kept_whole, state) VALUES ('line', 'account', 'file', 'statement', 0, '2026-11-24', 9000, 'GBP', "
    "'', '', '', '', '', '', '', false, '', 0, '', true, 'matched')"
)
PART = (
    BANK_LINE.replace("(id,", "(parent_id, id,")
    .replace("('line',", "('line', 'part',")
    .replace("9000", "8999")
    .replace("'', 0", "'', 1")
)
MATCH = (
    "INSERT INTO bank_match (id, action_id, state, bank_line_id, side, ref_id, amount_minor, currency, confidence, reasons) "
    "VALUES ('match', 'action', 'confirmed', 'line', 'payout', 'po_none', 9000, 'GBP', 'certain', '[]')"
)
DRIFT = (
    "INSERT INTO discrepancy (id, code, subject, amount_minor, currency, detail, state, opened_at, due_on) VALUES "
    "('drift', 'BALANCE_DRIFT', 'GBP', 9731, 'GBP', '{}', 'open', '2026-11-22 09:00:00.000000', '2026-11-24')"
)

BROKEN_SENT: list[tuple[str, list[str]]] = [
    ("payout_content", [PAYOUT.format(content="verified")]),
    ("payout_content", [PAYOUT.format(content="off")]),
    ("balance_agrees", [DRIFT]),
    ("payouts_in_transit", [SENT]),
    (
        "opened_in_transit",
        [
            "INSERT INTO sync_mark (name, verified_until, run_at) "
            "VALUES ('payouts', '2026-11-22 09:00:00', '2026-11-22 09:00:00')",
            f"UPDATE ledger_entry SET account = '1150', stripe_payout_id = 'po_no' WHERE transaction_id = {TRANSACTION}",
            "UPDATE ledger_transaction SET source_kind = 'opening' WHERE source_id = 'txn_1'",
        ],
    ),
    (
        "payout_whole",
        [
            PAYOUT.format(content="unknown"),
            SENT,
            "UPDATE ledger_entry SET stripe_payout_id = 'po_1' WHERE account = '1150'",
        ],
    ),
    (
        "payout_banked",
        [
            PAYOUT.format(content="unknown"),
            SENT,
            "UPDATE ledger_entry SET stripe_payout_id = 'po_1' WHERE account = '1150'",
            MATCH.replace("po_none", "po_1"),
        ],
    ),
    ("bank_lines_booked", [BANK_LINE]),
    ("bank_lines_matched", [BANK_LINE]),
    ("payouts_arrived", [MATCH]),
    ("bank_statements_add_up", [FILE, STATEMENT]),
    ("bank_statements_go_on", [FILE, STATEMENT, NEXT_STATEMENT]),
    ("bank_parts_add_up", [BANK_LINE, PART]),
    ("bank_lines_at_home", [FILE, BANK_LINE.replace("'matched'", "'undone'")]),
]
