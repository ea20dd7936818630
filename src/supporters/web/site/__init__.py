"""Reader pages: give, thank-you. Works without JavaScript; renders templates/site.

May import `web.common` and everything below the doors. `door.HANDLERS` is what the application mounts.
"""
