"""What a bank line may be: every payment that fits it, with reasons, the surest first. Reads only.

Candidates come from indexes: payments of exactly the amount on a possible day, and payments whose reference stands on the
line whatever their amount. Where no single one fits, a few that add up to the line, if only one choice of them does.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.donations.reference import find_references, near_references
from supporters.reconciliation.expected import expected_at_bank
from supporters.reconciliation.lines import Line, OpenLine, every_line, read_lines
from supporters.reconciliation.matching import (
    DAYS_EARLY,
    DAYS_LATE,
    Attribute,
    BankSide,
    Expected,
    Outcome,
    Reason,
    has_words,
    may_name_ours,
    reference_key,
    returned,
    run_together,
    weigh,
)
from supporters.reconciliation.models import Confidence, MatchRule, RuleKind, RuleState, Side
from supporters.reconciliation.rivals import Credit, come_back, named_by_others, names_payouts
from supporters.reconciliation.subset import MOST_CANDIDATES, only_subset

SHOWN = 3
MOST_AROUND = 1_000
SINGLE = (Side.OTHER_PAYMENT.value, Side.PROMISE.value, Side.OTHER_REFUND.value)  # what is one giver's is one line
RANK = {Confidence.CERTAIN.value: 0, Confidence.LIKELY.value: 1, Confidence.POSSIBLE.value: 2}


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One way to explain a line: one payment, several that add up to it, an account, or one payment with other lines."""

    parts: tuple[Expected, ...]
    confidence: str
    reasons: tuple[Reason, ...]
    points: int = 0
    line_ids: tuple[str, ...] = ()  # where the bank has booked one payment as several lines: all of them
    rule_id: str | None = None

    @property
    def is_merged(self) -> bool:
        """Whether the bank has booked several payments as one."""
        return len(self.parts) > 1

    @property
    def is_split(self) -> bool:
        """Whether the bank has booked one payment as several lines."""
        return len(self.line_ids) > 1

    @property
    def key(self) -> str:
        """What it says, apart from how sure it is: the same words later mean the same."""
        return " ".join([*(f"{each.side}:{each.ref_id}" for each in self.parts), *self.line_ids])


async def propose(
    session: AsyncSession, lines: Sequence[Line], *, in_full: Collection[str] | None = None
) -> dict[str, list[Proposal]]:
    """For each of the open lines up to three proposals, the surest first; a line without any is left out.

    One that would be certain is only likely where another payment fits the line as well, or another line the payment.
    With `in_full`, lines other than these (ids) get single payments alone: enough to see what is certain.
    """
    rules = await _rules(session)
    aliases = tuple(rule.words for rule in rules if rule.kind == RuleKind.ALIAS)
    own = {line.id: _own_references(line) for line in lines}
    around = Around.of(await _expected_around(session, lines, aliases, own))
    singles = {line.id: _singles(line, around, own[line.id]) for line in lines}
    _doubt(singles, await _rivals(session, lines, singles, around))
    await _contradict(session, lines, singles)
    full = {line.id for line in lines} if in_full is None else set(in_full)
    unexplained = [line for line in lines if line.id in full and not any(map(_is_exact, singles[line.id]))]
    splits = await _splits(session, unexplained, around.everything)
    found: dict[str, list[Proposal]] = {}
    for line in lines:
        mine = sorted(singles[line.id], key=_order)
        if line.id in full and not any(_is_exact(each) for each in mine):
            mine = sorted([*mine, *_merged(line, around.everything), *splits.get(line.id, ())], key=_order)
        if line.id in full:
            mine += _accounts(line, rules)
        if mine:
            found[line.id] = mine[:SHOWN]
    return found


class Around(msgspec.Struct, frozen=True):
    """The expected payments, by what finds them."""

    everything: list[Expected]
    by_amount: dict[tuple[str, int], list[Expected]]
    by_reference: list[tuple[str, Expected]]  # each reference as lines are searched for it

    @classmethod
    def of(cls, expected: list[Expected]) -> "Around":
        """Sorted into what finds them."""
        by_amount: defaultdict[tuple[str, int], list[Expected]] = defaultdict(list)
        for each in expected:
            by_amount[each.currency, each.amount_minor].append(each)
        keys = ((reference_key(name), each) for each in expected for name in (each.trace, each.reference) if name)
        return cls(expected, dict(by_amount), [(key, each) for key, each in keys if key])


def _order(proposal: Proposal) -> tuple[int, int, date]:
    return RANK[proposal.confidence], -proposal.points, proposal.parts[0].expected_on


def _is_exact(proposal: Proposal) -> bool:
    return proposal.reasons[0].attribute is Attribute.AMOUNT and proposal.reasons[0].outcome is Outcome.SAME


def bank_side(line: Line) -> BankSide:
    """The line as the pure rules read it."""
    return BankSide(
        booked_on=line.booked_on,
        amount_minor=line.amount_minor,
        currency=line.currency,
        counterparty=line.counterparty,
        text=line.text,
        bank_reference=line.bank_reference,
        end_to_end=line.end_to_end,
        payer_hash=line.counterparty_hash,
        bank_account_id=line.bank_account_id,
        is_reversal=line.is_reversal,
    )


async def _rules(session: AsyncSession) -> Sequence[MatchRule]:
    """The rules that propose something and that a person has switched on."""
    rule = MatchRule
    kinds = (RuleKind.ALIAS.value, RuleKind.ACCOUNT.value)
    wanted = select(rule).where(rule.kind.in_(kinds), rule.state == RuleState.ON.value)
    return (await session.scalars(wanted.order_by(rule.words, rule.target))).all()


async def _expected_around(
    session: AsyncSession, lines: Sequence[Line], rule_words: tuple[str, ...], own: Mapping[str, set[str]]
) -> list[Expected]:
    """Every payment that is expected around these lines' days or is named by one, in their currencies, not matched yet."""
    if not lines:
        return []
    first = min(line.booked_on for line in lines) - timedelta(days=DAYS_LATE)
    last = max(line.booked_on for line in lines) + timedelta(days=DAYS_EARLY)
    named = sorted({name for names in own.values() for name in names})
    wanted = expected_at_bank().subquery("expected")
    near = wanted.c.expected_on.between(first, last) | wanted.c.reference.in_(named)
    near &= wanted.c.currency.in_({line.currency for line in lines})
    rows = await session.execute(select(wanted).where(near).order_by(wanted.c.expected_on, wanted.c.ref_id))
    return [_expected(row, rule_words) for row in rows]


def _own_references(line: Line) -> set[str]:
    """The references of promises that the line names, also with one wrong sign: they may come on any day."""
    held = _held(line)
    return {*find_references(held), *near_references(held)} if may_name_ours(held) else set()


def _held(line: Line) -> str:
    return " ".join((line.bank_reference, line.end_to_end, line.text))


def _expected(row: Row[Any], rule_words: tuple[str, ...]) -> Expected:
    day = row.expected_on if isinstance(row.expected_on, date) else date.fromisoformat(row.expected_on)
    return Expected(
        side=row.side,
        ref_id=row.ref_id,
        expected_on=day,
        amount_minor=row.amount_minor,
        currency=row.currency,
        trace=row.trace,
        reference=row.reference,
        payer_name=row.payer_name,
        payer_hashes=(row.payer_hash,) if row.payer_hash else (),
        words=(row.words,) if row.words else (),
        rule_words=rule_words if row.words else (),
        bank_account_id=row.bank_account_id,
    )


def _singles(line: Line, around: Around, own: set[str]) -> list[Proposal]:
    side, held = bank_side(line), run_together(_held(line))
    named = [expected for key, expected in around.by_reference if key in held or expected.reference in own]  # or nearly
    same = around.by_amount.get((line.currency, line.amount_minor), [])
    found: list[Proposal] = []
    for expected in {(each.side, each.ref_id): each for each in (*same, *named)}.values():
        weighed = weigh(side, expected)
        if weighed.confidence:
            is_promise = expected.side == Side.PROMISE  # whatever came, is what was given
            part = msgspec.structs.replace(expected, amount_minor=line.amount_minor) if is_promise else expected
            made = Proposal(
                parts=(part,), confidence=weighed.confidence, reasons=weighed.reasons, points=weighed.points
            )
            found.append(made)
    return found


def _accounts(line: Line, rules: Sequence[MatchRule]) -> list[Proposal]:
    """The accounts that rules name for lines with such words; likely where they agree."""
    if not rules:
        return []
    said = f"{line.bank_reference} {line.end_to_end} {line.text} {line.counterparty}"
    fitting = [rule for rule in rules if rule.kind == RuleKind.ACCOUNT and has_words(said, rule.words)]
    confidence = Confidence.LIKELY if len({rule.target for rule in fitting}) == 1 else Confidence.POSSIBLE
    found: dict[str, Proposal] = {}
    for rule in fitting:
        part = Expected(
            side=Side.ACCOUNT.value,
            ref_id=rule.target,
            expected_on=line.booked_on,
            amount_minor=line.amount_minor,
            currency=line.currency,
        )
        reason = Reason(Attribute.RULE, rule.words, said.strip()[:120], Outcome.SAME)
        made = Proposal(parts=(part,), confidence=confidence.value, reasons=(reason,), rule_id=rule.id)
        found.setdefault(rule.target, made)
    return list(found.values())


async def _rivals(
    session: AsyncSession, lines: Sequence[Line], singles: dict[str, list[Proposal]], around: Around
) -> dict[str, list[Proposal]]:
    """What other open lines of the same amounts may be, though nobody asked for them: they may be the same payment."""
    sure = {line.id for line in lines if any(each.confidence == Confidence.CERTAIN for each in singles[line.id])}
    amounts = {line.amount_minor for line in lines if line.id in sure}
    asked = set(singles)
    if not amounts:
        return {}
    apart = timedelta(days=DAYS_EARLY + DAYS_LATE)
    days = (min(line.booked_on for line in lines) - apart, max(line.booked_on for line in lines) + apart)
    wanted = every_line().where(
        BankLine.state == LineState.OPEN.value, BankLine.amount_minor.in_(amounts), BankLine.booked_on.between(*days)
    )
    others = await read_lines(session, wanted.order_by(BankLine.id).limit(MOST_AROUND))
    return {line.id: _singles(line, around, _own_references(line)) for line in others if line.id not in asked}


def _doubt(singles: dict[str, list[Proposal]], rivals: dict[str, list[Proposal]]) -> None:
    """What is certain on both sides more than once is certain on none, nor is anything where a line names two payments."""
    lines_of: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for line_id, proposals in (*singles.items(), *rivals.items()):
        for each in proposals:
            if each.confidence == Confidence.CERTAIN:
                lines_of[each.parts[0].side, each.parts[0].ref_id].add(line_id)
    for line_id, proposals in singles.items():
        certain = [each for each in proposals if each.confidence == Confidence.CERTAIN]
        alone = len(certain) == 1 and len(lines_of[certain[0].parts[0].side, certain[0].parts[0].ref_id]) == 1
        if certain and not (alone and sum(map(_is_named, proposals)) <= 1):
            singles[line_id] = [_less_sure(each, Confidence.LIKELY) for each in proposals]


def _is_named(proposal: Proposal) -> bool:
    """Whether the line has the payment's reference on it, whatever its amount."""
    named = (Attribute.TRACE, Attribute.REFERENCE)
    return any(each.attribute in named and each.outcome is Outcome.SAME for each in proposal.reasons)


def _less_sure(proposal: Proposal, confidence: Confidence, *reasons: Reason) -> Proposal:
    if proposal.confidence != Confidence.CERTAIN:
        return proposal
    return msgspec.structs.replace(proposal, confidence=confidence.value, reasons=(*proposal.reasons, *reasons))


async def _contradict(session: AsyncSession, lines: Sequence[Line], singles: dict[str, list[Proposal]]) -> None:
    """What is certain is less so where its line names another payment as well, or may bring back what went out."""
    sure = {
        line.id: (line, each) for line in lines for each in singles[line.id] if each.confidence == Confidence.CERTAIN
    }
    if not sure:
        return
    payouts = await names_payouts(session, {line_id: _held(line) for line_id, (line, _each) in sure.items()})
    own = {line_id: each.parts[0] for line_id, (_line, each) in sure.items() if each.parts[0].reference}
    keys = {
        reference_key(each.parts[0].trace): line_id for line_id, (_line, each) in sure.items() if not _is_named(each)
    }
    elsewhere = await named_by_others(session, keys, _around_days(lines))
    back = await come_back(
        session,
        [
            Credit(line.id, line.booked_on, line.amount_minor, line.currency, own[line.id])
            for line, _each in sure.values()
            if line.id in own and line.amount_minor > 0
        ],
    )
    for line_id, (line, each) in sure.items():
        others = payouts.get(line_id, set()) - {each.parts[0].ref_id}
        if others or line_id in elsewhere:
            singles[line_id] = [_less_sure(one, Confidence.LIKELY) for one in singles[line_id]]
        if line_id in back:
            reason = returned(_held(line))
            singles[line_id] = [_less_sure(one, Confidence.POSSIBLE, reason) for one in singles[line_id]]


def _merged(line: Line, around: Sequence[Expected]) -> list[Proposal]:
    """The only choice of a few payments of these days that adds up to the line."""
    first = line.booked_on - timedelta(days=DAYS_LATE)
    last = line.booked_on + timedelta(days=DAYS_EARLY)
    side = bank_side(line)
    near = [
        each
        for each in around
        if each.currency == line.currency
        and each.side not in SINGLE
        and first <= each.expected_on <= last
        and (each.amount_minor < 0) == (line.amount_minor < 0)
        and abs(each.amount_minor) < abs(line.amount_minor)
    ][: MOST_CANDIDATES + 1]
    places = only_subset([each.amount_minor for each in near], line.amount_minor)
    if places is None:
        return []
    parts = tuple(near[place] for place in places)
    amounts = " + ".join(str(each.amount_minor) for each in parts)
    reasons = [Reason(Attribute.AMOUNT, amounts, str(line.amount_minor), Outcome.SAME)]
    named = [
        reason for reason in weigh(side, parts[0]).reasons if reason.attribute in (Attribute.WORDS, Attribute.RULE)
    ]
    confidence = Confidence.LIKELY if named else Confidence.POSSIBLE
    return [Proposal(parts=parts, confidence=confidence.value, reasons=tuple(reasons + named))]


async def _splits(
    session: AsyncSession, lines: Sequence[Line], around: Sequence[Expected]
) -> dict[str, list[Proposal]]:
    """For lines that no payment explains: the payment that only one choice of open lines with its words adds up to."""
    wanted = [each for each in around if each.words]
    if not (lines and wanted):
        return {}
    named = [line for line in await _open_around(session, lines) if _has_any(line, wanted[0])]
    mine = {line.id for line in lines}
    found: defaultdict[str, list[Proposal]] = defaultdict(list)
    for expected in wanted:
        chosen = _lines_of(named, expected)
        amounts = " + ".join(str(line.amount_minor) for line in chosen)
        reasons = (Reason(Attribute.AMOUNT, str(expected.amount_minor), amounts, Outcome.SAME),)
        words = tuple(
            reason
            for line in chosen[:1]
            for reason in weigh(bank_side(line), expected).reasons
            if reason.attribute in (Attribute.WORDS, Attribute.RULE)
        )
        ids = tuple(line.id for line in chosen)
        made = Proposal(parts=(expected,), confidence=Confidence.LIKELY.value, reasons=reasons + words, line_ids=ids)
        for line in chosen:
            if line.id in mine:
                found[line.id].append(made)
    return dict(found)


def _lines_of(named: Sequence[Line], expected: Expected) -> list[Line]:
    """Two to six of the lines that add up to the payment, if only one choice of them does, and no line is it alone."""
    first, last = expected.expected_on - timedelta(days=DAYS_EARLY), expected.expected_on + timedelta(days=DAYS_LATE)
    near = [
        line
        for line in named
        if line.currency == expected.currency
        and first <= line.booked_on <= last
        and (line.amount_minor < 0) == (expected.amount_minor < 0)
    ]
    if any(line.amount_minor == expected.amount_minor for line in near):
        return []
    smaller = [line for line in near if abs(line.amount_minor) < abs(expected.amount_minor)]
    places = only_subset([line.amount_minor for line in smaller], expected.amount_minor)
    return [smaller[place] for place in places] if places else []


def _has_any(line: Line, expected: Expected) -> bool:
    said = f"{line.bank_reference} {line.end_to_end} {line.text} {line.counterparty}"
    return any(has_words(said, words) for words in (*expected.words, *expected.rule_words))


async def _open_around(session: AsyncSession, lines: Sequence[Line]) -> Sequence[OpenLine]:
    """Every open line that may be the rest of a payment of which these are a part."""
    wanted = every_line().where(BankLine.state == LineState.OPEN.value, _around_days(lines))
    return await read_lines(session, wanted.order_by(BankLine.booked_on, BankLine.id).limit(MOST_AROUND))


def _around_days(lines: Sequence[Line]) -> ColumnElement[bool]:
    apart = timedelta(days=DAYS_EARLY + DAYS_LATE)
    first, last = min(line.booked_on for line in lines), max(line.booked_on for line in lines)
    return BankLine.booked_on.between(first - apart, last + apart)


async def open_lines(session: AsyncSession, ids: Sequence[str]) -> Sequence[OpenLine]:
    """Those of the lines that are open, in the order of their days."""
    wanted = every_line().where(BankLine.id.in_(ids), BankLine.state == LineState.OPEN.value)
    return await read_lines(session, wanted.order_by(BankLine.booked_on, BankLine.id))
