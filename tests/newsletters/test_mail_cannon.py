"""Nobody can make us bomb a mailbox, and nobody learns from the answer who reads what."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, event, func, insert, select
from sqlalchemy.orm import Session

from joining import Lists
from supporters.guard.models import GuardCount
from supporters.kit.errors import Refused
from supporters.newsletters import rules, signup
from supporters.newsletters.rules import mailbox_of
from supporters.newsletters.signup import remind_waiting

CLEO = "cleo.marsh@example.org"
CALLS = 10_000
THROUGH_ALL = 40


class OneThread:
    """A session on the same file without a thread between: ten thousand requests cost what they ask, not the hops."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.get_bind = session.get_bind

    async def execute(self, *asked: Any) -> Any:
        return self._session.execute(*asked)


async def test_ten_thousand_sign_ups_for_one_address_from_everywhere_send_three_letters(lists: Lists) -> None:
    for number in range(THROUGH_ALL):
        await lists.ask(spelt(number), network=f"10.0.{number}.9")
    assert len(await lists.letters()) == 3

    engine = create_engine(f"sqlite:///{lists.db.engine.url.database}")
    with Session(engine) as session:
        for number in range(THROUGH_ALL, CALLS):
            await signup.request_signup(
                OneThread(session),  # pyright: ignore[reportArgumentType]  it has all that is asked of it here
                slugs=["daily"],
                email=spelt(number),
                form="snippet",
                path="/",
                network=f"10.{number >> 8}.{number & 255}.9" if number % 20 == 0 else None,
                **lists.tools,
            )
            if number % 1_000 == 0:
                lists.clock.advance(timedelta(hours=2))
        session.commit()
    engine.dispose()

    assert len(await lists.letters()) == 3
    async with lists.db.reading() as session:
        counted = await session.scalar(select(func.sum(GuardCount.count)).where(GuardCount.key.like("news_network:%")))
    assert counted == THROUGH_ALL + (CALLS - THROUGH_ALL) // 20  # every one of them was taken as a request


def spelt(number: int) -> str:
    """The one mailbox, as somebody may write it who wants more letters to go there."""
    return (CLEO, "Cleo.Marsh@example.org", "Cleo.Marsh+win@example.org", f"cleo.marsh+{number}@example.org")[
        number % 4
    ]


async def test_day_after_day_an_unconfirmed_address_gets_three_letters_in_all(lists: Lists) -> None:
    for day in range(6):
        for number in range(5):
            await lists.ask(network=f"10.0.{day}.{number}")
        async with lists.db.unit_of_work() as session:
            await remind_waiting(session, limit=10, **lists.tools)
        lists.clock.advance(timedelta(days=1))

    assert len(await lists.letters()) == 3


async def test_a_network_that_asks_for_many_addresses_is_refused_and_others_are_not(lists: Lists) -> None:
    for number in range(rules.NETWORK_MOST):
        await lists.ask(f"reader{number}@example.org")

    with pytest.raises(Refused):
        await lists.ask("one.more@example.org")

    await lists.ask("one.more@example.org", network="198.51.100.4")
    assert len(await lists.letters()) == rules.NETWORK_MOST + 1
    lists.clock.advance(timedelta(hours=1, minutes=11))
    await lists.ask("and.more@example.org")


async def test_under_a_flood_first_letters_wait_for_their_hour_and_none_is_lost(engines: Lists) -> None:
    async with engines.db.unit_of_work() as session:
        flood = {"key": "news_all", "window_start": engines.now, "count": rules.BREAKER_MOST}
        await session.execute(insert(GuardCount).values(**flood))
    await engines.ask()
    assert await engines.letters() == []
    async with engines.db.unit_of_work() as session:
        assert await remind_waiting(session, limit=10, **engines.tools) == 0

    engines.clock.advance(timedelta(hours=2))
    async with engines.db.unit_of_work() as session:
        assert await remind_waiting(session, limit=10, **engines.tools) == 1

    assert [each.kind for each in await engines.letters()] == ["confirm_signup"]


async def test_letters_that_waited_keep_to_the_limit_of_their_mailbox_and_hold_up_nobody(
    lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signup, "PORTION", 2)
    async with lists.db.unit_of_work() as session:
        flood = {"key": "news_all", "window_start": lists.now, "count": rules.BREAKER_MOST}
        await session.execute(insert(GuardCount).values(**flood))
    for number in range(8):
        await lists.ask(f"cleo+{number}@example.org")
    await lists.ask("ben@example.org")
    lists.clock.advance(timedelta(hours=2))

    async with lists.db.unit_of_work() as session:
        assert await remind_waiting(session, limit=100, **lists.tools) == 4

    assert [each.recipient for each in await lists.letters()] == [
        "cleo+0@example.org",
        "cleo+1@example.org",
        "cleo+2@example.org",
        "ben@example.org",
    ]


async def test_reminders_of_many_addresses_of_one_mailbox_are_three_a_day(lists: Lists) -> None:
    for number in range(5):
        await lists.ask(f"cleo+{number}@example.org")
        lists.clock.advance(timedelta(hours=9))
    lists.clock.advance(timedelta(days=2))

    async with lists.db.unit_of_work() as session:
        assert await remind_waiting(session, limit=100, **lists.tools) == 3


async def test_no_more_letters_that_waited_than_asked_for(lists: Lists) -> None:
    for number in range(3):
        await lists.ask(f"reader{number}@example.org")
    lists.clock.advance(timedelta(days=2))

    async with lists.db.unit_of_work() as session:
        assert await remind_waiting(session, limit=2, **lists.tools) == 2


async def test_known_stopped_and_unknown_addresses_cost_the_same_work(lists: Lists) -> None:
    await lists.join("known@example.org")
    await lists.stop(await lists.join("stopped@example.org"), None, why="stop_all")
    lists.clock.advance(timedelta(days=8))  # their requests have run out
    counts: dict[str, int] = {}

    for name in ("known", "stopped", "unknown"):
        statements: list[str] = []
        event.listen(
            lists.db.engine.sync_engine, "before_cursor_execute", lambda *args, to=statements: to.append(args[2])
        )
        await lists.ask(f"{name}@example.org", network="192.0.2.9")
        counts[name] = len(statements)

    assert max(counts.values()) - min(counts.values()) <= 2, counts


async def test_many_requests_at_the_same_moment_send_three_letters_and_confirm_once(engines: Lists) -> None:
    await asyncio.gather(*(engines.ask(network=f"10.0.0.{number}") for number in range(8)))

    assert len(await engines.letters()) == 3
    assert sorted(await asyncio.gather(*(engines.confirm() for _ in range(4)))) == [False, False, False, True]
    assert len(await engines.evidence()) == 1


@pytest.mark.parametrize(
    ("typed", "mailbox"),
    [
        ("Cleo.Marsh@Example.org", "cleo.marsh@example.org"),
        ("cleo+news@example.org", "cleo@example.org"),
        ("c.leo+x@gmail.com", "cleo@gmail.com"),
        ("+@example.org", "+@example.org"),
    ],
)
def test_tags_and_dots_open_no_second_door(typed: str, mailbox: str) -> None:
    assert mailbox_of(typed) == mailbox


async def test_no_letter_holds_a_word_that_a_stranger_chose(lists: Lists) -> None:
    await lists.ask(path="/buy-now", form="http://evil", marks={"daily": "Visit evil.example"})

    (letter,) = await lists.letters()
    assert "evil" not in str(letter.context)
    assert "buy-now" not in str(letter.context)
