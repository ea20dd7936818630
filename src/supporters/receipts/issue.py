"""Giving out receipts: a gap-free number per year, once per donation, and the letter that carries it."""

from datetime import datetime
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import Appeal
from supporters.appeals.queries import letter_words
from supporters.audit.record import record
from supporters.donations.collect import PaidDonation
from supporters.donations.models import Donation
from supporters.kit.clock import local_date
from supporters.kit.db import insert_for
from supporters.kit.errors import Conflict, NotFound
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.mail.models import Stream
from supporters.mail.outbox import complete_letter, queue_letter
from supporters.people.matching import read_email
from supporters.receipts.letters import receipt_context
from supporters.receipts.models import Receipt, ReceiptCounter
from supporters.settings import Settings

KIND = "receipt"


class IssuedReceipt(msgspec.Struct, frozen=True):
    """A receipt that was given out."""

    id: str
    donation_id: str
    number: str


async def issue(
    session: AsyncSession, paid: PaidDonation, *, ids: Ids, now: datetime, settings: Settings
) -> IssuedReceipt:
    """The donation has its numbered receipt and the letter with it waits to be sent.

    The number is the year's next, without gaps: the counter's row stays locked until the caller's transaction ends.
    Once per donation: call it for what `collect_paid` returned. *Time*: the year is that of the publisher's time zone.
    """
    year = local_date(paid.paid_at, settings.time_zone).year
    sequence = await _next_number(session, year)
    number = f"R-{year}-{sequence:04d}"
    receipt_id = ids.ulid()
    await session.execute(
        insert(Receipt).values(
            id=receipt_id,
            donation_id=paid.id,
            year=year,
            sequence=sequence,
            number=number,
            email=paid.email,
            name=paid.name,
            amount_minor=paid.amount_minor,
            currency=paid.currency,
            issued_at=now,
        )
    )
    if paid.email:  # who gave cash may have none
        context = await _context(session, paid, number=number, settings=settings)
        await _queue(session, paid.id, paid.email, context, dedupe_key=receipt_id, ids=ids, now=now, settings=settings)
    return IssuedReceipt(receipt_id, paid.id, number)


def mail_domain(settings: Settings) -> str:
    """The right-hand side of our letters' Message-IDs."""
    return urlsplit(settings.base_url).hostname or "localhost"


async def tell_card(session: AsyncSession, donation_id: str, card_last4: str | None) -> None:
    """A receipt letter that still waits names the card's last digits."""
    if card_last4:
        await complete_letter(session, kind=KIND, about=donation_id, facts={"card_last4": card_last4})


async def resend(
    session: AsyncSession, receipt_id: str, *, actor_id: str, ids: Ids, now: datetime, settings: Settings
) -> None:
    """The receipt waits to be sent once more to its address, and the audit says who asked. Raises NotFound, Conflict."""
    receipt = await _receipt(session, receipt_id)
    await _send_again(session, receipt, ids=ids, now=now, settings=settings)
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="receipt.resend",
        record_kind="receipt",
        record_id=receipt_id,
        detail={"number": receipt.number},
        now=now,
    )


async def correct_address(
    session: AsyncSession,
    receipt_id: str,
    *,
    email: str,
    name: str | None = None,
    actor_id: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    """The receipt names another address (and person), and waits to be sent there; its number and amount stay.

    The supporter on file is not touched. Raises NotFound, Conflict (voided), EmailProblem. *Writes* audit.
    """
    receipt = await _receipt(session, receipt_id)
    address = read_email(email)
    changes = {"email": [receipt.email, address], "name": [receipt.name, name or receipt.name]}
    receipt.email, receipt.name, receipt.corrected_at = address, name or receipt.name, now
    await session.flush()
    await _send_again(session, receipt, ids=ids, now=now, settings=settings)
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="receipt.correct",
        record_kind="receipt",
        record_id=receipt_id,
        detail={"number": receipt.number, **changes},
        now=now,
    )


async def void(session: AsyncSession, receipt_id: str, *, reason: str, actor_id: str, now: datetime) -> None:
    """The receipt no longer counts; it keeps its number. Raises NotFound, Conflict (voided before). *Writes* audit."""
    receipt = await _receipt(session, receipt_id)
    receipt.voided_at = now
    await session.flush()
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="receipt.void",
        record_kind="receipt",
        record_id=receipt_id,
        detail={"number": receipt.number, "reason": reason},
        now=now,
    )


async def _next_number(session: AsyncSession, year: int) -> int:
    first = insert_for(session, ReceiptCounter).values(year=year, last=1)
    taken = first.on_conflict_do_update(index_elements=["year"], set_={"last": ReceiptCounter.last + 1})
    return (await session.execute(taken.returning(ReceiptCounter.last))).scalar_one()


async def _receipt(session: AsyncSession, receipt_id: str) -> Receipt:
    receipt = await session.scalar(select(Receipt).where(Receipt.id == receipt_id).with_for_update())
    if receipt is None:
        raise NotFound(_("There is no such receipt."))
    if receipt.voided_at is not None:
        raise Conflict(_("Receipt {number} was voided.").format(number=receipt.number))
    return receipt


async def _send_again(session: AsyncSession, receipt: Receipt, *, ids: Ids, now: datetime, settings: Settings) -> None:
    paid = await _paid_donation(session, receipt)
    context = await _context(session, paid, number=receipt.number, settings=settings)
    dedupe = ids.ulid()  # every time is wanted: a person asked
    email = receipt.email
    await _queue(session, receipt.donation_id, email, context, dedupe_key=dedupe, ids=ids, now=now, settings=settings)


async def _context(session: AsyncSession, paid: PaidDonation, *, number: str, settings: Settings) -> dict[str, object]:
    subject, signoff = await letter_words(session, paid.appeal_slug)
    return receipt_context(paid, number=number, settings=settings, subject=subject, signoff=signoff)


async def _queue(
    session: AsyncSession,
    donation_id: str,
    email: str,
    context: dict[str, object],
    *,
    dedupe_key: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    await queue_letter(
        session,
        kind=KIND,
        stream=Stream.SERVICE,
        recipient=email,
        dedupe_key=dedupe_key,
        context=context,
        about=donation_id,
        ids=ids,
        now=now,
        domain=mail_domain(settings),
    )


async def _paid_donation(session: AsyncSession, receipt: Receipt) -> PaidDonation:
    wanted = select(Donation, Appeal).join(Appeal, Appeal.id == Donation.appeal_id)
    donation, appeal = (await session.execute(wanted.where(Donation.id == receipt.donation_id))).one()
    return PaidDonation(
        id=donation.id,
        reference=donation.reference,
        amount_minor=receipt.amount_minor,
        currency=receipt.currency,
        frequency=donation.frequency,
        email=receipt.email,
        name=receipt.name,
        card_last4=donation.card_last4,
        appeal_slug=appeal.slug,
        appeal_heading=appeal.heading,
        appeal_thanks=appeal.thanks,
        appeal_signed_by=appeal.signed_by,
        paid_at=donation.paid_at or receipt.issued_at,
    )
