"""What senders tell us: unsubscribes, bounces, complaints; once, and never back to them. With both, on both databases."""

from datetime import timedelta

import pytest
from connecting import BEN, CLEO, Exchange
from stand_ins import ListmonkStandIn, MailchimpStandIn

from supporters.connectors.hear import apply_heard
from supporters.connectors.listmonk import heard_in_report
from supporters.connectors.mailchimp import base_of, heard_in_form
from supporters.connectors.queries import find_connector
from supporters.connectors.rules import What
from supporters.connectors.wire import Heard
from supporters.kit.clock import FixedClock


async def joined(exchange: Exchange, email: str = CLEO) -> None:
    await exchange.lists.join(email)
    await exchange.round()
    exchange.clock.advance(timedelta(hours=1))


async def test_unsubscribe_there_stops_the_list_here(exchange: Exchange) -> None:
    await joined(exchange)

    exchange.leave()
    await exchange.round()

    assert await exchange.ours() == "stopped"
    assert await exchange.suppressed() == 0
    assert (await exchange.row()).heard_count == 1


@pytest.mark.parametrize("what", ["bounce", "complain"])
async def test_bounce_or_complaint_there_suppresses_here(exchange: Exchange, what: str) -> None:
    await joined(exchange)

    getattr(exchange, what)()
    await exchange.round()

    assert await exchange.ours() == "suppressed"
    assert await exchange.suppressed() == 1


async def test_what_they_told_us_does_not_go_back_to_them(exchange: Exchange) -> None:
    await joined(exchange)
    exchange.leave()
    before = list(exchange.stand_in.changes)

    for _time in range(4):
        await exchange.round()

    assert exchange.stand_in.changes == before
    assert (await exchange.row()).heard_count == 1


async def test_what_we_told_them_does_not_come_back_as_news(exchange: Exchange) -> None:
    subscriber = await exchange.lists.join(CLEO)
    await exchange.round()
    await exchange.lists.stop(subscriber, ["daily"])

    for _time in range(4):
        await exchange.round()

    assert (await exchange.row()).heard_count == 0
    assert len(await exchange.lists.evidence()) == 2


async def test_reader_who_left_there_and_says_yes_again_here_is_told_again(exchange: Exchange) -> None:
    await joined(exchange)
    exchange.leave()
    await exchange.round()
    exchange.clock.advance(timedelta(days=2))

    await exchange.lists.join(CLEO)
    await exchange.round()
    await exchange.round()

    assert await exchange.ours() == "confirmed"
    # Mailchimp lets nobody but the reader undo a stop: it asks once more.
    assert exchange.theirs() == ("confirmed" if isinstance(exchange.stand_in, ListmonkStandIn) else "pending")


async def test_reader_who_left_there_before_the_first_yes_here_is_not_stopped(exchange: Exchange) -> None:
    stand_in = exchange.stand_in
    if isinstance(stand_in, ListmonkStandIn | MailchimpStandIn):
        stand_in.add(CLEO)
    exchange.leave()
    exchange.clock.advance(timedelta(days=1))

    await exchange.lists.join(CLEO)
    await exchange.round()

    assert await exchange.ours() == "confirmed"


async def test_reader_who_left_there_after_the_yes_here_is_stopped_at_the_first_round(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    exchange.clock.advance(timedelta(days=1))
    stand_in = exchange.stand_in
    if isinstance(stand_in, ListmonkStandIn | MailchimpStandIn):
        stand_in.add(CLEO)
    exchange.leave()

    await exchange.round()

    assert await exchange.ours() == "stopped"
    assert exchange.theirs() == "stopped"


async def test_unknown_address_that_bounced_there_gets_nothing_from_us_either(exchange: Exchange) -> None:
    stand_in = exchange.stand_in
    if isinstance(stand_in, MailchimpStandIn):
        stand_in.add("stranger@example.org")
    exchange.bounce("stranger@example.org")

    await exchange.round()
    await exchange.round()

    assert await exchange.suppressed() == 1
    assert (await exchange.row()).heard_count == 1


async def test_soft_bounce_stops_nothing(listmonk: Exchange) -> None:
    assert isinstance(listmonk.stand_in, ListmonkStandIn)
    await joined(listmonk)

    listmonk.stand_in.bounce(CLEO, "soft")
    await listmonk.round()

    assert await listmonk.ours() == "confirmed"


async def test_address_that_staff_blocked_there_is_stopped_here(listmonk: Exchange) -> None:
    assert isinstance(listmonk.stand_in, ListmonkStandIn)
    await joined(listmonk)
    found = listmonk.stand_in.person(CLEO)
    assert found

    listmonk.stand_in.block(found)
    await listmonk.round()

    assert await listmonk.ours() == "stopped"
    assert await listmonk.suppressed() == 1


async def test_old_stops_are_read_again_once_a_day_and_new_ones_each_time(listmonk: Exchange) -> None:
    stand_in = listmonk.stand_in
    assert isinstance(stand_in, ListmonkStandIn)
    old, new = "old@example.org", "new@example.org"
    stand_in.add(old, on="unsubscribed")
    await listmonk.round()
    listmonk.clock.advance(timedelta(hours=2))
    await listmonk.round()
    stand_in.shown.clear()

    stand_in.add(new, on="unsubscribed")
    await listmonk.round()
    same_day = list(stand_in.shown)
    listmonk.clock.advance(timedelta(days=1))
    await listmonk.round()

    assert same_day == [new]
    assert stand_in.shown[1:] == [old, new]


async def test_block_that_shows_only_when_we_push_is_obeyed(listmonk: Exchange) -> None:
    assert isinstance(listmonk.stand_in, ListmonkStandIn)
    await listmonk.lists.join(CLEO)
    listmonk.clock.advance(timedelta(hours=1))
    listmonk.stand_in.add(CLEO, 4, "unsubscribed", status="blocklisted")

    await listmonk.round()

    assert await listmonk.ours() == "stopped"
    assert listmonk.stand_in.on(CLEO, 3) is None


async def test_block_that_is_older_than_the_readers_yes_is_lifted(listmonk: Exchange) -> None:
    assert isinstance(listmonk.stand_in, ListmonkStandIn)
    listmonk.stand_in.add(CLEO, 4, "unsubscribed", status="blocklisted")
    listmonk.clock.advance(timedelta(hours=1))
    await listmonk.lists.join(CLEO)

    await listmonk.round()

    assert (listmonk.stand_in.on(CLEO, 3), await listmonk.ours()) == ("confirmed", "confirmed")


async def test_same_news_at_the_same_time_counts_once(exchange: Exchange) -> None:
    await joined(exchange)
    heard = Heard(address=CLEO, what=What.UNSUBSCRIBED, outside_id=exchange.outside_id, at=exchange.clock.now())

    for _time in range(3):
        async with exchange.db.unit_of_work() as session:
            connector = await find_connector(session, exchange.connector_id)
            await apply_heard(
                session,
                connector,
                [heard, heard],
                settings=exchange.settings,
                ids=exchange.ids,
                now=exchange.clock.now(),
            )

    assert (await exchange.row()).heard_count == 1


@pytest.mark.parametrize("address", ["", "no address", "x" * 300 + "@example.org", "a\x00b@example.org"])
async def test_nonsense_in_place_of_an_address_changes_nothing(exchange: Exchange, address: str) -> None:
    heard = Heard(address=address, what=What.BOUNCED, outside_id=None, at=None)

    async with exchange.db.unit_of_work() as session:
        connector = await find_connector(session, exchange.connector_id)
        now = exchange.clock.now()
        count = await apply_heard(session, connector, [heard], settings=exchange.settings, ids=exchange.ids, now=now)

    assert (count, await exchange.suppressed()) == (0, 0)


async def test_other_readers_are_left_alone(exchange: Exchange) -> None:
    await joined(exchange, CLEO)
    await joined(exchange, BEN)

    exchange.leave(CLEO)
    await exchange.round()

    assert (await exchange.ours(CLEO), await exchange.ours(BEN)) == ("stopped", "confirmed")


FORMS = [
    (b"type=unsubscribe&data[email]=cleo%40example.org&data[list_id]=a1&data[action]=unsub", What.UNSUBSCRIBED),
    (b"type=unsubscribe&data[email]=cleo%40example.org&data[list_id]=a1&data[reason]=abuse", What.COMPLAINED),
    (b"type=cleaned&data[email]=cleo%40example.org&data[list_id]=a1&data[reason]=hard", What.BOUNCED),
    (b"type=cleaned&data[email]=cleo%40example.org&data[list_id]=a1&data[reason]=abuse", What.COMPLAINED),
    (b"type=subscribe&data[email]=cleo%40example.org&data[list_id]=a1", None),
    (b"type=profile&data[email]=cleo%40example.org&data[list_id]=a1&data[reason]=abuse", None),
    (b"type=unsubscribe&data[list_id]=a1", None),
    (b"type=unsubscribe&data[email]=cleo%40example.org", None),
    (b"", None),
    (b"\xff\xfe", None),
    (b"&" * 500, None),
]


@pytest.mark.parametrize(("body", "what"), FORMS)
async def test_forms_of_theirs_are_read(clock: FixedClock, body: bytes, what: What | None) -> None:
    found = heard_in_form(body, now=clock.now())

    assert [each.what for each in found] == ([what] if what else [])


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"email":"cleo@example.org","source":"api","type":"hard"}', What.BOUNCED),
        (b'{"email":"cleo@example.org","type":"complaint"}', What.COMPLAINED),
        (b'{"email":"cleo@example.org","type":"soft"}', None),
        (b'{"email":7,"type":"hard"}', None),
        (b"[]", None),
        (b"not json", None),
        (b"", None),
    ],
)
def test_bounce_reports_are_read(body: bytes, what: What | None) -> None:
    assert [each.what for each in heard_in_report(body)] == ([what] if what else [])


@pytest.mark.parametrize(
    ("key", "base"),
    [
        ("0123abcd-us21", "https://us21.api.mailchimp.com/3.0"),
        ("0123abcd", None),
        ("", None),
        ("x-evil.example/", None),
        ("x-a@b", None),
    ],
)
def test_the_end_of_a_key_names_its_address(key: str, base: str | None) -> None:
    assert base_of(key) == base
