"""Currencies as Stripe counts them: units, smallest and largest amounts, fees. Integers throughout.

Source: docs.stripe.com/currencies (minimum amounts, zero- and three-decimal currencies), read 22 November 2026.
"""

from decimal import Decimal

from babel.numbers import format_currency

from supporters.sandbox.errors import ApiError, invalid, malformed

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_ONLY = frozenset(["isk", "ugx"])
"""Two decimals by Stripe's count, kept for old integrations, of which both must be 0."""

_TWO_DECIMAL = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop
crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs
khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen
pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx
uyu uzs wst xcd yer zar zmw
"""
TWO_DECIMAL = frozenset(_TWO_DECIMAL.split())
MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
MAXIMUM = 99_999_999
FEES = {"gbp": (150, 20), "eur": (150, 25), "usd": (290, 30), "jpy": (360, 0), "kwd": (290, 100)}
"""Share in hundredths of a per cent, and the fixed part in minor units."""
OTHER_FEE = (290, 30)
DISPUTE_FEES = {
    ("card", "gbp"): 2000,
    ("card", "eur"): 2000,
    ("card", "usd"): 1500,
    ("bacs_debit", "gbp"): 500,
    ("sepa_debit", "eur"): 750,
}
"""By kind of payment and currency, in minor units. What an account really pays is in its contract."""
INSTANT_FEES = {"gbp": (100, 40), "eur": (100, 40), "usd": (150, 50)}
"""Share in hundredths of a per cent, and the least in minor units: docs.stripe.com/payouts/instant-payouts."""


def known_currency(code: str, *, param: str = "currency") -> str:
    """`code` in small letters, if Stripe takes it."""
    currency = code.lower()
    if currency not in TWO_DECIMAL and currency not in ZERO_DECIMAL and currency not in THREE_DECIMAL:
        raise malformed(f"Invalid currency: {currency}. Stripe does not support it.", param=param)
    return currency


def check_amount(amount: int, currency: str, *, param: str = "amount", code_prefix: str = "") -> None:
    """The amount can be charged: neither too small, too large, nor finer than the currency allows.

    Raises: ApiError `amount_too_small`, `amount_too_large` or `parameter_invalid_integer`.
    """
    if amount > MAXIMUM:
        message = f"Amount must be no more than {display(MAXIMUM, currency)}"
        raise invalid(message, code=f"{code_prefix}amount_too_large", param=param)
    least = MINIMUM.get(currency, 1)
    if amount < least:
        message = f"Amount must be at least {display(least, currency)}"
        raise invalid(message, code=f"{code_prefix}amount_too_small", param=param)
    if (currency in THREE_DECIMAL and amount % 10) or (currency in WHOLE_ONLY and amount % 100):
        raise too_fine(currency, param=param)


def too_fine(currency: str, *, param: str) -> ApiError:
    """An amount finer than the smallest piece that cards can move in this currency."""
    step = 10 if currency in THREE_DECIMAL else 100
    message = f"Invalid amount: {currency} amounts must be evenly divisible by {step}."
    return invalid(message, code="parameter_invalid_integer", param=param)


def fee_of(amount: int, currency: str) -> int:
    """Stripe's fee on a card payment of `amount`, both in minor units, rounded half up."""
    share, fixed = FEES.get(currency, OTHER_FEE)
    if currency in ZERO_DECIMAL:
        fixed = 0
    return min(amount, (amount * share + 5_000) // 10_000 + fixed)


def debit_fee_of(scheme: str, amount: int) -> int:
    """Stripe's fee on a bank debit of `amount` in pence or cents: 1 %, from 20p to £2, for Bacs; 35 cents for SEPA."""
    if scheme == "sepa_debit":
        return min(amount, 35)
    return min(amount, max(20, min(200, (amount + 50) // 100)))


def dispute_fee_of(scheme: str, currency: str) -> int:
    """Stripe's fee on a dispute about that kind of payment, in minor units of `currency`."""
    return DISPUTE_FEES.get((scheme, currency), 0)


def instant_fee_of(amount: int, currency: str) -> int:
    """Stripe's fee on a payout of `amount` that arrives at once, both in minor units."""
    share, least = INSTANT_FEES.get(currency, (100, 40))
    return max(least, (amount * share + 5_000) // 10_000)


def exponent_of(currency: str) -> int:
    """How many decimals Stripe counts in this currency."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def display(amount: int, currency: str) -> str:
    """The amount as people in Britain write it."""
    value = Decimal(amount).scaleb(-exponent_of(currency))
    return format_currency(value, currency.upper(), locale="en_GB")
