"""A Stripe that runs on this machine: its API, its checkout page, its webhooks and its clock.

It is a process of its own with a database of its own, stands beside the house and imports only `kit`; nothing of the
house imports it, except the command line that starts it. It never sees a card number and refuses live keys. What it
says is held to Stripe's published OpenAPI document by the tests, and its signatures are its own work, so that it stays
an independent check on the SDK. It keeps one process: its writes are ordered by being made on one event loop.
"""
