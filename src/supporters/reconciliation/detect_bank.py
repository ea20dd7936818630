"""Differences between bank and payouts: money that nobody can place, payouts that did not arrive, several booked as one.

A discrepancy of a line or a payout is closed by the house as soon as somebody has dealt with the line or the payout.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, String, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount, BankFile, BankLine, BankStatement, FileState, LineState
from supporters.discrepancies.codes import Code, Resolution
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.discrepancies.open import Difference
from supporters.discrepancies.resolve import settle_discrepancy
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.models import BankProof, Period, PeriodState
from supporters.ledger.start import start_moment
from supporters.payments.models import Payout, PayoutState
from supporters.reconciliation.detect_look import Look
from supporters.reconciliation.expected import is_matched
from supporters.reconciliation.matching import Attribute, Expected, Outcome, working_days
from supporters.reconciliation.models import Confidence, Side
from supporters.reconciliation.proposals import Proposal, propose

OPEN_DAYS = 5  # a line may wait so long for its payout to be known
ARRIVES_WITHIN = 3  # working days after the day that Stripe names
MOST = 2_000  # open lines, the oldest first: whoever has more has other worries
_ONLY_LINES = (Code.BANK_CREDIT_UNKNOWN, Code.BANK_MERGED)
ABOUT_LINES = (*_ONLY_LINES, Code.DEPOSIT_BATCH_OFF)  # the last may also be about a deposit that was counted wrongly
_ABOUT_PAYOUTS = (Code.PAYOUT_NOT_IN_BANK, Code.BANK_SPLIT)
_BACK = (PayoutState.FAILED.value, PayoutState.CANCELED.value)


class Days(msgspec.Struct, frozen=True):
    """The days of one statement."""

    starts_on: date
    ends_on: date


async def lines_that_wait(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Credits that nothing explains, deposits that the bank counted otherwise, and what seems to be merged or split."""
    wanted = select(BankLine).where(BankLine.state == LineState.OPEN.value, BankLine.is_kept_whole)
    lines = (await session.scalars(wanted.order_by(BankLine.booked_on, BankLine.id).limit(MOST))).all()
    proposed = await propose(session, lines)
    latest = look.now.date() - timedelta(days=OPEN_DAYS)
    found = [
        difference_of(line, next(iter(proposed.get(line.id, ())), None), has_waited=line.booked_on <= latest)
        for line in lines
    ]
    return list({(each.code, each.subject): each for each in found if each}.values())


def difference_of(line: BankLine, top: Proposal | None, *, has_waited: bool) -> Difference | None:
    """What a person is asked about an open line, by the surest of what it may be; None where one payment explains it."""
    deposit = top and _deposit_that_differs(top)
    if deposit:
        return other_than_counted(line, deposit)
    if top is None or _is_weak(top):
        return unknown_credit(line) if line.amount_minor > 0 and has_waited else None
    if top.is_merged:
        parts = ", ".join(each.ref_id for each in top.parts)
        told = {"payments": parts, "booked_on": line.booked_on.isoformat()}
        amount = Money(line.amount_minor, line.currency)
        return Difference(code=Code.BANK_MERGED, subject=line.id, amount=amount, detail=told)
    if top.is_split:
        part = top.parts[0]
        lines: dict[str, object] = {"line": top.line_ids[0], "lines": len(top.line_ids)}
        amount = Money(part.amount_minor, part.currency)
        return Difference(code=Code.BANK_SPLIT, subject=part.ref_id, amount=amount, detail=lines)
    return None


def _deposit_that_differs(proposal: Proposal) -> Expected | None:
    """The deposit that the line names, if the bank counted another amount than we did."""
    said = {each.attribute: each.outcome for each in proposal.reasons}
    part = proposal.parts[0]
    is_off = said.get(Attribute.REFERENCE) is Outcome.SAME and said.get(Attribute.AMOUNT) is not Outcome.SAME
    return part if is_off and part.side == Side.DEPOSIT and not proposal.is_merged else None


def _is_weak(proposal: Proposal) -> bool:
    """Whether one payment alone is offered, and nothing but its amount or a hint speaks for it."""
    is_one = not (proposal.is_merged or proposal.is_split)
    return is_one and proposal.confidence == Confidence.POSSIBLE and proposal.parts[0].side != Side.ACCOUNT


def other_than_counted(line: BankLine, deposit: Expected) -> Difference:
    """A deposit of which the bank credited more or less than was counted. Whoever matches the line books the rest."""
    return Difference(
        code=Code.DEPOSIT_BATCH_OFF,
        subject=line.id,
        amount=Money(line.amount_minor - deposit.amount_minor, line.currency),
        detail={
            "booked_on": line.booked_on.isoformat(),
            "reference": deposit.reference,
            "counted_minor": deposit.amount_minor,
            "credited_minor": line.amount_minor,
        },
    )


def unknown_credit(line: BankLine) -> Difference:
    """Money of which nobody can say what it is."""
    return Difference(
        code=Code.BANK_CREDIT_UNKNOWN,
        subject=line.id,
        amount=Money(line.amount_minor, line.currency),
        detail={"booked_on": line.booked_on.isoformat()},
    )


async def payouts_not_in_bank(session: AsyncSession, look: Look) -> Sequence[Difference]:
    """Payouts that Stripe calls paid and that no line shows, though a statement goes on past the days they may take."""
    begun = await start_moment(session)
    since = max(look.since, begun).date() if begun else look.since.date()
    payout = Payout
    wanted = select(payout).where(
        payout.status == PayoutState.PAID,
        payout.amount_minor > 0,
        payout.arrival_on.between(since, look.now.date() - timedelta(days=ARRIVES_WITHIN)),
        ~is_matched(Side.PAYOUT, payout.stripe_payout_id),
        ~exists(select(Period.period).where(*_was_proved_elsewhere())),
    )
    covered = await _covered(session)
    return [
        Difference(
            code=Code.PAYOUT_NOT_IN_BANK,
            subject=each.stripe_payout_id,
            amount=Money(each.amount_minor, each.currency),
            detail={"expected_on": each.arrival_on.isoformat(), "trace": each.trace_id or ""},
        )
        for each in await session.scalars(wanted.order_by(payout.arrival_on))
        if _should_show(each, covered.get(each.currency, ()))
    ]


async def settle_dealt_with(session: AsyncSession, *, now: datetime) -> int:
    """Discrepancies of lines and payouts that somebody has dealt with are closed by the house; says how many."""
    d = Discrepancy
    is_open = d.state == DiscrepancyState.OPEN
    of_lines = select(d.code, d.subject).where(
        is_open,
        d.code.in_([code.value for code in _ONLY_LINES]),
        ~exists(select(BankLine.id).where(BankLine.id == d.subject, BankLine.state == LineState.OPEN.value)),
    )
    dealt_with = exists(select(BankLine.id).where(BankLine.id == d.subject, BankLine.state != LineState.OPEN.value))
    of_deposits = select(d.code, d.subject).where(is_open, d.code == Code.DEPOSIT_BATCH_OFF.value, dealt_with)
    of_payouts = select(d.code, d.subject).where(
        is_open, d.code.in_([code.value for code in _ABOUT_PAYOUTS]), is_matched(Side.PAYOUT, d.subject)
    )
    failed = exists(
        select(Payout.stripe_payout_id).where(Payout.stripe_payout_id == d.subject, Payout.status.in_(_BACK))
    )
    of_failed = select(d.code, d.subject).where(is_open, d.code == Code.PAYOUT_NOT_IN_BANK.value, failed)
    queries = {
        _("The bank line was dealt with."): (of_lines, of_deposits, of_payouts),
        _("The payout has failed: that is a matter of its own."): (of_failed,),
    }
    settled = 0
    for reason, query in ((reason, query) for reason, several in queries.items() for query in several):
        for row in (await session.execute(query)).all():
            settled += await settle_discrepancy(
                session,
                code=Code(row.code),
                subject=row.subject,
                resolution=Resolution.EXPLAINED,
                reason=reason,
                now=now,
            )
    return settled


async def _covered(session: AsyncSession) -> dict[str, list[Days]]:
    """The days of every statement that counts, by currency."""
    s = BankStatement
    query = (
        select(BankAccount.currency, s.starts_on, s.ends_on)
        .join(BankAccount, BankAccount.id == s.bank_account_id)
        .join(BankFile, BankFile.id == s.bank_file_id)
        .where(BankFile.state == FileState.IMPORTED.value)
    )
    found: defaultdict[str, list[Days]] = defaultdict(list)
    for row in await session.execute(query):
        found[row.currency].append(Days(row.starts_on, row.ends_on))
    return dict(found)


def _was_proved_elsewhere() -> tuple[ColumnElement[bool], ...]:
    """The payout's month is closed, and its bank was proved where no statement of ours shows it."""
    month = func.substr(cast(Payout.arrival_on, String), 1, 7)
    proved = (Period.state == PeriodState.LOCKED.value) & (Period.bank_proof == BankProof.ELSEWHERE.value)
    return Period.period == month, proved


def _should_show(payout: Payout, covered: Sequence[Days]) -> bool:
    """Whether a statement holds days on which it may arrive, and one goes on past the last of them."""
    if not any(days.starts_on <= payout.arrival_on <= days.ends_on for days in covered):
        later = [days for days in covered if days.starts_on > payout.arrival_on]
        if not any(working_days(payout.arrival_on, days.starts_on) <= ARRIVES_WITHIN for days in later):
            return False
    return any(working_days(payout.arrival_on, days.ends_on) >= ARRIVES_WITHIN for days in covered)


FINDERS: tuple[Callable[[AsyncSession, Look], Awaitable[Sequence[Difference]]], ...] = (
    lines_that_wait,
    payouts_not_in_bank,
)
