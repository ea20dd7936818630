"""What senders are told: consents, stops and how somebody stands. With both senders, on both databases."""

from datetime import timedelta

import pytest
from connecting import BEN, CLEO, Exchange
from stand_ins import ListmonkStandIn, MailchimpStandIn

from giving import form, open_house
from supporters.connectors import sync
from supporters.connectors.actions import choose_lists, pause, push_again, remove_connector
from supporters.connectors.wire import OutsideList
from supporters.kit.errors import NotFound
from supporters.mail.suppression import MARKETING, Suppressions
from supporters.people.actions import find_or_add


async def test_confirmed_reader_is_on_their_list_with_a_tag(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)

    await exchange.round()

    assert (exchange.theirs(), exchange.tag()) == ("confirmed", "never")
    row = await exchange.row()
    assert (row.sent_count, row.last_error, row.synced_at) == (1, None, exchange.clock.now())


async def test_unconfirmed_reader_is_not_told_of(exchange: Exchange) -> None:
    await exchange.lists.ask(CLEO)

    await exchange.round()

    assert exchange.theirs() is None


async def test_reader_who_stops_here_is_stopped_there(exchange: Exchange) -> None:
    subscriber = await exchange.lists.join(CLEO)
    await exchange.round()

    await exchange.lists.stop(subscriber, ["daily"])
    await exchange.round()

    assert exchange.theirs() == "stopped"


async def test_stop_of_an_address_that_they_do_not_know_creates_nothing_there(exchange: Exchange) -> None:
    subscriber = await exchange.lists.join(CLEO)
    await exchange.lists.stop(subscriber, ["daily"])

    await exchange.round()

    assert exchange.theirs() is None
    assert (await exchange.row()).last_error is None


async def test_reader_whose_mailbox_bounced_here_is_written_to_no_more_there(exchange: Exchange) -> None:
    subscriber = await exchange.lists.join(CLEO)
    await exchange.round()

    await exchange.lists.stop(subscriber, None, why="bounce")
    await exchange.round()

    assert exchange.theirs() == "stopped"
    if isinstance(exchange.stand_in, ListmonkStandIn):
        found = exchange.stand_in.person(CLEO)
        assert found
        assert found["status"] == "blocklisted"


async def test_suppressed_address_is_never_handed_out(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    async with exchange.db.unit_of_work() as session:
        suppressions = Suppressions(exchange.settings.secret_key)
        await suppressions.add(session, CLEO, scope=MARKETING, reason="bounce", now=exchange.clock.now())

    await exchange.round()

    assert exchange.theirs() is None


async def test_reader_who_gives_is_tagged_so(exchange: Exchange) -> None:
    await exchange.lists.join(BEN)
    await exchange.round()
    before = exchange.tag(BEN)

    async with open_house(exchange.db, exchange.settings, exchange.clock, exchange.ids) as house:
        await house.donate(form(email=BEN))
    await exchange.round()

    assert (before, exchange.tag(BEN)) == ("never", "gave")


async def test_reader_who_gave_long_before_joining_is_tagged_so(exchange: Exchange) -> None:
    async with open_house(exchange.db, exchange.settings, exchange.clock, exchange.ids) as house:
        await house.donate(form(email=BEN))
    exchange.clock.advance(timedelta(days=30))
    await exchange.lists.join(BEN)

    await exchange.round()

    assert exchange.tag(BEN) == "gave"


async def test_a_round_with_nothing_new_changes_nothing_there(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    await exchange.round()
    before = list(exchange.stand_in.changes)

    await exchange.round()
    await exchange.round()

    assert exchange.stand_in.changes == before


async def test_everything_can_be_told_again(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    await exchange.round()
    exchange.stand_in.__dict__.update(people={}, members={})

    async with exchange.db.unit_of_work() as session:
        await push_again(session, exchange.connector_id, ids=exchange.ids, now=exchange.clock.now())
    await exchange.round()

    assert (exchange.theirs(), exchange.tag()) == ("confirmed", "never")


async def test_only_lists_that_were_chosen_go_out(exchange: Exchange) -> None:
    await exchange.lists.add("weekly")
    await exchange.lists.join(CLEO, "weekly")

    await exchange.round()

    assert exchange.theirs() is None


async def test_many_readers_are_told_of_in_portions_a_few_at_a_time(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "PORTION", 7)
    for number in range(20):
        await exchange.lists.join(f"reader{number}@example.org")
        exchange.clock.advance(timedelta(minutes=30))

    await exchange.round()

    assert all(exchange.theirs(f"reader{number}@example.org") == "confirmed" for number in range(20))
    assert exchange.stand_in.most_running <= 4
    assert (await exchange.row()).sent_count == 20


async def test_overloaded_sender_is_left_alone_as_long_as_it_asks(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    exchange.stand_in.faults = [(429, {"retry-after": "1800"})]
    await exchange.round()
    calls = len(exchange.stand_in.calls)

    await exchange.round(timedelta(minutes=29))
    rested = len(exchange.stand_in.calls)
    await exchange.round(timedelta(minutes=2))

    assert rested == calls
    assert exchange.theirs() == "confirmed"
    assert (await exchange.row()).last_error is None


@pytest.mark.parametrize("status", [500, 502, 503, 301])
async def test_failing_sender_is_tried_again_and_nothing_is_lost(exchange: Exchange, status: int) -> None:
    await exchange.lists.join(CLEO)
    exchange.stand_in.faults = [(status, {})] * 2
    await exchange.round()
    row = await exchange.row()
    assert (row.failures, row.is_active, exchange.theirs()) == (1, True, None)
    assert row.last_error == f"It could not answer ({status})."

    await exchange.round()
    await exchange.round()

    assert exchange.theirs() == "confirmed"


async def test_failure_halfway_keeps_what_was_told_and_goes_on_there(exchange: Exchange) -> None:
    for number in range(10):
        await exchange.lists.join(f"reader{number}@example.org")
        exchange.clock.advance(timedelta(minutes=30))
    await exchange.round(timedelta())
    first = [address for address in range(10) if exchange.theirs(f"reader{address}@example.org")]
    assert len(first) == 10
    await exchange.lists.join("late@example.org")
    exchange.clock.advance(timedelta(minutes=1))
    await exchange.lists.join("later@example.org")
    exchange.stand_in.faults = [(503, {})]

    await exchange.round(timedelta(minutes=1))
    await exchange.round()

    assert exchange.theirs("late@example.org") == exchange.theirs("later@example.org") == "confirmed"


async def test_wrong_key_pauses_the_connection_and_says_so(exchange: Exchange) -> None:
    exchange.stand_in.key = "changed-us21"
    await exchange.lists.join(CLEO)

    await exchange.round()

    row = await exchange.row()
    assert (row.is_active, row.why_paused) == (False, "credentials")
    assert row.last_error
    assert "refused our name and key" in row.last_error
    calls = len(exchange.stand_in.calls)
    await exchange.round()
    assert len(exchange.stand_in.calls) == calls


async def test_paused_connection_says_nothing(exchange: Exchange) -> None:
    async with exchange.db.unit_of_work() as session:
        await pause(session, exchange.connector_id)
    await exchange.lists.join(CLEO)

    await exchange.round()

    assert exchange.stand_in.calls == []


async def test_list_that_is_gone_there_pauses_the_connection(mailchimp: Exchange) -> None:
    assert isinstance(mailchimp.stand_in, MailchimpStandIn)
    mailchimp.stand_in.lists = {"other": "Other"}

    await mailchimp.round()

    row = await mailchimp.row()
    assert (row.is_active, row.why_paused) == (False, "list")


async def test_address_that_they_refuse_is_counted_and_holds_nobody_up(mailchimp: Exchange) -> None:
    assert isinstance(mailchimp.stand_in, MailchimpStandIn)
    mailchimp.stand_in.refused = {BEN}
    await mailchimp.lists.join(BEN)
    await mailchimp.lists.join(CLEO)

    await mailchimp.round()
    await mailchimp.round()

    row = await mailchimp.row()
    assert (row.sent_count, row.refused_count, row.last_error) == (1, 1, None)
    assert mailchimp.theirs(CLEO) == "confirmed"


async def test_older_listmonk_without_patch_keeps_its_other_lists(listmonk: Exchange) -> None:
    assert isinstance(listmonk.stand_in, ListmonkStandIn)
    listmonk.stand_in.has_patch = False
    listmonk.stand_in.add(CLEO, 4)
    await listmonk.lists.join(CLEO)

    await listmonk.round()

    assert (listmonk.stand_in.on(CLEO, 3), listmonk.stand_in.on(CLEO, 4)) == ("confirmed", "confirmed")
    assert listmonk.tag() == "never"


async def test_quote_in_an_address_breaks_no_search(listmonk: Exchange) -> None:
    await listmonk.lists.join("o'neill@example.org")

    await listmonk.round()
    await listmonk.lists.stop(await listmonk.lists.subscriber("o'neill@example.org"), ["daily"])
    await listmonk.round()

    assert listmonk.theirs("o'neill@example.org") == "stopped"


async def test_list_chosen_elsewhere_is_told_from_its_beginning(listmonk: Exchange) -> None:
    assert isinstance(listmonk.stand_in, ListmonkStandIn)
    await listmonk.lists.join(CLEO)
    await listmonk.round()

    async with listmonk.db.unit_of_work() as session:
        chosen = {"daily": OutsideList("4", "Weekly")}
        await choose_lists(session, listmonk.connector_id, chosen, ids=listmonk.ids, now=listmonk.clock.now())
    await listmonk.round()

    assert listmonk.stand_in.on(CLEO, 4) == "confirmed"


async def test_credentials_are_not_readable_in_the_database(exchange: Exchange) -> None:
    assert exchange.stand_in.key not in (await exchange.row()).secret_sealed


async def test_removed_connection_is_gone(exchange: Exchange) -> None:
    await exchange.lists.join(CLEO)
    await exchange.round()

    async with exchange.db.unit_of_work() as session:
        await remove_connector(session, exchange.connector_id)
        with pytest.raises(NotFound):
            await remove_connector(session, exchange.connector_id)
    await exchange.round()


async def test_people_on_file_without_a_donation_have_never_given(exchange: Exchange) -> None:
    async with exchange.db.unit_of_work() as session:
        await find_or_add(session, BEN, "Ben", ids=exchange.ids, now=exchange.clock.now())
    await exchange.lists.join(BEN)

    await exchange.round()

    assert exchange.tag(BEN) == "never"
