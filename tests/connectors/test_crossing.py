"""Yes and stop that cross each other between us and a sender: the later one holds on both sides. On both databases."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from connecting import BEN, CLEO, Exchange
from sqlalchemy import select
from stand_ins import ListmonkStandIn, MailchimpStandIn

from giving import form, open_house
from supporters.connectors import sync
from supporters.connectors.actions import ask_for_round
from supporters.connectors.models import ConnectorAddress
from supporters.kit.ids import Ids

MINUTE = timedelta(minutes=1)
SECONDS = timedelta(seconds=15)


async def soon(exchange: Exchange, after: timedelta) -> None:
    """A little later there is a round, whether or not the timer comes round."""
    exchange.clock.advance(after)
    async with exchange.db.unit_of_work() as session:
        await ask_for_round(session, exchange.connector_id, ids=exchange.ids, now=exchange.clock.now())
    await exchange.work()


def member(exchange: Exchange, email: str = CLEO) -> None:
    """The address is on their list without us."""
    stand_in = exchange.stand_in
    assert isinstance(stand_in, ListmonkStandIn | MailchimpStandIn)
    stand_in.add(email)


def leave_at(exchange: Exchange, at: datetime, email: str = CLEO) -> None:
    """The reader stops there, at a time by their clock."""
    stand_in, ours = exchange.stand_in, exchange.clock.now()
    exchange.clock.advance(at - ours)
    exchange.leave(email)
    exchange.clock.advance(ours - at)
    assert stand_in.clock.now() == ours


async def test_tag_that_goes_out_after_a_stop_there_does_not_hide_it(exchange: Exchange) -> None:
    await exchange.lists.join(BEN)
    await exchange.round()
    exchange.clock.advance(timedelta(hours=2))
    await exchange.round()
    leave_at(exchange, exchange.clock.now() + MINUTE, BEN)

    async with open_house(exchange.db, exchange.settings, exchange.clock, exchange.ids) as house:
        await house.donate(form(email=BEN))
    await soon(exchange, 2 * MINUTE)
    tagged = exchange.tag(BEN)
    await exchange.round()

    assert tagged == "gave"
    assert await exchange.ours(BEN) == "stopped"


async def test_tag_leaves_the_time_of_the_consent_alone(exchange: Exchange) -> None:
    await exchange.lists.join(BEN)
    joined_at = exchange.clock.now()
    await exchange.round()

    async with open_house(exchange.db, exchange.settings, exchange.clock, exchange.ids) as house:
        await house.donate(form(email=BEN))
    await exchange.round()

    async with exchange.db.reading() as session:
        mark = (await session.scalars(select(ConnectorAddress))).one()
    assert (mark.standing, mark.at) == ("gave", joined_at)


async def test_stop_there_counts_although_their_clock_is_behind(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    await soon(exchange, SECONDS)

    leave_at(exchange, exchange.clock.now() - 5 * MINUTE)
    await exchange.round()

    assert await exchange.ours() == "stopped"


async def test_bounce_before_a_new_yes_does_not_undo_it(listmonk: Exchange) -> None:
    await listmonk.lists.join(CLEO)
    await listmonk.round()
    listmonk.bounce()
    await listmonk.round()
    assert await listmonk.ours() == "suppressed"

    await listmonk.lists.join(CLEO)
    for _time in range(3):
        await listmonk.round()

    assert (await listmonk.ours(), listmonk.theirs()) == ("confirmed", "confirmed")


async def test_stop_there_after_a_yes_here_is_heard_before_the_yes_goes_out(exchange: Exchange) -> None:
    member(exchange)
    await exchange.round()
    exchange.clock.advance(2 * SECONDS)
    await exchange.lists.join(CLEO)
    exchange.clock.advance(SECONDS)
    exchange.leave()

    await soon(exchange, SECONDS)
    await exchange.round()

    assert (exchange.theirs(), await exchange.ours()) == ("stopped", "stopped")


async def test_complaint_there_after_a_yes_here_is_heard_before_the_yes_goes_out(listmonk: Exchange) -> None:
    await listmonk.round()
    await listmonk.lists.join(CLEO)
    listmonk.clock.advance(SECONDS)
    listmonk.complain()

    await soon(listmonk, SECONDS)

    assert (listmonk.theirs(), await listmonk.ours()) == (None, "suppressed")


async def test_stop_there_that_comes_between_hearing_and_telling_is_heeded(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "HEARD_JUST_NOW", timedelta(hours=1))  # as if they had been heard a moment ago
    member(exchange)
    await exchange.round()
    await exchange.lists.join(CLEO)
    exchange.clock.advance(SECONDS)
    exchange.leave()

    await soon(exchange, SECONDS)

    assert (exchange.theirs(), await exchange.ours()) == ("stopped", "stopped")


async def test_our_own_stop_there_does_not_hold_up_a_new_yes(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "HEARD_JUST_NOW", timedelta(hours=1))
    subscriber = await exchange.lists.join(CLEO)
    await exchange.round()
    await exchange.lists.stop(subscriber, ["daily"])
    await exchange.round()
    leave_at(exchange, exchange.clock.now() + 3 * MINUTE)  # what we did, by a clock that is ahead

    exchange.clock.advance(SECONDS)
    await exchange.lists.join(CLEO)
    await soon(exchange, MINUTE)

    assert await exchange.ours() == "confirmed"
    assert exchange.theirs() == ("confirmed" if isinstance(exchange.stand_in, ListmonkStandIn) else "pending")


async def test_yes_after_a_stop_there_holds_although_their_clock_is_ahead(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    await exchange.round()
    leave_at(exchange, exchange.clock.now() + 15 * MINUTE)
    await exchange.round()
    assert await exchange.ours() == "stopped"

    await exchange.lists.join(CLEO)
    await soon(exchange, MINUTE)
    await exchange.round()

    assert await exchange.ours() == "confirmed"
    assert exchange.theirs() == ("confirmed" if isinstance(exchange.stand_in, ListmonkStandIn) else "pending")


async def stopped_by(exchange: Exchange, subscriber: str, behind: timedelta) -> None:
    """The reader stops here, on a machine whose clock is behind."""
    exchange.clock.advance(-behind)
    exchange.lists.ids = Ids(exchange.clock)
    await exchange.lists.stop(subscriber, ["daily"])
    exchange.clock.advance(behind)


async def test_stop_whose_id_is_before_the_cursor_goes_out(exchange: Exchange) -> None:
    subscriber = await exchange.lists.join(CLEO)
    exchange.clock.advance(MINUTE)
    await exchange.lists.join(BEN)
    await soon(exchange, SECONDS)

    await stopped_by(exchange, subscriber, timedelta(seconds=40))
    await soon(exchange, SECONDS)

    assert (exchange.theirs(CLEO), exchange.theirs(BEN)) == ("stopped", "confirmed")


async def test_stop_whose_id_is_before_that_of_the_yes_it_follows_goes_out(exchange: Exchange) -> None:
    subscriber = await exchange.lists.join(CLEO)
    await soon(exchange, SECONDS)

    await stopped_by(exchange, subscriber, timedelta(seconds=40))
    await soon(exchange, SECONDS)

    assert await exchange.ours() == "stopped"
    assert exchange.theirs() == "stopped"


async def test_many_that_were_just_told_hold_up_nobody(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "PORTION", 3)
    address: Callable[[int], str] = "reader{}@example.org".format
    for number in range(8):
        await exchange.lists.join(address(number))
    await soon(exchange, SECONDS)
    before = list(exchange.stand_in.changes)

    await exchange.lists.join(CLEO)
    await soon(exchange, SECONDS)

    assert [exchange.theirs(address(number)) for number in range(8)] == ["confirmed"] * 8
    assert exchange.theirs(CLEO) == "confirmed"
    assert len(exchange.stand_in.changes) <= len(before) + 2
