"""For machines that watch this one: alive, ready.

May import `web.common` and the rooms below. Says nothing that a stranger could use.
"""
