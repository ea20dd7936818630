"""Who did what to which record: append-only, chained over digests.

May import `kit`. Personal parts (`AuditDetail`) stand apart from the chained entry, which holds only their digest: erasing
a person's words breaks no link of the chain.
"""
