"""What is in a payout, line by line: of which kind, whose donation, for which fund and appeal, and what that comes to."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal, Fund
from supporters.donations.models import Donation, Frequency
from supporters.payments.models import BalanceTransaction

Row = tuple[Any, ...]
_line = BalanceTransaction
# A payout's own line is no part of it; that of an earlier one by hand is, and so is what put an earlier one's money back.
IS_OWN = (_line.reporting_category == "payout") & (
    func.coalesce(_line.source_id, _line.stripe_payout_id) == _line.stripe_payout_id
)


class LineKind(StrEnum):
    """What a line of a payout is, as people ask for it."""

    ONCE = Frequency.ONCE.value  # a donation given once
    MONTHLY = Frequency.MONTHLY.value  # a payment of a monthly plan
    YEARLY = Frequency.YEARLY.value  # a payment of a yearly plan
    PAYMENT = "payment"  # a payment of something else on the same account
    REFUND = "refund"  # money that we gave back, and refunds that failed
    DISPUTE = "dispute"  # money that a bank took back, or gave back again
    UNPAID = "unpaid"  # a debit that its bank did not pay after all
    FEE = "fee"  # what Stripe and card networks take apart from payments, with its tax
    OTHER = "other"  # everything else: reserves, top-ups, earlier payouts, adjustments


_CATEGORIES = {
    LineKind.REFUND: ("refund", "refund_failure", "partial_capture_reversal"),
    LineKind.DISPUTE: ("dispute", "dispute_reversal"),
    LineKind.UNPAID: ("charge_failure",),
    LineKind.FEE: ("fee", "tax", "network_cost"),
}
_KIND: ColumnElement[str] = case(
    (_line.reporting_category == "charge", func.coalesce(Donation.frequency, LineKind.PAYMENT.value)),
    *((_line.reporting_category.in_(names), kind.value) for kind, names in _CATEGORIES.items()),
    else_=LineKind.OTHER.value,
)
_APPEAL = func.coalesce(func.nullif(Appeal.name, ""), Appeal.heading)


class LineFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of a payout; what is empty narrows nothing. A line without a donation has neither fund nor appeal."""

    kind: LineKind | None = None
    fund_id: str = ""
    appeal_id: str = ""


class Part(msgspec.Struct, frozen=True):
    """What one kind of line comes to in a payout. *Money*: minor units of the payout's currency."""

    category: str
    lines: int
    gross_minor: int
    fee_minor: int
    net_minor: int


class PayoutLine(NamedTuple):
    """One line in a payout, and the donation whose money it is, if it is one's, with its fund and its appeal."""

    line: BalanceTransaction
    kind: str
    donation_id: str | None
    reference: str | None
    frequency: str | None
    name: str | None
    fund: str | None
    appeal: str | None


class Purposes(NamedTuple):
    """The funds and the appeals, by id, of which there is a line in a payout."""

    funds: dict[str, str]
    appeals: dict[str, str]


async def parts_of(session: AsyncSession, payout_id: str) -> list[Part]:
    """What is in the payout, by Stripe's category; the largest first."""
    summed = select(_line.reporting_category, *_sums()).where(*inside(payout_id)).group_by(_line.reporting_category)
    return sorted(await _parts(session, summed), key=lambda part: (-abs(part.gross_minor), part.category))


async def kinds_of(session: AsyncSession, payout_id: str, wanted: LineFilter) -> list[Part]:
    """What is in the payout of the fund and the appeal that are wanted, by kind, in the kinds' own order."""
    whole = msgspec.structs.replace(wanted, kind=None)
    kind = _KIND.label("kind")
    summed = _with_donations(select(kind, *_sums())).where(*inside(payout_id), *_conditions(whole)).group_by(kind)
    order = [each.value for each in LineKind]
    return sorted(await _parts(session, summed), key=lambda part: order.index(part.category))


async def lines_of(
    session: AsyncSession, payout_id: str, *, limit: int, offset: int = 0, wanted: LineFilter | None = None
) -> list[PayoutLine]:
    """The lines in the payout, or those that are wanted, the earliest first."""
    columns = (_line, _KIND, Donation.id, Donation.reference, Donation.frequency, Donation.name, Fund.name, _APPEAL)
    query = (
        _with_donations(select(*columns))
        .outerjoin(Fund, Fund.id == Donation.fund_id)
        .outerjoin(Appeal, Appeal.id == Donation.appeal_id)
        .where(*inside(payout_id), *_conditions(wanted or LineFilter()))
        .order_by(_line.created_at, _line.stripe_balance_transaction_id)
    )
    return [PayoutLine(*row) for row in await session.execute(query.limit(limit).offset(offset))]


async def purposes_of(session: AsyncSession, payout_id: str) -> Purposes:
    """Every fund and every appeal of which the payout holds a line, by name."""
    query = (
        _with_donations(select(Fund.id, Fund.name, Appeal.id, _APPEAL))
        .join(Fund, Fund.id == Donation.fund_id)
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .where(*inside(payout_id))
        .distinct()
    )
    rows = [tuple(map(str, row)) for row in await session.execute(query)]
    return Purposes(
        dict(sorted(((row[0], row[1]) for row in rows), key=lambda pair: pair[1])),
        dict(sorted(((row[2], row[3]) for row in rows), key=lambda pair: pair[1])),
    )


async def count_unposted(session: AsyncSession, payout_id: str) -> int:
    """How many of the payout's lines are not in the books yet."""
    unposted = select(func.count()).select_from(_line).where(*inside(payout_id), _line.posted_at.is_(None))
    return await session.scalar(unposted) or 0


def inside(payout_id: str) -> tuple[ColumnElement[bool], ...]:
    """What a line must be to be in the payout."""
    return (_line.stripe_payout_id == payout_id, ~IS_OWN)


async def _parts(session: AsyncSession, summed: Select[*Row]) -> list[Part]:
    rows: Sequence[Any] = (await session.execute(summed)).all()
    return [Part(name, count, int(gross), int(fee), int(net)) for name, count, gross, fee, net in rows]


def _sums() -> tuple[ColumnElement[int], ...]:
    return (func.count(), func.sum(_line.gross_minor), func.sum(_line.fee_minor), func.sum(_line.net_minor))


def _with_donations(query: Select[*Row]) -> Select[*Row]:
    is_its = Donation.stripe_payment_intent_id == _line.stripe_payment_intent_id
    return query.select_from(_line).outerjoin(Donation, and_(_line.stripe_payment_intent_id.is_not(None), is_its))


def _conditions(wanted: LineFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.kind:
        found.append(_KIND.in_([wanted.kind.value]))
    if wanted.fund_id:
        found.append(Donation.fund_id == wanted.fund_id)
    if wanted.appeal_id:
        found.append(Donation.appeal_id == wanted.appeal_id)
    return found
