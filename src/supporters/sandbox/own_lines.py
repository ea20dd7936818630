"""Lines that Stripe makes of itself: its fees and their tax, reserves, contributions, adjustments, and what nobody knows yet.

Which category a type of line belongs to: docs.stripe.com/reports/reporting-categories, read 23 November 2026.
"""

from supporters.sandbox.balance import DAY, new_line
from supporters.sandbox.errors import Json, invalid
from supporters.sandbox.world import World

CATEGORIES = {
    "stripe_fee": "fee",
    "stripe_fx_fee": "fee",
    "fee_credit_funding": "fee",
    "tax_fee": "tax",
    "reserve_transaction": "connect_reserved_funds",
    "reserved_funds": "risk_reserved_funds",
    "reserve_hold": "risk_reserved_funds",
    "reserve_release": "risk_reserved_funds",
    "adjustment": "other_adjustment",
    "obligation_outbound": "other_adjustment",
    "obligation_reversal_inbound": "other_adjustment",
    "payment_unreconciled": "unreconciled_customer_funds",
    "payment_failure_refund": "charge_failure",
    "payment_refund": "refund",
    "payment": "charge",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "transfer_cancel": "transfer_reversal",
    "transfer_failure": "transfer_reversal",
    "transfer_refund": "transfer_reversal",
}
"""By type; any other type is its own category."""
FEES = {
    "billing": "Billing - Usage Fee",
    "radar": "Radar - Fraud Protection Fee",
    "connect": "Connect - Active Account Fee",
    "sigma": "Sigma - Subscription Fee",
    "account_updater": "Card Account Updater Fee",
}
HOLDS = {
    "risk": ("reserve_hold", "reserve_release", "Funds held in reserve"),
    "connect": ("reserve_transaction", "reserve_transaction", "Connect reserved funds"),
    "network": ("payment_network_reserve_hold", "payment_network_reserve_release", "Payment network reserve"),
}
"""By who asks for the reserve: the types of line that begin and end it, and what both say."""


def add_line(
    world: World,
    kind: str,
    *,
    amount: int,
    currency: str | None = None,
    fee: int = 0,
    category: str | None = None,
    text: str | None = None,
    source: str | None = None,
    available_in_days: int = 0,
    balance: str = "payments",
) -> Json:
    """A line of that type is in the balance. Amount is signed; a category of any name is taken, known or not."""
    of: Json = {"id": source, "currency": currency or world.config.currency, "description": text}
    line = new_line(
        world,
        kind,
        of,
        amount=amount,
        fee=fee,
        category=category or CATEGORIES.get(kind, kind),
        available_on=world.now() + available_in_days * DAY if available_in_days else None,
    )
    return line if balance == "payments" else world.change(line, {"balance_type": balance})


def charge_fee(world: World, service: str, amount: int, *, tax: int = 0, currency: str | None = None) -> Json:
    """Stripe has taken its fee for a service, and beside it the tax on that; both in minor units, both above 0."""
    if amount <= 0 or tax < 0:
        raise invalid("A fee is greater than 0.", param="amount")
    line = add_line(world, "stripe_fee", amount=-amount, currency=currency, text=FEES[service])
    if tax:
        add_line(world, "tax_fee", amount=-tax, currency=currency, text=f"VAT ({FEES[service]})")
    return line


def hold_reserve(
    world: World, who: str, amount: int, *, currency: str | None = None, is_told_twice: bool = False
) -> Json:
    """That much is out of the balance and in a reserve. `is_told_twice`: the reserve's own side is a line as well."""
    if amount <= 0:
        raise invalid("What is held back is greater than 0.", param="amount")
    return _move_reserve(world, HOLDS[who][0], HOLDS[who][2], -amount, currency, is_told_twice=is_told_twice)


def release_reserve(
    world: World, who: str, amount: int, *, currency: str | None = None, is_told_twice: bool = False
) -> Json:
    """That much is out of the reserve and in the balance again."""
    if amount <= 0:
        raise invalid("What is released is greater than 0.", param="amount")
    return _move_reserve(world, HOLDS[who][1], HOLDS[who][2], amount, currency, is_told_twice=is_told_twice)


def _move_reserve(
    world: World, kind: str, text: str, amount: int, currency: str | None, *, is_told_twice: bool
) -> Json:
    if kind == "reserve_transaction":
        held: dict[str, int] = world.store.setting("connect_reserved", {})
        code = currency or world.config.currency
        world.store.set("connect_reserved", {**held, code: held.get(code, 0) - amount})
    if is_told_twice:
        add_line(world, kind, amount=-amount, currency=currency, text=text, balance="risk_reserved")
    return add_line(world, kind, amount=amount, currency=currency, text=text)
