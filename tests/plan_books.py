"""What must be equal at the end of a campaign of plans: Stripe's own objects on one side, our books on the other."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.models import Donation
from supporters.ledger.chart import Account
from supporters.ledger.models import LedgerEntry
from supporters.plans.models import Instalment, Plan, PlanState
from supporters.receipts.models import Receipt

Json = dict[str, Any]


async def instalments_and_bills(session: AsyncSession, invoices: Iterable[Json]) -> tuple[Counter[str], Counter[str]]:
    """How often each bill was turned into a donation here, and the bills on which Stripe has received money."""
    ours = Counter((await session.scalars(select(Instalment.stripe_invoice_id))).all())
    return ours, Counter(bill["id"] for bill in invoices if bill["status"] == "paid" and bill["amount_paid"] > 0)


async def donations_and_payments(session: AsyncSession, charges: Iterable[Json]) -> tuple[Counter[str], Counter[str]]:
    """The payments, charges and amounts of donations that came in here, and those that Stripe has collected."""
    known = (Donation.stripe_payment_intent_id, Donation.stripe_charge_id, Donation.amount_minor)
    rows = (await session.execute(select(*known).where(Donation.paid_at.is_not(None)))).all()
    ours = Counter(f"{payment} {charge} {minor}" for payment, charge, minor in rows)
    return ours, Counter(f"{one['payment_intent']} {one['id']} {one['amount']}" for one in charges if one["paid"])


async def states_of_plans(session: AsyncSession) -> dict[str, PlanState]:
    """How each plan stands here, by Stripe's id."""
    wanted = select(Plan.stripe_subscription_id, Plan.state)
    return {str(plan): PlanState(state) for plan, state in (await session.execute(wanted)).all()}


async def gaps_in_receipts(session: AsyncSession) -> list[tuple[int, int, int]]:
    """Years (with their highest number and the count of receipts) in which a number is missing or was given twice."""
    wanted = select(Receipt.year, func.max(Receipt.sequence), func.count(Receipt.sequence.distinct()), func.count())
    found = (await session.execute(wanted.group_by(Receipt.year))).all()
    return [(year, last, count) for year, last, apart, count in found if not last == apart == count]


async def booked(session: AsyncSession) -> Counter[str]:
    """What stands in each account of the ledger, by "account currency", in minor units; accounts at nothing are left out."""
    wanted = select(LedgerEntry.account, LedgerEntry.currency, func.sum(LedgerEntry.amount_minor))
    found = (await session.execute(wanted.group_by(LedgerEntry.account, LedgerEntry.currency))).all()
    return Counter({f"{account} {currency}": int(minor) for account, currency, minor in found if minor})


def told_by_lines(lines: Iterable[Json], disputes: Iterable[Json]) -> Counter[str]:
    """What Stripe's balance says should be booked, worked out without the product's own recipes.

    All payments are instalments; a lost dispute is income given back, and only an open one is still a claim.
    """
    sums: Counter[str] = Counter()
    lost = {one["id"] for one in disputes if one["status"] == "lost"}
    for line in lines:
        currency = line["currency"].upper()
        account = {
            "charge": Account.DONATIONS_RECURRING,
            "refund": Account.REFUNDS,
            "payout": Account.PAYOUTS_IN_TRANSIT,
            "dispute": Account.DISPUTES_RECEIVABLE,
            "dispute_reversal": Account.DISPUTES_RECEIVABLE,
        }[line["reporting_category"]]
        if account is Account.DISPUTES_RECEIVABLE and line["source"] in lost:
            account = Account.RETURNED
        fees = Account.DISPUTE_FEES if line["reporting_category"].startswith("dispute") else Account.PROCESSING_FEES
        sums[f"{Account.STRIPE_BALANCE} {currency}"] += line["net"]
        sums[f"{account} {currency}"] -= line["amount"]
        sums[f"{fees} {currency}"] += line["fee"]
    return Counter({name: minor for name, minor in sums.items() if minor})
