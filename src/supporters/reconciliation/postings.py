"""What one line of Stripe's balance does to the ledger. Pure.

The rule is the same for every kind of line: the Stripe balance moves by the net, fees and the tax on them are costs, and
the gross goes to the account that the line's `reporting_category` names. So income stands in the books in full, before
fees. A line sums to zero because Stripe's net is its gross less its fee. A payment in another currency than the balance's
is in the books as what it settled for; the memo keeps the rate.

Source: docs.stripe.com/reports/reporting-categories, read 2026-11-22: `reporting_category`, not `type`, is made for
accounting; the part of a payment that was never captured counts against the payment, not as a refund. The list of
categories is that of the run parameters at docs.stripe.com/api/reporting/report_run/create, read 2026-11-23.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from supporters.kit.clock import local_date
from supporters.ledger.chart import Account
from supporters.ledger.post import Entry, Posting

SOURCE_KIND = "balance_transaction"
PURPOSE = "settle"
CHARGE_FAILURE = "charge_failure"


class Recipe(msgspec.Struct, frozen=True):
    """Where the gross and the fee of one category go."""

    gross: Account
    fee: Account
    has_owner: bool  # whether the line belongs to a payment, so that it matters whose payment that is


# Gross of a donation's charge is income: which income account, its frequency says.
_CHARGE = Recipe(Account.DONATIONS_ONCE, Account.PROCESSING_FEES, has_owner=True)
_REFUND = Recipe(Account.REFUNDS, Account.PROCESSING_FEES, has_owner=True)
_DISPUTE = Recipe(Account.DISPUTES_RECEIVABLE, Account.DISPUTE_FEES, has_owner=True)
_RETURNED = Recipe(Account.RETURNED, Account.PROCESSING_FEES, has_owner=True)
_PAYOUT = Recipe(Account.PAYOUTS_IN_TRANSIT, Account.PAYOUT_FEES, has_owner=False)
_RESERVE = Recipe(Account.STRIPE_RESERVE, Account.OTHER_FEES, has_owner=False)
_GIVEN_ON = Recipe(Account.CONTRIBUTIONS, Account.OTHER_FEES, has_owner=False)
# Known to Stripe, and nothing that a publisher who takes donations meets: its net waits for a person, as the unknown does.
_UNEXPLAINED = Recipe(Account.SUSPENSE, Account.SUSPENSE, has_owner=False)

RECIPES: dict[str, Recipe] = {
    "charge": _CHARGE,
    "partial_capture_reversal": _CHARGE,
    "refund": _REFUND,
    "refund_failure": _REFUND,
    "dispute": _DISPUTE,
    "dispute_reversal": _DISPUTE,
    CHARGE_FAILURE: _RETURNED,
    "payout": _PAYOUT,
    "payout_reversal": _PAYOUT,
    "topup": _PAYOUT,
    "topup_reversal": _PAYOUT,
    "payout_minimum_balance_hold": _RESERVE,
    "payout_minimum_balance_release": _RESERVE,
    "payment_network_reserve_hold": _RESERVE,
    "payment_network_reserve_release": _RESERVE,
    "risk_reserved_funds": _RESERVE,
    "connect_reserved_funds": _RESERVE,
    "fee": Recipe(Account.OTHER_FEES, Account.OTHER_FEES, has_owner=False),
    "network_cost": Recipe(Account.PROCESSING_FEES, Account.PROCESSING_FEES, has_owner=False),
    "tax": Recipe(Account.TAX_ON_FEES, Account.OTHER_FEES, has_owner=False),
    "contribution": _GIVEN_ON,
    "climate_order_purchase": _GIVEN_ON,
    "climate_order_refund": _GIVEN_ON,
    "advance": _UNEXPLAINED,
    "advance_funding": _UNEXPLAINED,
    "anticipation_repayment": _UNEXPLAINED,
    "connect_collection_transfer": _UNEXPLAINED,
    "financing_paydown": _UNEXPLAINED,
    "financing_paydown_reversal": _UNEXPLAINED,
    "financing_payout": _UNEXPLAINED,
    "financing_payout_reversal": _UNEXPLAINED,
    "issuing_authorization_hold": _UNEXPLAINED,
    "issuing_authorization_release": _UNEXPLAINED,
    "issuing_dispute": _UNEXPLAINED,
    "issuing_transaction": _UNEXPLAINED,
    "other_adjustment": _UNEXPLAINED,
    "platform_earning": _UNEXPLAINED,
    "platform_earning_refund": _UNEXPLAINED,
    "transfer": _UNEXPLAINED,
    "transfer_reversal": _UNEXPLAINED,
    "unreconciled_customer_funds": _UNEXPLAINED,
}
OWNED_CATEGORIES = tuple(category for category, recipe in RECIPES.items() if recipe.has_owner)
PLACED_CATEGORIES = tuple(category for category, recipe in RECIPES.items() if recipe is not _UNEXPLAINED)
SENT = ("po_", "tu_")  # what moves money between Stripe's balance and the bank: payouts and top-ups


class Fee(msgspec.Struct, frozen=True):
    """One part of a line's fee, as Stripe names it."""

    type: str
    amount_minor: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of Stripe's balance, as far as the books care. *Money*: minor units, settlement currency, Stripe's signs."""

    id: str
    created_at: datetime
    category: str
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    fees: tuple[Fee, ...] = ()
    payout_id: str | None = None  # the payout that the line went out with
    source_id: str | None = None
    exchange_rate: str | None = None


class Ours(msgspec.Struct, frozen=True):
    """The line belongs to a payment for this donation."""

    donation_id: str
    fund_id: str
    appeal_id: str
    is_recurring: bool = False


class NotOurs(msgspec.Struct, frozen=True):
    """The line belongs to a payment that is no donation, such as a sale of a shop on the same account."""


class Unclear(msgspec.Struct, frozen=True):
    """Nobody can say yet whose the money is, or it differs from its donation: it waits in suspense."""

    donation_id: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """The line is half of a debit that was counted before its bank said no: it never was income, and both halves are nothing."""

    donation_id: str | None = None


Owner = Ours | NotOurs | Unclear | Failed


def make_posting(line: Line, owner: Owner, *, time_zone: str) -> Posting | None:
    """The posting that this line is in the books, or None for a line that moves nothing.

    `owner` matters only for categories that belong to a payment. A line that is not ours keeps one plain pair: its net on
    the Stripe balance against "other business"; its fees stay that business's affair, and no id of a person is kept.
    """
    entries = _entries(line, owner)
    if not entries:
        return None
    return Posting(
        source_kind=SOURCE_KIND,
        source_id=line.id,
        purpose=PURPOSE,
        booked_on=local_date(line.created_at, time_zone),
        memo=f"{line.category} @ {line.exchange_rate}" if line.exchange_rate else line.category,
        entries=tuple(_without_zeros(entries)),
    )


def is_known(category: str) -> bool:
    """Whether the books have a place for lines of this category; others go to suspense with a discrepancy."""
    return category in PLACED_CATEGORIES


def _entries(line: Line, owner: Owner) -> list[Entry]:
    recipe = RECIPES.get(line.category, _UNEXPLAINED)
    if recipe is _UNEXPLAINED:
        return _pair(line, Account.SUSPENSE)
    if recipe.has_owner and isinstance(owner, NotOurs):
        return _pair(line, Account.NOT_OURS)
    if line.gross_minor == line.fee_minor == 0:
        return []
    return _in_full(line, recipe, owner if recipe.has_owner else None)


def _pair(line: Line, account: Account) -> list[Entry]:
    """Net against one account; nothing where the net is nothing."""
    if line.net_minor == 0:
        return []
    return [
        _entry(line, Account.STRIPE_BALANCE, line.net_minor, None),
        _entry(line, account, -line.net_minor, None),
    ]


def _in_full(line: Line, recipe: Recipe, owner: Owner | None) -> list[Entry]:
    tax = _tax(line)
    return [
        _entry(line, Account.STRIPE_BALANCE, line.net_minor, owner),
        _entry(line, recipe.fee, line.fee_minor - tax, owner),
        _entry(line, Account.TAX_ON_FEES, tax, owner),
        _entry(line, _gross_account(recipe, owner), -line.gross_minor, owner),
    ]


def _gross_account(recipe: Recipe, owner: Owner | None) -> Account:
    if isinstance(owner, Unclear):
        return Account.SUSPENSE
    if isinstance(owner, Failed):
        return Account.RETURNED
    if isinstance(owner, Ours) and owner.is_recurring and recipe.gross is Account.DONATIONS_ONCE:
        return Account.DONATIONS_RECURRING
    return recipe.gross


def _tax(line: Line) -> int:
    return sum(fee.amount_minor for fee in line.fees if fee.type == "tax")


def _entry(line: Line, account: Account, amount_minor: int, owner: Owner | None) -> Entry:
    ours = owner if isinstance(owner, Ours) else None
    return Entry(
        account=account,
        amount_minor=amount_minor,
        currency=line.currency,
        fund_id=ours.fund_id if ours else None,
        appeal_id=ours.appeal_id if ours else None,
        donation_id=owner.donation_id if isinstance(owner, Ours | Unclear | Failed) else None,
        stripe_payout_id=_payout_of(line, account),
    )


def _payout_of(line: Line, account: Account) -> str | None:
    """What is in transit is named by what was sent; everything else by the payout that it went out with."""
    is_sent = account is Account.PAYOUTS_IN_TRANSIT and (line.source_id or "").startswith(SENT)
    return line.source_id if is_sent else line.payout_id


def _without_zeros(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.amount_minor]
