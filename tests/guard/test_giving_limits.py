"""Card testers wait, honest readers do not notice."""

from datetime import timedelta
from random import Random

import pytest

from giving import House, QuickPages, form, open_house
from supporters.donations.collect import collect_refusal, tie_payment
from supporters.donations.forms import GiveForm, GoTo
from supporters.donations.gate import Gate, Visitor
from supporters.guard.limits import Failure, purge_windows
from supporters.guard.models import GuardCount
from supporters.guard.rules import is_tripped, network_key
from supporters.guard.switches import SwitchCache, read_switches, set_switch
from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.errors import Refused
from supporters.kit.ids import Ids
from supporters.payments.facts import PaymentRefused
from supporters.settings import Settings

OFFICE = "192.0.2.1"


async def test_flood_from_one_network_opens_ten_payment_pages(house: House) -> None:
    refused = 0
    for number in range(18_000):  # ten minutes, from one address
        house.clock.advance(timedelta(seconds=600 / 18_000))
        try:
            await house.give(form(2, email=f"card{number}@example.org"), network="198.51.100.9")
        except Refused:
            refused += 1

    assert len(house.sessions) == 10
    assert refused == 18_000 - 10


async def test_thousand_honest_readers_and_an_office_all_pass(
    sqlite_db: Database, settings: Settings, clock: FixedClock, ids: Ids
) -> None:
    random = Random(4)
    senders = [(f"reader{number}@example.org", f"203.0.{number // 250}.{number % 250}") for number in range(950)]
    senders += [(f"colleague{number}@example.org", OFFICE) for number in range(50)]
    random.shuffle(senders)

    async with open_house(
        sqlite_db, settings, clock, ids
    ) as house:  # one engine will do: the office below runs on both
        house.pages = pages = QuickPages(clock)
        past_the_gate = 0
        for number, (email, network) in enumerate(senders):
            clock.advance(timedelta(seconds=3.6))
            if number % 12 == 0:  # somebody mistypes first
                async with house.db.unit_of_work() as session:
                    await house.limits.count_failure(session, network=network, email=email, now=clock.now())
            if (
                network != OFFICE and number % 15
            ):  # a network of its own and a good card: what could stop it is the gate
                await pass_gate(house, form(email=email), network)
                past_the_gate += 1
                continue
            assert isinstance(await house.give(form(email=email), network=network), GoTo)
            fact = pages.completed()
            if number % 15 == 0:  # the bank says no to the first card
                await refuse(house, fact.session_id, str(fact.payment_intent_id), f"evt_{number}")
            if network == OFFICE and number % 10:  # nine of ten pay, the tenth leaves
                await house.collect(fact)

    assert past_the_gate + len(pages.made) == 1_000


async def pass_gate(house: House, sent: GiveForm, network: str) -> None:
    """One more page may be opened, and is counted. Raises Refused."""
    gate = Gate(Visitor(network), house.limits)
    async with house.db.unit_of_work() as session:
        await gate.check(session, sent, now=house.clock.now())
        await gate.count(session, sent, now=house.clock.now())


async def test_office_may_give_all_day_when_it_pays(house: House) -> None:
    house.pages = pages = QuickPages(house.clock)
    for number in range(30):
        assert isinstance(await house.give(form(email=f"c{number}@example.org"), network=OFFICE), GoTo)
        await house.collect(pages.completed())

    assert len(pages.made) == 30


async def test_network_that_waited_may_try_again(house: House) -> None:
    for number in range(10):
        await house.give(form(email=f"a{number}@example.org"))
    with pytest.raises(Refused, match="No money has been taken"):
        await house.give(form(email="last@example.org"))

    house.clock.advance(timedelta(minutes=12))

    assert isinstance(await house.give(form(email="last@example.org")), GoTo)


async def test_other_networks_are_not_held_up(house: House) -> None:
    for number in range(10):
        await house.give(form(email=f"a{number}@example.org"), network="2001:db8:1:2::1")

    with pytest.raises(Refused):
        await house.give(form(email="b@example.org"), network="2001:db8:1:2:ffff::9")
    assert isinstance(await house.give(form(email="b@example.org"), network="2001:db8:1:3::1"), GoTo)


async def test_resending_an_open_attempt_is_never_refused(house: House) -> None:
    attempt = house.ids.ulid()
    first = await house.give(attempt_id=attempt)
    for number in range(9):
        await house.give(form(email=f"a{number}@example.org"))

    assert await house.give(attempt_id=attempt) == first


async def test_refused_cards_weigh_on_network_and_address(house: House) -> None:
    session_id = await house.open_session(network="192.0.2.50")
    for number in range(5):
        await refuse(house, session_id, "pi_1", f"evt_{number}")

    with pytest.raises(Refused):  # the address, from elsewhere
        await house.give(network="192.0.2.51")
    assert isinstance(await house.give(form(email="other@example.org"), network="192.0.2.50"), GoTo)
    for number in range(5, 10):
        await refuse(house, session_id, "pi_1", f"evt_{number}")
    with pytest.raises(Refused):  # the network, with another address
        await house.give(form(email="third@example.org"), network="192.0.2.50")


async def test_invalid_forms_weigh_little(house: House) -> None:
    async def mistype(times: int) -> None:
        async with house.db.unit_of_work() as session:
            for _ in range(times):
                await house.limits.count_failure(
                    session, network="192.0.2.7", email=None, now=house.clock.now(), kind=Failure.FORM
                )

    await mistype(59)
    assert isinstance(await house.give(), GoTo)
    await mistype(1)
    with pytest.raises(Refused):
        await house.give()


async def test_breaker_tightens_every_networks_limit(house: House) -> None:
    async with house.db.unit_of_work() as session:
        for number in range(60):
            await house.limits.count_failure(
                session, network=f"10.0.0.{number}", email=None, now=house.clock.now(), kind=Failure.CARD
            )
        assert await house.limits.is_breaker_tripped(session, now=house.clock.now())

    await house.give(form(email="a@example.org"))
    await house.give(form(email="b@example.org"))
    with pytest.raises(Refused):
        await house.give(form(email="c@example.org"))


async def test_old_windows_are_purged(house: House) -> None:
    await house.give()
    house.clock.advance(timedelta(hours=49))
    await house.give()

    async with house.db.unit_of_work() as session:
        gone = await purge_windows(session, now=house.clock.now())

    assert gone == 3
    async with house.db.reading() as session:
        left = (await session.scalars(GuardCount.__table__.select())).all()
    assert len(left) == 3
    assert all("192.0.2" not in key and "@" not in key for key in left)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:9::1", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_network_of_an_address(ip: str, network: str) -> None:
    assert network_key(ip) == network


@pytest.mark.parametrize(
    ("refusals", "starts", "is_open"),
    [(59, 10, False), (60, 10, True), (60, 80, True), (60, 81, False), (75, 100, True)],
)
def test_breaker_needs_number_and_ratio(refusals: int, starts: int, is_open: bool) -> None:
    assert is_tripped(refusals=refusals, starts=starts) is is_open


async def test_switch_cache_forgets_after_five_seconds(house: House) -> None:
    at = [0.0]
    cache = SwitchCache(house.db, monotonic=lambda: at[0])
    assert not (await cache.get("giving")).is_off
    async with house.db.unit_of_work() as session:
        words = "Closed\u202e for\r\nnow"
        await set_switch(session, "giving", is_off=True, words=words, actor_id=None, now=house.clock.now())

    at[0] = 4.9
    assert not (await cache.get("giving")).is_off
    at[0] = 5.0
    view = await cache.get("giving")

    assert (view.is_off, view.words) == (True, "Closed for now")
    async with house.db.unit_of_work() as session:
        await set_switch(session, "giving", is_off=False, words=None, actor_id=None, now=house.clock.now())
        assert not (await read_switches(session))["giving"].is_off
    cache.forget()
    assert not (await cache.get("giving")).is_off


async def test_unknown_switch_is_an_error(house: House) -> None:
    async with house.db.unit_of_work() as session:
        with pytest.raises(ValueError, match="no switch"):
            await set_switch(session, "givng", is_off=True, words=None, actor_id=None, now=house.clock.now())


async def refuse(house: House, session_id: str, payment_intent_id: str, cause: str) -> None:
    """The bank refuses a card on this page."""
    fact = PaymentRefused(payment_intent_id, "card_declined")
    async with house.db.unit_of_work() as session:
        await tie_payment(session, session_id, payment_intent_id)
        await collect_refusal(session, fact, cause=cause, limits=house.limits, ids=house.ids, now=house.clock.now())


@pytest.mark.parametrize("emails", [1, 60])
async def test_one_form_sent_with_sixty_amounts_opens_no_more_pages_than_sixty_forms(house: House, emails: int) -> None:
    attempt = house.ids.ulid()
    refused = 0
    for number in range(60):
        house.clock.advance(timedelta(seconds=6))
        sent = form(2 + number, email=f"card{number % emails}@example.org")
        try:
            await house.give(sent, attempt_id=attempt, network="198.51.100.9")
        except Refused:
            refused += 1

    assert len(house.sessions) == 60 - refused == (6 if emails == 1 else 10)
    assert len([each for each in house.sessions if each["status"] == "open"]) == 1  # who is refused keeps the page


async def test_page_that_ran_out_is_counted_when_another_is_opened(house: House) -> None:
    attempt = house.ids.ulid()
    await house.give(attempt_id=attempt)
    house.clock.advance(timedelta(minutes=40))
    for number in range(10):
        await house.give(form(email=f"a{number}@example.org"))

    with pytest.raises(Refused):
        await house.give(attempt_id=attempt)


async def test_refused_cards_weigh_on_whoever_carries_an_attempt_on(house: House) -> None:
    attempt = house.ids.ulid()
    await house.open_session(attempt_id=attempt, network="192.0.2.50")
    changed = form(3, email="other@example.org")
    session_id = await house.open_session(changed, attempt_id=attempt, network="192.0.2.60")
    for number in range(10):
        await refuse(house, session_id, "pi_1", f"evt_{number}")

    with pytest.raises(Refused):
        await house.give(form(email="third@example.org"), network="192.0.2.60")
    assert isinstance(await house.give(form(email="third@example.org"), network="192.0.2.50"), GoTo)
    with pytest.raises(Refused):  # the same attempt once more
        await house.give(form(4, email="fourth@example.org"), attempt_id=attempt, network="192.0.2.60")


async def test_address_that_pays_may_give_as_often_as_it_likes(house: House) -> None:
    house.pages = pages = QuickPages(house.clock)
    for number in range(9):
        await house.give(form(email="Dana@Example.org" if number % 2 else "dana@example.org"))
        await house.collect(pages.completed())

    for _ in range(6):
        await house.give(form(email="dana@example.org"))
    with pytest.raises(Refused):
        await house.give(form(email="dana@example.org"), network="192.0.2.8")


async def test_refused_address_does_not_close_the_door_to_its_network(house: House) -> None:
    for _ in range(6):
        await house.give(form(email="dana@example.org"))
    with pytest.raises(Refused):
        await house.give(form(email="dana@example.org"))

    assert isinstance(await house.give(form(email="colleague@example.org")), GoTo)
