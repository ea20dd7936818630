"""Standing orders that were learned, switched on by a person who names their supporter; and switched off, or taken back whole.

While one is on it is a promise that is running: its lines are matched (`by_rhythm`), each becomes a payment of its plan, and
what does not come is told, as for every standing order (`promises_kept`).
"""

from datetime import date, datetime

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.attribution import note_origin
from supporters.appeals.models import Appeal
from supporters.appeals.rules import Claim
from supporters.audit.record import record
from supporters.bank.models import LineState
from supporters.donations.other_models import Promise, PromiseState
from supporters.donations.promises import add_promise
from supporters.kit.errors import Conflict, NotFound, Refused
from supporters.kit.ids import Ids
from supporters.kit.strings import gettext as _
from supporters.ledger.lock import lock_ledger
from supporters.plans.models import ReceiptWish
from supporters.reconciliation.learn_rhythm import Said, lines_of, supporter_said, would_match
from supporters.reconciliation.matches import undo
from supporters.reconciliation.models import BankMatch, MatchRule, MatchState, RuleKind, RuleState
from supporters.reconciliation.other_money import Giver, put_on_file
from supporters.reconciliation.promises_kept import end_promise, take_back_unmatched
from supporters.reconciliation.rhythm import STEPS, months_later, read_rhythm
from supporters.reconciliation.settle import EXPECTING
from supporters.settings import Settings


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a standing order: whose it is, for what, and how often they want a receipt."""

    giver: Giver
    appeal_id: str
    receipts: ReceiptWish


async def begin_standing(
    session: AsyncSession,
    rule_id: str,
    said: Standing,
    *,
    actor_id: str,
    ids: Ids,
    now: datetime,
    settings: Settings,
) -> Promise:
    """The rule is on: what its payer sends is this supporter's plan from now on, with the lines that are open already.

    *Raises* NotFound; Conflict when it is on already; Refused when nobody has seen what it would have done, or when lines
    were said to be something else, or another supporter's. *Writes* supporter, promise, rule, audit.
    """
    await lock_ledger(session)
    rule = await _held(session, rule_id)
    if rule.state == RuleState.ON:
        raise Conflict(_("Somebody has switched this rule already. Nothing was changed."))
    if not rule.tested:
        raise Refused(_("Look first at what this rule would have done. It is still off."))
    appeal = await session.get(Appeal, said.appeal_id)
    if appeal is None:
        raise NotFound(_("There is no such appeal."))
    giver = await put_on_file(session, said.giver, ids=ids, now=now)
    tried = would_match(rule, await lines_of(session, rule))
    others = {each.said for each in tried if each.said} - {giver.supporter_id}
    if others:
        raise Refused(_("Some of its lines were said to be somebody else's, or something else. It is still off."))
    rhythm = read_rhythm(rule.target)
    row: dict[str, object] = {
        "id": ids.ulid(),
        "attempt_id": ids.ulid(),
        "amount_minor": rhythm.amount_minor,
        "currency": rhythm.currency,
        "frequency": rhythm.frequency,
        "email": giver.email,
        "name": giver.name,
        "fund_id": appeal.fund_id,
        "appeal_id": appeal.id,
        "attribution_id": await note_origin(session, Claim(), ids=ids, now=now),
        "supporter_id": giver.supporter_id,
        "locale": settings.locale,
        "livemode": not settings.is_test_mode,
        "state": PromiseState.RUNNING.value,
        "turn": 1,
        "expected_on": _next_of(tried, rhythm.frequency),
        "payer_hash": rhythm.payer,
        "payer_name": rule.words,
        "rule_id": rule.id,
        "receipts": said.receipts.value,
        "network_digest": None,
        "made_by": actor_id,
        "made_at": now,
    }
    promise = await add_promise(session, row, ids=ids)
    await _switch(session, rule, RuleState.ON, actor_id=actor_id, now=now, promise=promise)
    return promise


async def end_standing(session: AsyncSession, rule_id: str, *, actor_id: str, now: datetime) -> None:
    """The rule is off and stays off; nothing more is expected, and its plan is over. What it did stays. *Raises* Conflict."""
    await lock_ledger(session)
    rule = await _held(session, rule_id)
    if rule.state == RuleState.OFF:
        raise Conflict(_("Somebody has switched this rule already. Nothing was changed."))
    promise = await promise_of(session, rule_id, is_held=True)
    if promise:
        await end_promise(session, promise, now=now)
    await _switch(session, rule, RuleState.OFF, actor_id=actor_id, now=now, promise=promise)


async def take_back_standing(
    session: AsyncSession, rule_id: str, *, actor_id: str, ids: Ids, now: datetime, settings: Settings
) -> int:
    """All that the rule has matched is open again, its donations and receipts count no more, its plan is over; says how many.

    *Raises* NotFound; Conflict where it has matched nothing, or where one of its payments was paid back.
    """
    await lock_ledger(session)
    rule = await _held(session, rule_id)
    match = BankMatch
    mine = select(match.bank_line_id).where(match.rule_id == rule.id, match.state == MatchState.CONFIRMED.value)
    line_ids = (await session.scalars(mine.order_by(match.bank_line_id))).all()
    if not line_ids and rule.state != RuleState.ON:
        raise Conflict(_("Nothing that this rule did stands any more. Nothing was changed."))
    for line_id in line_ids:
        await undo(session, line_id, actor_id=actor_id, ids=ids, now=now)
    await take_back_unmatched(session, ids=ids, now=now, settings=settings, actor_id=actor_id)
    if rule.state != RuleState.OFF:
        await end_standing(session, rule_id, actor_id=actor_id, now=now)
    return len(line_ids)


async def promise_of(session: AsyncSession, rule_id: str, *, is_held: bool = False) -> Promise | None:
    """The standing order that the rule waits for, if it is on; held until the transaction ends where asked for."""
    mine = (Promise.rule_id == rule_id) & Promise.state.in_(EXPECTING)
    wanted = select(Promise).where(mine).execution_options(populate_existing=True)
    return await session.scalar(wanted.with_for_update() if is_held else wanted)


async def likely_supporter(session: AsyncSession, rule: MatchRule) -> str:
    """The supporter whom people have named for the rule's lines; empty where they named none."""
    return supporter_said(await lines_of(session, rule))


async def count_done(session: AsyncSession, rule_id: str) -> int:
    """How many lines the rule has matched whose matches stand."""
    mine = (BankMatch.rule_id == rule_id) & (BankMatch.state == MatchState.CONFIRMED.value)
    return await session.scalar(select(func.count()).select_from(BankMatch).where(mine)) or 0


def _next_of(tried: list[Said], frequency: str) -> date:
    """The first day on which one of its open lines came, or on which the next is expected."""
    unsaid = [each.line.booked_on for each in tried if each.said is None and each.line.state == LineState.OPEN]
    last = tried[-1].line.booked_on if tried else None
    if last is None:
        raise Refused(_("Its lines have no rhythm any more. It is still off."))
    return unsaid[0] if unsaid else months_later(last, STEPS[frequency])


async def _held(session: AsyncSession, rule_id: str) -> MatchRule:
    wanted = select(MatchRule).where(MatchRule.id == rule_id, MatchRule.kind == RuleKind.STANDING_ORDER.value)
    rule = await session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if rule is None:
        raise NotFound(_("There is no such rule."))
    return rule


async def _switch(
    session: AsyncSession, rule: MatchRule, state: RuleState, *, actor_id: str, now: datetime, promise: Promise | None
) -> None:
    values = {"state": state.value, "switched_by": actor_id, "switched_at": now}
    changed = update(MatchRule).where(MatchRule.id == rule.id).values(**values)
    await session.execute(changed.execution_options(synchronize_session=False))
    await session.refresh(rule)
    named = {"promise_id": promise.id, "supporter_id": promise.supporter_id} if promise else {}
    await record(
        session,
        actor_kind="staff",
        actor_id=actor_id,
        action="bank.rule_on" if state is RuleState.ON else "bank.rule_off",
        record_kind="match_rule",
        record_id=rule.id,
        detail={"kind": rule.kind, "tested": rule.tested, **named},
        now=now,
    )
