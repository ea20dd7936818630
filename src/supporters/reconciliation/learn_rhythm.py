"""Standing orders that nobody promised: payers whose lines come with the same amount about monthly, proposed to people.

Lines with a reference of ours, and lines that somebody said are something else, speak against it. What the rule would have
done with the past is what it does with new lines: `rhythm.on_rhythm`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine, LineState
from supporters.donations.models import Donation
from supporters.donations.other_models import OtherPayment, Promise
from supporters.donations.reference import find_references
from supporters.kit.db import changed_rows, insert_for
from supporters.kit.ids import Ids
from supporters.kit.text import plain_words
from supporters.reconciliation.models import BankMatch, MatchRule, MatchState, RuleKind, RuleState, Side
from supporters.reconciliation.rhythm import (
    ENOUGH,
    LATE,
    STEPS,
    Rhythm,
    frequency_of,
    is_alone,
    months_later,
    on_rhythm,
    read_rhythm,
)
from supporters.reconciliation.settle import EXPECTING

WORDS_CHARS = 200
AT_ONCE = 300  # payers of one query
WHOLE = (LineState.OPEN.value, LineState.MATCHED.value, LineState.SET_ASIDE.value)
ASIDE = "aside"
ID_CHARS = 26
AnyRow = Row[*tuple[Any, ...]]


class Said(NamedTuple):
    """A line of a payer, and what people have said of it: a supporter, something else, or nothing yet (None)."""

    line: BankLine
    said: str | None


async def learn_rhythms(session: AsyncSession, *, ids: Ids, now: datetime) -> int:
    """Every payer with a rhythm and without a promise is proposed as a standing order; says how many are new.

    *Idempotent by* payer, amount and frequency: one that a person did not want stays off. One that had ended, and whose
    payer has begun again, is proposed again.
    """
    latest = await session.scalar(select(func.max(BankLine.booked_on)).where(BankLine.state.in_(WHOLE)))
    known, new = await _known_words(session), 0
    for keys in _in_portions(await _candidates(session)):
        for words, rhythm, count in await _rhythms(session, keys, latest or date.min):
            said = known.get(rhythm.key, words) if rhythm.payer else words  # a bank may write one name in two ways
            row = _rule(said, rhythm, count, ids=ids, now=now)
            insert = insert_for(session, MatchRule).values(row)
            unique = ["kind", "words", "target"]
            added = await session.execute(insert.on_conflict_do_nothing(index_elements=unique))
            new += changed_rows(added) or await _propose_again(session, row)
    return new


async def lines_of(session: AsyncSession, rule: MatchRule) -> list[Said]:
    """Every line of the rule's payer and amount, in the order of their days, with what was said of it by people."""
    rhythm = read_rhythm(rule.target)
    query = select(BankLine).where(
        BankLine.currency == rhythm.currency,
        BankLine.amount_minor == rhythm.amount_minor,
        BankLine.state.in_(WHOLE),
        BankLine.is_kept_whole,
        BankLine.counterparty_hash == rhythm.payer,
    )
    found = await session.scalars(query.order_by(BankLine.booked_on, BankLine.id))
    lines = [line for line in found if rhythm.payer or _words(line.counterparty, line.text) == rule.words]
    said = await _said_of(session, [line.id for line in lines], but_by=rule.id)
    return [Said(line, ASIDE if line.state == LineState.SET_ASIDE else said.get(line.id)) for line in lines]


def would_match(rule: MatchRule, lines: Sequence[Said]) -> list[Said]:
    """Those of the lines that the rule would have matched, had it been on since the first of them."""
    if not lines:
        return []
    days = [each.line.booked_on for each in lines]
    frequency = read_rhythm(rule.target).frequency
    begins = (place for place in range(len(days)) if frequency_of(days[place : place + ENOUGH]) == frequency)
    first = next(begins, None)
    if first is None:
        return []
    return [lines[first + place] for place in on_rhythm(days[first:], days[first], frequency)]


def supporter_said(lines: Iterable[Said]) -> str:
    """The supporter that people have named for most of these lines; empty where they named none."""
    named = Counter(each.said for each in lines if each.said and each.said != ASIDE and ":" not in each.said)
    return named.most_common(1)[0][0] if named else ""


async def _known_words(session: AsyncSession) -> dict[str, str]:
    """The words of the rules that are there, by what they are of."""
    query = select(MatchRule.target, MatchRule.words).where(MatchRule.kind == RuleKind.STANDING_ORDER.value)
    return {row.target: row.words for row in await session.execute(query)}


class _Key(NamedTuple):
    payer: str
    name: str  # as the bank writes it, where it names no account
    currency: str
    amount_minor: int


def _in_portions(keys: Sequence[_Key]) -> Iterable[Sequence[_Key]]:
    return (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))


async def _candidates(session: AsyncSession) -> Sequence[_Key]:
    """Payers with enough open or matched credits of one amount, apart from those of whom a promise tells."""
    line, columns = BankLine, _key_columns()
    query = (
        select(*columns)
        .where(line.amount_minor > 0, line.state.in_(WHOLE[:2]), line.is_kept_whole)
        .group_by(*columns)
        .having(func.count() >= ENOUGH)
    )
    promised = await _promised(session)
    found = [_Key(*row) for row in await session.execute(query.order_by(*columns))]
    return [
        key for key in found if (key.payer or key.name) and (key.payer, key.currency, key.amount_minor) not in promised
    ]


def _key_columns() -> tuple[Any, ...]:
    line = BankLine
    said = case((line.counterparty != "", line.counterparty), else_=line.text)
    name = case((line.counterparty_hash != "", ""), else_=said)
    return line.counterparty_hash, name.label("name"), line.currency, line.amount_minor


async def _promised(session: AsyncSession) -> set[tuple[str, str, int]]:
    """Which accounts pay which amounts for a promise that is not over."""
    query = select(Promise.payer_hash, Promise.currency, Promise.amount_minor).where(
        Promise.payer_hash != "", Promise.state.in_(EXPECTING)
    )
    return {(row[0], row[1], row[2]) for row in await session.execute(query)}


async def _rhythms(session: AsyncSession, keys: Sequence[_Key], latest: date) -> list[tuple[str, Rhythm, int]]:
    """Those of the payers whose lines come in a rhythm that has not ended, with their words and how many lines speak for it."""
    line, columns = BankLine, _key_columns()
    is_one = or_(
        *(
            and_(
                line.counterparty_hash == key.payer,
                line.currency == key.currency,
                line.amount_minor == key.amount_minor,
                columns[1] == key.name,
            )
            for key in keys
        )
    )
    told = (line.id, line.booked_on, line.counterparty, line.text, line.bank_reference, line.end_to_end, line.state)
    query = select(*columns, *told).where(is_one, line.state.in_(WHOLE), line.is_kept_whole)
    rows_of: defaultdict[_Key, list[AnyRow]] = defaultdict(list)
    for row in await session.execute(query.order_by(line.booked_on, line.id)):
        rows_of[_Key(row[0], row[1], row[2], row[3])].append(row)
    said = await _said_of(session, [row.id for rows in rows_of.values() for row in rows])
    found = [_rhythm(key, rows, said, latest) for key, rows in rows_of.items()]
    return [each for each in found if each]


def _rhythm(key: _Key, rows: Sequence[AnyRow], said: dict[str, str], latest: date) -> tuple[str, Rhythm, int] | None:
    """The rhythm of these lines, unless somebody said that one is no gift. Lines of promises are told by those."""
    if any(row.state == LineState.SET_ASIDE or ":" in said.get(row.id, "") for row in rows):
        return None
    free = [row for row in rows if said.get(row.id) != "" and not find_references(_held(row))]
    days = [row.booked_on for row in free]
    frequency = frequency_of(days)
    if not frequency or not is_alone(days) or months_later(days[-1], STEPS[frequency]) + LATE < latest:
        return None
    last = free[-1]
    words = _words(last.counterparty, last.text)
    return (words, Rhythm(key.payer, key.currency, key.amount_minor, frequency), len(free)) if words else None


def _held(row: AnyRow) -> str:
    return " ".join((row.bank_reference, row.end_to_end, row.text))


def _words(counterparty: str, text: str) -> str:
    return plain_words(counterparty or text)[:WORDS_CHARS].strip()


async def _said_of(session: AsyncSession, line_ids: Sequence[str], *, but_by: str = "") -> dict[str, str]:
    """What each line is matched with: the supporter of a gift, "" for a promise's own, else "side:what".

    With `but_by`, what that rule itself has matched is not said, and another promise's line names its supporter.
    """
    match, payment = BankMatch, OtherPayment
    promised = (Promise.id == func.substr(match.ref_id, 1, ID_CHARS)) & (match.side == Side.PROMISE.value)
    supporter = func.coalesce(Donation.supporter_id, Promise.supporter_id).label("supporter_id")
    query = (
        select(match.bank_line_id, match.side, match.ref_id, match.rule_id, supporter)
        .outerjoin(payment, (payment.id == match.ref_id) & (match.side == Side.OTHER_PAYMENT.value))
        .outerjoin(Donation, Donation.id == payment.donation_id)
        .outerjoin(Promise, promised)
        .where(match.state == MatchState.CONFIRMED.value)
    )
    found: dict[str, str] = {}
    for start in range(0, len(line_ids), AT_ONCE):
        mine = match.bank_line_id.in_(line_ids[start : start + AT_ONCE])
        for row in await session.execute(query.where(mine)):
            if but_by and row.rule_id == but_by:
                continue
            if row.side == Side.PROMISE and not but_by:
                found[row.bank_line_id] = ""
            else:
                found[row.bank_line_id] = row.supporter_id or f"{row.side}:{row.ref_id}"
    return found


def _rule(words: str, rhythm: Rhythm, count: int, *, ids: Ids, now: datetime) -> dict[str, Any]:
    return {
        "id": ids.ulid(),
        "kind": RuleKind.STANDING_ORDER.value,
        "words": words,
        "target": rhythm.key,
        "state": RuleState.PROPOSED.value,
        "tested": None,
        "learnt_from": count,
        "made_at": now,
        "switched_by": None,
        "switched_at": None,
    }


async def _propose_again(session: AsyncSession, row: dict[str, Any]) -> int:
    """One that ended by itself, and not because a person did not want it, waits for a person again."""
    rule = MatchRule
    same = (rule.kind == row["kind"]) & (rule.words == row["words"]) & (rule.target == row["target"])
    ended = (rule.state == RuleState.OFF.value) & rule.switched_by.is_(None)
    again = update(rule).where(same, ended).values(state=row["state"], tested=None, learnt_from=row["learnt_from"])
    return changed_rows(await session.execute(again.execution_options(synchronize_session=False)))
