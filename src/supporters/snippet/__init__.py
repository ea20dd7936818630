"""For the publisher's own site: a template and a helper with the standard library alone. Copy the folder, or install it.

It imports nothing of the house, and nothing of the house imports it.
"""
