"""Everything on record about one donation: its facts, and its story from events, ledger, letters, inbox and deeds."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.articles import titles_of
from supporters.appeals.models import Appeal, Attribution
from supporters.audit.models import AuditEntry
from supporters.donations.desk_queries import DonationRow, as_row, fees_of, payouts_of
from supporters.donations.models import Checkout, Donation, DonationEvent, DonationState, Refund, RefundState
from supporters.kit.errors import NotFound
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.models import LedgerEntry, LedgerTransaction
from supporters.mail.models import Letter
from supporters.payments.models import InboxEvent

BACK_OUT = (RefundState.FAILED, RefundState.CANCELED)
STORY_ROWS = 200


class RefundLine(msgspec.Struct, frozen=True):
    """One refund of a donation."""

    id: str
    amount: Money
    state: str
    reason: str
    note: str | None
    origin: str
    requested_by: str | None
    failure_reason: str | None
    at: datetime


class EntryLine(msgspec.Struct, frozen=True):
    """One signed line of the ledger: debit positive, credit negative."""

    account: str
    amount: Money


class Posting(msgspec.Struct, frozen=True):
    """One ledger transaction that moves money of the donation. `effective_on` is its own day where its month was closed."""

    id: str
    booked_on: date
    memo: str
    posted_at: datetime
    entries: list[EntryLine]
    effective_on: date | None = None


class Facts(msgspec.Struct, frozen=True):
    """What stands on the donation's page beside its story."""

    row: DonationRow
    supporter_id: str | None
    wants_newsletter: bool
    is_suspicious: bool
    card: str | None
    payment_intent_id: str | None
    charge_id: str | None
    fund_id: str
    origin: dict[str, str]
    is_claimed: bool
    postings: list[Posting]
    refunds: list[RefundLine]
    given_count: int
    given: Money

    @property
    def refundable(self) -> Money:
        """What is left to give back: paid, less every refund that has not come back."""
        if not self.row.is_paid:
            return Money(0, self.row.amount.currency)
        out = sum(each.amount.minor for each in self.refunds if each.state not in BACK_OUT)
        return Money(max(0, self.row.amount.minor - out), self.row.amount.currency)


class StoryLine(msgspec.Struct, frozen=True):
    """One thing that happened. `source` says which record tells it: event, posting, letter, inbox, deed."""

    at: datetime
    source: str
    kind: str
    id: str
    detail: dict[str, Any]


async def donation_facts(session: AsyncSession, donation_id: str) -> Facts:
    """The facts of one donation. Raises NotFound."""
    query = (
        select(Donation, Appeal, Attribution)
        .join(Appeal, Appeal.id == Donation.appeal_id)
        .join(Attribution, Attribution.id == Donation.attribution_id)
        .where(Donation.id == donation_id)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(_("There is no such donation."))
    donation, appeal, origin = found[0], found[1], found[2]
    fees = await fees_of(session, [donation.id])
    payouts = await payouts_of(session, [donation.stripe_payment_intent_id])
    count, given = await _given_by(session, donation)
    titles = await titles_of(session, [origin.article_id])
    return Facts(
        row=as_row(donation, appeal, origin, fee=fees.get(donation.id), payouts=payouts, titles=titles),
        supporter_id=donation.supporter_id,
        wants_newsletter=donation.wants_newsletter,
        is_suspicious=donation.is_suspicious,
        card=_card_of(donation),
        payment_intent_id=donation.stripe_payment_intent_id,
        charge_id=donation.stripe_charge_id,
        fund_id=donation.fund_id,
        origin=_origin_words(origin, titles.get(origin.article_id or "")),
        is_claimed=origin.is_claimed,
        postings=await _postings(session, donation.id),
        refunds=await _refunds(session, donation.id),
        given_count=count,
        given=given,
    )


async def donation_story(session: AsyncSession, donation_id: str, *, also_about: Sequence[str] = ()) -> list[StoryLine]:
    """All that is on record about the donation, oldest first; deeds also where they are about a record in `also_about`."""
    lines = await _event_lines(session, donation_id)
    lines += await _posting_lines(session, donation_id)
    lines += await _letter_lines(session, donation_id)
    lines += await _inbox_lines(session, donation_id)
    lines += await _deed_lines(session, [donation_id, *also_about])
    return sorted(lines, key=lambda line: (line.at, _rank(line), line.id))


async def donation_id_of(session: AsyncSession, reference: str) -> str | None:
    """The donation with this reference, D-7K3F9QXZ."""
    return await session.scalar(select(Donation.id).where(Donation.reference == reference.upper()))


async def lock_donation(session: AsyncSession, donation_id: str) -> None:
    """Nobody else changes the donation until this transaction ends. Raises NotFound."""
    found = await session.scalar(select(Donation.id).where(Donation.id == donation_id).with_for_update())
    if found is None:
        raise NotFound(_("There is no such donation."))


def _rank(line: StoryLine) -> int:
    """What came first of two things in the same moment: the form, then what Stripe said, then what it led to."""
    if line.kind == "started":
        return 0
    return {"deed": 1, "inbox": 2, "event": 3, "letter": 4, "posting": 5}[line.source]


async def _given_by(session: AsyncSession, donation: Donation) -> tuple[int, Money]:
    mine = Donation.supporter_id == donation.supporter_id if donation.supporter_id else Donation.id == donation.id
    left = Donation.amount_minor - Donation.refunded_minor - Donation.returned_minor
    query = select(func.count(), func.coalesce(func.sum(left), 0)).where(
        mine, Donation.state == DonationState.PAID, Donation.currency == donation.currency
    )
    row = (await session.execute(query)).one()
    return row[0], Money(int(row[1]), donation.currency)


def _card_of(donation: Donation) -> str | None:
    if not donation.card_last4:
        return None
    brand = (donation.card_brand or _("card")).replace("_", " ").capitalize()
    return _("%(brand)s ending %(digits)s") % {"brand": brand, "digits": donation.card_last4}


def _origin_words(origin: Attribution, title: str | None) -> dict[str, str]:
    first: dict[str, Any] = origin.first_touch or {}
    named = {
        "title": title,
        "article": origin.article_path,
        "issue": origin.issue,
        "appeal": origin.appeal_slug,
        "placement": origin.placement,
        "variant": origin.variant,
        "source": origin.source,
        "via": str(first.get("via") or ""),
        "campaign": ", ".join(str(value) for value in origin.utm.values()),
        "referrer": origin.referrer_host,
    }
    return {name: value for name, value in named.items() if value}


async def _postings(session: AsyncSession, donation_id: str) -> list[Posting]:
    query = (
        select(LedgerTransaction, LedgerEntry)
        .join(LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
        .where(LedgerEntry.donation_id == donation_id)
        .order_by(LedgerTransaction.posted_at, LedgerTransaction.id, LedgerEntry.account)
    )
    found: dict[str, Posting] = {}
    for transaction, entry in await session.execute(query):
        posting = found.setdefault(
            transaction.id,
            Posting(
                transaction.id,
                transaction.booked_on,
                transaction.memo,
                transaction.posted_at,
                [],
                transaction.effective_on,
            ),
        )
        posting.entries.append(EntryLine(entry.account, Money(entry.amount_minor, entry.currency)))
    return list(found.values())


async def _refunds(session: AsyncSession, donation_id: str) -> list[RefundLine]:
    query = select(Refund).where(Refund.donation_id == donation_id).order_by(Refund.created_at, Refund.id)
    return [
        RefundLine(
            id=refund.id,
            amount=Money(refund.amount_minor, refund.currency),
            state=refund.state,
            reason=refund.reason,
            note=refund.note,
            origin=refund.origin,
            requested_by=refund.requested_by,
            failure_reason=refund.failure_reason,
            at=refund.created_at,
        )
        for refund in await session.scalars(query)
    ]


async def _event_lines(session: AsyncSession, donation_id: str) -> list[StoryLine]:
    query = select(DonationEvent).where(DonationEvent.donation_id == donation_id)
    rows = await session.scalars(query.order_by(DonationEvent.at, DonationEvent.id).limit(STORY_ROWS))
    return [StoryLine(row.at, "event", row.kind, row.id, row.detail) for row in rows]


async def _posting_lines(session: AsyncSession, donation_id: str) -> list[StoryLine]:
    return [
        StoryLine(
            posting.posted_at,
            "posting",
            "posted",
            posting.id,
            {"memo": posting.memo, "booked_on": posting.booked_on.isoformat(), "entries": posting.entries},
        )
        for posting in await _postings(session, donation_id)
    ]


async def _letter_lines(session: AsyncSession, donation_id: str) -> list[StoryLine]:
    query = select(Letter).where(Letter.about == donation_id).order_by(Letter.queued_at).limit(STORY_ROWS)
    return [
        StoryLine(
            row.sent_at or row.queued_at,
            "letter",
            row.kind,
            row.id,
            {"recipient": row.recipient, "state": row.state, "is_sent": row.sent_at is not None},
        )
        for row in await session.scalars(query)
    ]


async def _inbox_lines(session: AsyncSession, donation_id: str) -> list[StoryLine]:
    """Events about an object of this donation. The payload stays where it is: it holds more than the page needs."""
    donation = await session.get(Donation, donation_id)
    objects = [donation.stripe_payment_intent_id, donation.stripe_charge_id] if donation else []
    sessions = select(Checkout.stripe_session_id).where(Checkout.donation_id == donation_id)
    refunds = select(Refund.stripe_refund_id).where(Refund.donation_id == donation_id)
    named = [each for each in objects if each]
    named += [each for each in await session.scalars(sessions) if each]
    named += [each for each in await session.scalars(refunds) if each]
    columns = (InboxEvent.stripe_event_id, InboxEvent.type, InboxEvent.state, InboxEvent.received_at, InboxEvent.via)
    query = select(*columns).where(or_(InboxEvent.object_id.in_(named), InboxEvent.waiting_for.in_(named)))
    rows = await session.execute(query.order_by(InboxEvent.received_at).limit(STORY_ROWS))
    return [
        StoryLine(row.received_at, "inbox", row.type, row.stripe_event_id, {"state": row.state, "via": row.via})
        for row in rows
    ]


async def _deed_lines(session: AsyncSession, record_ids: Sequence[str]) -> list[StoryLine]:
    mine = AuditEntry.record_kind.in_(("donation", "receipt")) & AuditEntry.record_id.in_(record_ids)
    mine &= AuditEntry.action != "donation.refund"  # the timeline tells it already, with its amount
    query = select(AuditEntry).where(mine, AuditEntry.actor_kind == "staff").order_by(AuditEntry.seq)
    return [
        StoryLine(row.at, "deed", row.action, f"audit-{row.seq}", {"actor_id": row.actor_id})
        for row in await session.scalars(query.limit(STORY_ROWS))
    ]
