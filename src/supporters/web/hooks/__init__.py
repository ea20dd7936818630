"""The door for machines: Stripe's webhooks. Verifies, stores, answers; nothing is done about an event here.

May import `web.common` and below, and nothing of the other doors.
"""
