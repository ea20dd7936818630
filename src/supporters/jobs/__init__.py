"""A durable queue in the same database: enqueued in the caller's transaction, claimed many at a time.

May import `kit`. Why our own: no queue library works on both databases and enqueues inside the caller's transaction.
Work that waits outside the job table (inbox events, letters) is claimed by the same statement: see `claims`.
"""
