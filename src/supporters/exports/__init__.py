"""The books in the formats that accountants load: immutable batches, each ledger transaction in at most one live one.

May import `reports` and below. Each format is a pure module: balanced journals in, bytes out.
"""
