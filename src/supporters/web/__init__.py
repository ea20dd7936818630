"""The doors: the only rooms that know the web framework.

`common` is what every door shares; `site` faces readers, `desk` staff, `hooks` Stripe, `ops` those who watch the machine.
Doors are independent of each other.
"""
