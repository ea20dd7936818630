"""Rules learned from what people confirmed. They propose; a person sees what each would have done, and switches it on.

An alias is the payer's words on lines that people matched with payouts; an account rule and an ignore rule likewise. Nothing
is learned from what the house matched by a rule: a rule would confirm itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from sqlalchemy import case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.bank.models import BankLine, LineState
from supporters.donations.other_models import Promise
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import has_one_like, plain_words, stands_in
from supporters.kit.words import plain_words_of
from supporters.payments.models import Payout
from supporters.reconciliation.automatic import USUAL_DAYS
from supporters.reconciliation.ignoring import BY_RULE
from supporters.reconciliation.learn_rhythm import lines_of, supporter_said, would_match
from supporters.reconciliation.matching import DAYS_EARLY, DAYS_LATE, has_words, reference_key
from supporters.reconciliation.models import BankMatch, MatchRule, MatchState, RuleKind, RuleState, Side

ENOUGH = 3  # times that people said the same
MOST_WORDS = 4  # of a payer's name
SHORTEST = 4  # characters; fewer are found in too many lines
WINDOW = timedelta(days=DAYS_LATE)
ASIDE = "aside"
AT_ONCE = 500


class Verdict(StrEnum):
    """What a rule would have done with one line, held against what people and references said of it."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSAID = "unsaid"  # nobody has said anything yet


class Trial(msgspec.Struct, frozen=True):
    """What a rule would have done with the past: right, wrong, and lines about which nobody has said anything yet."""

    right: int
    wrong: int
    unsaid: int


async def learn(session: AsyncSession, *, ids: Ids, now: datetime) -> int:
    """What people said three times or more of lines with the same payer is proposed as a rule; says how many are new.

    *Idempotent by* kind, words and target: a rule that a person has switched off stays off.
    """
    rows = [
        {
            "id": ids.ulid(),
            "kind": kind.value,
            "words": words,
            "target": target,
            "state": RuleState.PROPOSED.value,
            "tested": None,
            "learnt_from": count,
            "made_at": now,
            "switched_by": None,
            "switched_at": None,
        }
        for (kind, words, target), count in sorted((await _said(session)).items())
        if count >= ENOUGH
    ]
    new = 0
    for row in rows:
        insert = insert_for(session, MatchRule).values(row)
        new += changed_rows(
            await session.execute(insert.on_conflict_do_nothing(index_elements=["kind", "words", "target"]))
        )
    return new


async def back_test(session: AsyncSession, rule_id: str, *, now: datetime) -> Trial:
    """The rule knows what it would have done with every line that is here. *Raises* NotFound."""
    rule = await find_rule(session, rule_id)
    counted = Counter(verdict for _line, verdict in await try_rule(session, rule))
    tested = Trial(counted[Verdict.RIGHT], counted[Verdict.WRONG], counted[Verdict.UNSAID])
    rule.tested = {**msgspec.structs.asdict(tested), "at": now.isoformat()}
    return tested


async def try_rule(session: AsyncSession, rule: MatchRule) -> list[tuple[BankLine, Verdict]]:
    """What the rule would have done with every line that is here and that it knows, by day."""
    if rule.kind == RuleKind.STANDING_ORDER:
        return await _try_standing(session, rule)
    lines = [line for line in await _lines_with(session, rule.words) if has_words(everything(line), rule.words)]
    is_alias = rule.kind == RuleKind.ALIAS
    found = await _try_alias(session, lines) if is_alias else await _try_other(session, rule, lines)
    return sorted(found, key=lambda pair: (pair[0].booked_on, pair[0].id))


async def switch_rule(session: AsyncSession, rule_id: str, *, is_on: bool, actor_id: str, now: datetime) -> None:
    """The rule works from now on, or does not.

    *Raises* NotFound, Conflict when it is so already, Refused when nobody has seen what it would have done, or when it
    would have been wrong.
    """
    rule = await find_rule(session, rule_id)
    wanted = RuleState.ON if is_on else RuleState.OFF
    if rule.state == wanted:
        raise Conflict(_("Somebody has switched this rule already. Nothing was changed."))
    if rule.kind == RuleKind.STANDING_ORDER:
        raise Refused(_("Say whose standing order it is. It is still off."))
    if is_on and not rule.tested:
        raise Refused(_("Look first at what this rule would have done. It is still off."))
    if is_on and (await back_test(session, rule_id, now=now)).wrong:  # once more: lines may have come since then
        raise Refused(_("This rule would have been wrong before, so it stays off. Its lines show where."))
    moved = update(MatchRule).where(MatchRule.id == rule_id, MatchRule.state == rule.state)
    changed = await session.execute(moved.values(state=wanted.value, switched_by=actor_id, switched_at=now))
    if changed_rows(changed) != 1:
        raise Conflict(_("Somebody has switched this rule already. Nothing was changed."))
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="bank.rule_on" if is_on else "bank.rule_off",
        record_kind="match_rule",
        record_id=rule_id,
        detail={"kind": rule.kind, "words": rule.words, "target": rule.target, "tested": rule.tested},
        now=now,
    )


async def find_rule(session: AsyncSession, rule_id: str) -> MatchRule:
    """The rule. *Raises* NotFound."""
    rule = await session.get(MatchRule, rule_id)
    if rule is None:
        raise NotFound(_("There is no such rule."))
    return rule


def _first_words(words: str) -> str:
    """The words by which the payer's next line is known: the first few of the name, or else of the text."""
    kept = [word for word in words.split() if not any(char.isdigit() for char in word)][:MOST_WORDS]
    return " ".join(kept)


def everything(line: BankLine) -> str:
    """All that the bank wrote on the line."""
    return f"{line.bank_reference} {line.end_to_end} {line.text} {line.counterparty}"


async def _said(session: AsyncSession) -> Counter[tuple[RuleKind, str, str]]:
    """How often people said what of lines with these words."""
    said: Counter[tuple[RuleKind, str, str]] = Counter()
    match = BankMatch
    payer = plain_words_of(BankLine.counterparty)
    words = case((payer != "", payer), else_=plain_words_of(BankLine.text)).label("words")
    account = case((match.side == Side.ACCOUNT.value, match.ref_id), else_="").label("account")
    matched = (
        select(words, account, func.count().label("times"))
        .join(match, match.bank_line_id == BankLine.id)
        .where(
            match.state == MatchState.CONFIRMED.value,
            match.rule_id.is_(None),
            match.side.in_([Side.PAYOUT, Side.ACCOUNT]),
        )
        .group_by("words", "account")
    )
    async for row in await session.stream(matched):
        said[RuleKind.ACCOUNT if row.account else RuleKind.ALIAS, _first_words(row.words), row.account] += row.times
    aside = select(words, func.count().label("times")).where(
        BankLine.state == LineState.SET_ASIDE.value,
        BankLine.is_kept_whole,
        or_(BankLine.state_note.is_(None), ~BankLine.state_note.startswith(BY_RULE)),
    )
    async for row in await session.stream(aside.group_by("words")):
        said[RuleKind.IGNORE, _first_words(row.words), ""] += row.times
    return Counter({key: count for key, count in said.items() if len(key[1]) >= SHORTEST})


async def _lines_with(session: AsyncSession, words: str) -> Iterable[BankLine]:
    """Lines that are kept whole and may have these words: the first of them stands somewhere on the line."""
    first = f"%{words.split()[0]}%"
    said = (BankLine.counterparty, BankLine.text, BankLine.bank_reference, BankLine.end_to_end)
    held = or_(*(column.ilike(first) for column in said))
    return await session.scalars(select(BankLine).where(held, BankLine.state != LineState.UNDONE.value))


async def _try_alias(session: AsyncSession, lines: list[BankLine]) -> list[tuple[BankLine, Verdict]]:
    """An alias would have matched a line with the only payout of its amount and days whose only such line it is."""
    payouts = await _payouts_of(session, lines)
    choices = {line.id: _fitting(line, payouts) for line in lines}
    lines_of: defaultdict[str, int] = defaultdict(int)
    for found in choices.values():
        for payout_id in found:
            lines_of[payout_id] += 1
    truth = await _truth(session, lines)
    tried: list[tuple[BankLine, Verdict]] = []
    for line in lines:
        found = choices[line.id]
        if len(found) == 1 and lines_of[found[0]] == 1 and _is_usual(line, found[0], payouts):
            said = "" if line.state == LineState.SET_ASIDE else truth.get(line.id)
            tried.append((line, _verdict(said, found[0])))
    return tried


def _is_usual(line: BankLine, payout_id: str, payouts: dict[tuple[str, int], list[Payout]]) -> bool:
    """Whether the line is of a day on which a rule alone decides."""
    same = payouts[line.currency, line.amount_minor]
    arrived = next(payout.arrival_on for payout in same if payout.stripe_payout_id == payout_id)
    return USUAL_DAYS[0] <= (line.booked_on - arrived).days <= USUAL_DAYS[1]


def _verdict(said: str | None, wanted: str) -> Verdict:
    return Verdict.UNSAID if said is None else Verdict.RIGHT if said == wanted else Verdict.WRONG


async def _payouts_of(session: AsyncSession, lines: list[BankLine]) -> dict[tuple[str, int], list[Payout]]:
    found: defaultdict[tuple[str, int], list[Payout]] = defaultdict(list)
    if lines:
        first, last = min(line.booked_on for line in lines), max(line.booked_on for line in lines)
        between = Payout.arrival_on.between(first - WINDOW, last + WINDOW)
        for payout in await session.scalars(select(Payout).where(between)):
            found[payout.currency, payout.amount_minor].append(payout)
    return dict(found)


def _fitting(line: BankLine, payouts: dict[tuple[str, int], list[Payout]]) -> list[str]:
    first, last = line.booked_on - timedelta(days=DAYS_LATE), line.booked_on + timedelta(days=DAYS_EARLY)
    same = payouts.get((line.currency, line.amount_minor), [])
    near = [payout for payout in same if first <= payout.arrival_on <= last and not line.is_reversal]
    words = plain_words(everything(line))
    return [payout.stripe_payout_id for payout in near if not _is_anothers(words, reference_key(payout.trace_id or ""))]


def _is_anothers(words: str, key: str) -> bool:
    """Whether another reference than the payout's stands there, as the rule at work asks it."""
    return bool(key) and not stands_in(words, key) and has_one_like(words, key)


async def _truth(session: AsyncSession, lines: list[BankLine]) -> dict[str, str]:
    """What people and references have said of these lines: the payout, or something else."""
    match = BankMatch
    wanted = select(match.bank_line_id, match.side, match.ref_id).where(
        match.state == MatchState.CONFIRMED.value, match.rule_id.is_(None)
    )
    found: dict[str, str] = {}
    for start in range(0, len(lines), AT_ONCE):
        mine = [line.id for line in lines[start : start + AT_ONCE]]
        for row in await session.execute(wanted.where(match.bank_line_id.in_(mine))):
            found[row.bank_line_id] = row.ref_id if row.side == Side.PAYOUT else f"{row.side}:{row.ref_id}"
    return found


async def _try_standing(session: AsyncSession, rule: MatchRule) -> list[tuple[BankLine, Verdict]]:
    """A standing order would have been one supporter's: the promise's, or else whom people have named for most of its lines."""
    lines = would_match(rule, await lines_of(session, rule))
    mine = select(Promise.supporter_id).where(Promise.rule_id == rule.id).order_by(Promise.made_at.desc()).limit(1)
    wanted = (await session.scalar(mine) if rule.state == RuleState.ON else None) or supporter_said(lines)
    return [(each.line, _verdict(each.said, wanted)) for each in lines]


async def _try_other(session: AsyncSession, rule: MatchRule, lines: list[BankLine]) -> list[tuple[BankLine, Verdict]]:
    """An account rule would have said its account, an ignore rule that the line is none of our business."""
    truth = await _truth(session, lines)
    wanted = f"{Side.ACCOUNT.value}:{rule.target}" if rule.kind == RuleKind.ACCOUNT else ASIDE
    return [
        (line, _verdict(ASIDE if line.state == LineState.SET_ASIDE else truth.get(line.id), wanted)) for line in lines
    ]
