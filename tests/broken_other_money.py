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
REFUND = (
    "INSERT INTO refund (id, donation_id, amount_minor, currency, reason, state, origin, created_at, updated_at) VALUES "
    f"('refund', '{donation_id(1)}', 900, 'GBP', 'other', 'succeeded', 'own', '2026-11-02 09:00:00.000000', "
    "'2026-11-02 09:00:00.000000')"
)
OTHER_REFUND = (
    "INSERT INTO other_refund (id, other_payment_id, way, paid_on, state, amount_minor, currency, recorded_by, recorded_at) "
    "VALUES ('refund', 'payment', 'transfer', '2026-11-02', 'cleared', 900, 'GBP', 'dana', '2026-11-02 09:00:00.000000')"
)
PAID_BACK = [PAYMENT.format(state="cleared", deposit="NULL", promise="NULL", turn="NULL"), REFUND, OTHER_REFUND]

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
    ("other_refunds_booked", PAID_BACK),
    ("other_refunds_left", PAID_BACK),
    ("promises_arrived", [PAYMENT.format(state="cleared", deposit="NULL", promise="'promise'", turn="1")]),
]
