"""Joining a list: asked, confirmed, reminded once, purged; and the proof of it."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from joining import Lists
from supporters.jobs.backstage import Backstage
from supporters.jobs.queue import enqueue, run_due
from supporters.jobs.work import Handler
from supporters.kit.errors import NotFound
from supporters.kit.outside import Outside
from supporters.mail.models import Stream, Suppression
from supporters.mail.suppression import Suppressions
from supporters.newsletters.jobs import TEND, handlers
from supporters.newsletters.lists import ListForm, edit_list, ensure_first_list
from supporters.newsletters.models import Consent, Newsletter, Wording
from supporters.newsletters.queries import confirmed_rows, first_list, public_lists, signup_lines
from supporters.newsletters.rules import sha256_of

CLEO = "cleo.marsh@example.org"


async def tend(lists: Lists) -> None:
    stage = Backstage(settings=lists.settings, ids=lists.ids, clock=lists.clock, outside=Outside())
    known: dict[str, Handler] = handlers(stage)
    async with lists.db.unit_of_work() as session:
        await enqueue(session, TEND, {}, ids=lists.ids, now=lists.now)
    assert await run_due(lists.db, known, clock=lists.clock, ids=lists.ids) == 1


async def test_the_first_list_is_made_once_from_the_settings(lists: Lists) -> None:
    async with lists.db.unit_of_work() as session:
        await ensure_first_list(session, settings=lists.settings, ids=lists.ids, now=lists.now)

        assert await signup_lines(session) == {
            "daily": ("the daily email, Morning Light", lists.settings.newsletter_wording, "Every day")
        }
        offered = await first_list(session)
        assert offered is not None
        assert offered.slug == "daily"


async def test_asking_queues_one_service_letter_and_subscribes_nobody(lists: Lists) -> None:
    await lists.ask()

    letters = await lists.letters()
    assert [(each.kind, each.stream, each.recipient) for each in letters] == [("confirm_signup", Stream.SERVICE, CLEO)]
    assert await lists.states() == {}
    assert await lists.evidence() == []


async def test_confirming_subscribes_and_the_evidence_says_who_when_what_and_where(engines: Lists) -> None:
    await engines.ask()
    asked_at = engines.now
    engines.clock.advance(timedelta(hours=3))

    assert await engines.confirm() is True

    (proof,) = await engines.evidence()
    async with engines.db.reading() as session:
        wording = await session.scalar(select(Wording).where(Wording.id == proof.wording_id))
    assert wording is not None
    assert wording.words == engines.settings.newsletter_wording
    assert (proof.asked_at, proof.at) == (asked_at, asked_at + timedelta(hours=3))
    assert (proof.status, proof.method, proof.basis) == ("confirmed", "double_opt_in", "consent")
    assert (proof.form, proof.path) == ("snippet", "/articles/ferry.html")
    assert proof.wording_sha256 == sha256_of(wording.words)
    assert proof.subscriber_id == await engines.subscriber()
    assert await engines.states() == {CLEO: "confirmed"}


async def test_second_confirmation_changes_nothing(lists: Lists) -> None:
    await lists.join()
    before = await lists.rows()

    assert await lists.confirm() is False

    assert await lists.rows() == before


async def test_only_lists_that_the_page_named_are_confirmed(lists: Lists) -> None:
    await lists.add("weekend")
    await lists.ask(CLEO, "daily")
    await lists.ask(CLEO, "weekend")

    await lists.confirm("daily")

    assert len(await lists.evidence()) == 1


async def test_the_welcome_is_a_marketing_letter_with_its_one_click_link(lists: Lists) -> None:
    await lists.join()

    (welcome,) = await lists.letters("newsletter_welcome")
    assert welcome.stream == Stream.MARKETING
    assert "/news/stop/" in welcome.context["unsubscribe_url"]


async def test_a_request_is_reminded_once_after_two_days_and_gone_after_seven(engines: Lists) -> None:
    empty = await engines.rows()
    await engines.ask()
    engines.clock.advance(timedelta(days=1, hours=23))
    await tend(engines)
    assert len(await engines.letters()) == 1

    engines.clock.advance(timedelta(hours=2))
    await tend(engines)
    await tend(engines)

    assert [each.kind for each in await engines.letters()] == ["confirm_signup", "confirm_again"]
    engines.clock.advance(timedelta(days=5))
    await tend(engines)
    left = await engines.rows()
    kept = {"job", "guard_count", "schedule"}
    assert {name: count for name, count in left.items() if name not in kept} == {
        name: count for name, count in empty.items() if name not in kept
    }


async def test_a_lapsed_request_cannot_be_confirmed(lists: Lists) -> None:
    await lists.ask()
    lists.clock.advance(timedelta(days=7))

    with pytest.raises(NotFound):
        await lists.confirm()


async def test_a_confirmed_address_keeps_its_row_when_the_request_is_purged(lists: Lists) -> None:
    await lists.join()
    lists.clock.advance(timedelta(days=8))

    await tend(lists)

    assert await lists.states() == {CLEO: "confirmed"}
    assert (await lists.rows())["signup"] == 0


async def test_asking_again_after_confirming_begins_anew_and_is_fresh_evidence(lists: Lists) -> None:
    await lists.join()

    await lists.ask()
    await lists.confirm()

    assert [proof.status for proof in await lists.evidence()] == ["confirmed", "confirmed"]
    assert len(await lists.letters("newsletter_welcome")) == 1


async def test_a_list_without_double_opt_in_joins_at_once_but_brings_nobody_back(lists: Lists) -> None:
    await lists.add("events", is_double_opt_in=False)

    await lists.ask(CLEO, "events")

    assert await lists.states() == {CLEO: "confirmed"}
    await lists.stop(await lists.subscriber(), ["events"])
    await lists.ask(CLEO, "events")
    assert await lists.states() == {CLEO: "stopped"}
    assert len(await lists.letters("confirm_signup")) == 1


@pytest.mark.parametrize("is_double", [True, False])
@pytest.mark.parametrize(
    ("told", "shown", "detail"),
    [
        ("old", "Old words.", {}),
        ("new", "New words.", {}),
        (None, "New words.", {}),
        ("", "New words.", {"wording_assumed": True}),
        ("0123456789abcdef", "New words.", {"wording_assumed": True}),
        ("%", "New words.", {"wording_assumed": True}),
        ("other", "New words.", {"wording_assumed": True}),
    ],
)
async def test_evidence_holds_the_words_that_the_form_showed_or_says_that_they_are_assumed(
    lists: Lists, *, is_double: bool, told: str | None, shown: str, detail: dict[str, object]
) -> None:
    marks = {"old": sha256_of("Old words.")[:16], "new": sha256_of("New words.")[:16]}
    marks["other"] = sha256_of("Words of another list.")[:16]
    await lists.add("other", wording="Words of another list.")
    newsletter_id = await lists.add("events", wording="Old words.", is_double_opt_in=is_double)
    form = ListForm(
        slug="events", name="Events", how_often="Saturdays", sender_name="The Lamp", wording="New words.",
        is_double_opt_in=is_double,
    )  # fmt: skip
    async with lists.db.unit_of_work() as session:
        await edit_list(session, newsletter_id, form, ids=lists.ids, now=lists.now)

    await lists.ask(CLEO, "events", marks={} if told is None else {"events": marks.get(told, told)})
    if is_double:
        await lists.confirm("events")

    (proof,) = await lists.evidence()
    async with lists.db.reading() as session:
        words = await session.scalar(select(Wording.words).where(Wording.id == proof.wording_id))
    assert (words, proof.detail) == (shown, detail)
    assert proof.wording_sha256 == sha256_of(shown)


async def test_whoever_confirmed_gets_a_letter_for_the_next_wish(lists: Lists) -> None:
    await lists.add("weekend")
    for _ in range(2):
        await lists.ask()
    lists.clock.advance(timedelta(days=2))
    await tend(lists)
    await lists.confirm()
    lists.clock.advance(timedelta(days=1))
    before = len(await lists.letters("confirm_signup"))

    await lists.ask(CLEO, "weekend")

    assert len(await lists.letters("confirm_signup")) == before + 1
    lists.clock.advance(timedelta(days=2))
    await tend(lists)
    assert len(await lists.letters("confirm_again")) == 2


async def test_evidence_and_wordings_are_never_changed_or_removed(engines: Lists) -> None:
    await engines.join()
    for statement in (
        update(Consent).values(status="stopped"),
        delete(Consent),
        update(Wording).values(words="else"),
        delete(Wording),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with engines.db.unit_of_work() as session:
                await session.execute(statement)


async def test_replacing_evidence_is_refused(lists: Lists) -> None:
    await lists.join()
    (proof,) = await lists.evidence()
    row = {column.name: getattr(proof, column.name) for column in Consent.__table__.columns} | {"status": "stopped"}

    with pytest.raises(DBAPIError, match="append-only"):
        async with lists.db.unit_of_work() as session:
            await session.execute(insert(Consent).prefix_with("OR REPLACE").values(**row))


async def test_a_changed_wording_is_a_new_one_and_the_old_stays(lists: Lists) -> None:
    await lists.join()
    async with lists.db.unit_of_work() as session:
        found = (await session.scalars(select(Newsletter))).one()
        form = ListForm(
            slug="other", name="Morning Light", how_often="Mondays", sender_name="Nora", wording="Yes, send it."
        )
        changed = await edit_list(session, found.id, form, ids=lists.ids, now=lists.now)

    assert set(changed) == {"name", "how_often", "sender_name", "wording"}
    await lists.join("ben@example.org")
    old, new = await lists.evidence()
    assert new.wording_sha256 == sha256_of("Yes, send it.")
    assert old.wording_sha256 == sha256_of(lists.settings.newsletter_wording)
    async with lists.db.reading() as session:
        assert [each.slug for each in await public_lists(session)] == ["daily"]
        assert len((await session.scalars(select(Wording))).all()) == 2


async def test_a_private_list_is_offered_nowhere(lists: Lists) -> None:
    await lists.add("press", is_public=False)

    async with lists.db.reading() as session:
        assert set(await signup_lines(session)) == {"daily"}


async def test_export_leaves_suppressed_and_stopped_addresses_out(engines: Lists) -> None:
    for name in ("ada", "ben", "cleo"):
        await engines.join(f"{name}@example.org")
    await engines.stop(await engines.subscriber("ada@example.org"), ["daily"])
    async with engines.db.unit_of_work() as session:
        suppressions = Suppressions(engines.settings.secret_key)
        await suppressions.add(session, "BEN@example.org", scope="all", reason="bounce", now=engines.now)

    async with engines.db.reading() as session:
        rows = [row async for row in confirmed_rows(session, "daily")]

    assert [row.address for row in rows] == ["cleo@example.org"]
    assert rows[0].wording_sha256 == sha256_of(engines.settings.newsletter_wording)


async def test_confirming_lifts_what_the_same_mailbox_had_stopped(lists: Lists) -> None:
    subscriber_id = await lists.join()
    await lists.stop(subscriber_id, None, why="stop_all")

    await lists.ask()
    await lists.confirm()

    assert await lists.states() == {CLEO: "confirmed"}
    async with lists.db.reading() as session:
        assert (await session.scalars(select(Suppression))).all() == []
