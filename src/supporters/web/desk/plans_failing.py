"""GET /desk/failed-payments: what failed and is still owed, when it is tried again, and what the supporter was told."""

from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.plans.at_bank import bills_at_bank
from supporters.plans.desk_queries import BOARD_ROWS, failing_plans, sum_failing
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.frame import desk_page
from supporters.web.desk.plan_words import failure_words, mask_plan, plan_tag, rhythm_word
from supporters.web.desk.roles import PLANS_SEE


@get("/desk/failed-payments", opt={"access": PLANS_SEE})
async def show_failing(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """The board, the oldest failure first, with what is at stake a month."""
    role = member_of(request).role
    found = await failing_plans(reading)
    rows = [(mask_plan(each.plan, role), each) for each in found]
    return await desk_page(
        request,
        reading,
        "desk/failed_payments.html",
        here="failing",
        sums=await sum_failing(reading, currency=house_of(request).settings.currency),
        rows=[(row, each, plan_tag(row), failure_words(row), rhythm_word(row.frequency)) for row, each in rows],
        at_bank=await bills_at_bank(reading, [row.id for row, _each in rows]),
        row_limit=BOARD_ROWS,
    )


HANDLERS = [show_failing]
