"""Stripe's test bank accounts: what becomes of a debit from each, days after it was asked for.

Source: docs.stripe.com/payments/bacs-debit/accept-a-payment and docs.stripe.com/payments/sepa-debit/set-up-payment, read
22 November 2026. Where Stripe's test mode takes three minutes for a delayed answer, the sandbox takes days, as banks do.
"""

from dataclasses import dataclass
from typing import Literal

from supporters.sandbox.errors import Json

Scheme = Literal["bacs_debit", "sepa_debit"]
SCHEMES: dict[str, str] = {"bacs_debit": "gbp", "sepa_debit": "eur"}
"""The debit schemes and the only currency of each."""


@dataclass(frozen=True)
class Account:
    """One test bank account and its habits. `ends` is how a debit ends: `succeeds`, `returns`, or why it fails."""

    scheme: Scheme
    number: str
    ends: str = "succeeds"
    is_slow: bool = False
    mandate: Literal["accepted", "refused"] = "accepted"


def _bacs(number: str, ends: str = "succeeds", *, is_slow: bool = False) -> Account:
    return Account("bacs_debit", number, ends, is_slow)


def _sepa(number: str, ends: str = "succeeds", *, is_slow: bool = False) -> Account:
    return Account("sepa_debit", number, ends, is_slow)


ACCOUNTS: dict[str, Account] = {
    "bacsDebit_success": _bacs("00012345"),
    "bacsDebit_successDelayed": _bacs("90012345", is_slow=True),
    "bacsDebit_debitNotAuthorized": _bacs("33333335", "debit_not_authorized"),
    "bacsDebit_debitNotAuthorizedDelayed": _bacs("93333335", "debit_not_authorized", is_slow=True),
    "bacsDebit_insufficientFunds": _bacs("22222227", "insufficient_funds"),
    "bacsDebit_insufficientFundsDelayed": _bacs("92222227", "insufficient_funds", is_slow=True),
    "bacsDebit_exceedsWeeklyLimit": _bacs("34343434", "charge_exceeds_source_limit"),
    "bacsDebit_exceedsTransactionLimit": _bacs("12121212", "charge_exceeds_transaction_limit"),
    "bacsDebit_dispute": _bacs("55555559", "returns", is_slow=True),
    "bacsDebit_mandateRefused": Account("bacs_debit", "00033333", "debit_not_authorized", mandate="refused"),
    "sepaDebit_success_at": _sepa("AT611904300234573201"),
    "sepaDebit_successDelayed_at": _sepa("AT321904300235473204", is_slow=True),
    "sepaDebit_failed_at": _sepa("AT861904300235473202", "generic_could_not_process"),
    "sepaDebit_failedDelayed_at": _sepa("AT051904300235473205", "generic_could_not_process", is_slow=True),
    "sepaDebit_dispute_at": _sepa("AT591904300235473203", "returns", is_slow=True),
    "sepaDebit_insufficientFunds_at": _sepa("AT981904300000343434", "insufficient_funds"),
    "sepaDebit_failed_it": _sepa("IT60X0542811101000000123456", "generic_could_not_process"),
    "sepaDebit_success_de": _sepa("DE89370400440532013000"),
}
MESSAGES = {
    "account_closed": "The bank account has been closed.",
    "bank_ownership_changed": "The account has been moved to another bank.",
    "charge_exceeds_source_limit": "This payment exceeds the weekly limit for this bank account.",
    "charge_exceeds_transaction_limit": "This payment exceeds the limit for a single payment.",
    "debit_not_authorized": "The customer has told their bank that this payment was not authorised.",
    "generic_could_not_process": "This payment could not be processed.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "invalid_account_number": "The account number is not valid.",
}
"""Why a debit fails, in the words that the intent carries."""
ENDS_MANDATE = frozenset(["account_closed", "bank_ownership_changed", "debit_not_authorized"])
"""Failures after which the account can no longer be debited."""


def named(alias: str) -> str | None:
    """The name in `ACCOUNTS` of an alias such as `pm_bacsDebit_success`, if it is one."""
    name = alias.removeprefix("pm_")
    return name if name != alias and name in ACCOUNTS else None


def numbered(scheme: str, number: str) -> str | None:
    """The name in `ACCOUNTS` of the test account with that number or IBAN."""
    wanted = number.replace(" ", "").upper()
    return next(
        (name for name, account in ACCOUNTS.items() if (account.scheme, account.number) == (scheme, wanted)), None
    )


def account_object(account: Account) -> Json:
    """The `bacs_debit` or `sepa_debit` part of a payment method."""
    number = account.number
    shared: Json = {"fingerprint": f"Sandbox{account.scheme[:4].title()}{number[-8:]}", "last4": number[-4:]}
    if account.scheme == "bacs_debit":
        return {**shared, "sort_code": "108800"}
    return {**shared, "bank_code": number[4:9], "branch_code": "", "country": number[:2], "generated_from": None}


def charge_details(method: Json, *, mandate: str | None, on: str) -> Json:
    """The `payment_method_details` of a charge that debits that payment method `on` that day (ISO)."""
    scheme: str = method["type"]
    details: Json = {key: value for key, value in method[scheme].items() if key != "generated_from"}
    return {scheme: {**details, "expected_debit_date": on, "mandate": mandate}, "type": scheme}
