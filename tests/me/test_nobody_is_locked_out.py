"""Strangers who ask for letters keep nobody out who has signed in before, nor anybody for long."""

from datetime import timedelta

import httpx
from sqlalchemy import delete, func, insert, select, update

from givers import Add, LetIn, code_in
from pages import Page
from supporters.guard.models import GuardCount
from supporters.kit.ids import Ids
from supporters.people.limits import ALL, KNOWN, KNOWN_FOR, MAILBOX_DAY, NETWORK, SHARE_OF_ALL, DoorLimits, slot_of
from supporters.people.models import Supporter
from whole import Whole, words

ADA = "ada.brook@example.org"


async def ask(site: Whole, browser: httpx.AsyncClient, email: str = ADA) -> int:
    """How many letters came of it."""
    before = len(site.mailbag.letters)
    assert (await browser.post("/sign-in", data={"email": email})).status_code == 303
    await site.worker.drain()
    return len(site.mailbag.letters) - before


async def fill_door(site: Whole, count: int = ALL.most) -> None:
    """So many letters were asked for just now, by whomever."""
    async with site.db.unit_of_work() as session:
        row = {"key": ALL.name, "window_start": slot_of(site.clock.now()), "count": count}
        await session.execute(delete(GuardCount).where(GuardCount.key == ALL.name))
        await session.execute(insert(GuardCount).values(**row))


async def forget_networks(site: Whole) -> None:
    """As if every request came from another network."""
    async with site.db.unit_of_work() as session:
        await session.execute(update(GuardCount).where(GuardCount.key.like("door_network%")).values(count=0))


async def leave(browser: httpx.AsyncClient) -> None:
    """The session is over; what the browser is known by stays."""
    browser.cookies.delete("me")


async def test_three_letters_for_a_stranger_do_not_lock_out_a_browser_that_was_let_in(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    own = await let_in(ADA)
    await leave(own)
    stranger = [await ask(site, site.reader) for _ in range(4)]

    assert stranger == [1, 1, 1, 0]
    assert await ask(site, own) == 1
    assert await ask(site, site.browser()) == 0


async def fill_network(site: Whole) -> int:
    """Others have asked from the network that all come from here; the status of the last."""
    status = 303
    for number in range(NETWORK.most + 1):
        sent = await site.browser().post("/sign-in", data={"email": f"other{number}@example.org"})
        status = sent.status_code
    return status


async def test_others_in_its_network_do_not_stop_a_browser_that_was_let_in_until_its_own_limit(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    own = await let_in(ADA)
    await leave(own)
    crowd = await fill_network(site)

    came = [await ask(site, own) for _ in range(KNOWN.most)]
    beyond = await own.post("/sign-in", data={"email": ADA})
    for_others = await own.post("/sign-in", data={"email": "ben@example.org"})

    assert came == [1] * KNOWN.most
    assert (crowd, beyond.status_code, for_others.status_code) == (429, 429, 429)


async def test_letters_to_a_browser_that_was_let_in_take_no_place_of_its_network(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    own = await let_in(ADA)
    await leave(own)
    await forget_networks(site)
    for _ in range(KNOWN.most - 1):
        await ask(site, own)

    async with site.db.reading() as session:
        counted = select(func.sum(GuardCount.count)).where(GuardCount.key.like("door_network%"))
        assert await session.scalar(counted) == 0


async def counted(site: Whole) -> dict[str, int]:
    """What stands against networks, mailboxes, everybody and browsers that are known."""
    async with site.db.reading() as session:
        rows = select(GuardCount.key, GuardCount.count).where(GuardCount.key.like("door%"), GuardCount.count > 0)
        found = [(key.partition(":")[0], count) for key, count in await session.execute(rows)]
    return {name: sum(count for key, count in found if key == name) for name, _count in found}


async def test_letter_that_took_a_place_of_its_browser_gives_back_no_other(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    own = await let_in(ADA)
    await leave(own)
    stranger = site.browser()
    await ask(site, stranger)
    before = await counted(site)
    await ask(site, own)
    own.cookies.delete("me-known")

    used = await own.post("/sign-in/check", data={"code": code_in(site)})

    assert (used.status_code, before) == (303, {"door_network": 1, "door_mailbox": 1, "door_all": 1})
    assert await counted(site) == {**before, "door_known": 1}


async def test_letter_asked_for_before_the_browser_was_known_gives_all_its_places_back(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    known = await let_in(ADA)
    browser = site.browser()
    await ask(site, browser)
    before = await counted(site)
    browser.cookies.set("me-known", known.cookies["me-known"])

    used = await browser.post("/sign-in/check", data={"code": code_in(site)})

    assert (used.status_code, before) == (303, {"door_network": 1, "door_mailbox": 1, "door_all": 1})
    assert await counted(site) == {}


async def test_letter_asked_for_under_a_word_that_has_changed_since_opens_nothing_and_takes_no_new_place(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    own = await let_in(ADA)
    await leave(own)
    await ask(site, own)
    first, old_word = code_in(site), own.cookies["me-known"]
    await ask(site, own)

    let = [await own.post("/sign-in/check", data={"code": code}) for code in (first, code_in(site))]
    await leave(own)

    assert [answer.status_code for answer in let] == [303, 422]
    assert own.cookies["me-known"] != old_word
    assert await counted(site) == {"door_known": 1}
    assert [await ask(site, own) for _ in range(KNOWN.most)] == [1] * KNOWN.most


async def test_full_door_lets_known_browsers_have_their_letter_and_the_desk_says_so(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    own = await let_in(ADA)
    await leave(own)
    desk = await site.staff("admin")
    calm = words((await desk.get("/desk")).text)
    await fill_door(site)

    shown = words((await desk.get("/desk")).text)

    assert "So many ask for a sign-in letter" in shown
    assert "So many ask for a sign-in letter" not in calm
    assert (await ask(site, own), await ask(site, site.browser())) == (1, 0)


async def test_more_supporters_may_have_more_letters(site: Whole, add: Add) -> None:
    await add(ADA)
    await fill_door(site)
    few = await ask(site, site.browser())
    rows = [
        {"id": f"S{number:025d}", "name": "", "created_at": site.clock.now()}
        for number in range(SHARE_OF_ALL * (ALL.most + 1))
    ]
    async with site.db.unit_of_work() as session:
        await session.execute(insert(Supporter), rows)

    assert (few, await ask(site, site.browser())) == (0, 1)


async def test_browser_is_known_for_its_own_mailbox_only_and_not_without_limit(
    site: Whole, add: Add, let_in: LetIn
) -> None:
    await add(ADA)
    await add("ben@example.org", name="Ben Carter")
    own = await let_in(ADA)
    await leave(own)
    await fill_door(site)

    assert await ask(site, own, "ben@example.org") == 0
    came = 0
    for _ in range(KNOWN.most + 1):
        await forget_networks(site)
        came += await ask(site, own)
    assert came == KNOWN.most


async def test_stranger_is_stopped_for_the_day_in_the_end(site: Whole, add: Add) -> None:
    await add(ADA)
    came = 0
    for _hour in range(6):
        for _ in range(3):
            came += await ask(site, site.reader)
        site.clock.advance(timedelta(minutes=75))

    assert came == MAILBOX_DAY.most


async def test_what_a_browser_is_known_by_says_nothing_and_cannot_be_made_up(site: Whole, ids: Ids) -> None:
    limits, now = DoorLimits("secret"), site.clock.now()
    known = limits.remember(ADA, ids=ids, now=now)
    word, _, digest = known.rpartition(":")

    assert limits.recognise(known, ADA.upper(), now=now) == word
    assert len(known) <= 100
    assert limits.remember(ADA, ids=ids, now=now) != known
    for other in (None, "", ":", "::", f"{word}:", f"{word}0:{digest}", f"{word}:é", "\udcff:²:x", known[:-1]):
        assert limits.recognise(other, ADA, now=now) is None, other
    assert limits.recognise(known, "ben@example.org", now=now) is None
    assert limits.recognise(known, ADA, now=now + KNOWN_FOR + timedelta(days=1)) is None


async def test_sign_in_page_works_with_a_broken_cookie(site: Whole, add: Add) -> None:
    await add(ADA)
    browser = site.browser()
    browser.cookies.set("me-known", "x" * 5_000)

    assert await ask(site, browser) == 1
    assert Page((await browser.get("/sign-in/check")).text).says("h1")
