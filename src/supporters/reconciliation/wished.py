"""What the giver of a promise wished for receipts on the day on which the bank shows their money."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from supporters.donations.other_models import Promise
from supporters.plans.models import Plan, ReceiptWish
from supporters.plans.wishes import wish_at
from supporters.settings import Settings


async def wanted_receipt(session: AsyncSession, promise: Promise, booked_on: date, settings: Settings) -> bool:
    """Whether they wanted one for this payment: as their plan said at the end of that day, once there is a plan."""
    plan = await session.get(Plan, promise.plan_id) if promise.plan_id else None
    if plan is None:
        return promise.receipts == ReceiptWish.EACH
    ends_at = datetime.combine(booked_on, time.max, tzinfo=ZoneInfo(settings.time_zone))
    return await wish_at(session, plan, ends_at) == ReceiptWish.EACH
