"""Signed webhooks to others: endpoints, delivery log, retry ladder, replay.

Deliveries are rows first, sent later, so that a receiver that is down loses nothing.
"""
