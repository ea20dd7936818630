"""Money in another currency than the account is paid out in: changed on its way into the balance, at a rate.

A currency without a rate settles as itself, as where the account has a bank account in that currency.
Source: docs.stripe.com/currencies/conversions and the balance transaction's `exchange_rate`, read 23 November 2026.
"""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple

from supporters.sandbox.errors import invalid
from supporters.sandbox.money import exponent_of, known_currency
from supporters.sandbox.world import World


class Settled(NamedTuple):
    """An amount as it reaches the balance; the rate is in whole units, None where nothing was changed."""

    amount: int
    currency: str
    rate: Decimal | None = None


def set_rate(world: World, currency: str, rate: str | None, fee_basis_points: int = 0) -> None:
    """One unit of `currency` settles as `rate` units of the account's, less a fee told apart; None: it settles as itself.

    Raises: ApiError for the account's own currency, or for what is no rate.
    """
    code = known_currency(currency)
    if code == world.config.currency:
        raise invalid("The account's own currency has no rate.", param="currency")
    rates: dict[str, list[str | int]] = world.store.setting("rates", {})
    rates.pop(code, None)
    if rate is not None:
        rates[code] = [str(_read_rate(rate)), fee_basis_points]
    world.store.set("rates", rates)


def _read_rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation as error:
        raise invalid("A rate is a number such as 0.79.", param="rate") from error
    if not rate.is_finite() or not 0 < rate < 1_000_000:
        raise invalid("A rate is a number greater than 0, such as 0.79.", param="rate")
    return rate


def settle(world: World, amount: int, currency: str) -> Settled:
    """What `amount` in minor units of `currency` is in the balance, rounded half up."""
    found: list[str | int] | None = world.store.setting("rates", {}).get(currency)
    if found is None:
        return Settled(amount, currency)
    rate, target = Decimal(found[0]), world.config.currency
    exact = (Decimal(amount) * rate).scaleb(exponent_of(target) - exponent_of(currency))
    return Settled(int(exact.to_integral_value(ROUND_HALF_UP)), target, rate)


def fee_for_changing(world: World, settled: Settled, currency: str) -> int:
    """What Stripe asks, in a line of its own, for having changed that amount from `currency`."""
    if settled.rate is None:
        return 0
    basis_points = int(world.store.setting("rates", {})[currency][1])
    return (abs(settled.amount) * basis_points + 5_000) // 10_000
