"""Payments that never met Stripe, broken on purpose: the name of the check that must notice, and what breaks it."""

from books import donation_id

PAYMENT = (
    "INSERT INTO other_payment (id, donation_id, kind, amount_minor, currency, received_on, state, deposit_id, promise_id, "
    f"promise_turn, cheque_number, recorded_at) VALUES ('payment', '{donation_id(1)}', 'cheque', 2500, 'GBP', '2026-11-01', "
    "'{state}', {deposit}, {promise}, {turn}, '', '2026-11-01 09:00:00.000000')"
)
DEPOSIT = (
    "INSERT INTO deposit (id, reference, currency, state, counted_minor, paid_in_on, made_by, made_at) VALUES "
    "('deposit', 'DEP-1', 'GBP', '{state}', 2500, '2026-11-02', 'dana', '2026-11-02 09:00:00.000000')"
)

BROKEN_OTHER_MONEY: list[tuple[str, list[str]]] = [
    ("other_payments_booked", [PAYMENT.format(state="recorded", deposit="NULL", promise="NULL", turn="NULL")]),
    ("other_payments_given", [PAYMENT.format(state="recorded", deposit="NULL", promise="NULL", turn="NULL")]),
    ("deposits_arrived", [DEPOSIT.format(state="cleared")]),
    (
        "deposited_with",
        [
            DEPOSIT.format(state="cleared"),
            PAYMENT.format(state="deposited", deposit="'deposit'", promise="NULL", turn="NULL"),
        ],
    ),
    ("promises_arrived", [PAYMENT.format(state="cleared", deposit="NULL", promise="'promise'", turn="1")]),
]
