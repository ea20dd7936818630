"""Numbered receipts: gap-free per year, one per donation, corrected but never deleted.

May import `donations` and below.
"""
