"""A supporter who is signed in, gives by plan already, and wants to give by plan again: meant so, or meant as a change?

Nobody else is asked: to ask somebody who only typed an address would tell that the address gives.
"""

from collections.abc import Mapping
from typing import Any

from litestar.connection import Request
from litestar.response import Response

from supporters.donations.forms import GiveForm
from supporters.donations.models import Frequency
from supporters.plans.mine import PlanCard, plans_of
from supporters.plans.models import PlanState
from supporters.web.common.house import House
from supporters.web.common.shell import page
from supporters.web.common.supporter import signed_in

YES = "yes"


async def ask_about_second(
    request: Request[Any, Any, Any], house: House, fields: Mapping[str, str], form: GiveForm
) -> Response[bytes] | None:
    """The question, with the form kept to go on with; None when there is nothing to ask or it was answered."""
    if form.frequency is Frequency.ONCE or fields.get("second") == YES:
        return None
    plans = await _going_on(request, house)
    if not plans:
        return None
    kept = {name: value for name, value in fields.items() if name != "second"}
    return page(request, "site/second.html", plans=plans, form=form, kept=kept)


async def _going_on(request: Request[Any, Any, Any], house: House) -> list[PlanCard]:
    supporter_id = await signed_in(request)
    if supporter_id is None:
        return []
    async with house.db.reading() as session:
        return [plan for plan in await plans_of(session, supporter_id) if plan.state is not PlanState.STOPPED]
