"""/desk/disputes: payments that banks question or have taken back, each with its day and the way to Stripe."""

from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.desk_story import donation_facts
from supporters.donations.dispute_queries import count_open_disputes, find_dispute, list_disputes
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.plans.disputed import plan_of_donation
from supporters.web.common.access import member_of
from supporters.web.common.house import house_of
from supporters.web.desk.dispute_words import show_dispute
from supporters.web.desk.frame import desk_page
from supporters.web.desk.masking import mask_facts
from supporters.web.desk.roles import DOES_BOOKS

ROWS = 200
AT_STRIPE = "https://dashboard.stripe.com"


@get("/desk/disputes", opt={"access": DOES_BOOKS})
async def show_disputes(request: Request[Any, Any, Any], reading: NamedDependency[AsyncSession]) -> Response[bytes]:
    """What can be answered first, the nearest day on top; or what is over."""
    is_over = request.query_params.get("state") == "over"
    found = await list_disputes(reading, is_over=is_over, limit=ROWS)
    return await desk_page(
        request,
        reading,
        "desk/disputes.html",
        here="disputes",
        rows=[show_dispute(each) for each in found],
        is_over=is_over,
        open_count=await count_open_disputes(reading),
        now=house_of(request).clock.now(),
        row_limit=ROWS,
    )


@get("/desk/disputes/{dispute_id:str}", opt={"access": DOES_BOOKS})
async def show_one(
    request: Request[Any, Any, Any], dispute_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[bytes]:
    """One dispute: what the bank says, until when it can be answered, and where."""
    found = await find_dispute(reading, dispute_id) if is_ulid(dispute_id) else None
    if found is None:
        raise NotFound(_("There is no such dispute."))
    facts = mask_facts(await donation_facts(reading, found.donation_id), member_of(request).role)
    house = house_of(request)
    test = "/test" if house.settings.is_test_mode else ""
    return await desk_page(
        request,
        reading,
        "desk/dispute.html",
        here="disputes",
        it=show_dispute(found),
        row=facts.row,
        plan_id=await plan_of_donation(reading, found.donation_id),
        at_stripe=f"{AT_STRIPE}{test}/payments/{found.stripe_payment_intent_id}",
        now=house.clock.now(),
    )


HANDLERS = [show_disputes, show_one]
