"""What no round of matching sees by itself: a line that names two payments, a payment that two lines name, money that comes back.

Each round finds pairs of its own kind. Here their lines are read once more for what the other rounds go by; what contradicts a
pair leaves it to people.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, delete, exists, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.donations.other_models import OtherPayment, OtherRefund, OtherRefundState, Promise
from supporters.donations.reference import find_references
from supporters.kit.text import plain_words
from supporters.payments.models import Payout
from supporters.reconciliation.matching import (
    SURE_TRACE,
    Expected,
    has_reference,
    keys_in,
    may_name_ours,
    reference_key,
)
from supporters.reconciliation.models import BankMatch, Side
from supporters.reconciliation.settle import turn_of

AT_ONCE = 500
COMES_BACK = timedelta(days=45)  # after money of ours went out under the same reference
SHOWN_WITHIN = timedelta(days=10)  # the bank shows what staff say that they paid back
OF_STRIPE = (Side.PAYOUT.value, Side.PAYOUT_RETURN.value, Side.TOP_UP.value)
AnyRow = Row[*tuple[Any, ...]]
Under = tuple[str, str, int]  # reference, currency, amount


class Credit(NamedTuple):
    """Money that came in under a reference of ours."""

    line_id: str
    booked_on: date
    amount_minor: int
    currency: str
    expected: Expected


async def drop_named_twice(session: AsyncSession, action_id: str, deposits: Sequence[Expected]) -> set[str]:
    """Lines that were matched for Stripe's reference though ours stands on them too are open again; returns which."""
    line, match = BankLine, BankMatch
    if not deposits and await session.scalar(select(Promise.id).limit(1)) is None:
        return set()
    said = line.bank_reference + " " + line.end_to_end + " " + line.text
    may = or_(*(said.ilike(f"%{each}%") for each in ("d%n", *map(_loose, deposits))))
    if len(deposits) > AT_ONCE:
        may = true()
    query = select(line.id, said.label("said")).join(match, match.bank_line_id == line.id)
    found = {row.id: row.said async for row in await session.stream(query.where(match.action_id == action_id, may))}
    named = await names_ours(session, found, deposits)
    await _drop(session, action_id, named)
    return named


async def drop_contradicted(session: AsyncSession, action_id: str, deposits: Sequence[Expected], but: set[str]) -> None:
    """What a rule has matched is open again where its line names something else, or another line names its payout."""
    line, match, payout = BankLine, BankMatch, Payout
    said = line.bank_reference + " " + line.end_to_end + " " + line.text
    query = (
        select(line.id, said.label("said"), match.ref_id, payout.trace_id)
        .join(match, match.bank_line_id == line.id)
        .outerjoin(payout, payout.stripe_payout_id == match.ref_id)
        .where(match.action_id == action_id, match.rule_id.is_not(None), match.side.in_(OF_STRIPE))
    )
    rows = (await session.execute(query)).all()
    if not rows:
        return
    said_by = {row.id: row.said for row in rows}
    wrong = but & set(said_by) | await names_ours(session, said_by, deposits)
    named = await names_payouts(session, said_by)
    wrong |= {row.id for row in rows if named.get(row.id, set()) - {row.ref_id}}
    held = exists(select(match.id).where(match.bank_line_id == line.id, match.action_id == action_id))
    keys = {reference_key(row.trace_id): row.id for row in rows if row.trace_id}
    wrong |= await named_by_others(session, keys, ~held)
    await _drop(session, action_id, wrong)


async def named_by_others(session: AsyncSession, keys: Mapping[str, str], *where: ColumnElement[bool]) -> set[str]:
    """Those of the lines, by the key of their payout's reference, whose payout an open line names of which `where` holds."""
    line, found = BankLine, set[str]()
    query = select((line.bank_reference + " " + line.end_to_end + " " + line.text).label("said"))
    wanted = query.where(line.state == LineState.OPEN.value, *where)
    if keys:
        async for row in await session.stream(wanted.execution_options(yield_per=AT_ONCE)):
            found |= {keys[key] for key in keys_in(plain_words(row.said)) if key in keys}
    return found


async def names_payouts(session: AsyncSession, said: Mapping[str, str]) -> dict[str, set[str]]:
    """Which payouts the lines name, whatever their amount and day; `said` is what stands on each line."""
    keys = {line_id: set(keys_in(plain_words(words))) for line_id, words in said.items()}
    if not any(keys.values()):
        return {}
    by_key: defaultdict[str, set[str]] = defaultdict(set)
    traced = select(Payout.stripe_payout_id, Payout.trace_id).where(Payout.trace_id.is_not(None))
    for row in await session.execute(traced):
        by_key[reference_key(row.trace_id)].add(row.stripe_payout_id)
    found = {line_id: {each for key in mine for each in by_key.get(key, ())} for line_id, mine in keys.items()}
    return {line_id: payouts for line_id, payouts in found.items() if payouts}


async def names_ours(session: AsyncSession, said: Mapping[str, str], deposits: Sequence[Expected]) -> set[str]:
    """Those of the lines that name a promise of ours, of whatever state, or one of the deposits."""
    names = {line_id: set(find_references(words)) for line_id, words in said.items() if may_name_ours(words)}
    known: set[str] = set()
    for some in _portions(sorted({name for each in names.values() for name in each})):
        known |= set(await session.scalars(select(Promise.reference).where(Promise.reference.in_(some))))
    found = {line_id for line_id, mine in names.items() if mine & known}
    for each in deposits:
        if len(reference_key(each.reference)) < SURE_TRACE:
            continue  # a part of any longer number that a bank writes in pieces
        found |= {line_id for line_id, words in said.items() if has_reference(words, each.reference)}
    return found


async def come_back(session: AsyncSession, credits_: Collection[Credit]) -> set[str]:
    """Those of the lines before which the same amount went out under the same reference: it may be that which came back.

    Once for each time that it went out: a standing order goes on after one of its payments was paid back.
    """
    if not credits_:
        return set()
    moved = await _moved(session, credits_)
    found: set[str] = set()
    for each in sorted(credits_, key=lambda each: (each.booked_on, each.line_id)):
        days = moved.get((each.expected.reference, each.currency, each.amount_minor), [])
        gone = [day for day, sign in days if sign < 0 and timedelta(0) <= each.booked_on - day <= COMES_BACK]
        if gone and len(gone) > sum(sign > 0 and min(gone) <= day <= each.booked_on for day, sign in days):
            found.add(each.line_id)
            days.append((each.booked_on, 1))
    return found


async def _moved(session: AsyncSession, credits_: Collection[Credit]) -> dict[Under, list[tuple[date, int]]]:
    """When such amounts went out (-1) under these references, or came in (1) and were dealt with; as the bank shows it.

    Also what staff have written down that they paid back, where no such line shows it.
    """
    line, found = BankLine, defaultdict[Under, list[tuple[date, int]]](list)
    promised, slips = (
        {each.expected.reference for each in credits_ if (each.expected.side == Side.PROMISE) is is_promise}
        for is_promise in (True, False)
    )
    said = (line.bank_reference + " " + line.end_to_end + " " + line.text).label("said")
    is_past = (line.amount_minor < 0) & (line.state != LineState.UNDONE.value) | (line.state == LineState.MATCHED.value)
    for some in _portions(sorted({each.amount_minor for each in credits_})):
        sizes = [size for minor in some for size in (minor, -minor)]
        first, last = min(each.booked_on for each in credits_), max(each.booked_on for each in credits_)
        near = line.booked_on.between(first - COMES_BACK, last)
        lines = select(line.booked_on, line.amount_minor, line.currency, said).where(near)
        for row in await session.execute(lines.where(line.amount_minor.in_(sizes), is_past).order_by(line.booked_on)):
            for name in _named(row.said, promised, slips):
                sign = 1 if row.amount_minor > 0 else -1
                found[name, row.currency, abs(row.amount_minor)].append((row.booked_on, sign))
    by_id = {
        turn_of(each.expected.ref_id)[0]: each.expected.reference
        for each in credits_
        if each.expected.side == Side.PROMISE
    }
    refund, payment = OtherRefund, OtherPayment
    for some in _portions(sorted(by_id)):
        paid = (
            select(refund.paid_on, refund.amount_minor, refund.currency, payment.promise_id)
            .join(payment, payment.id == refund.other_payment_id)
            .where(payment.promise_id.in_(some), refund.state != OtherRefundState.VOID.value)
            .order_by(refund.paid_on)
        )
        for row in await session.execute(paid):
            days = found[by_id[row.promise_id], row.currency, row.amount_minor]
            if not any(sign < 0 and abs(day - row.paid_on) <= SHOWN_WITHIN for day, sign in days):
                days.append((row.paid_on, -1))
    return dict(found)


def _named(said: str, promised: Collection[str], slips: Collection[str]) -> list[str]:
    """Which of the references stand on the line: those of promises, which have a form of their own, and those of slips."""
    written = [name for name in find_references(said) if name in promised] if may_name_ours(said) else []
    return [*written, *(name for name in slips if has_reference(said, name))]


def _loose(deposit: Expected) -> str:
    """Its reference with anything between its signs."""
    return "%".join(reference_key(deposit.reference))


def _portions(names: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


async def _drop(session: AsyncSession, action_id: str, line_ids: Collection[str]) -> None:
    """The matches that this action has just made of these lines are as if they had never been."""
    match = BankMatch
    for some in _portions(sorted(line_ids)):
        mine = delete(match).where(match.action_id == action_id, match.bank_line_id.in_(some))
        await session.execute(mine.execution_options(synchronize_session=False))
