"""Whoever wants no receipt for each payment has one statement a year: noted as each is paid, sent once the year is over."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec
from babel.dates import format_date
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.collect import PaidDonation
from supporters.donations.models import Donation, DonationState
from supporters.kit.clock import local_date
from supporters.kit.db import insert_for
from supporters.kit.ids import Ids
from supporters.mail.models import Stream
from supporters.mail.outbox import queue_letter
from supporters.mail.rules import echoable_name
from supporters.people.models import EmailAddress, Supporter
from supporters.receipts.issue import issue, mail_domain
from supporters.receipts.mine import Payment, Period, payments_of, period_of, sums_of
from supporters.receipts.models import StatedPayment, Wished, YearStatement
from supporters.settings import Settings

KIND = "year_statement"
DAY = "d MMM y"
SENT_FROM = (1, 5)  # month and day: late news of the year's last days is here by then
PORTION = 50  # supporters of one transaction
MOST_ROWS = 60  # of a letter; the page has them all
EXECUTION = {"synchronize_session": False}


class Owed(msgspec.Struct, frozen=True):
    """A payment that no statement tells of yet."""

    donation_id: str
    year: int


async def keep_for_statement(session: AsyncSession, donation_id: str, *, now: datetime) -> None:
    """The payment, whose giver wants no receipt for each, is told of in the statement of its year.

    In the transaction in which it is paid. *Idempotent*.
    """
    row = {"donation_id": donation_id, "wished": Wished.YEARLY, "statement_id": None, "kept_at": now}
    await session.execute(insert_for(session, StatedPayment).values(**row).on_conflict_do_nothing())


async def prove(
    session: AsyncSession, paid: PaidDonation, *, each: bool, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The payment has its receipt and its letter, or, as its giver wished, its place in the statement of its year."""
    if each:
        await issue(session, paid, ids=ids, now=now, settings=settings)
    else:
        await keep_for_statement(session, paid.id, now=now)


async def send_portion(session: AsyncSession, *, after: str, ids: Ids, now: datetime, settings: Settings) -> str | None:
    """The next supporters whose year is over have their statement; returns the last of them, None when none is left.

    A payment that is heard of late brings the statement of its year once more, with all of it. *Idempotent by* the payment.
    """
    owed = await _owed(session, _last_year(now, settings.time_zone), after=after, zone=settings.time_zone)
    for supporter_id, payments in owed.items():
        by_year = defaultdict[int, list[str]](list)
        for each in payments:
            by_year[each.year].append(each.donation_id)
        for year, donation_ids in sorted(by_year.items()):
            await _send(session, supporter_id, year, donation_ids, ids=ids, now=now, settings=settings)
    return max(owed) if owed else None


def _last_year(now: datetime, zone: str) -> Period:
    """The newest year of which statements are sent by now, as the publisher's time zone has it."""
    today = local_date(now, zone)
    year = today.year - (1 if (today.month, today.day) >= SENT_FROM else 2)
    found = period_of(str(year), now=now, zone=zone)
    assert found, "a year that is over has a period"
    return found


async def _owed(session: AsyncSession, last: Period, *, after: str, zone: str) -> dict[str, list[Owed]]:
    """By supporter: what is paid and told of nowhere, until that year's end; held until the transaction ends."""
    wanted = (
        (StatedPayment.statement_id.is_(None))
        & (Donation.state == DonationState.PAID)
        & (Donation.paid_at < last.until)
        & (Donation.supporter_id > after)
    )
    of_paid = select(Donation.supporter_id).join(StatedPayment, StatedPayment.donation_id == Donation.id)
    next_ones = of_paid.where(wanted).distinct().order_by(Donation.supporter_id).limit(PORTION)
    supporters = list(await session.scalars(next_ones))
    rows = (
        select(Donation.supporter_id, Donation.id, Donation.paid_at)
        .join(StatedPayment, StatedPayment.donation_id == Donation.id)
        .where(wanted, Donation.supporter_id.in_(supporters))
        .order_by(Donation.supporter_id, Donation.id)
        .with_for_update(of=StatedPayment)
    )
    found = defaultdict[str, list[Owed]](list)
    for supporter_id, donation_id, paid_at in await session.execute(rows):
        assert supporter_id
        assert paid_at, "what is paid has a day and somebody who paid it"
        found[supporter_id].append(Owed(donation_id, local_date(paid_at, zone).year))
    return found


async def _send(
    session: AsyncSession,
    supporter_id: str,
    year: int,
    donation_ids: Sequence[str],
    *,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    """The statement is on record with the payments that waited for it, and its letter waits to be sent."""
    period = period_of(str(year), now=now, zone=settings.time_zone)
    assert period, "payments are of years that have begun"
    paid = [each for each in await payments_of(session, supporter_id, period) if each.state == DonationState.PAID]
    mine = (YearStatement.supporter_id == supporter_id) & (YearStatement.year == year)
    is_again = await session.scalar(select(YearStatement.id).where(mine).limit(1)) is not None
    address, name = await _address_of(session, supporter_id)
    statement_id = ids.ulid()
    row = {"supporter_id": supporter_id, "year": year, "payments": len(paid), "has_letter": bool(address)}
    await session.execute(insert(YearStatement).values(id=statement_id, made_at=now, **row))
    told = update(StatedPayment).where(StatedPayment.donation_id.in_(donation_ids)).values(statement_id=statement_id)
    await session.execute(told, execution_options=EXECUTION)
    if address:
        await queue_letter(
            session,
            kind=KIND,
            stream=Stream.SERVICE,
            recipient=address,
            dedupe_key=statement_id,
            context=statement_context(paid, year, name=name, is_again=is_again, settings=settings),
            about=statement_id,
            ids=ids,
            now=now,
            domain=mail_domain(settings),
        )


def statement_context(
    paid: Sequence[Payment], year: int, *, name: str, is_again: bool, settings: Settings
) -> dict[str, object]:
    """The plain values for templates/mail/year_statement: payments from the oldest, and a sum for each currency."""
    oldest_first = sorted(paid, key=lambda each: (each.at, each.id))
    return {
        "year": str(year),
        "name": echoable_name(name),
        "is_again": is_again,
        "rows": [_row(each, settings) for each in oldest_first[:MOST_ROWS]],
        "more": max(0, len(paid) - MOST_ROWS),
        "sums": [
            {
                "payments": each.payments,
                "kept_minor": each.kept.minor,
                "returned_minor": each.returned.minor,
                "currency": each.kept.currency,
            }
            for each in sums_of(paid)
        ],
    }


def _row(payment: Payment, settings: Settings) -> dict[str, object]:
    day = format_date(local_date(payment.at, settings.time_zone), DAY, locale=settings.locale)
    return {
        "day": day,
        "reference": payment.reference,
        "amount_minor": payment.amount.minor,
        "returned_minor": payment.refunded.minor,
        "currency": payment.amount.currency,
    }


async def _address_of(session: AsyncSession, supporter_id: str) -> tuple[str, str]:
    """Where the supporter is written to, empty where nowhere, and their name."""
    wanted = (
        select(EmailAddress.address, Supporter.name)
        .select_from(Supporter)
        .outerjoin(EmailAddress, EmailAddress.supporter_id == Supporter.id)
        .where(Supporter.id == supporter_id)
        .order_by(EmailAddress.retired_at.is_not(None), EmailAddress.id)
        .limit(1)
    )
    address, name = (await session.execute(wanted)).one()
    return address or "", name
