"""Double entry, append-only: chart of accounts, post, reverse.

May import `audit` and `kit`. Entries are signed once and for all: debit is positive, credit negative; the entries of
one transaction sum to zero per currency. The database holds that: entries are written first, the transaction row last,
its trigger checks the sum and from then on no entry can be added, changed or removed. Corrections are reversals. A
month that was closed takes no postings; what is learnt of it later stands in the next open one and keeps its own day.
Entries carry the ids of fund, appeal, donation, payout and bank line as plain values: the ledger knows of no room above
it.
"""
