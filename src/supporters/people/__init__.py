"""Who is on file: supporters and their addresses, and which of them is the same person.

May import `payments` and below. A typed email proves nothing: a donation finds its supporter by address, but changes no
name and no address on file.
"""
