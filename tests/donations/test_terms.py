"""On which terms a payment page is made: what staff switched off, and what a one-off keeps for a day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from giving import House, QuickPages, form
from supporters.donations.models import Checkout, Frequency
from supporters.guard.switches import RECURRING, set_switch
from supporters.kit.errors import Conflict
from supporters.payments.facts import CreatedCheckout
from supporters.payments.gateway import GatewayUnavailable
from supporters.payments.pages import CheckoutRequest


class LostOnce(QuickPages):
    """The first answer never comes."""

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CreatedCheckout:
        made = await super().create_checkout(request, idempotency_key=idempotency_key)
        if len(self.made) == 1:
            raise GatewayUnavailable("no answer")
        return made


async def turn(house: House, name: str, *, is_off: bool) -> None:
    async with house.db.unit_of_work() as session:
        await set_switch(session, name, is_off=is_off, words="Later.", actor_id=None, now=house.clock.now())


@pytest.mark.parametrize(
    ("frequency", "interval", "saves"),
    [(Frequency.ONCE, "", True), (Frequency.MONTHLY, "month", False), (Frequency.YEARLY, "year", False)],
)
async def test_a_page_asks_for_its_rhythm_and_only_a_one_off_keeps_its_card(
    house: House, frequency: Frequency, interval: str, saves: bool
) -> None:
    house.pages = pages = QuickPages(house.clock)

    await house.give(form(frequency=frequency))

    assert (pages.made[0].interval, pages.made[0].saves_method) == (interval, saves)
    (page,) = await house.rows(Checkout)
    assert page.forget_method_at == (house.clock.now() + timedelta(hours=24) if saves else None)


@pytest.mark.parametrize("changed", [{"offer_monthly": False}, {"recurring_enabled": False}])
async def test_no_card_is_kept_where_monthly_is_not_offered(house: House, changed: dict[str, bool]) -> None:
    house.pages, house.settings = (pages := QuickPages(house.clock)), replace(house.settings, **changed)

    await house.give()

    assert not pages.made[0].saves_method


async def test_the_same_page_is_asked_for_in_the_same_words_though_switches_turn_meanwhile(house: House) -> None:
    house.pages = pages = LostOnce(house.clock)
    attempt_id = house.ids.ulid()
    await turn(house, "card", is_off=True)
    await house.give(attempt_id=attempt_id)
    await turn(house, "card", is_off=False)
    await turn(house, RECURRING, is_off=True)

    await house.give(attempt_id=attempt_id)

    first, second = pages.made
    assert first.excluded_methods == ("card",)
    assert first == second


async def test_a_promise_while_monthly_is_off_is_refused_and_nothing_is_written(house: House) -> None:
    await turn(house, RECURRING, is_off=True)

    with pytest.raises(Conflict, match="You can give once"):
        await house.give(form(frequency=Frequency.MONTHLY))

    assert await house.donations() == []
