"""One payment by one supporter: give (the attempt), collect (paid, failed, expired), reverse (refunds).

May import `people`, `appeals` and below. `lifecycle` is pure and says which state may follow which; every change of state
is also a row of `DonationEvent`, which is the timeline that staff read.
"""
