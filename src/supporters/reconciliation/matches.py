"""What a person says a bank line is: matched and posted, set aside, or taken back. Nothing is ever deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, String, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.audit.record import record
from supporters.bank.models import BankLine, LineState
from supporters.kit.db import changed_rows
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.ledger.chart import Account
from supporters.ledger.lock import lock_ledger
from supporters.ledger.models import LedgerTransaction
from supporters.ledger.post import Entry, Posting, post
from supporters.ledger.reverse import reverse
from supporters.ledger.start import start_day
from supporters.reconciliation.automatic import AGAINST, BANK_LINE, MATCH
from supporters.reconciliation.expected import expected_at_bank
from supporters.reconciliation.models import BankMatch, Confidence, MatchAction, MatchState, Side
from supporters.reconciliation.second_request import Deed, forget
from supporters.reconciliation.settle import settle, unsettle
from supporters.reconciliation.taken_up import ask_again

NOTE_CHARS = 500
MOST_FEE_MINOR = 5_000  # that a bank keeps of one transfer; never more than it lets through
ONE, MANY = "one", "many"
TAKEN_UP = "taken up"  # the note of a line that a person has taken up again: rules leave it alone
ACCOUNTS = (
    Account.REFUNDS_PAYABLE,  # owed to a giver and sent by the bank
    Account.OTHER_INCOME,
    Account.BANK_FEES,
    Account.NOT_OURS,
    Account.OTHER_FEES,
    Account.EXCHANGE,
    Account.OVER_SHORT,
    Account.SUSPENSE,
)
PAYOUT_SIDES = (Side.PAYOUT, Side.PAYOUT_RETURN)


class Part(msgspec.Struct, frozen=True):
    """What a line, or a part of it, is. *Money*: signed as at the bank. For an account, `ref_id` is its code."""

    side: Side
    ref_id: str
    amount_minor: int


class Because(msgspec.Struct, frozen=True):
    """Why, as it is kept: how sure it was, what was compared, and what the person wrote."""

    confidence: str = Confidence.CHOSEN.value
    reasons: tuple[dict[str, str], ...] = ()
    note: str = ""
    rule_id: str | None = None
    agreed_by: str | None = None  # the second person, where it takes two
    alone_reason: str = ""  # why there is none


async def confirm(
    session: AsyncSession,
    line_ids: Sequence[str],
    parts: Sequence[Part],
    *,
    because: Because,
    actor_id: str,
    ids: Ids,
    now: datetime,
    action_id: str | None = None,
) -> str:
    """The line is these parts, or these lines are this one part, and the books have it; returns the action's id.

    *Raises* NotFound; Conflict when a line is not open any more or a payment is matched already; Refused when the amounts
    do not add up. *Writes* matches, ledger, states of lines, audit. With `action_id` it is one of many of one action.
    """
    await lock_ledger(session)
    lines = await _take_lines(session, line_ids)
    await _require_begun(session, lines)
    _require_equal(lines, parts)
    await _require_expected(session, lines[0], parts)
    await forget(session, Deed.BANK_LINE, line_ids)
    made = action_id or await begin_action(
        session, kind=ONE, actor_id=actor_id, ids=ids, now=now, matches=len(lines), because=because
    )
    pairs = [(line, part) for line in lines for part in parts]
    for line, part in pairs:
        minor = line.amount_minor if len(lines) > 1 else part.amount_minor
        session.add(_match(line, part, minor, because, action_id=made, match_id=ids.ulid()))
    postings = [await _posting(session, line, parts) for line in lines]
    await session.flush()
    await post(session, postings, ids=ids, now=now)
    await settle(session, [(part.side.value, part.ref_id) for part in parts], ids=ids, now=now)
    first = {"asked_by": actor_id} if because.agreed_by else {}
    told = told_of(because) | first
    await _audit(session, "bank.match", lines, parts, told, actor_id=because.agreed_by or actor_id, now=now)
    return made


async def require_parts(session: AsyncSession, line_id: str, parts: Sequence[Part]) -> BankLine:
    """The line, held and open, if it may be these parts; nothing is changed. *Raises* as `confirm`."""
    await lock_ledger(session)
    lines = await _open_lines(session, [line_id])
    await _require_begun(session, lines)
    _require_equal(lines, parts)
    await _require_expected(session, lines[0], parts)
    return lines[0]


def told_of(because: Because) -> dict[str, object]:
    """Why, as the audit keeps it: what was compared and with what result, not what anybody wrote."""
    reasons = [f"{each['attribute']}: {each['outcome']}" for each in because.reasons]
    return {"confidence": because.confidence, "reasons": reasons, "rule_id": because.rule_id}


async def undo(session: AsyncSession, line_id: str, *, actor_id: str, ids: Ids, now: datetime) -> int:
    """The line is open again, and so is every line that was matched with the same payment; says how many lines.

    The books have the opposite entries. The payment itself stays. *Raises* Conflict when the line is not matched.
    """
    await lock_ledger(session)
    found = await _live_matches(session, BankMatch.bank_line_id == line_id)
    if not found:
        raise Conflict(_("This bank line is not matched any more. Nothing was changed."))
    targets = {(match.side, match.ref_id) for match in found if match.side != Side.ACCOUNT}
    for side, ref_id in sorted(targets):
        found += await _live_matches(session, (BankMatch.side == side) & (BankMatch.ref_id == ref_id))
    lines = await _lines(session, sorted({match.bank_line_id for match in found}))
    for line in lines:
        await _reverse(session, line, ids=ids, now=now)
        line.state = LineState.OPEN.value
    gone = {match.id: match for match in found}
    for match in gone.values():
        match.state, match.undone_by, match.undone_at = MatchState.UNDONE.value, actor_id, now
    await session.flush()
    await forget(session, Deed.BANK_LINE, [line.id for line in lines])
    await unsettle(session, sorted(targets), ids=ids, now=now)
    await _audit(session, "bank.unmatch", lines, (), {}, actor_id=actor_id, now=now)
    await ask_again(session, [line.id for line in lines], ids=ids, now=now)
    return len(lines)


async def forget_taken_back(session: AsyncSession) -> int:
    """Matches of lines whose file was taken back quote them no longer; says how many. *Idempotent*."""
    match = BankMatch
    gone = select(BankLine.id).where(BankLine.state == LineState.UNDONE.value)
    speaks = match.note.is_not(None) | (cast(match.reasons, String) != "[]")
    mine = update(match).where(match.state == MatchState.UNDONE.value, speaks, match.bank_line_id.in_(gone))
    return changed_rows(await session.execute(mine.values(reasons=[], note=None)))


async def set_aside(session: AsyncSession, line_id: str, *, note: str, actor_id: str, now: datetime) -> None:
    """The line is none of our business here: it stays out of the books. *Raises* Refused without a reason, Conflict."""
    words = clean_line(note, limit=NOTE_CHARS)
    if not words:
        raise Refused(_("Please write why this line stays out of the books. It is still open."))
    await _move(session, line_id, LineState.OPEN, LineState.SET_ASIDE, note=words)
    await _audit(session, "bank.set_aside", await _lines(session, [line_id]), (), {}, actor_id=actor_id, now=now)


async def take_up(session: AsyncSession, line_id: str, *, actor_id: str, ids: Ids, now: datetime) -> None:
    """A line that was set aside is open again, and no rule sets it aside any more. *Raises* Conflict when it is not set aside."""
    await _move(session, line_id, LineState.SET_ASIDE, LineState.OPEN, note=TAKEN_UP)
    await _audit(session, "bank.take_up", await _lines(session, [line_id]), (), {}, actor_id=actor_id, now=now)
    await ask_again(session, [line_id], ids=ids, now=now)


async def record_matched(session: AsyncSession, found: int, *, now: datetime) -> None:
    """The audit knows what the house itself has just matched: how many lines as what, and what told it."""
    match, action = BankMatch, MatchAction
    latest = select(action.id).where(action.made_by.is_(None)).order_by(action.made_at.desc(), action.id.desc())
    action_id, by_rule = await session.scalar(latest.limit(1)), match.rule_id.is_not(None)
    counted = select(match.side, by_rule.label("by_rule"), func.count()).where(match.action_id == action_id)
    rows = (await session.execute(counted.group_by(match.side, by_rule).order_by(match.side, by_rule))).all()
    told = [f"{side}, {'rule' if is_rule else 'reference'}: {count}" for side, is_rule, count in rows]
    await record(
        session,
        actor_kind="system",
        actor_id=None,
        action="bank.match_all",
        record_kind="match_action",
        record_id=action_id or "",
        detail={"rows": found, "reasons": told, "confidence": Confidence.CERTAIN.value},
        now=now,
    )


async def begin_action(
    session: AsyncSession,
    *,
    kind: str,
    actor_id: str | None,
    ids: Ids,
    now: datetime,
    matches: int,
    because: Because | None = None,
) -> str:
    """One line of the history is there; returns its id."""
    action = MatchAction(id=ids.ulid(), kind=kind, made_by=actor_id, made_at=now, matches=matches)
    if because:
        action.agreed_by, action.alone_reason = because.agreed_by, because.alone_reason or None
    session.add(action)
    await session.flush()
    return action.id


async def _take_lines(session: AsyncSession, line_ids: Sequence[str]) -> Sequence[BankLine]:
    lines = await _open_lines(session, line_ids)
    for line in lines:
        line.state = LineState.MATCHED.value
    return lines


async def _open_lines(session: AsyncSession, line_ids: Sequence[str]) -> Sequence[BankLine]:
    lines = await _lines(session, line_ids)
    if not line_ids or len(lines) != len(set(line_ids)):
        raise NotFound(_("There is no such bank line."))
    if any(line.state != LineState.OPEN for line in lines):
        raise Conflict(_("Somebody has dealt with this bank line already. Nothing was changed."))
    return lines


async def _require_begun(session: AsyncSession, lines: Sequence[BankLine]) -> None:
    began = await start_day(session)
    if began and any(line.booked_on < began for line in lines):
        raise Refused(
            _("This bank line is older than these books, which began on %(day)s. Set it aside; nothing was changed.")
            % {"day": began.isoformat()}
        )


async def _lines(session: AsyncSession, line_ids: Sequence[str]) -> Sequence[BankLine]:
    wanted = select(BankLine).where(BankLine.id.in_(line_ids)).order_by(BankLine.id).with_for_update()
    return (await session.scalars(wanted.execution_options(populate_existing=True))).all()


def _require_equal(lines: Sequence[BankLine], parts: Sequence[Part]) -> None:
    if not parts or (len(lines) > 1 and len(parts) > 1):
        raise Refused(
            _("Match one line with several payments, or several lines with one payment. Nothing was changed.")
        )
    if len({line.currency for line in lines}) > 1 or len({line.bank_account_id for line in lines}) > 1:
        raise Refused(_("These lines are of different accounts. Nothing was changed."))
    if sum(line.amount_minor for line in lines) != sum(part.amount_minor for part in parts):
        raise Refused(_("What was chosen does not add up to the bank line. Nothing was changed."))
    if any(part.amount_minor == 0 for part in parts):
        raise Refused(_("A part of nothing says nothing. Nothing was changed."))
    arrived = sum(line.amount_minor for line in lines)
    promised = sum(part.amount_minor for part in parts if part.side == Side.PROMISE)
    if promised and promised > arrived + max(0, min(arrived, MOST_FEE_MINOR)):
        raise Refused(
            _("More cannot have been given than arrived, but for what a bank may have kept. Nothing was changed.")
        )
    if any(part.side == Side.ACCOUNT and part.ref_id not in set(ACCOUNTS) for part in parts):
        raise Refused(_("Bank lines cannot be booked on this account. Nothing was changed."))


async def _require_expected(session: AsyncSession, line: BankLine, parts: Sequence[Part]) -> None:
    """Every payment is there, in this currency and amount, and not matched yet."""
    payments = {(part.side.value, part.ref_id): part.amount_minor for part in parts if part.side != Side.ACCOUNT}
    if len(payments) != sum(part.side != Side.ACCOUNT for part in parts):
        raise Refused(_("One payment was chosen twice. Nothing was changed."))
    wanted = expected_at_bank().subquery("expected")
    query = select(wanted.c.side, wanted.c.ref_id, wanted.c.amount_minor).where(
        wanted.c.ref_id.in_([ref_id for _side, ref_id in payments]), wanted.c.currency == line.currency
    )
    open_ones = {(row.side, row.ref_id): row.amount_minor for row in await session.execute(query)}
    for key, minor in payments.items():
        if key not in open_ones:
            raise Conflict(_("This payment is matched with another bank line, or not expected. Nothing was changed."))
        if key[0] == Side.PROMISE and minor > 0:
            continue  # whatever came, is what was given
        if open_ones[key] != minor:
            raise Refused(_("A payment cannot be matched in part. Nothing was changed."))


def _match(
    line: BankLine, part: Part, amount_minor: int, because: Because, *, action_id: str, match_id: str
) -> BankMatch:
    return BankMatch(
        id=match_id,
        action_id=action_id,
        state=MatchState.CONFIRMED.value,
        bank_line_id=line.id,
        side=part.side.value,
        ref_id=part.ref_id,
        amount_minor=amount_minor,
        currency=line.currency,
        confidence=because.confidence,
        reasons=list(because.reasons),
        rule_id=because.rule_id,
        note=clean_line(because.note, limit=NOTE_CHARS) or None,
    )


async def _posting(session: AsyncSession, line: BankLine, parts: Sequence[Part]) -> Posting:
    """What the line is in the books: the bank gets its amount, and each part is settled by its share."""
    shares = [part.amount_minor for part in parts] if len(parts) > 1 else [line.amount_minor]
    entries = [_entry(line, Account.BANK, line.amount_minor, None)]
    entries += [_entry(line, _account(part), -share, part) for part, share in zip(parts, shares, strict=True)]
    before = select(func.count()).where(*_posted_for(line.id))
    return Posting(
        source_kind=BANK_LINE,
        source_id=line.id,
        purpose=MATCH,
        booked_on=line.booked_on,
        memo=parts[0].side.value,
        entries=tuple(entries),
        revision=await session.scalar(before) or 0,
    )


def _account(part: Part) -> Account:
    return Account(part.ref_id) if part.side == Side.ACCOUNT else AGAINST[part.side]


def _entry(line: BankLine, account: Account, amount_minor: int, part: Part | None) -> Entry:
    return Entry(
        account=account,
        amount_minor=amount_minor,
        currency=line.currency,
        stripe_payout_id=part.ref_id if part and part.side in PAYOUT_SIDES else None,
        bank_line_id=line.id,
    )


def _posted_for(line_id: str) -> tuple[ColumnElement[bool], ...]:
    row = LedgerTransaction
    return (row.source_kind == BANK_LINE, row.source_id == line_id, row.purpose == MATCH)


async def _reverse(session: AsyncSession, line: BankLine, *, ids: Ids, now: datetime) -> None:
    row = LedgerTransaction
    latest = select(row).where(*_posted_for(line.id)).order_by(row.revision.desc()).limit(1)
    posted = await session.scalar(latest)
    assert posted, "a matched line is in the books"
    await reverse(session, posted.id, booked_on=posted.booked_on, memo="bank.unmatch", ids=ids, now=now)


async def _live_matches(session: AsyncSession, where: ColumnElement[bool]) -> list[BankMatch]:
    wanted = select(BankMatch).where(where, BankMatch.state == MatchState.CONFIRMED.value)
    return list((await session.scalars(wanted.with_for_update())).all())


async def _move(session: AsyncSession, line_id: str, old: LineState, new: LineState, *, note: str | None) -> None:
    mine = (BankLine.id == line_id) & (BankLine.state == old.value)
    moved = update(BankLine).where(mine).values(state=new.value, state_note=note)
    if changed_rows(await session.execute(moved.execution_options(synchronize_session=False))) != 1:
        raise Conflict(_("Somebody has dealt with this bank line already. Nothing was changed."))
    await forget(session, Deed.BANK_LINE, [line_id])


async def _audit(
    session: AsyncSession,
    action: str,
    lines: Sequence[BankLine],
    parts: Sequence[Part],
    because: Mapping[str, object],
    *,
    actor_id: str,
    now: datetime,
) -> None:
    """What staff wrote of it stands with the match or the line, where it is erased with them; the log names the deed."""
    for line in lines:
        await record(
            session,
            actor_kind="staff",
            actor_id=actor_id,
            action=action,
            record_kind="bank_line",
            record_id=line.id,
            detail={
                "parts": [f"{part.side}:{part.ref_id}" for part in parts],
                "amount_minor": line.amount_minor,
                "currency": line.currency,
                **{name: value for name, value in because.items() if value},
            },
            now=now,
        )
