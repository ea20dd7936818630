"""The staff's door: what needs a person, the donations, the differences, the switches.

May import everything below the doors. Every route names the roles that may use it; `roles` holds the sets. Pages never get a
name or an address that the role of whoever asks may not see: `masking` takes them out before a template is reached.
"""
