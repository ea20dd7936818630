"""Tools that know no donation: money, clock, ids, errors, database, signing, templates, web-safe text.

Imports nothing of the house, so that every room may import it.
"""
