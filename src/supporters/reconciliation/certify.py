"""Certificates are written: what the books, Stripe and the bank say of a payout or a month at one moment, sealed and kept."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.kit.errors import NotFound
from supporters.kit.strings import gettext as _
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import Period, PeriodState
from supporters.ledger.periods import month_of
from supporters.reconciliation.certificate import FIRST, FORMAT, HASH, digest, seal, verify
from supporters.reconciliation.fact_days import explained
from supporters.reconciliation.models import Certificate, CertificateKind
from supporters.reconciliation.month_queries import (
    Held,
    MonthRow,
    board,
    entries_digest,
    stripe_activity,
    trial_balance,
)
from supporters.reconciliation.payout_lines import lines_of
from supporters.reconciliation.payout_queries import PayoutRow, Sides, arrivals_of, find_payout, posted_of, sides_of
from supporters.reconciliation.stripe_side import StripeSide, stripe_sides

MOST_LINES = 1_000_000
AT_ONCE = 500
Values = dict[str, Any]


class Maker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for a certificate, for whom, and when. `publisher` is the name that stands on it."""

    publisher: str
    zone: str
    actor_id: str
    now: datetime


async def certify_payout(session: AsyncSession, payout_id: str, maker: Maker) -> Certificate:
    """The payout as it stands now is sealed: its lines, what the books have of them, and the bank lines. Raises NotFound."""
    await lock_ledger(session)  # nothing moves while it is read, and each certificate names the one before it
    row = await find_payout(session, payout_id)
    if row is None:
        raise NotFound(_("There is no such payout."))
    lines = await lines_of(session, payout_id, limit=MOST_LINES)
    content = {
        "payout": _payout(row),
        "lines": [
            {
                "id": each.line.stripe_balance_transaction_id,
                "created_at": each.line.created_at.isoformat(),
                "category": each.line.reporting_category,
                "gross_minor": each.line.gross_minor,
                "fee_minor": each.line.fee_minor,
                "net_minor": each.line.net_minor,
                "donation": each.reference,
            }
            for each in lines
        ],
        "books": [
            {"account": each.account, "currency": each.currency, "fund": each.fund_id, "minor": each.minor}
            for each in await posted_of(session, payout_id)
        ],
        "bank": [
            {
                "line": each.line.id,
                "booked_on": each.line.booked_on.isoformat(),
                "account": each.account.name,
                "ending": each.account.last4,
                "minor": each.match.amount_minor,
                "confidence": each.match.confidence,
            }
            for each in await arrivals_of(session, payout_id)
        ],
    }
    return await _keep(session, CertificateKind.PAYOUT, payout_id, content, maker)


async def certify_month(
    session: AsyncSession, month: date, checks: Sequence[Mapping[str, Any]], maker: Maker
) -> Certificate:
    """The month as it stands now is sealed: accounts, Stripe's balance, payouts, what was explained, and every entry's digest."""
    await lock_ledger(session)
    name = month_of(month)
    period = await session.get(Period, name, populate_existing=True)
    row = (await board(session, [month], zone=maker.zone))[0]
    transactions, hashed = await entries_digest(session, month)
    accounts = await trial_balance(session, month)
    content = {
        "state": period.state if period else "open",
        "bank_proof": period.bank_proof if period else None,
        "locked_at": period.locked_at.isoformat() if period and period.locked_at else None,
        "second_person": _second(period),
        "transactions": transactions,
        "entries_sha256": hashed,
        "accounts": [{**each._asdict(), "closing_minor": each.closing_minor} for each in accounts],
        "stripe_balance": await _stripe_balance(session, month, accounts, zone=maker.zone),
        "payouts": await _payouts(session, row),
        "bank_lines": {"lines": row.bank_lines, "open": row.open_lines},
        "discrepancies": [each._asdict() for each in await explained(session, month, zone=maker.zone)],
        "checks": list(checks),
    }
    return await _keep(session, CertificateKind.MONTH, name, content, maker)


async def latest_certificate(session: AsyncSession, kind: CertificateKind, subject: str) -> Certificate | None:
    """The newest certificate of it, without its file."""
    mine = select(Certificate).where(Certificate.kind == kind.value, Certificate.subject == subject)
    return await session.scalar(mine.order_by(Certificate.number.desc()).limit(1))


async def find_certificate(session: AsyncSession, number: int) -> Certificate | None:
    """The certificate with this number, without its file."""
    return await session.get(Certificate, number)


async def read_file(session: AsyncSession, number: int) -> bytes | None:
    """The file of the certificate with this number, byte for byte."""
    return await session.scalar(select(Certificate.body).where(Certificate.number == number))


def _second(period: Period | None) -> str | None:
    """Whether two people closed it, or one alone where two should have. Names nobody."""
    if period is None or period.state != PeriodState.LOCKED.value:
        return None
    return "agreed" if period.agreed_by else "alone" if period.alone_reason else None


async def _keep(
    session: AsyncSession, kind: CertificateKind, subject: str, content: Mapping[str, Any], maker: Maker
) -> Certificate:
    last = (
        await session.execute(
            select(Certificate.number, Certificate.sha256).order_by(Certificate.number.desc()).limit(1)
        )
    ).one_or_none()
    body: Values = {
        "format": FORMAT,
        "kind": kind.value,
        "subject": subject,
        "number": last.number + 1 if last else 1,
        "previous_sha256": last.sha256 if last else FIRST,
        "publisher": maker.publisher,
        "made_at": maker.now.isoformat(),
        **content,
    }
    file = seal(body)
    body[HASH] = digest(body)
    made = Certificate(
        number=body["number"],
        kind=kind.value,
        subject=subject,
        body=file,
        sha256=body[HASH],
        previous_sha256=body["previous_sha256"],
        differences=sum(not each.holds for each in verify(body)),
        made_by=maker.actor_id,
        made_at=maker.now,
    )
    session.add(made)
    await session.flush()
    await _record(session, made, maker)
    return made


async def _record(session: AsyncSession, made: Certificate, maker: Maker) -> None:
    await record(
        session,
        actor_kind="staff",
        actor_id=maker.actor_id,
        action="certificate.make",
        record_kind=made.kind,
        record_id=made.subject,
        detail={"number": made.number, "sha256": made.sha256},
        now=maker.now,
    )


async def _stripe_balance(session: AsyncSession, month: date, accounts: Sequence[Held], *, zone: str) -> list[Values]:
    """Each currency as the books have it, beside what Stripe itself said nearest to the month's end."""
    moved = await stripe_activity(session, month)
    held = {each.currency: each for each in accounts if each.account == Account.STRIPE_BALANCE}
    return [
        {
            "currency": side.currency,
            "opening_minor": held[side.currency].opening_minor if side.currency in held else 0,
            "activity": [
                {"category": one.category, "minor": one.minor} for one in moved if one.currency == side.currency
            ],
            "closing_minor": side.closing_minor,
            "stripe": _told(side),
        }
        for side in await stripe_sides(session, month, zone=zone)
    ]


def _told(side: StripeSide) -> Values | None:
    if side.told is None:
        return None
    return {
        "asked_at": side.told.taken_at.isoformat(),
        "available_minor": side.told.available_minor,
        "pending_minor": side.told.pending_minor,
        "reserved_minor": side.told.reserved_minor,
        "moved_to_the_end_minor": side.lines_minor,
        "booked_later_minor": side.late_minor,
    }


async def _payouts(session: AsyncSession, row: MonthRow) -> list[Values]:
    names = [each.id for each in row.payouts]
    sides: dict[str, Sides] = {}
    for first in range(0, len(names), AT_ONCE):
        sides |= await sides_of(session, names[first : first + AT_ONCE])
    nothing = Sides(0, None, None)
    return [{**_payout(each), **sides.get(each.id, nothing)._asdict()} for each in row.payouts]


def _payout(row: PayoutRow) -> Values:
    return {
        "id": row.id,
        "arrival_on": row.arrival_on.isoformat(),
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "status": row.status,
        "method": row.method,
        "is_automatic": row.is_automatic,
        "is_itemised": row.is_itemised,
        "verified_at": row.verified_at.isoformat() if row.verified_at else None,
        "trace_id": row.trace_id,
        "bank_minor": row.bank_minor,
        "standing": row.standing.value,
    }
