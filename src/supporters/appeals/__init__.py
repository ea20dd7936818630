"""What it is for: funds, appeals, and where a donation came from.

May import `payments` and below.
"""
