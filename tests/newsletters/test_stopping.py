"""Stopping: at once, with evidence, and for good until the mailbox's owner says otherwise."""

import asyncio
from datetime import timedelta

from sqlalchemy import select

from joining import Lists
from supporters.jobs.backstage import Backstage
from supporters.jobs.models import WorkState
from supporters.jobs.queue import enqueue, run_due
from supporters.kit.outside import Outside
from supporters.mail.models import Stream, Suppression
from supporters.mail.suppression import Suppressions
from supporters.newsletters.actions import choose_lists, stop_address
from supporters.newsletters.imported import Outcome, add_imported, forget_undone, undo_batch, undone_strangers
from supporters.newsletters.jobs import TEND, handlers
from supporters.newsletters.links import NewsletterLinks
from supporters.newsletters.models import Subscriber
from supporters.newsletters.queries import changes_since
from supporters.newsletters.signup import purge_unconfirmed
from supporters.newsletters.wish import wish
from supporters.outgoing.models import WebhookDelivery, WebhookEndpoint
from supporters.people.actions import find_or_add

CLEO = "cleo.marsh@example.org"
BATCH = "01JBATCH000000000000000001"


async def bring(lists: Lists, address: str = CLEO, batch_id: str = BATCH) -> Outcome:
    async with lists.db.unit_of_work() as session:
        return await add_imported(
            session,
            list_slug="daily",
            address=address,
            name="Cleo Marsh",
            basis="consent",
            evidence={"source": "paper form", "on": "2025-03-01"},
            batch_id=batch_id,
            **lists.tools,
        )


async def test_stopping_is_evidence_and_withdraws_the_letter_that_waits(engines: Lists) -> None:
    subscriber_id = await engines.join()

    assert await engines.stop(subscriber_id, ["daily"]) == 1

    assert [(each.status, each.method) for each in await engines.evidence()] == [
        ("confirmed", "double_opt_in"),
        ("stopped", "one_click"),
    ]
    (welcome,) = await engines.letters("newsletter_welcome")
    assert (welcome.state, welcome.sent_at) == (WorkState.DONE, None)


async def test_stopping_twice_writes_nothing_more(lists: Lists) -> None:
    subscriber_id = await lists.join()
    await lists.stop(subscriber_id, ["daily"])
    before = await lists.rows()

    assert await lists.stop(subscriber_id, ["daily"]) == 0

    assert await lists.rows() == before


async def test_stopping_everything_suppresses_letters_of_our_own_wish_and_no_receipt(lists: Lists) -> None:
    await lists.add("weekend")
    subscriber_id = await lists.join(CLEO, "daily", "weekend")

    await lists.stop(subscriber_id, None, why="stop_all")

    suppressions = Suppressions(lists.settings.secret_key)
    async with lists.db.reading() as session:
        assert await suppressions.is_refused(session, "Cleo.Marsh@example.org", Stream.MARKETING)
        assert not await suppressions.is_refused(session, CLEO, Stream.SERVICE)
    assert len(await lists.evidence()) == 4


async def test_stopping_everything_forgets_a_request_that_waits(lists: Lists) -> None:
    subscriber_id = await lists.join()
    await lists.add("weekend")
    await lists.ask(CLEO, "weekend")

    await lists.stop(subscriber_id, None)

    assert (await lists.rows())["signup"] == 0
    assert await lists.letters("confirm_signup") == []


async def test_a_stranger_who_asks_for_nothing_is_remembered_by_digest_only(lists: Lists) -> None:
    async with lists.db.unit_of_work() as session:
        await stop_address(session, address="new@example.org", slugs=None, why="provider", **lists.tools)

    assert (await lists.rows())["subscriber"] == 0
    async with lists.db.reading() as session:
        (row,) = (await session.scalars(select(Suppression))).all()
    assert (row.scope, row.reason) == ("marketing", "provider")
    assert "example" not in row.address_digest


async def test_preferences_start_and_stop_exactly_what_was_shown(lists: Lists) -> None:
    subscriber_id = await lists.join()
    await lists.add("weekend")
    await lists.add("events")

    async with lists.db.unit_of_work() as session:
        await choose_lists(session, subscriber_id, shown={"daily", "weekend"}, wanted={"weekend"}, **lists.tools)

    assert [(each.status, each.method) for each in await lists.evidence()][1:] == [
        ("confirmed", "preferences"),
        ("stopped", "preferences"),
    ]


async def test_changes_come_in_order_and_from_where_one_left_off(engines: Lists) -> None:
    subscriber_id = await engines.join()
    await engines.stop(subscriber_id, ["daily"])

    async with engines.db.reading() as session:
        first = await changes_since(session, "", limit=1)
        rest = await changes_since(session, first[0].id, limit=10)

    assert [(each.list_slug, each.address, each.status) for each in [*first, *rest]] == [
        ("daily", CLEO, "confirmed"),
        ("daily", CLEO, "stopped"),
    ]


async def test_an_imported_address_carries_its_basis_and_its_batch(lists: Lists) -> None:
    assert await bring(lists) is Outcome.ADDED
    assert await bring(lists) is Outcome.ALREADY

    (proof,) = await lists.evidence()
    assert (proof.method, proof.basis, proof.batch_id) == ("import", "consent", BATCH)
    assert proof.detail == {"source": "paper form", "on": "2025-03-01"}


async def test_an_import_brings_nobody_back(engines: Lists) -> None:
    subscriber_id = await engines.join()
    await engines.stop(subscriber_id, ["daily"])
    await engines.stop(await engines.join("ben@example.org"), None, why="stop_all")

    assert await bring(engines) is Outcome.STOPPED
    assert await bring(engines, "BEN@example.org") is Outcome.SUPPRESSED


async def test_undoing_a_batch_takes_back_what_nobody_has_touched_since(engines: Lists) -> None:
    await bring(engines)
    await bring(engines, "ben@example.org")
    await bring(engines, "ada@example.org", batch_id="01JBATCH000000000000000002")
    await engines.join("ben@example.org")

    async with engines.db.unit_of_work() as session:
        assert await undo_batch(session, BATCH, **engines.tools) == 1

    assert await engines.states() == {"ben@example.org": "confirmed", "ada@example.org": "confirmed"}
    assert (await engines.evidence())[-1].method == "import_undone"
    assert await bring(engines) is Outcome.ADDED


async def test_a_day_after_an_import_was_undone_nothing_but_evidence_is_left_of_whom_only_it_brought(
    engines: Lists,
) -> None:
    await bring(engines)
    await bring(engines, "ben@example.org")
    await engines.stop(await engines.subscriber("ben@example.org"), ["daily"])
    await bring(engines, "ada@example.org", batch_id="01JBATCH000000000000000002")
    async with engines.db.unit_of_work() as session:
        await undo_batch(session, BATCH, **engines.tools)
    stage = Backstage(settings=engines.settings, ids=engines.ids, clock=engines.clock, outside=Outside())

    left: list[set[str]] = []
    for hours in (23, 1):
        engines.clock.advance(timedelta(hours=hours))
        async with engines.db.unit_of_work() as session:
            await enqueue(session, TEND, {}, ids=engines.ids, now=engines.now)
        await run_due(engines.db, handlers(stage), clock=engines.clock, ids=engines.ids)
        async with engines.db.reading() as session:
            left.append({each.split("@")[0] for each in await session.scalars(select(Subscriber.address))})

    assert left == [{"ada", "ben", "cleo.marsh"}, {"ada", "ben"}]
    assert len(await engines.evidence()) == 5
    assert await bring(engines) is Outcome.ADDED


async def test_whoever_comes_back_before_an_undone_import_is_forgotten_stays(lists: Lists) -> None:
    await bring(lists)
    async with lists.db.unit_of_work() as session:
        await undo_batch(session, BATCH, **lists.tools)
    lists.clock.advance(timedelta(days=1))
    async with lists.db.reading() as session:
        found = await undone_strangers(session, now=lists.now)
    await lists.ask()

    async with lists.db.unit_of_work() as session:
        assert (len(found), await forget_undone(session, found, now=lists.now)) == (1, 0)


async def test_a_wish_is_one_job_that_names_the_address_by_its_row(lists: Lists) -> None:
    async with lists.db.unit_of_work() as session:
        await find_or_add(session, CLEO, "Cleo Marsh", ids=lists.ids, now=lists.now)
        for _ in range(2):
            await wish(session, CLEO.upper(), form="give", path="/give", ids=lists.ids, now=lists.now)

    assert (await lists.rows())["job"] == 1
    assert (await lists.rows())["signup"] == 0


async def test_a_link_is_good_for_its_own_purpose_only(lists: Lists) -> None:
    links = NewsletterLinks(lists.settings.secret_key, "https://give.example")
    ulid = lists.ids.ulid()
    confirm, preferences, stop = (
        url.rpartition("/")[2]
        for url in (links.confirm_url(ulid), links.preferences_url(ulid), links.one_click_url(ulid, "daily", "weekend"))
    )

    assert links.read_confirm(confirm) == ulid
    assert links.read_preferences(preferences) == ulid
    assert links.read_stop(stop) == (ulid, ["daily", "weekend"])
    assert links.read_confirm(preferences) is None
    assert links.read_preferences(confirm) is None
    assert links.read_stop(preferences) is None
    assert links.read_confirm(confirm[:-1] + "A") is None or confirm.endswith("A")
    assert links.read_stop("") is None


async def test_a_stopped_list_may_be_joined_again_by_its_own_letter_only(lists: Lists) -> None:
    subscriber_id = await lists.join()
    await lists.stop(subscriber_id, ["daily"])
    lists.clock.advance(timedelta(days=1))

    await lists.ask()

    assert await lists.states() == {CLEO: "stopped"}
    await lists.confirm()
    assert await lists.states() == {CLEO: "confirmed"}


async def hear(lists: Lists) -> None:
    """Somebody wants to be told who joins and who leaves."""
    async with lists.db.unit_of_work() as session:
        session.add(
            WebhookEndpoint(
                id=lists.ids.ulid(), url="https://sender.example/hook", description="", is_active=True, failures=0,
                kinds=["newsletter.confirmed", "newsletter.stopped"], secret_sealed="x", made_by="x",
                created_at=lists.now,
            )
        )  # fmt: skip


async def told(lists: Lists) -> list[str]:
    async with lists.db.reading() as session:
        return list(await session.scalars(select(WebhookDelivery.kind).order_by(WebhookDelivery.id)))


async def test_stopping_many_times_at_once_is_one_stop(engines: Lists) -> None:
    await hear(engines)
    subscriber_id = await engines.join()

    stopped = await asyncio.gather(*(engines.stop(subscriber_id, ["daily"]) for _ in range(6)))

    assert sorted(stopped) == [0, 0, 0, 0, 0, 1]
    assert [each.status for each in await engines.evidence()] == ["confirmed", "stopped"]
    assert await told(engines) == ["newsletter.confirmed", "newsletter.stopped"]


async def test_joining_at_once_many_times_at_the_same_moment_is_one_consent(engines: Lists) -> None:
    await hear(engines)
    await engines.add("events", is_double_opt_in=False)
    await engines.join()

    await asyncio.gather(*(engines.ask(CLEO, "events") for _ in range(6)))

    assert [each.method for each in await engines.evidence()] == ["double_opt_in", "single_opt_in"]
    assert await told(engines) == ["newsletter.confirmed"] * 2


async def test_a_request_that_is_opened_again_while_it_is_purged_is_not_lost(engines: Lists) -> None:
    for day in range(8):
        await engines.ask(network=f"10.0.0.{day}")
        engines.clock.advance(timedelta(days=8))

        async def purge() -> None:
            async with engines.db.unit_of_work() as session:
                await purge_unconfirmed(session, limit=10, now=engines.now)

        await asyncio.gather(engines.ask(network="10.0.0.99"), purge(), engines.ask(network="10.0.0.98"), purge())

        assert (await engines.rows())["signup"] == 1
        assert [each.queued_at for each in await engines.letters()][-2:] == [engines.now] * 2


async def test_whoever_sends_the_list_is_told_once_of_joining_and_once_of_leaving(lists: Lists) -> None:
    await hear(lists)

    subscriber_id = await lists.join()
    await lists.ask()
    await lists.confirm()
    await lists.stop(subscriber_id, ["daily"])
    await lists.stop(subscriber_id, None)

    async with lists.db.reading() as session:
        news = (await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id))).all()
    assert [(each.kind, each.about) for each in news] == [
        ("newsletter.confirmed", subscriber_id),
        ("newsletter.stopped", subscriber_id),
    ]
    assert CLEO in news[0].payload
