"""The one poster: from lines of Stripe's balance to the ledger.

May import `receipts` and below. `postings` is pure: one balance transaction in, signed entries out. Nothing else moves
the ledger for money that came through Stripe. Money of another business on the same Stripe account is one plain pair, its
net against "other business", and keeps no id of a person; a payment that does not fit its donation stands in suspense, and
so do its refunds, until a person explains it.
"""
