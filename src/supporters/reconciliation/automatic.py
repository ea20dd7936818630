"""Matching by the house itself: only what is certain, and only where neither side has another candidate.

Set by set in the database, so that a year takes as many statements as a day. Four rounds, each held against what the others
go by (`rivals`): lines that carry Stripe's own
reference of a payout of exactly that amount, lines that carry our own of a promise or a deposit (`by_reference`), standing
orders that were learned (`by_rhythm`), then lines that a rule knows which a person has switched on. What a person has ever
undone is left to people.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    String,
    Subquery,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from supporters.bank.models import BankLine, LineState
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.words import has_one_like, plain_words_of, stands_in, without_spaces
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.post_many import post_pairs
from supporters.ledger.start import start_day
from supporters.payments.models import Payout
from supporters.reconciliation.by_reference import match_by_reference, waited_for
from supporters.reconciliation.by_rhythm import match_by_rhythm
from supporters.reconciliation.expected import expected_at_bank
from supporters.reconciliation.matching import DAYS_EARLY, DAYS_LATE, SHORTEST_TRACE, SURE_TRACE, Attribute, Outcome
from supporters.reconciliation.models import (
    BankMatch,
    Confidence,
    MatchAction,
    MatchRule,
    MatchState,
    RuleKind,
    RuleState,
    Side,
)
from supporters.reconciliation.rivals import drop_contradicted, drop_named_twice
from supporters.reconciliation.settle import settle

BANK_LINE, MATCH = "bank_line", "match"
AUTOMATIC = "automatic"
WORK_MEMORY_MB = 64  # of PostgreSQL, for this transaction: the pairs of a year are sorted without a file
USUAL_DAYS = (-1, 7)  # calendar days that are never more than `matching.NEAR_DAYS` working days, nor one early
OPEN: ColumnElement[str] = literal_column("'open'")  # as the index of open lines is written, or it is not used
MATCH_ID, TRANSACTION_ID = "M", "T"  # in place of the first character of the bank line's id
AGAINST: dict[str, Account] = {
    Side.PAYOUT: Account.PAYOUTS_IN_TRANSIT,
    Side.PAYOUT_RETURN: Account.PAYOUTS_IN_TRANSIT,
    Side.TOP_UP: Account.PAYOUTS_IN_TRANSIT,
    Side.DEPOSIT: Account.UNDEPOSITED,
    Side.OTHER_PAYMENT: Account.UNDEPOSITED,
    Side.PROMISE: Account.UNDEPOSITED,
    Side.OTHER_REFUND: Account.REFUNDS_PAYABLE,
}


async def match_certain(session: AsyncSession, *, ids: Ids, now: datetime) -> int:
    """Every open bank line that is certainly one payment is matched with it and posted; says how many.

    *Idempotent by* the lines' state: a second run finds nothing. *Raises* Conflict when somebody has dealt with one of the
    lines at this very moment. *Writes* matches, ledger, states of lines.
    """
    await lock_ledger(session)
    if not await _has_open(session):
        return 0
    await _make_ready(session)
    action_id = ids.ulid()
    await session.execute(
        insert(MatchAction).values(id=action_id, kind=AUTOMATIC, made_by=None, made_at=now, matches=0)
    )
    await _match(session, action_id, by_rule=False)
    waited = await waited_for(session)
    deposits = [each for each in waited if each.side == Side.DEPOSIT]
    twice = await drop_named_twice(session, action_id, deposits)
    hits = await match_by_reference(session, action_id, waited, but=twice, open_state=OPEN, first=MATCH_ID)
    own = [(hit.expected.side, hit.expected.ref_id) for hit in hits]
    own += await match_by_rhythm(session, action_id, deposits, open_state=OPEN, first=MATCH_ID, but=own)
    if await _has_rules(session):
        await _match(session, action_id, by_rule=True)
        await drop_contradicted(session, action_id, deposits, twice)
    made = select(func.count()).select_from(BankMatch).where(BankMatch.action_id == action_id)
    mine, found = MatchAction.id == action_id, await session.scalar(made) or 0
    if not found:
        await session.execute(delete(MatchAction).where(mine))
        return 0
    await _know_sizes(session, BankMatch.action_id, BankMatch.bank_line_id)
    await post_pairs(session, _postings(action_id), source_kind=BANK_LINE, purpose=MATCH, now=now)
    held = select(BankMatch.bank_line_id).where(BankMatch.action_id == action_id)
    taken = update(BankLine).where(BankLine.id.in_(held), BankLine.state == OPEN).values(state=LineState.MATCHED.value)
    if changed_rows(await session.execute(taken.execution_options(synchronize_session=False))) != found:
        raise Conflict(_("Somebody has dealt with this bank line already. Nothing was changed."))
    await session.execute(update(MatchAction).where(mine).values(matches=found))
    await settle(session, own, ids=ids, now=now)
    return found


async def _has_open(session: AsyncSession) -> bool:
    return await session.scalar(select(BankLine.id).where(BankLine.state == OPEN).limit(1)) is not None


async def _has_rules(session: AsyncSession) -> bool:
    is_on = (MatchRule.kind == RuleKind.ALIAS.value) & (MatchRule.state == RuleState.ON.value)
    return await session.scalar(select(MatchRule.id).where(is_on).limit(1)) is not None


async def _make_ready(session: AsyncSession) -> None:
    """PostgreSQL may hold a year of pairs, and knows how many lines and payouts there are."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY_MB}MB'"))
    line, payout = BankLine, Payout
    await _know_sizes(session, line.id, line.state, line.currency, line.amount_minor, line.booked_on)
    await _know_sizes(session, payout.stripe_payout_id, payout.status, payout.currency, payout.amount_minor)


async def _know_sizes(session: AsyncSession, *columns: InstrumentedAttribute[Any]) -> None:
    """PostgreSQL learns of rows that came a moment ago: else it looks at every pair of them by itself.

    All the columns are of one table: those that decide how its rows are looked for.
    """
    if session.get_bind().dialect.name == "postgresql":
        names = ", ".join(column.name for column in columns)
        await session.execute(text(f"ANALYZE {columns[0].class_.__tablename__} ({names})"))


async def _match(session: AsyncSession, action_id: str, *, by_rule: bool) -> None:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    beside = _pairs(is_sqlite, since=await start_day(session) or date.min)
    pairs = _lonely(_by_rule(beside) if by_rule else _by_trace(beside))
    rows = select(
        literal(MATCH_ID, String()) + func.substr(pairs.c.line_id, 2),
        literal(action_id, String()),
        literal(MatchState.CONFIRMED.value, String()),
        pairs.c.line_id,
        pairs.c.side,
        pairs.c.ref_id,
        pairs.c.amount_minor,
        pairs.c.currency,
        literal(Confidence.CERTAIN.value, String()),
        _reasons(pairs, Attribute.RULE if by_rule else Attribute.TRACE, is_sqlite=is_sqlite),
        pairs.c.rule_id,
    ).where(pairs.c.was_undone == 0, pairs.c.is_usual == 1 if by_rule else true())
    match = BankMatch
    into = [
        match.id, match.action_id, match.state, match.bank_line_id, match.side, match.ref_id, match.amount_minor,
        match.currency, match.confidence, match.reasons, match.rule_id,
    ]  # fmt: skip
    await session.execute(insert(match).from_select(into, rows))


def _pairs(is_sqlite: bool, *, since: date) -> Select[*tuple[Any, ...]]:
    """Every open line beside every payment of exactly that amount on a possible day; none before the books began.

    A line that takes an earlier one back is nothing new, but for a payout that the bank sends back.

    Lines that were undone are among them: they are another candidate, though never matched here.
    """
    line = BankLine
    wanted = expected_at_bank().subquery("expected")
    early, first, last, late = (
        _days_from(wanted.c.expected_on, days, is_sqlite=is_sqlite) for days in (-DAYS_EARLY, *USUAL_DAYS, DAYS_LATE)
    )
    match = BankMatch
    before = select(match.id).where(match.bank_line_id == line.id)
    held, undone = (exists(before.where(match.state == state.value)) for state in MatchState)
    return (
        select(
            line.id.label("line_id"),
            wanted.c.side,
            wanted.c.ref_id,
            wanted.c.expected_on,
            line.booked_on,
            line.amount_minor,
            line.currency,
            wanted.c.trace,
            func.ltrim(without_spaces(wanted.c.trace), "0").label("trace_key"),
            wanted.c.words.label("known_by"),
            plain_words_of(everything_on_line()).label("words"),
            case((line.booked_on.between(first, last), 1), else_=0).label("is_usual"),
            case((undone, 1), else_=0).label("was_undone"),
        )
        .join(wanted, (wanted.c.currency == line.currency) & (wanted.c.amount_minor == line.amount_minor))
        .where(
            line.state == OPEN,
            line.booked_on >= since,
            line.booked_on.between(early, late),
            ~held,
            or_(line.is_reversal.is_(False), wanted.c.side == Side.PAYOUT_RETURN.value),
        )
    )


def everything_on_line() -> ColumnElement[str]:
    """All that the bank wrote on a line, as `learning.everything` has it."""
    line = BankLine
    parts = (line.bank_reference, line.end_to_end, line.text, line.counterparty)
    return parts[0] + " " + parts[1] + " " + parts[2] + " " + parts[3]


def _by_trace(pairs: Select[*tuple[Any, ...]]) -> Subquery:
    """Those on whose line Stripe's reference of the payout stands."""
    found = pairs.cte("pairs").prefix_with("MATERIALIZED")  # the words of a line are made once
    none = cast(null(), String(26)).label("rule_id")
    return (
        select(found, none, found.c.trace.label("ours"))
        .where(func.length(found.c.trace_key) >= SURE_TRACE, stands_in(found.c.words, found.c.trace_key))
        .subquery()
    )


def _by_rule(pairs: Select[*tuple[Any, ...]]) -> Subquery:
    """Those whose words a rule knows that is switched on; once each, however many rules say so.

    A line on which another reference stands than the payout's is another payout's, of which we may not know yet.
    """
    found, rule = pairs.cte("pairs").prefix_with("MATERIALIZED"), MatchRule
    is_on = (rule.kind == RuleKind.ALIAS.value) & (rule.state == RuleState.ON.value)
    is_known = (" " + found.c.words + " ").like("% " + rule.words + " %") & (found.c.known_by != "")
    pair = (found.c.line_id, found.c.side, found.c.ref_id)
    place = func.row_number().over(partition_by=pair, order_by=rule.id).label("place")
    key = found.c.trace_key
    is_another = (
        (func.length(key) >= SHORTEST_TRACE) & ~stands_in(found.c.words, key) & has_one_like(found.c.words, key)
    )
    known = select(found, rule.id.label("rule_id"), rule.words.label("ours"), place)
    each = known.join(rule, is_on & is_known).where(~is_another).subquery()
    return select(each).where(each.c.place == 1).subquery()


def _lonely(pairs: Subquery) -> Subquery:
    """Those pairs whose line has no other payment, and whose payment no other line."""
    counted = select(
        pairs,
        func.count().over(partition_by=(pairs.c.side, pairs.c.ref_id)).label("lines"),
        func.count().over(partition_by=pairs.c.line_id).label("payments"),
    ).subquery()
    return select(counted).where(counted.c.lines == 1, counted.c.payments == 1).subquery()


def _days_from(day: ColumnElement[Any], days: int, *, is_sqlite: bool) -> ColumnElement[Any]:
    return func.date(day, f"{days:+d} days") if is_sqlite else day + days


def _reasons(pairs: Subquery, attribute: Attribute, *, is_sqlite: bool) -> ColumnElement[Any]:
    """What was compared, as `matching.Reason` has it. Written as text: PostgreSQL takes twice as long to build it."""
    ours, theirs = (_quoted(each, is_sqlite=is_sqlite) for each in (pairs.c.ours, func.substr(pairs.c.words, 1, 120)))
    same, near, far = (literal(each.value, String()) for each in (Outcome.SAME, Outcome.NEAR, Outcome.DIFFERENT))
    minor = '"' + cast(pairs.c.amount_minor, String()) + '"'
    expected_on, booked_on = ('"' + cast(each, String()) + '"' for each in (pairs.c.expected_on, pairs.c.booked_on))
    how_near = case(
        (pairs.c.expected_on == pairs.c.booked_on, same),
        (pairs.c.is_usual == 1, near),
        else_=far,
    )
    parts = (
        _reason(Attribute.AMOUNT, minor, minor, same),
        _reason(Attribute.DAY, expected_on, booked_on, how_near),
        _reason(attribute, ours, theirs, same),
    )
    written = "[" + parts[0] + ", " + parts[1] + ", " + parts[2] + "]"
    return type_coerce(written, JSON()) if is_sqlite else cast(written, JSON())


def _quoted(words: ColumnElement[str], *, is_sqlite: bool) -> ColumnElement[str]:
    return func.json_quote(words) if is_sqlite else cast(func.to_json(words), String())


def _reason(
    attribute: Attribute, ours: ColumnElement[str], theirs: ColumnElement[str], outcome: ColumnElement[str]
) -> ColumnElement[str]:
    """`ours` and `theirs` are JSON already."""
    begins = literal(f'{{"attribute": "{attribute.value}", "ours": ', String())
    return begins + ours + ', "theirs": ' + theirs + ', "outcome": "' + outcome + '"}'


def _postings(action_id: str) -> Subquery:
    """What each match is in the books: the bank gets the money, and what was under way is not any more."""
    match, line = BankMatch, BankLine
    against = case({side: literal(account.value, String()) for side, account in AGAINST.items()}, value=match.side)
    payout = case((match.side.in_([Side.PAYOUT.value, Side.PAYOUT_RETURN.value]), match.ref_id))
    return (
        select(
            (literal(TRANSACTION_ID, String()) + func.substr(line.id, 2)).label("transaction_id"),
            line.id.label("source_id"),
            line.booked_on,
            literal(Account.BANK.value, String()).label("plus"),
            against.label("minus"),
            line.amount_minor,
            line.currency,
            match.side.label("memo"),
            payout.label("stripe_payout_id"),
            line.id.label("bank_line_id"),
        )
        .join(match, match.bank_line_id == line.id)
        .where(match.action_id == action_id)
        .subquery("pairs")
    )
