"""Letters out: an outbox written in the transaction of the thing it announces, and the one way to a mail server.

May import `kit` and `jobs`. A letter's Message-ID is fixed when it is queued: SMTP can repeat a letter after a lost reply,
and mail programs then show one.
"""
