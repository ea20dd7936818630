"""Messages to others: once each, signed, tried again, and nobody waits for a slow receiver. On both databases."""

import json
from datetime import timedelta

import pytest
from sending_hands import Hands
from sqlalchemy import update

from machines import Receiver, verifies
from supporters.jobs.models import WorkState
from supporters.kit.errors import Conflict, NotFound
from supporters.outgoing import sending
from supporters.outgoing.actions import (
    change_endpoint,
    purge_deliveries,
    remove_endpoint,
    replay,
    replay_failed,
    rotate_secret,
    send_test,
    turn_endpoint,
)
from supporters.outgoing.emit import emit
from supporters.outgoing.models import WebhookDelivery
from supporters.outgoing.rules import LADDER, TRIES

PASSED = timedelta(seconds=1)


async def test_a_receiver_gets_the_kinds_that_it_wants_signed_with_its_secret(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver(kinds=["donation.paid"])

    told = await hands.tell(donation="01DONATION", amount_minor=2500)
    unwanted = await hands.tell("appeal.published", about="01APPEAL")
    await hands.work()

    assert (told, unwanted) == (1, 0)
    [(headers, body)] = crm.taken
    assert verifies(headers, body, made.secret)
    assert not verifies(headers, body + b" ", made.secret)
    assert headers["webhook-timestamp"] == str(int(hands.clock.now().timestamp()))
    assert json.loads(body) == {
        "type": "donation.paid",
        "timestamp": "2026-11-22T09:36:00Z",
        "data": {"donation": "01DONATION", "amount_minor": 2500},
    }
    [row] = await hands.deliveries()
    assert (row.state, row.last_status, row.attempts) == (WorkState.DONE, 200, 1)


async def test_a_transaction_that_fails_tells_nobody(hands: Hands, crm: Receiver) -> None:
    await hands.receiver()

    with pytest.raises(RuntimeError):
        async with hands.db.unit_of_work() as session:
            await emit(session, kind="donation.paid", about="x", data={}, ids=hands.ids, now=hands.clock.now())
            raise RuntimeError
    await hands.later(timedelta(minutes=2))

    assert crm.got == []


async def test_receiver_down_then_up_gets_each_message_once_with_its_own_id(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    crm.status = 500
    for number in range(5):
        await hands.tell(about=f"D{number}", number=number)
    await hands.work()
    first = sorted(headers["webhook-id"] for headers, _body in crm.got)
    assert len(first) == len(set(first)) == 5

    crm.status = 200
    await hands.later(LADDER[0] + PASSED)
    await hands.later(timedelta(hours=1))

    assert sorted(crm.ids) == first
    assert sorted(message["data"]["number"] for message in crm.messages) == [0, 1, 2, 3, 4]
    assert all(verifies(headers, body, made.secret) for headers, body in crm.taken)
    assert (await hands.endpoint(made.endpoint_id)).failing_since is None


async def test_the_same_bytes_go_out_with_every_try_and_a_new_timestamp(hands: Hands, crm: Receiver) -> None:
    await hands.receiver()
    crm.status = 503
    await hands.tell(note="grüße \u202e")
    await hands.work()

    await hands.later(LADDER[0] + PASSED)

    (early, body), (late, again) = crm.got
    assert body == again
    assert early["webhook-id"] == late["webhook-id"]
    assert early["webhook-timestamp"] < late["webhook-timestamp"]
    assert early["webhook-signature"] != late["webhook-signature"]


async def test_what_fails_ten_times_is_given_up_where_people_see_it(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    crm.status, crm.body = 500, "Fehler\x00\u202e".encode() + b"x" * 5000
    await hands.tell()
    await hands.work()

    for pause in LADDER:
        async with hands.db.unit_of_work() as session:  # others got through, so that it is not off after five days
            await turn_endpoint(session, made.endpoint_id, is_on=True, ids=hands.ids, now=hands.clock.now())
        await hands.later(pause + PASSED)
    await hands.later(timedelta(days=1))

    assert len(crm.got) == TRIES
    [row] = await hands.deliveries()
    assert (row.state, row.attempts, row.last_status) == (WorkState.BURIED, TRIES, 500)
    assert row.last_error is not None
    assert len(row.last_error) == 300
    assert row.last_error.startswith("Fehler x")


async def test_a_receiver_that_is_gone_is_told_nothing_more(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    crm.status = 410
    await hands.tell()
    await hands.work()

    told = await hands.tell()

    endpoint = await hands.endpoint(made.endpoint_id)
    assert (told, endpoint.is_active, endpoint.why_off) == (0, False, "gone")
    [row] = await hands.deliveries()
    assert row.state == WorkState.BURIED


async def test_a_receiver_that_fails_for_five_days_is_turned_off_and_says_so(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    crm.status = 500
    await hands.tell()
    await hands.work()

    for _day in range(4):
        await hands.later(timedelta(days=1))
    before = (await hands.endpoint(made.endpoint_id)).is_active
    await hands.later(timedelta(days=1, seconds=1))

    endpoint = await hands.endpoint(made.endpoint_id)
    assert (before, endpoint.is_active, endpoint.why_off) == (True, False, "failing")


async def test_what_waited_for_a_receiver_that_was_off_is_sent_when_it_is_on(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    await hands.tell(about="waits")
    async with hands.db.unit_of_work() as session:
        await turn_endpoint(session, made.endpoint_id, is_on=False, ids=hands.ids, now=hands.clock.now())
    await hands.later(timedelta(hours=1))
    assert crm.got == []

    async with hands.db.unit_of_work() as session:
        await turn_endpoint(session, made.endpoint_id, is_on=True, ids=hands.ids, now=hands.clock.now())
    await hands.work()

    assert len(crm.taken) == 1


async def test_a_receiver_that_hangs_holds_nobody_up(
    hands: Hands, crm: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.2)
    hanging = await hands.receiver("crm.test")
    await hands.receiver("other.test")
    crm.hangs = True
    for number in range(20):
        await hands.tell(number=number)

    await hands.work()

    assert len(other.taken) == 20
    assert len(crm.got) == sending.EACH_AT_ONCE
    endpoint = await hands.endpoint(hanging.endpoint_id)
    assert endpoint.rest_until == hands.clock.now() + timedelta(seconds=5)
    tried = [row for row in await hands.deliveries() if row.endpoint_id == hanging.endpoint_id and row.attempts]
    assert {row.last_error for row in tried} == {"crm.test did not answer within 0.2 seconds"}


async def test_a_receiver_says_how_long_it_wants_to_be_left_alone(hands: Hands, crm: Receiver) -> None:
    await hands.receiver()
    crm.status, crm.headers = 429, [(b"retry-after", b"3600")]
    await hands.tell()
    await hands.work()

    await hands.later(timedelta(minutes=59))
    early = len(crm.got)
    crm.status = 204
    await hands.later(timedelta(minutes=2))

    assert (early, len(crm.taken)) == (1, 1)


async def test_a_redirect_is_not_followed_and_is_no_success(hands: Hands, crm: Receiver, other: Receiver) -> None:
    await hands.receiver()
    crm.status, crm.headers = 302, [(b"location", b"https://other.test/hook")]
    await hands.tell()

    await hands.work()

    [row] = await hands.deliveries()
    assert (row.state, row.last_status, other.got) == (WorkState.READY, 302, [])


async def test_both_secrets_sign_for_a_day_after_a_change_and_then_only_the_new(hands: Hands, crm: Receiver) -> None:
    old = await hands.receiver()
    async with hands.db.unit_of_work() as session:
        new = await rotate_secret(session, old.endpoint_id, sealer=hands.sealer, ids=hands.ids, now=hands.clock.now())
    await hands.tell()
    await hands.work()
    hands.clock.advance(timedelta(hours=24, seconds=1))
    await hands.tell()
    await hands.work()

    during, after = crm.taken
    assert (verifies(*during, new.secret), verifies(*during, old.secret)) == (True, True)
    assert (verifies(*after, new.secret), verifies(*after, old.secret)) == (True, False)


async def test_secrets_are_not_readable_in_the_database(hands: Hands) -> None:
    made = await hands.receiver()

    endpoint = await hands.endpoint(made.endpoint_id)

    assert made.secret not in endpoint.secret_sealed
    assert made.secret.removeprefix("whsec_") not in endpoint.secret_sealed


async def test_a_message_is_sent_again_with_the_same_id(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    await hands.tell()
    await hands.work()
    [row] = await hands.deliveries()

    async with hands.db.unit_of_work() as session:
        await replay(session, made.endpoint_id, row.id, ids=hands.ids, now=hands.clock.now())
    await hands.work()

    assert crm.ids == [row.webhook_id, row.webhook_id]


async def test_only_this_receivers_own_messages_are_sent_again(hands: Hands) -> None:
    await hands.receiver()
    await hands.tell()
    stranger = await hands.receiver("other.test")
    [row] = await hands.deliveries()

    async with hands.db.unit_of_work() as session:
        with pytest.raises(NotFound):
            await replay(session, stranger.endpoint_id, row.id, ids=hands.ids, now=hands.clock.now())


async def test_everything_that_was_given_up_is_sent_again_at_once(hands: Hands, crm: Receiver) -> None:
    made = await hands.receiver()
    for number in range(3):
        await hands.tell(number=number)
    await hands.work()
    async with hands.db.unit_of_work() as session:
        rows = [row.id for row in await hands.deliveries()][:2]
        buried = update(WebhookDelivery).where(WebhookDelivery.id.in_(rows)).values(state=WorkState.BURIED)
        await session.execute(buried)

    async with hands.db.unit_of_work() as session:
        count = await replay_failed(session, made.endpoint_id, ids=hands.ids, now=hands.clock.now())
    await hands.work()

    assert (count, len(crm.taken)) == (2, 5)


async def test_a_worker_that_died_while_sending_leaves_its_messages_to_others(hands: Hands, crm: Receiver) -> None:
    await hands.receiver()
    await hands.tell()
    async with hands.db.unit_of_work() as session:
        taken = await sending.claim_fairly(session, limit=10, now=hands.clock.now())
    assert len(taken) == 1
    await hands.work()
    assert crm.got == []

    await hands.later(sending.LEASE + PASSED)

    assert crm.ids == [taken[0].webhook_id]


async def test_a_test_message_goes_to_that_receiver_alone(hands: Hands, crm: Receiver, other: Receiver) -> None:
    made = await hands.receiver()
    await hands.receiver("other.test")

    async with hands.db.unit_of_work() as session:
        await send_test(session, made.endpoint_id, ids=hands.ids, now=hands.clock.now())
    await hands.work()

    assert [message["type"] for message in crm.messages] == ["webhook.test"]
    assert other.got == []


async def test_a_receiver_that_is_off_gets_no_test(hands: Hands) -> None:
    made = await hands.receiver()
    async with hands.db.unit_of_work() as session:
        await turn_endpoint(session, made.endpoint_id, is_on=False, ids=hands.ids, now=hands.clock.now())
        with pytest.raises(Conflict):
            await send_test(session, made.endpoint_id, ids=hands.ids, now=hands.clock.now())


async def test_what_waits_goes_to_the_new_address(hands: Hands, crm: Receiver, other: Receiver) -> None:
    made = await hands.receiver()
    await hands.tell()
    async with hands.db.unit_of_work() as session:
        url, kinds = "https://other.test/hook", ["donation.refunded"]
        await change_endpoint(session, made.endpoint_id, url=url, description="", kinds=kinds)
    await hands.work()

    assert (len(crm.got), len(other.taken)) == (0, 1)
    assert await hands.tell() == 0


async def test_the_log_is_kept_for_thirty_days(hands: Hands) -> None:
    made = await hands.receiver()
    await hands.tell()
    hands.clock.advance(timedelta(days=29))
    await hands.tell()
    hands.clock.advance(timedelta(days=2))

    async with hands.db.unit_of_work() as session:
        purged = await purge_deliveries(session, now=hands.clock.now())

    assert (purged, len(await hands.deliveries())) == (1, 1)
    async with hands.db.unit_of_work() as session:
        await remove_endpoint(session, made.endpoint_id)
    assert await hands.deliveries() == []
