"""Stripe, translated into our words: gateway, webhook verifier, inbox, facts, mirror of the balance, catch-up, sweep.

May import `ledger` and below. `gateway` is the only file that imports the SDK; `translate` is pure. Nothing above this
room sees a Stripe object: it sees `facts`.
"""
