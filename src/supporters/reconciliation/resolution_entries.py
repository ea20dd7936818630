"""The entries of a resolution: in pairs, from where the money waits to where the resolution says."""

from collections.abc import Mapping

import msgspec

from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy
from supporters.ledger.chart import Account
from supporters.ledger.post import Entry
from supporters.reconciliation.resolution_sources import Found, account_from

TO: Mapping[Resolution, Account] = {
    Resolution.AS_DONATION: Account.DONATIONS_ONCE,
    Resolution.AS_OTHER_INCOME: Account.OTHER_INCOME,
    Resolution.NOT_A_DONATION: Account.NOT_OURS,
    Resolution.OWED_BACK: Account.REFUNDS_PAYABLE,
    Resolution.AS_FEE: Account.OTHER_FEES,
    Resolution.AS_TAX: Account.TAX_ON_FEES,
    Resolution.AS_BANK_FEE: Account.BANK_FEES,
    Resolution.AS_RESERVE: Account.STRIPE_RESERVE,
    Resolution.AS_EXCHANGE: Account.EXCHANGE,
    Resolution.OVER_SHORT: Account.OVER_SHORT,
    Resolution.WRITTEN_OFF: Account.RETURNED,
    Resolution.TO_SUSPENSE: Account.SUSPENSE,
}


def pairs_of(found: Discrepancy, resolution: Resolution, money: Found, *, fund_id: str | None) -> tuple[Entry, ...]:
    """In each currency: what stands there is taken away, and stands on the account that the resolution names."""
    start, goal = account_from(Code(found.code)), _goal(resolution, money)
    waits = msgspec.structs.replace(money, fund_id=None, appeal_id=None) if start is Account.SUSPENSE else money
    bank_line = found.subject if start is Account.BANK else None
    entries: list[Entry] = []
    for currency, minor in sorted(money.sums.items()):
        if minor:
            entries += [
                _entry(start, -minor, currency, waits, fund_id=None, bank_line_id=bank_line),
                _entry(goal, minor, currency, money, fund_id=fund_id, bank_line_id=None),
            ]
    return tuple(entries)


def _goal(resolution: Resolution, money: Found) -> Account:
    account = TO[resolution]
    return Account.DONATIONS_RECURRING if money.is_recurring and account is Account.DONATIONS_ONCE else account


def _entry(
    account: Account, minor: int, currency: str, money: Found, *, fund_id: str | None, bank_line_id: str | None
) -> Entry:
    """Costs belong to no donation: what a donation cost is what Stripe kept of its payment."""
    is_cost = account.value.startswith("5")
    return Entry(
        account=account,
        amount_minor=minor,
        currency=currency,
        fund_id=fund_id or money.fund_id,
        appeal_id=None if fund_id and fund_id != money.fund_id else money.appeal_id,
        donation_id=None if is_cost else money.donation_id,
        bank_line_id=bank_line_id,
    )
