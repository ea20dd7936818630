"""Promises whose money came become donations, standing orders become plans; and back again where a match was undone.

*Idempotent by* promise and turn: a payment of a promise is made once, however often the job runs.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Integer, String, and_, cast, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.bank.models import BankLine
from supporters.discrepancies.codes import Code
from supporters.discrepancies.open import open_discrepancy
from supporters.donations.models import Donation, Frequency
from supporters.donations.other_models import OtherKind, OtherPayment, OtherState, Promise, PromiseState
from supporters.donations.promises import forget_networks, forget_unkept, lapse
from supporters.donations.purge import KEEP_NETWORKS, KEEP_UNPAID
from supporters.jobs.timers import Timer
from supporters.jobs.work import Work
from supporters.kit.clock import local_date
from supporters.kit.ids import Ids
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.ledger.lock import lock_ledger
from supporters.plans.dates import MONTHS_OF, add_months, at_midday
from supporters.plans.history import note
from supporters.plans.models import Method, Plan, PlanKind, PlanState, StopReason
from supporters.plans.start import TAX_CODE, add_instalment
from supporters.reconciliation.automatic import OPEN
from supporters.reconciliation.expected import is_matched
from supporters.reconciliation.models import BankMatch, MatchRule, MatchState, RuleState, Side
from supporters.reconciliation.other_money import Giver, NewPayment, Recorded, record_payment, take_back
from supporters.reconciliation.rhythm import EARLY, MOST_MISSED
from supporters.reconciliation.seen_until import seen_until
from supporters.reconciliation.settle import EXPECTING, turn_of
from supporters.reconciliation.wished import wanted_receipt
from supporters.settings import Settings

FOLLOW_PROMISES = "promises.follow"
TIMERS = (Timer(FOLLOW_PROMISES, every=timedelta(hours=24)),)
LATE_DAYS = 10  # after the day on which a standing order was expected
ID_CHARS = 26
AT_ONCE = 50  # receipts of one transaction

log = structlog.stdlib.get_logger("promises")


async def keep_promises(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `promises.keep`: what matches say came of promises is in donations, plans and books, and only that."""
    kept = taken = 0
    while True:
        async with work.db.unit_of_work() as session:
            done = await keep_some(session, ids=work.ids, now=work.clock.now(), settings=settings)
        kept += done
        if done < AT_ONCE:
            break
    async with work.db.unit_of_work() as session:
        taken = await take_back_unmatched(session, ids=work.ids, now=work.clock.now(), settings=settings)
        await work.finish(session)
    if kept:
        log.info("promises_kept", count=kept)
    if taken:
        log.info("promises_taken_back", count=taken)


async def keep_some(session: AsyncSession, *, ids: Ids, now: datetime, settings: Settings) -> int:
    """Up to fifty payments of promises that the bank shows are paid donations; says how many."""
    await lock_ledger(session)
    match, line = BankMatch, BankLine
    made = exists(select(OtherPayment.id).where(*_payment_of(match.ref_id)))
    wanted = (
        select(
            match.ref_id,
            func.min(match.currency).label("currency"),
            func.min(line.booked_on).label("booked_on"),
            func.sum(match.amount_minor).label("minor"),
            func.max(line.counterparty_hash).label("payer_hash"),
            func.max(line.counterparty).label("payer_name"),
        )
        .join(line, line.id == match.bank_line_id)
        .where(match.side == Side.PROMISE.value, match.state == MatchState.CONFIRMED.value, ~made)
        .group_by(match.ref_id)
        .order_by("booked_on", match.ref_id)
        .limit(AT_ONCE)
    )
    rows = (await session.execute(wanted)).all()
    for row in rows:
        amount, day = Money(int(row.minor), row.currency), _day(row.booked_on)
        payer = (row.payer_hash, row.payer_name)
        await _keep(session, row.ref_id, amount, day, payer, ids=ids, now=now, settings=settings)
    return len(rows)


async def take_back_unmatched(
    session: AsyncSession, *, ids: Ids, now: datetime, settings: Settings, actor_id: str | None = None
) -> int:
    """Payments of promises, and gifts written down from a bank line, whose match was undone are void; says how many."""
    await lock_ledger(session)
    payment = OtherPayment
    ref_id = payment.promise_id + ":" + cast(payment.promise_turn, String())
    promised = and_(
        payment.promise_id.is_not(None),
        payment.state == OtherState.CLEARED.value,
        payment.recorded_by.is_(None),
        ~is_matched(Side.PROMISE, ref_id),
    )
    written = and_(
        payment.bank_line_id.is_not(None),
        payment.state == OtherState.RECORDED.value,
        ~is_matched(Side.OTHER_PAYMENT, payment.id),
    )
    found = (await session.scalars(select(payment).where(or_(promised, written)).with_for_update())).all()
    for each in found:
        words = _("Its match with the bank line was undone.")
        await take_back(session, each, words=words, actor_id=actor_id, ids=ids, now=now, settings=settings)
    for promise_id in sorted({each.promise_id for each in found if each.promise_id}):
        gone = [each.received_on for each in found if each.promise_id == promise_id]
        await _expect_again(session, promise_id, gone, settings=settings)
    return len(found)


async def _expect_again(session: AsyncSession, promise_id: str, gone: Sequence[date], *, settings: Settings) -> None:
    """A standing order whose newest payment was taken back waits for that one again, with the amount before it.

    One with a later payment that stands waits for the next as before.
    """
    promise = await session.get(Promise, promise_id, with_for_update=True, populate_existing=True)
    if promise is None or promise.frequency == Frequency.ONCE or promise.state not in EXPECTING:
        return
    standing = (OtherPayment.promise_id == promise_id) & (OtherPayment.state != OtherState.VOID.value)
    last = await session.scalar(select(OtherPayment).where(standing).order_by(OtherPayment.received_on.desc()).limit(1))
    after = [day for day in gone if last is None or day >= last.received_on]
    if not after:
        return
    gone_on = min(after)
    day = last.received_on if last else gone_on
    while last and abs(_next(promise, day) - gone_on) <= abs(day - gone_on):  # months that it had missed stay missed
        day = _next(promise, day)
    if last and day == last.received_on:
        day = _next(promise, day)
    promise.expected_on = min(day, promise.expected_on)
    promise.amount_minor = last.amount_minor if last else promise.amount_minor
    await session.flush()
    await _say_next(session, promise, settings, amount=Money(promise.amount_minor, promise.currency))


async def follow_promises(work: Work, _payload: dict[str, Any], *, settings: Settings) -> None:
    """Job `promises.follow`: a standing order that did not come is a discrepancy, a promise that nobody kept lapses."""
    async with work.db.unit_of_work() as session:
        now = work.clock.now()
        missed = await find_missed(session, ids=work.ids, now=now, settings=settings)
        lapsed = await lapse(session, now=now)
        await forget_networks(session, before=now - KEEP_NETWORKS)
        await forget_unkept(session, before=now - KEEP_UNPAID)
        await work.finish(session)
    if missed:
        log.info("standing_orders_missed", count=missed)
    if lapsed:
        log.info("promises_lapsed", count=lapsed)


async def find_missed(session: AsyncSession, *, ids: Ids, now: datetime, settings: Settings) -> int:
    """Each payment of a standing order that is more than ten days late is a discrepancy once, and the next is waited for.

    Late is what no line shows though the bank's statements go on past it. After three in a row the standing order is over.
    """
    await lock_ledger(session)  # first, as everybody who ends a standing order: rule, promise and plan are theirs then
    latest = local_date(now, settings.time_zone) - timedelta(days=LATE_DAYS)
    late = (Promise.state == PromiseState.RUNNING.value) & (Promise.expected_on < latest)
    found = (await session.scalars(select(Promise).where(late).order_by(Promise.id).with_for_update())).all()
    shown_until = await seen_until(session) if found else {}
    gone = [each for each in found if each.expected_on + timedelta(days=LATE_DAYS) < _shown(each, shown_until)]
    missed = [each for each in gone if not await _is_here(session, each)]
    for promise in missed:
        await open_discrepancy(
            session,
            code=Code.STANDING_ORDER_MISSED,
            subject=f"{promise.id}:{promise.expected_on.isoformat()}",
            ids=ids,
            now=now,
            amount=Money(promise.amount_minor, promise.currency),
            detail={"reference": promise.reference, "expected_on": promise.expected_on.isoformat()},
        )
        promise.missed += 1
        promise.expected_on = _next(promise, promise.expected_on)
        await _say_next(session, promise, settings)
        if promise.missed >= MOST_MISSED:
            await end_promise(session, promise, now=now, reason=StopReason.NOT_ARRIVED)
            await record_end(session, promise, actor_id=None, now=now)
    await session.flush()
    return len(missed)


async def _is_here(session: AsyncSession, promise: Promise) -> bool:
    """Whether a line shows it of which nothing is made yet: matched a moment ago, or its payer's and looked at by nobody."""
    line, match, ref_id = BankLine, BankMatch, f"{promise.id}:{promise.turn - 1}"
    is_kept = exists(select(OtherPayment.id).where(*_payment_of(ref_id)))
    if await session.scalar(select(is_matched(Side.PROMISE, ref_id) & ~is_kept)):
        return True
    waits = select(line.id).where(
        line.state == OPEN,
        line.counterparty_hash == promise.payer_hash,
        line.counterparty_hash != "",
        line.currency == promise.currency,
        line.amount_minor == promise.amount_minor,
        line.booked_on >= promise.expected_on - EARLY,
        ~exists(select(match.id).where(match.bank_line_id == line.id)),
    )
    return await session.scalar(waits.limit(1)) is not None


def _shown(promise: Promise, shown_until: Mapping[str, date]) -> date:
    return shown_until.get(promise.id) or shown_until.get(promise.currency) or date.min


def _payment_of(ref_id: ColumnElement[str] | Any) -> tuple[ColumnElement[bool], ...]:
    return (
        OtherPayment.promise_id == func.substr(ref_id, 1, ID_CHARS),
        OtherPayment.promise_turn == cast(func.substr(ref_id, ID_CHARS + 2), Integer),
    )


def _day(day: Any) -> date:
    return day if isinstance(day, date) else date.fromisoformat(day)


async def _keep(
    session: AsyncSession,
    ref_id: str,
    amount: Money,
    booked_on: date,
    payer: tuple[str, str],
    *,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    promise_id, turn = turn_of(ref_id)
    promise = await session.get(Promise, promise_id, with_for_update=True, populate_existing=True)
    assert promise, "a match names a promise that is here"
    is_once = promise.frequency == Frequency.ONCE
    new = NewPayment(
        giver=Giver(supporter_id=promise.supporter_id, name=promise.name, email=promise.email),
        kind=OtherKind.TRANSFER if is_once else OtherKind.STANDING_ORDER,
        amount=amount,
        received_on=booked_on,
        appeal_id=promise.appeal_id,
        locale=promise.locale,
        livemode=promise.livemode,
        attribution_id=promise.attribution_id,
        frequency=Frequency(promise.frequency),
        is_renewal=promise.plan_id is not None,
        state=OtherState.CLEARED,
        promise_id=promise.id,
        promise_turn=turn,
        wants_receipt=await wanted_receipt(session, promise, booked_on, settings),
    )
    recorded = await record_payment(session, new, actor_id=None, ids=ids, now=now, settings=settings)
    promise.supporter_id = recorded.supporter_id
    promise.payer_hash, promise.payer_name = payer[0] or promise.payer_hash, payer[1] or promise.payer_name
    promise.missed = 0
    if not is_once:
        promise.amount_minor = amount.minor  # what the bank sends now is what is expected next
        promise.expected_on = max(_next(promise, booked_on), promise.expected_on)
        await _renew(session, promise, recorded, amount, ids=ids, now=now, settings=settings)
    await session.flush()


async def _renew(
    session: AsyncSession,
    promise: Promise,
    recorded: Recorded,
    amount: Money,
    *,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> None:
    """The standing order is a plan, and this one of its payments."""
    is_first = promise.plan_id is None
    if is_first:
        donation = await session.get(Donation, recorded.donation_id, populate_existing=True)
        assert donation, "it was written a moment ago"
        plan = _plan(promise, donation, ids=ids, now=now)
        if promise.state == PromiseState.ENDED:  # ended before its first payment was written down
            plan.state, plan.stopped_at, plan.stop_reason = PlanState.STOPPED, now, StopReason.STAFF
        session.add(plan)
        await session.flush()
        promise.plan_id = plan.id
    plan_id = promise.plan_id
    assert plan_id, "it was made above"
    await add_instalment(session, plan_id, recorded.donation_id, f"own_{recorded.payment_id}", now=now)
    told = {"amount_minor": amount.minor, "currency": amount.currency, "frequency": promise.frequency}
    kind = "started" if is_first else "renewed"
    await note(session, plan_id, kind, cause=recorded.payment_id, ids=ids, now=now, detail=told)
    await _say_next(session, promise, settings, amount=amount)


def _plan(promise: Promise, donation: Donation, *, ids: Ids, now: datetime) -> Plan:
    return Plan(
        id=ids.ulid(),
        reference=ids.reference("P"),
        supporter_id=donation.supporter_id,
        first_donation_id=donation.id,
        kind=PlanKind.DONATION,
        tax_code=TAX_CODE,
        frequency=promise.frequency,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        method=Method.STANDING_ORDER,
        fund_id=promise.fund_id,
        appeal_id=promise.appeal_id,
        attribution_id=promise.attribution_id,
        state=PlanState.ACTIVE,
        livemode=promise.livemode,
        receipts=promise.receipts,
        locale=promise.locale,
        started_at=donation.paid_at or now,
        created_at=now,
        updated_at=now,
    )


def _next(promise: Promise, day: date) -> date:
    return add_months(day, MONTHS_OF[promise.frequency])


async def _say_next(
    session: AsyncSession, promise: Promise, settings: Settings, *, amount: Money | None = None
) -> None:
    """The plan says when the next payment is expected, and how much it is now."""
    plan = await session.get(Plan, promise.plan_id) if promise.plan_id else None
    if plan and plan.state != PlanState.STOPPED:
        plan.next_at = at_midday(promise.expected_on, ZoneInfo(settings.time_zone))
        plan.amount_minor = amount.minor if amount else plan.amount_minor


async def end_promise(
    session: AsyncSession, promise: Promise, *, now: datetime, reason: StopReason = StopReason.STAFF
) -> None:
    """Nothing more is expected of the promise, its plan is over, and the rule that had learned it is off.

    The caller holds the ledger, then its row. Should its payer begin again, it is proposed again.
    """
    was_running = promise.state == PromiseState.RUNNING
    if promise.state in EXPECTING:
        promise.state, promise.closed_at = PromiseState.ENDED.value, now
    plan = await session.get(Plan, promise.plan_id, with_for_update=True) if promise.plan_id and was_running else None
    if plan and plan.state != PlanState.STOPPED:
        plan.state, plan.stopped_at, plan.stop_reason = PlanState.STOPPED.value, now, reason.value
        plan.next_at = None
    await session.flush()
    if promise.rule_id:
        mine = update(MatchRule).where(MatchRule.id == promise.rule_id, MatchRule.state == RuleState.ON.value)
        off = mine.values(state=RuleState.OFF.value, switched_by=None, switched_at=now)
        await session.execute(off.execution_options(synchronize_session=False))


async def record_end(session: AsyncSession, promise: Promise, *, actor_id: str | None, now: datetime) -> None:
    """The audit knows who has ended the promise."""
    await record(
        session,
        actor_kind="staff" if actor_id else "system",
        actor_id=actor_id,
        action="promise.end",
        record_kind="promise",
        record_id=promise.id,
        detail={"reference": promise.reference, "plan_id": promise.plan_id},
        now=now,
    )
