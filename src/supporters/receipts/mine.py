"""Payments and receipts as their supporters see them, and the statement of a stretch of time."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal
from supporters.donations.models import Donation, DonationState, Frequency
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.plans.models import Instalment, Plan
from supporters.receipts.models import Receipt

UNPAID = (DonationState.STARTED, DonationState.EXPIRED)
LAST_TWELVE_MONTHS = "12-months"
FIRST_YEAR = 2000


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment that was taken or is on its way."""

    id: str
    reference: str
    at: datetime
    state: DonationState
    frequency: Frequency
    amount: Money
    refunded: Money
    purpose: str
    receipt_number: str | None

    @property
    def kept(self) -> Money:
        """What was given and not returned; nothing while the bank has not answered."""
        is_paid = self.state == DonationState.PAID
        return Money(self.amount.minor - self.refunded.minor if is_paid else 0, self.amount.currency)


class Sum(msgspec.Struct, frozen=True):
    """What was given in one currency, what was returned of it, and what stays."""

    given: Money
    returned: Money
    kept: Money
    payments: int


class Period(msgspec.Struct, frozen=True):
    """A stretch of time: `since` inclusive, `until` exclusive; as dates, both inclusive. `year` when it is a calendar year."""

    name: str
    since: datetime
    until: datetime
    first: date
    last: date
    year: int | None


class ReceiptPage(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt with all that it proves."""

    number: str
    reference: str
    name: str
    email: str
    amount: Money
    refunded: Money
    frequency: Frequency
    card_last4: str | None
    purpose: str
    paid_at: datetime
    issued_at: datetime
    voided_at: datetime | None


def period_of(name: str, *, now: datetime, zone: str) -> Period | None:
    """The stretch of time that an address names: a year that has begun ("2026"), or "12-months". None for anything else.

    *Time*: days are those of the publisher's time zone.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    if name == LAST_TWELVE_MONTHS:
        is_leap_day = (today.month, today.day) == (2, 29)
        ago = today.replace(year=today.year - 1, day=28 if is_leap_day else today.day)
        return _period(name, ago + timedelta(days=1), today, zone, year=None)
    if len(name) != 4 or not (name.isascii() and name.isdigit()) or not FIRST_YEAR <= int(name) <= today.year:
        return None
    year = int(name)
    return _period(name, date(year, 1, 1), min(date(year, 12, 31), today), zone, year=year)


def period_words(period: Period) -> str:
    """What a statement of that time is called."""
    if period.year is None:
        return _("Statement for the last 12 months")
    return _("Statement for %(year)s") % {"year": period.year}


async def payments_of(session: AsyncSession, supporter_id: str, period: Period) -> list[Payment]:
    """The supporter's payments in that time, newest first; attempts that came to nothing are not among them."""
    at = func.coalesce(Donation.paid_at, Donation.created_at)
    wanted = (
        select(Donation, Appeal.heading, Receipt.number)
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .outerjoin(Receipt, (Receipt.donation_id == Donation.id) & Receipt.voided_at.is_(None))
        .where(_theirs(supporter_id), Donation.state.not_in(UNPAID), at >= period.since, at < period.until)
        .order_by(at.desc(), Donation.id.desc())
    )
    return [_payment(*row) for row in await session.execute(wanted)]


async def years_of(session: AsyncSession, supporter_id: str, *, now: datetime, zone: str) -> list[int]:
    """The years from the supporter's last payment back to the first."""
    ends = select(func.min(Donation.paid_at), func.max(Donation.paid_at))
    first, last = (
        await session.execute(ends.where(Donation.supporter_id == supporter_id, Donation.state == DonationState.PAID))
    ).one()
    if first is None or last is None:
        return []
    local = ZoneInfo(zone)
    newest = min(last, now).astimezone(local).year
    return list(range(newest, first.astimezone(local).year - 1, -1))


async def receipt_page(session: AsyncSession, donation_id: str, supporter_id: str) -> ReceiptPage | None:
    """The receipt of that payment. None when it has none, or is not the supporter's."""
    wanted = (
        select(Receipt, Donation, Appeal.heading)
        .join(Donation, Donation.id == Receipt.donation_id)
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .where(Donation.id == donation_id, _theirs(supporter_id))
    )
    found = (await session.execute(wanted)).one_or_none()
    if found is None:
        return None
    receipt, donation, purpose = found
    return ReceiptPage(
        number=receipt.number,
        reference=donation.reference,
        name=receipt.name,
        email=receipt.email,
        amount=Money(receipt.amount_minor, receipt.currency),
        refunded=Money(donation.refunded_minor + donation.returned_minor, donation.currency),
        frequency=Frequency(donation.frequency),
        card_last4=donation.card_last4,
        purpose=purpose,
        paid_at=donation.paid_at or receipt.issued_at,
        issued_at=receipt.issued_at,
        voided_at=receipt.voided_at,
    )


def sums_of(payments: Sequence[Payment]) -> list[Sum]:
    """What the paid ones come to, one sum for each currency."""
    paid = sorted(
        (each for each in payments if each.state == DonationState.PAID), key=lambda each: each.amount.currency
    )
    found: list[Sum] = []
    for currency, group in groupby(paid, key=lambda each: each.amount.currency):
        several = list(group)
        given = sum(each.amount.minor for each in several)
        returned = sum(each.refunded.minor for each in several)
        kept = Money(given - returned, currency)
        found.append(Sum(Money(given, currency), Money(returned, currency), kept, len(several)))
    return found


def _period(name: str, first: date, last: date, zone: str, *, year: int | None) -> Period:
    local = ZoneInfo(zone)
    since = datetime.combine(first, time.min, local)
    until = datetime.combine(last + timedelta(days=1), time.min, local)
    return Period(name, since, until, first, last, year)


def _theirs(supporter_id: str) -> ColumnElement[bool]:
    """A plan's first payment by bank debit has no supporter of its own until the bank has answered: the plan knows.

    Two lists of ids and no OR: with one, PostgreSQL reads every donation there is.
    """
    own = select(Donation.id).where(Donation.supporter_id == supporter_id)
    by_plan = select(Instalment.donation_id).join(Plan, Plan.id == Instalment.plan_id)
    return Donation.id.in_(own.union(by_plan.where(Plan.supporter_id == supporter_id)))


def _payment(donation: Donation, purpose: str, receipt_number: str | None) -> Payment:
    return Payment(
        id=donation.id,
        reference=donation.reference,
        at=donation.paid_at or donation.created_at,
        state=DonationState(donation.state),
        frequency=Frequency(donation.frequency),
        amount=Money(donation.amount_minor, donation.currency),
        refunded=Money(donation.refunded_minor + donation.returned_minor, donation.currency),
        purpose=purpose,
        receipt_number=receipt_number,
    )
