"""/desk/match/rules/{rule}: a standing order that was learned is switched on for a supporter, or taken back with all it did."""

from typing import Any

from litestar import post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.queries import GENERAL, published_appeals
from supporters.jobs.queue import enqueue
from supporters.kit.errors import Refused
from supporters.kit.strings import gettext as _
from supporters.plans.models import ReceiptWish
from supporters.reconciliation.match_jobs import MATCH_LINES
from supporters.reconciliation.standing import Standing, begin_standing, take_back_standing
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk import who
from supporters.web.desk.match_rules import RULES, find_known, rule_page
from supporters.web.desk.roles import DOES_BOOKS
from supporters.web.desk.seal import read_sealed
from supporters.web.desk.who import Problems

FIELDS = (*who.FIELDS, "appeal", "receipts")


@post(RULES + "/{rule_id:str}/standing", status_code=303, opt={"access": DOES_BOOKS})
async def take_standing(
    request: Request[Any, Any, Any], rule_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The standing order is this supporter's plan from now on, or the form comes back (422)."""
    house, member = house_of(request), member_of(request)
    typed = dict(await read_sealed(request, member, FIELDS))
    rule = await find_known(session, rule_id)
    problems: Problems = []
    giver = await who.read_giver(session, typed, problems)
    slug = typed.get("appeal") or GENERAL
    appeal = next((each for each in await published_appeals(session) if each.slug == slug), None)
    if appeal is None:
        problems.append(("appeal", _("Choose what it is for.")))
    if typed.get("receipts") not in set(ReceiptWish):
        problems.append(("receipts", _("Choose how often they want a receipt.")))
    if problems or giver is None or appeal is None:
        return await rule_page(request, session, rule, problems=problems, typed=typed)
    said = Standing(giver=giver, appeal_id=appeal.id, receipts=ReceiptWish(typed["receipts"]))
    now = house.clock.now()
    try:
        async with session.begin_nested():
            await begin_standing(
                session, rule.id, said, actor_id=member.id, ids=house.ids, now=now, settings=house.settings
            )
    except Refused as refused:
        rule = await find_known(session, rule_id)
        return await rule_page(request, session, rule, problems=[("whose", refused.message)], typed=typed)
    await enqueue(session, MATCH_LINES, {}, ids=house.ids, now=now, dedupe="rule")
    return Redirect(f"{RULES}/{rule.id}", status_code=303)


@post(RULES + "/{rule_id:str}/take-back", status_code=303, opt={"access": DOES_BOOKS})
async def take_all_back(
    request: Request[Any, Any, Any], rule_id: FromPath[str], session: NamedDependency[AsyncSession]
) -> Redirect:
    """All that the rule did is taken back: lines are open, donations and receipts do not count, the plan is over."""
    house, member = house_of(request), member_of(request)
    await read_sealed(request, member, [])
    rule, now = await find_known(session, rule_id), house.clock.now()
    await take_back_standing(session, rule.id, actor_id=member.id, ids=house.ids, now=now, settings=house.settings)
    return Redirect(f"{RULES}/{rule.id}", status_code=303)


HANDLERS = [take_standing, take_all_back]
