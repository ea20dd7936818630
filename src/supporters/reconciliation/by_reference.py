"""Lines that carry our own reference, of a promise or a deposit, and exactly the amount: the second round of the house.

The references that are waited for are few and are held; the lines stream by. What is not alone on both sides is left to
people, but for the payments of one standing order, which follow each other by a month or more.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankLine
from supporters.donations.models import Frequency
from supporters.donations.other_models import Promise
from supporters.donations.reference import find_references
from supporters.ledger.start import start_day
from supporters.reconciliation.expected import expected_at_bank
from supporters.reconciliation.matching import (
    Attribute,
    BankSide,
    Expected,
    Weighed,
    has_reference,
    may_name_ours,
    reference_key,
    run_together,
    weigh,
)
from supporters.reconciliation.models import BankMatch, Confidence, MatchState, Side
from supporters.reconciliation.rivals import Credit, come_back, names_payouts
from supporters.reconciliation.settle import turn_of

AT_ONCE = 1_000
APART = timedelta(days=20)  # two payments of one standing order; months are longer


class Hit(msgspec.Struct, frozen=True):
    """A line that names this payment, and what was compared."""

    line_id: str
    booked_on: date
    amount_minor: int
    expected: Expected
    weighed: Weighed
    was_undone: bool = (
        False  # a person has said once that it is not: it may be another candidate, but is matched by people
    )


async def match_by_reference(
    session: AsyncSession,
    action_id: str,
    waited: Sequence[Expected],
    *,
    but: Collection[str],
    open_state: Any,
    first: str,
) -> list[Hit]:
    """What is certain is matched under this action; returns it. The caller posts it, and settles the other side.

    `waited` are the payments of `waited_for`, `but` the lines that name another payment as well, `first` stands in place of
    the first character of a line's id in that of its match.
    """
    if not waited:
        return []
    hits, said = await _hits(session, waited, open_state)
    elsewhere = {*but, *(await names_payouts(session, said))}
    back = await come_back(session, [_credit(hit) for hit in hits if _is_sure(hit) or _comes_back(hit)])
    hits = [hit for hit in hits if hit.line_id not in back and not _comes_back(hit)]  # no rivals either
    found = _lonely(hits, await _repeating(session, hits), elsewhere)
    rows = [_row(hit, action_id, first) for hit in found]
    for start in range(0, len(rows), AT_ONCE):
        await session.execute(insert(BankMatch), rows[start : start + AT_ONCE])
    return found


async def waited_for(session: AsyncSession) -> list[Expected]:
    """Every payment that is waited for under a reference of ours."""
    wanted = expected_at_bank().subquery("expected")
    rows = await session.execute(select(wanted).where(wanted.c.reference != ""))
    return [
        Expected(
            side=row.side,
            ref_id=row.ref_id,
            expected_on=row.expected_on if isinstance(row.expected_on, date) else date.fromisoformat(row.expected_on),
            amount_minor=row.amount_minor,
            currency=row.currency,
            reference=row.reference,
            payer_name=row.payer_name,
            payer_hashes=(row.payer_hash,) if row.payer_hash else (),
            bank_account_id=row.bank_account_id,
        )
        for row in rows
    ]


def _comes_back(hit: Hit) -> bool:
    return any(reason.attribute is Attribute.RETURNED for reason in hit.weighed.reasons)


def _credit(hit: Hit) -> Credit:
    each = hit.expected
    return Credit(hit.line_id, hit.booked_on, hit.amount_minor, each.currency, each)


async def _hits(session: AsyncSession, waited: Sequence[Expected], open_state: Any) -> tuple[list[Hit], dict[str, str]]:
    """Every open line beside every payment that it names, whatever the amount, and what stands on those lines."""
    line, own = BankLine, {each.reference: each for each in waited}
    others = [(reference_key(each.reference), each) for each in waited if each.side != Side.PROMISE]
    before = select(BankMatch.id).where(BankMatch.bank_line_id == line.id)
    held, undone = (exists(before.where(BankMatch.state == state.value)) for state in MatchState)
    columns = (
        line.id, line.booked_on, line.amount_minor, line.currency, line.counterparty, line.text, line.bank_reference,
        line.end_to_end, line.counterparty_hash.label("payer_hash"), line.bank_account_id, line.is_reversal,
        undone.label("was_undone"),
    )  # fmt: skip
    wanted = select(*columns).where(line.state == open_state, line.amount_minor > 0, ~held)
    wanted = wanted.where(line.currency.in_({each.currency for each in waited}))
    wanted = wanted.where(line.booked_on >= (await start_day(session) or date.min))
    found: list[Hit] = []
    said: dict[str, str] = {}
    async for row in await session.stream(wanted.execution_options(yield_per=AT_ONCE)):
        words = " ".join((row.bank_reference, row.end_to_end, row.text))
        named = [own[name] for name in find_references(words) if name in own] if may_name_ours(words) else []
        if others:
            letters = run_together(words)
            named += [each for key, each in others if key and key in letters and has_reference(words, each.reference)]
        if not named:
            continue
        side = BankSide(**{name: getattr(row, name) for name in BankSide.__struct_fields__})
        said[row.id] = words
        for each in named:
            found.append(Hit(row.id, row.booked_on, row.amount_minor, each, weigh(side, each), bool(row.was_undone)))
    return found, said


async def _repeating(session: AsyncSession, hits: Sequence[Hit]) -> set[str]:
    """Which of the promises that the lines name are paid again and again."""
    ids = {turn_of(hit.expected.ref_id)[0] for hit in hits if hit.expected.side == Side.PROMISE}
    if not ids:
        return set()
    wanted = select(Promise.id).where(Promise.id.in_(sorted(ids)), Promise.frequency != Frequency.ONCE.value)
    return set(await session.scalars(wanted))


def _lonely(hits: Sequence[Hit], repeating: set[str], elsewhere: Collection[str]) -> list[Hit]:
    """Those that are certain, whose line names nothing else (`elsewhere`: a payout), and whose payment no other line names."""
    names: defaultdict[str, int] = defaultdict(int, dict.fromkeys(elsewhere, 1))
    by_target: defaultdict[tuple[str, str], list[Hit]] = defaultdict(list)
    for hit in hits:
        names[hit.line_id] += 1
        by_target[hit.expected.side, hit.expected.ref_id].append(hit)
    found: list[Hit] = []
    for mine in by_target.values():
        mine.sort(key=lambda hit: (hit.booked_on, hit.line_id))
        is_alone = len(mine) == 1 or (_may_repeat(mine[0], repeating) and _are_apart(mine))
        if is_alone and all(names[hit.line_id] == 1 and _is_sure(hit) for hit in mine):
            found += (_in_turn(hit, number) for number, hit in enumerate(mine))
    return found


def _is_sure(hit: Hit) -> bool:
    return hit.weighed.confidence == Confidence.CERTAIN and not hit.was_undone


def _may_repeat(hit: Hit, repeating: set[str]) -> bool:
    return hit.expected.side == Side.PROMISE and turn_of(hit.expected.ref_id)[0] in repeating


def _are_apart(hits: Sequence[Hit]) -> bool:
    return all(later.booked_on - earlier.booked_on >= APART for earlier, later in pairwise(hits))


def _in_turn(hit: Hit, number: int) -> Hit:
    """The first is the payment that is expected, the others those after it."""
    if not number:
        return hit
    promise_id, turn = turn_of(hit.expected.ref_id)
    later = msgspec.structs.replace(hit.expected, ref_id=f"{promise_id}:{turn + number}")
    return msgspec.structs.replace(hit, expected=later)


def _row(hit: Hit, action_id: str, first: str) -> dict[str, Any]:
    return {
        "id": first + hit.line_id[1:],
        "action_id": action_id,
        "state": MatchState.CONFIRMED.value,
        "bank_line_id": hit.line_id,
        "side": hit.expected.side,
        "ref_id": hit.expected.ref_id,
        "amount_minor": hit.expected.amount_minor,
        "currency": hit.expected.currency,
        "confidence": Confidence.CERTAIN.value,
        "reasons": [msgspec.to_builtins(reason) for reason in hit.weighed.reasons],
        "rule_id": None,
        "note": None,
        "undone_by": None,
        "undone_at": None,
    }
