"""A donation's money, step by step: article, charge, balance, payout, bank line, journal, export file."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.desk_story import Facts
from supporters.exports.models import ExportBatch
from supporters.exports.queries import batches_of
from supporters.exports.targets import Target
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.trail import Trail, trail_of
from supporters.web.desk.export_words import target_words
from supporters.web.desk.payout_words import category_words, standing_tag


class TrailStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step. Without `words` it has not come so far; `href` leads to its record, for those who may see it."""

    label: str
    words: str = ""
    id: str = ""
    amount: Money | None = None
    at: date | datetime | None = None
    href: str = ""


async def money_trail(session: AsyncSession, facts: Facts) -> list[TrailStep]:
    """Every step of the donation's money, in order; those that wait for something are there without words."""
    found = await trail_of(session, facts.row.id)
    batches = await batches_of(session, facts.row.id)
    steps = [_begun(facts), *(_by_hand(found) if found.other else _by_stripe(found, facts))]
    return [*steps, *_arrived(found), *_posted(facts), *_exported(batches)]


def _begun(facts: Facts) -> TrailStep:
    row = facts.row
    article = row.article_title or row.article_path
    words = article or (_("Issue %(number)s") % {"number": row.issue} if row.issue else _("Straight to the page"))
    return TrailStep(label=_("Came from"), words=words)


def _by_hand(found: Trail) -> Iterator[TrailStep]:
    other = found.other
    assert other, "asked only of money that never met Stripe"
    names = {
        "cash": _("Cash"),
        "cheque": _("Cheque"),
        "transfer": _("Bank transfer"),
        "standing_order": _("Standing order"),
    }
    amount = Money(other.amount_minor, other.currency)
    words = names.get(other.kind, other.kind)
    yield TrailStep(label=_("Received"), words=words, amount=amount, at=other.received_on)


def _by_stripe(found: Trail, facts: Facts) -> Iterator[TrailStep]:
    charge = TrailStep(label=_("Charge"))
    if facts.charge_id:
        charge = TrailStep(
            label=_("Charge"), words=_("Taken by Stripe"), id=facts.charge_id, amount=facts.row.amount, at=facts.row.at
        )
    yield charge
    for line in found.lines:
        yield TrailStep(
            label=_("Stripe's balance"),
            words=category_words(line.reporting_category),
            id=line.stripe_balance_transaction_id,
            amount=Money(line.net_minor, line.currency),
            at=line.created_at,
        )
    if not found.lines:
        yield TrailStep(label=_("Stripe's balance"))
    for row in found.payouts:
        yield TrailStep(
            label=_("Payout"),
            words=standing_tag(row.standing).word,
            id=row.id,
            amount=Money(row.amount_minor, row.currency),
            at=row.arrival_on,
            href=f"/desk/payouts/{row.id}",
        )
    if not found.payouts:
        yield TrailStep(label=_("Payout"))


def _arrived(found: Trail) -> Iterator[TrailStep]:
    for each in found.arrivals:
        yield TrailStep(
            label=_("Bank line"),
            words=each.account.name,
            id=each.line.id,
            amount=Money(each.line.amount_minor, each.line.currency),
            at=each.line.booked_on,
            href=f"/desk/bank/line/{each.line.id}",
        )
    if not found.arrivals:
        is_elsewhere = any(row.is_elsewhere for row in found.payouts)
        words = _("Proved in the accountant's own books") if is_elsewhere else ""
        yield TrailStep(label=_("Bank line"), words=words)


def _posted(facts: Facts) -> Iterator[TrailStep]:
    for posting in facts.postings:
        yield TrailStep(
            label=_("Journal"), words=_("In the ledger"), id=posting.id, at=posting.booked_on, href="#entries"
        )
    if not facts.postings:
        yield TrailStep(label=_("Journal"))


def _exported(batches: Sequence[ExportBatch]) -> Iterator[TrailStep]:
    for batch in batches:
        yield TrailStep(
            label=_("Export file"),
            words=f"{target_words(Target(batch.target)).name}, {batch.file_name}",
            id=batch.sha256,
            at=batch.made_at,
            href=f"/desk/exports/{batch.id}",
        )
    if not batches:
        yield TrailStep(label=_("Export file"))
