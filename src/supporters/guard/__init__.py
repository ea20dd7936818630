"""What stands between a stranger and a Stripe object: form tokens, limits, the breaker, the staff's off-switch.

May import `kit`. Counts failures rather than attempts, so that an office behind one address may give all day.
"""
