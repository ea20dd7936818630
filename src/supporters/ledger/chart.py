"""The chart of accounts. Codes are ours; what an accountant calls them is mapped when the books are exported."""

from enum import StrEnum
from typing import NamedTuple

from supporters.kit.strings import gettext as _


class Account(StrEnum):
    """Where money sits. `describe` says in words what each is for."""

    BANK = "1000"
    STRIPE_BALANCE = "1100"
    STRIPE_RESERVE = "1110"
    PAYOUTS_IN_TRANSIT = "1150"
    DISPUTES_RECEIVABLE = "1160"
    UNDEPOSITED = "1200"
    SUSPENSE = "2000"
    NOT_OURS = "2010"
    REFUNDS_PAYABLE = "2100"
    OPENING = "3000"
    DONATIONS_ONCE = "4000"
    DONATIONS_RECURRING = "4010"
    FEE_COVER = "4020"
    REFUNDS = "4090"
    RETURNED = "4095"
    OTHER_INCOME = "4100"
    PROCESSING_FEES = "5000"
    OTHER_FEES = "5010"
    DISPUTE_FEES = "5020"
    PAYOUT_FEES = "5030"
    TAX_ON_FEES = "5040"
    CONTRIBUTIONS = "5050"
    BANK_FEES = "5060"
    EXCHANGE = "5090"
    OVER_SHORT = "5099"


class AccountKind(StrEnum):
    """What an account counts: what is owned or owed, or what a year brought in or cost."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


_KINDS = {
    "1": AccountKind.ASSET,
    "2": AccountKind.LIABILITY,
    "3": AccountKind.EQUITY,
    "4": AccountKind.INCOME,
    "5": AccountKind.EXPENSE,
}


class AccountWords(NamedTuple):
    """What people read about one account."""

    name: str
    about: str


def describe(account: Account) -> AccountWords:
    """The name of the account and one plain sentence about it, in the reader's language."""
    return (_own_and_owed() | _income() | _costs())[account]


def kind_of(account: Account) -> AccountKind:
    """What the account counts; its code's first digit says so."""
    return _KINDS[account.value[0]]


def describe_kind(kind: AccountKind) -> str:
    """What such accounts are called, in the reader's language."""
    return {
        AccountKind.ASSET: _("Asset"),
        AccountKind.LIABILITY: _("Liability"),
        AccountKind.EQUITY: _("Equity"),
        AccountKind.INCOME: _("Income"),
        AccountKind.EXPENSE: _("Expense"),
    }[kind]


def _own_and_owed() -> dict[Account, AccountWords]:
    words = AccountWords
    return {
        Account.BANK: words(_("Bank"), _("Money that has arrived in the bank account.")),
        Account.STRIPE_BALANCE: words(_("Stripe balance"), _("Money that Stripe holds for us, available or pending.")),
        Account.STRIPE_RESERVE: words(_("Stripe reserve"), _("Money that Stripe holds back as security.")),
        Account.PAYOUTS_IN_TRANSIT: words(
            _("Payouts in transit"), _("Money that has left Stripe and has not yet been seen in the bank.")
        ),
        Account.DISPUTES_RECEIVABLE: words(
            _("Disputes"), _("Money that a bank took back while a dispute is being decided.")
        ),
        Account.UNDEPOSITED: words(
            _("Cash and cheques"), _("Money given by hand or by post that has not yet been seen in the bank.")
        ),
        Account.SUSPENSE: words(_("Suspense"), _("Money that nobody has explained yet; a discrepancy says why.")),
        Account.NOT_OURS: words(
            _("Other business"), _("Money on the same Stripe account that is no donation, such as sales of a shop.")
        ),
        Account.REFUNDS_PAYABLE: words(
            _("Refunds payable"), _("Money that we owe to givers and have not yet been able to return.")
        ),
        Account.OPENING: words(_("Opening balances"), _("What was there on the day on which these books began.")),
    }


def _income() -> dict[Account, AccountWords]:
    words = AccountWords
    return {
        Account.DONATIONS_ONCE: words(_("One-off donations"), _("Single donations, in full, before fees.")),
        Account.DONATIONS_RECURRING: words(
            _("Recurring donations"), _("Monthly and yearly donations, in full, before fees.")
        ),
        Account.FEE_COVER: words(
            _("Fees covered"), _("What givers added so that fees take nothing off their donation.")
        ),
        Account.REFUNDS: words(_("Refunds"), _("Donations that we returned; taken off income.")),
        Account.RETURNED: words(
            _("Returned payments"), _("Donations that a bank took back for good; taken off income.")
        ),
        Account.OTHER_INCOME: words(_("Other income"), _("Money that came in and is no donation.")),
    }


def _costs() -> dict[Account, AccountWords]:
    words = AccountWords
    return {
        Account.PROCESSING_FEES: words(_("Processing fees"), _("What Stripe keeps of each payment.")),
        Account.OTHER_FEES: words(_("Other Stripe fees"), _("What Stripe charges apart from payments.")),
        Account.DISPUTE_FEES: words(_("Dispute fees"), _("What Stripe charges when a payment is disputed.")),
        Account.PAYOUT_FEES: words(_("Payout fees"), _("What Stripe charges for faster payouts.")),
        Account.TAX_ON_FEES: words(_("Tax on fees"), _("Tax that Stripe adds to its fees.")),
        Account.CONTRIBUTIONS: words(
            _("Contributions"), _("What we gave on through Stripe, such as for the removal of carbon.")
        ),
        Account.BANK_FEES: words(_("Bank charges"), _("What the bank keeps, such as for a cheque that bounced.")),
        Account.EXCHANGE: words(_("Exchange differences"), _("Gains and losses between two currencies.")),
        Account.OVER_SHORT: words(
            _("Cash differences"), _("What the bank counted more or less than we had, in cash and cheques.")
        ),
    }
