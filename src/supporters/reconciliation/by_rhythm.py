"""Lines of a payer whose standing order a person has switched on: their account, the amount and the day, all three.

What is not alone on both sides is left to people: two lines in one turn, a line that names a reference of ours, a payer with
two promises, and a transfer of the same amount that staff wrote down and that no line shows yet.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, String, cast, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.bank.models import BankLine
from supporters.donations.other_models import OtherKind, OtherPayment, OtherState, Promise, PromiseState
from supporters.donations.reference import find_references
from supporters.ledger.start import start_day
from supporters.reconciliation.matching import Attribute, Expected, Outcome, Reason, comes_back
from supporters.reconciliation.models import BankMatch, Confidence, MatchRule, MatchState, RuleState, Side
from supporters.reconciliation.rhythm import LATE, STEPS, months_later, on_rhythm
from supporters.reconciliation.rivals import names_ours, names_payouts
from supporters.reconciliation.settle import EXPECTING, Target, turn_of

AT_ONCE, SHOWN = 1_000, 120
AnyRow = Row[*tuple[Any, ...]]


class Hit(NamedTuple):
    """A line in its turn: the row of line and promise, and the day on which it was expected."""

    row: AnyRow
    expected_on: date


async def match_by_rhythm(
    session: AsyncSession,
    action_id: str,
    deposits: Sequence[Expected],
    *,
    open_state: Any,
    first: str,
    but: Collection[Target],
) -> list[Target]:
    """What is certain is matched under this action; returns which payments. The caller posts it, and settles the other side.

    `first` stands in place of the first character of a line's id in that of its match; `but` was matched a moment ago. A line
    that names one of the `deposits`, which are waited for, is no giver's.
    """
    learned = Promise.rule_id.is_not(None) & Promise.closed_at.is_(None)  # as the index of the few is written
    if not await session.scalar(select(Promise.id).where(learned).limit(1)):
        return []
    moved = {turn_of(ref_id)[0] for side, ref_id in but if side == Side.PROMISE}
    rows_of: defaultdict[str, list[AnyRow]] = defaultdict(list)
    for row in await _lines(session, open_state):
        if row.promise_id not in moved:
            rows_of[row.promise_id].append(row)
    if not rows_of:
        return []
    hits = [hit for rows in rows_of.values() for hit in _in_turn(rows)]
    wanted_by = Counter(hit.row.line_id for hit in hits)
    announced = await _announced(session)
    said = {hit.row.line_id: _held(hit.row) for hit in hits}
    elsewhere = {*(await names_payouts(session, said)), *(await names_ours(session, said, deposits))}
    alone = [
        hit
        for hit in hits
        if wanted_by[hit.row.line_id] == 1
        and hit.row.line_id not in elsewhere
        and not _may_be_another(hit.row, announced)
    ]
    turns: Counter[str] = Counter()
    matches: list[dict[str, Any]] = []
    for hit in alone:
        matches.append(_match(hit, hit.row.turn + turns[hit.row.promise_id], action_id, first))
        turns[hit.row.promise_id] += 1
    for start in range(0, len(matches), AT_ONCE):
        await session.execute(insert(BankMatch), matches[start : start + AT_ONCE])
    return [(Side.PROMISE.value, match["ref_id"]) for match in matches]


async def _lines(session: AsyncSession, open_state: Any) -> Sequence[AnyRow]:
    """Every open line beside the learned standing order of its payer and amount, in the order of their days."""
    line, promise, rule, other = BankLine, Promise, MatchRule, aliased(Promise)
    rival = exists(
        select(other.id).where(
            other.payer_hash == promise.payer_hash,
            other.currency == promise.currency,
            other.amount_minor == promise.amount_minor,
            other.state.in_(EXPECTING),
            other.id != promise.id,
        )
    )
    last, match = aliased(BankLine), BankMatch
    came_on = (
        select(func.max(last.booked_on))
        .join(match, match.bank_line_id == last.id)
        .where(
            match.side == Side.PROMISE.value,
            match.state == MatchState.CONFIRMED.value,
            match.ref_id == promise.id + ":" + cast(promise.turn - 1, String()),
        )
        .scalar_subquery()
    )
    wanted = (
        select(
            line.id.label("line_id"), line.booked_on, line.amount_minor, line.currency, line.counterparty, line.text,
            line.bank_reference, line.end_to_end, promise.id.label("promise_id"), promise.turn, promise.expected_on,
            promise.frequency, promise.name, rule.id.label("rule_id"), rule.words, came_on.label("came_on"),
        )
        .join(promise, (promise.payer_hash == line.counterparty_hash) & (promise.currency == line.currency))
        .join(rule, rule.id == promise.rule_id)
        .where(
            line.state == open_state,
            line.amount_minor == promise.amount_minor,
            line.booked_on >= (await start_day(session) or date.min),
            line.is_reversal.is_(False),
            promise.payer_hash != "",
            promise.state == PromiseState.RUNNING.value,
            rule.state == RuleState.ON.value,
            ~rival,
            ~exists(select(BankMatch.id).where(BankMatch.bank_line_id == line.id)),
        )
        .order_by(promise.id, line.booked_on, line.id)
    )  # fmt: skip
    return (await session.execute(wanted)).all()


def _in_turn(rows: Sequence[AnyRow]) -> list[Hit]:
    """Those of one standing order's lines that come when they are expected."""
    first = rows[0]
    step, expected_on = STEPS[first.frequency], first.expected_on
    if first.came_on:  # matched a moment ago, and no donation yet
        expected_on = max(expected_on, months_later(first.came_on, step))
    found: list[Hit] = []
    for place in on_rhythm([row.booked_on for row in rows], expected_on, first.frequency):
        row = rows[place]
        while row.booked_on > expected_on + LATE:
            expected_on = months_later(expected_on, step)
        found.append(Hit(row, expected_on))
        expected_on = months_later(row.booked_on, step)
    return found


async def _announced(session: AsyncSession) -> dict[tuple[str, int], list[date]]:
    """The days of transfers that staff have written down and that no line shows yet, by currency and amount."""
    payment = OtherPayment
    kinds = (OtherKind.TRANSFER.value, OtherKind.STANDING_ORDER.value)
    query = select(payment.currency, payment.amount_minor, payment.received_on).where(
        payment.state == OtherState.RECORDED.value, payment.kind.in_(kinds)
    )
    found: defaultdict[tuple[str, int], list[date]] = defaultdict(list)
    for row in await session.execute(query):
        found[row.currency, row.amount_minor].append(row.received_on)
    return found


def _may_be_another(row: AnyRow, announced: Mapping[tuple[str, int], Sequence[date]]) -> bool:
    """Whether the line may be something else: a reference of ours is on it, it comes back, or a written transfer waits for it."""
    if find_references(_held(row)) or comes_back(_held(row)):
        return True
    days = announced.get((row.currency, row.amount_minor), ())
    return any(abs(day - row.booked_on) <= LATE for day in days)


def _held(row: AnyRow) -> str:
    return " ".join((row.bank_reference, row.end_to_end, row.text))


def _match(hit: Hit, turn: int, action_id: str, first: str) -> dict[str, Any]:
    row, minor = hit.row, str(hit.row.amount_minor)
    day = Outcome.SAME if row.booked_on == hit.expected_on else Outcome.NEAR
    reasons = (
        Reason(Attribute.AMOUNT, minor, minor, Outcome.SAME),
        Reason(Attribute.DAY, hit.expected_on.isoformat(), row.booked_on.isoformat(), day),
        Reason(Attribute.PAYER, row.name, row.counterparty, Outcome.SAME),
        Reason(Attribute.RULE, row.words, (row.text or row.counterparty)[:SHOWN], Outcome.SAME),
    )
    return {
        "id": first + row.line_id[1:],
        "action_id": action_id,
        "state": MatchState.CONFIRMED.value,
        "bank_line_id": row.line_id,
        "side": Side.PROMISE.value,
        "ref_id": f"{row.promise_id}:{turn}",
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "confidence": Confidence.CERTAIN.value,
        "reasons": [msgspec.to_builtins(reason) for reason in reasons],
        "rule_id": row.rule_id,
        "note": None,
        "undone_by": None,
        "undone_at": None,
    }
