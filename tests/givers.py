"""Supporters with plans, payments and receipts as rows, and where their letters' codes stand."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx
from sqlalchemy import insert, select

from supporters.appeals.models import Appeal, Attribution
from supporters.donations.models import Donation
from supporters.kit.ids import Ids
from supporters.people.actions import find_or_add
from supporters.plans.models import Instalment, Plan
from supporters.receipts.models import Receipt
from whole import Whole


class Given(NamedTuple):
    """A supporter on file: the newest payment is `donations[-1]`."""

    supporter_id: str
    plan_id: str
    donations: list[str]


Add = Callable[..., Awaitable[Given]]
LetIn = Callable[[str], Awaitable[httpx.AsyncClient]]


def code_in(site: Whole, number: int = -1) -> str:
    """The code in a letter, the newest unless told."""
    found = re.search(r"\d{3} \d{3}", str(site.mailbag.letters[number]["Subject"]))
    assert found
    return found[0]


async def add_giver(site: Whole, email: str, *, name: str, payments: int, plan: dict[str, Any]) -> Given:
    """A monthly plan whose payments lie a month apart, the newest an hour ago, each with its receipt."""
    ids, now = site.ids, site.clock.now()
    async with site.db.unit_of_work() as session:
        appeal = (await session.scalars(select(Appeal).limit(1))).one()
        origin = ids.ulid()
        await session.execute(insert(Attribution).values(id=origin, utm={}, is_claimed=True, created_at=now))
        supporter = await find_or_add(session, email, name, ids=ids, now=now)
        shared = {
            "fund_id": appeal.fund_id,
            "appeal_id": appeal.id,
            "attribution_id": origin,
            "supporter_id": supporter.supporter_id,
            "livemode": False,
            "locale": "en_GB",
            "currency": "GBP",
            "frequency": "monthly",
            "amount_minor": 1000,
            "kind": "donation",
            "created_at": now,
            "updated_at": now,
        }
        given = [
            _donation(ids, shared, email, name, now - timedelta(days=30 * back, hours=1))
            | {"is_renewal": back < payments - 1}
            for back in range(payments - 1, -1, -1)
        ]
        await session.execute(insert(Donation), given)
        promised = _plan(ids, shared, str(given[0]["id"]), given[0]["paid_at"]) | plan
        await session.execute(insert(Plan).values(**promised))
        plan_id = str(promised["id"])
        await session.execute(insert(Instalment), [_instalment(plan_id, each) for each in given])
        await session.execute(insert(Receipt), [_receipt(ids, each) for each in given])
    return Given(supporter.supporter_id, plan_id, [str(each["id"]) for each in given])


def _donation(ids: Ids, shared: dict[str, Any], email: str, name: str, paid_at: datetime) -> dict[str, Any]:
    return shared | {
        "id": ids.ulid(),
        "reference": ids.reference("D"),
        "attempt_id": ids.ulid(),
        "content_digest": "0" * 64,
        "revision": 1,
        "state": "paid",
        "refunded_minor": 0,
        "email": email,
        "name": name,
        "wants_newsletter": False,
        "is_suspicious": False,
        "card_last4": "4242",
        "paid_at": paid_at,
    }


def _plan(ids: Ids, shared: dict[str, Any], first_donation_id: str, started_at: datetime) -> dict[str, Any]:
    return shared | {
        "id": ids.ulid(),
        "reference": ids.reference("P"),
        "first_donation_id": first_donation_id,
        "tax_code": "txcd_00000000",
        "method": "card",
        "method_last4": "4242",
        "is_updated_by_network": False,
        "state": "active",
        "receipts": "each",
        "stripe_subscription_id": f"sub_{ids.ulid()}",
        "started_at": started_at,
        "next_at": shared["created_at"] + timedelta(days=30),
        "tries": 0,
        "needs_action": False,
        "revision": 1,
    }


def _instalment(plan_id: str, donation: dict[str, Any]) -> dict[str, Any]:
    return {
        "donation_id": donation["id"],
        "plan_id": plan_id,
        "stripe_invoice_id": f"in_{donation['id']}",
        "created_at": donation["paid_at"],
    }


NUMBERS = iter(range(1, 1_000_000))


def _receipt(ids: Ids, donation: dict[str, Any]) -> dict[str, Any]:
    number = next(NUMBERS)
    return {
        "id": ids.ulid(),
        "donation_id": donation["id"],
        "year": 2026,
        "sequence": number,
        "number": f"R-2026-{number:04d}",
        "email": donation["email"],
        "name": donation["name"],
        "amount_minor": donation["amount_minor"],
        "currency": "GBP",
        "issued_at": donation["paid_at"],
    }
