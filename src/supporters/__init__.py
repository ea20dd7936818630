"""Supporters: donations and supporters for news publishers, from the foot of the article to the bank line.

The rooms, top to bottom, are named in README.md ("How it fits together"); imports go down only.
"""

__version__ = "0.1.0"
