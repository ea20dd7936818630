"""When and how to ask on the publisher's page: placements, published prompt files, vetoes, reminders.

A published file is all that a site needs, so that an article page costs us nothing: it may be served by any web server.
"""
