"""How much is too much. Pure.

Source of the orders of magnitude: the Tor Project's notes on card testing at its donation page (ten tries a day, five
failures in three minutes), read 2026-11-22. What is counted is failures, and payment pages that nobody paid: an office
behind one address may give all day.
"""

import ipaddress
from datetime import timedelta
from enum import StrEnum

import msgspec


class Failure(StrEnum):
    """What went wrong, which says how heavily it weighs."""

    CARD = "card"  # The bank refused a card: what card testers live on.
    FORM = "form"  # The form came back invalid: people mistype, so this weighs little.


class Limit(msgspec.Struct, frozen=True):
    """At most `most` of something within `within`."""

    name: str
    most: int
    within: timedelta


SHORT = timedelta(minutes=10)
DAY = timedelta(hours=24)

# Open payment pages that nobody paid, per network. Ten tries to test a card reach Stripe, then the network waits; pages
# that were paid give their place back, so fifty colleagues behind one address never notice.
NETWORK_UNPAID = Limit("network_unpaid", 10, SHORT)
NETWORK_UNPAID_TIGHT = Limit("network_unpaid", 2, SHORT)  # while the breaker is tripped
# Fewer than per network: one person needs one page, perhaps two.
EMAIL_UNPAID = Limit("email_unpaid", 6, SHORT)
# Tor's five failures in three minutes block for days; here a shared address waits minutes, one address of a person a day.
NETWORK_CARDS = Limit("network_card", 10, SHORT)
NETWORK_CARDS_DAY = Limit("network_card_day", 40, DAY)
EMAIL_CARDS = Limit("email_card", 5, SHORT)
EMAIL_CARDS_DAY = Limit("email_card_day", 10, DAY)
# Invalid forms cost us nothing at Stripe; this only stops a machine that guesses.
NETWORK_FORMS = Limit("network_form", 60, SHORT)

# The breaker looks at everybody. Honest readers are refused by their bank about one time in ten.
BREAKER_REFUSALS = Limit("all_card", 60, SHORT)  # below this, a bad ratio is chance
BREAKER_STARTS = Limit("all_starts", 0, SHORT)
BREAKER_RATIO_PERCENT = 75  # refusals for each hundred payment pages opened


def is_tripped(*, refusals: int, starts: int) -> bool:
    """Whether so many cards fail that somebody must be testing them: then every network's limit is tighter."""
    return refusals >= BREAKER_REFUSALS.most and refusals * 100 >= starts * BREAKER_RATIO_PERCENT


def network_key(ip: str) -> str:
    """The network that an address stands for: IPv4 /32, IPv6 /64, IPv4 inside IPv6 as IPv4. Unknown is one network."""
    try:
        address = ipaddress.ip_address(ip.strip().partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return f"{address}/32"
