"""Somebody whose promise stands is told of as giving regularly, monthly or yearly, until it ends. With both senders."""

from datetime import timedelta

from connecting import BEN, Exchange
from sqlalchemy import insert, select, update

from giving import form, open_house
from promises import plan_row
from supporters.connectors.giving import moved_since
from supporters.connectors.models import SenderKind
from supporters.donations.models import Donation
from supporters.people.actions import find_or_add
from supporters.people.models import Supporter
from supporters.plans.history import note
from supporters.plans.models import Plan, PlanState


async def promise(exchange: Exchange, frequency: str = "monthly") -> str:
    """Ben has given and has a plan; returns its id."""
    async with open_house(exchange.db, exchange.settings, exchange.clock, exchange.ids) as house:
        await house.donate(form(email=BEN))
    now = exchange.clock.now()
    async with exchange.db.unit_of_work() as session:
        donation = (await session.scalars(select(Donation))).one()
        own = {"supporter_id": donation.supporter_id, "first_donation_id": donation.id, "frequency": frequency}
        own |= {"fund_id": donation.fund_id, "appeal_id": donation.appeal_id, "attribution_id": donation.attribution_id}
        row = plan_row(1, started_at=now, created_at=now, updated_at=now, **own)
        await session.execute(insert(Plan).values(row))
        await note(session, row["id"], "started", cause="page", ids=exchange.ids, now=now)
    return str(row["id"])


async def turn(exchange: Exchange, plan_id: str, state: PlanState) -> None:
    """The plan stands so from now on."""
    now = exchange.clock.now()
    async with exchange.db.unit_of_work() as session:
        stopped_at = now if state is PlanState.STOPPED else None
        await session.execute(update(Plan).where(Plan.id == plan_id).values(state=state, stopped_at=stopped_at))
        await note(session, plan_id, state, cause=plan_id, ids=exchange.ids, now=now)


async def test_promise_that_begins_and_ends_changes_the_tag_there(exchange: Exchange) -> None:
    frequency = "monthly" if exchange.kind is SenderKind.LISTMONK else "yearly"
    await exchange.lists.join(BEN)
    await exchange.round()
    tags = [exchange.tag(BEN)]

    plan_id = await promise(exchange, frequency)
    await exchange.round()
    tags.append(exchange.tag(BEN))
    exchange.clock.advance(timedelta(days=40))
    await exchange.round()
    await turn(exchange, plan_id, PlanState.STOPPED)
    await exchange.round()

    assert [*tags, exchange.tag(BEN)] == ["never", "gives-regularly", "gave"]


async def test_promise_stands_while_it_is_starting_failing_or_paused(listmonk: Exchange) -> None:
    plan_id = await promise(listmonk)
    await listmonk.lists.join(BEN)

    for state in (PlanState.STARTING, PlanState.FAILING, PlanState.PAUSED):
        await turn(listmonk, plan_id, state)
        await listmonk.round()
        assert listmonk.tag(BEN) == "gives-regularly", state


async def test_promise_of_somebody_merged_counts_for_both_addresses(listmonk: Exchange) -> None:
    plan_id = await promise(listmonk)
    now = listmonk.clock.now()
    async with listmonk.db.unit_of_work() as session:
        kept = await find_or_add(session, "ben@home.example", "Ben", ids=listmonk.ids, now=now)
        others = update(Supporter).where(Supporter.id != kept.supporter_id)
        await session.execute(others.values(merged_into_id=kept.supporter_id))
    await listmonk.lists.join("ben@home.example")
    await listmonk.round()
    before = listmonk.tag("ben@home.example")

    await turn(listmonk, plan_id, PlanState.STOPPED)
    await listmonk.round()

    assert (before, listmonk.tag("ben@home.example")) == ("gives-regularly", "gave")


async def test_payments_and_promises_are_read_in_one_order_a_portion_at_a_time(listmonk: Exchange) -> None:
    plan_id = await promise(listmonk)
    listmonk.clock.advance(timedelta(minutes=10))
    await turn(listmonk, plan_id, PlanState.STOPPED)
    listmonk.clock.advance(timedelta(minutes=10))

    cursors, cursor = [], ""
    async with listmonk.db.reading() as session:
        while (moved := await moved_since(session, cursor, limit=1, now=listmonk.clock.now())).addresses:
            cursor = moved.cursor
            cursors.append(cursor)

    assert len(cursors) == 3  # paid, started, stopped
    assert cursors == sorted(cursors)
