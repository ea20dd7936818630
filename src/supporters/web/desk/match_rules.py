"""/desk/match/rules: what was learned from people, what it would have done, and the switch. No rule works by itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, published_appeals
from supporters.donations.other_models import Promise
from supporters.donations.other_queries import Namesake, find_giver
from supporters.kit.errors import NotFound, Refused
from supporters.kit.ids import is_ulid
from supporters.kit.money import Money
from supporters.kit.strings import gettext as _
from supporters.reconciliation.learning import Verdict, back_test, find_rule, switch_rule, try_rule
from supporters.reconciliation.match_queries import list_rules
from supporters.reconciliation.models import MatchRule, RuleKind
from supporters.reconciliation.rhythm import read_rhythm
from supporters.reconciliation.standing import count_done, end_standing, likely_supporter, promise_of
from supporters.staff.queries import staff_names
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.bank_words import ShownLine, show_line
from supporters.web.desk.frame import desk_page
from supporters.web.desk.match_words import PATH, rule_effect, rule_tag, rule_words
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.who import Choice, read_choice
from supporters.web.desk.words import Tag

RULES = PATH + "/rules"
SHOWN = 20


class ShownRule(msgspec.Struct, frozen=True):
    """One rule in words."""

    record: MatchRule
    says: str
    does: str
    tag: Tag
    amount: Money | None  # of a standing order


class ShownStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What a standing order's page shows besides: the form that names its supporter, or the promise that it is."""

    choice: Choice
    appeals: Sequence[tuple[str, str]]
    appeal: str
    receipts: str
    promise: Promise | None
    supporter: Namesake | None
    has_account: bool
    done: int  # lines that it has matched and that stand


@get(RULES, opt={"access": DOES_BOOKS})
async def show_rules(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """Every rule, those first that wait for a person."""
    rules = await list_rules(reading)
    people = [each.switched_by for each in rules if each.switched_by]
    return await desk_page(
        request,
        reading,
        "desk/match_rules.html",
        here="match",
        rules=[shown_rule(each) for each in rules],
        names=await staff_names(reading, people),
    )


@get(RULES + "/{rule_id:str}", opt={"access": DOES_BOOKS})
async def show_rule(
    request: Request[Any, Any, Any], rule_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One rule, what it would have done with the lines that are here, and where it would have been wrong."""
    return await rule_page(request, reading, await find_known(reading, rule_id))


@post(RULES + "/{rule_id:str}/test", status_code=303, opt={"access": DOES_BOOKS})
async def take_test(
    request: Request[Any, Any, Any], rule_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """What the rule would have done is known and kept with it."""
    await read_sealed(request, member_of(request), [])
    rule = await find_known(session, rule_id)
    await back_test(session, rule.id, now=house_of(request).clock.now())
    return Redirect(f"{RULES}/{rule.id}", status_code=303)


@post(RULES + "/{rule_id:str}/on", status_code=303, opt={"access": DOES_BOOKS})
async def take_on(
    request: Request[Any, Any, Any], rule_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The rule works from now on; not (422) where nobody has tried it or it would have been wrong."""
    return await _switch(request, session, rule_id, is_on=True)


@post(RULES + "/{rule_id:str}/off", status_code=303, opt={"access": DOES_BOOKS})
async def take_off(
    request: Request[Any, Any, Any], rule_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The rule does nothing from now on, and is not proposed again. What it did stays."""
    return await _switch(request, session, rule_id, is_on=False)


async def _switch(request: AnyRequest, session: AsyncSession, rule_id: str, *, is_on: bool) -> Response[Any]:
    member, now = member_of(request), house_of(request).clock.now()
    await read_sealed(request, member, [])
    rule = await find_known(session, rule_id)
    if is_on and rule.tested:
        await back_test(session, rule.id, now=now)  # as the lines stand now, whatever was seen before
    if rule.kind == RuleKind.STANDING_ORDER and not is_on:
        await end_standing(session, rule.id, actor_id=member.id, now=now)
        return Redirect(f"{RULES}/{rule.id}", status_code=303)
    try:
        await switch_rule(session, rule.id, is_on=is_on, actor_id=member.id, now=now)
    except Refused as refused:
        return await rule_page(request, session, rule, problems=[("switch", refused.message)])
    return Redirect(f"{RULES}/{rule.id}", status_code=303)


async def find_known(session: AsyncSession, rule_id: str) -> MatchRule:
    """The rule. *Raises* NotFound."""
    if not is_ulid(rule_id):
        raise NotFound(_("There is no such rule."))
    return await find_rule(session, rule_id)


async def rule_page(
    request: AnyRequest,
    session: AsyncSession,
    rule: MatchRule,
    *,
    problems: Sequence[tuple[str, str]] = (),
    typed: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """The page of one rule; of a standing order with the form that names its supporter, as it was filled in."""
    tried = await try_rule(session, rule) if rule.tested else []
    counts = Counter(verdict for _line, verdict in tried)
    return await desk_page(
        request,
        session,
        "desk/match_rule.html",
        here="match",
        rule=shown_rule(rule),
        counts={each.value: counts[each] for each in Verdict},
        wrong=_lines(tried, Verdict.WRONG),
        right=_lines(tried, Verdict.RIGHT),
        unsaid=_lines(tried, Verdict.UNSAID),
        standing=await _standing(request, session, rule, typed or {}) if rule.kind == RuleKind.STANDING_ORDER else None,
        names=await staff_names(session, [rule.switched_by] if rule.switched_by else []),
        problems=problems,
    )


async def _standing(
    request: AnyRequest, session: AsyncSession, rule: MatchRule, typed: Mapping[str, str]
) -> ShownStanding:
    promise = await promise_of(session, rule.id)
    likely = await find_giver(session, await likely_supporter(session, rule))
    chosen = {"whose": likely.id} if likely else {}
    appeals = [(each.slug, each.name or each.heading) for each in await published_appeals(session)]
    return ShownStanding(
        choice=await read_choice(request, session, chosen | dict(typed), name=rule.words.title()),
        appeals=appeals,
        appeal=typed.get("appeal", GENERAL),
        receipts=typed.get("receipts", ""),
        promise=promise,
        supporter=await find_giver(session, promise.supporter_id) if promise and promise.supporter_id else None,
        has_account=bool(read_rhythm(rule.target).payer),
        done=await count_done(session, rule.id),
    )


def shown_rule(rule: MatchRule) -> ShownRule:
    """The rule in words."""
    rhythm = read_rhythm(rule.target) if rule.kind == RuleKind.STANDING_ORDER else None
    amount = Money(rhythm.amount_minor, rhythm.currency) if rhythm else None
    return ShownRule(rule, rule_words(rule), rule_effect(rule), rule_tag(rule), amount)


def _lines(tried: Sequence[tuple[Any, Verdict]], wanted: Verdict) -> list[ShownLine]:
    return [show_line(line) for line, verdict in reversed(tried) if verdict is wanted][:SHOWN]


HANDLERS = [show_rules, show_rule, take_test, take_on, take_off]
