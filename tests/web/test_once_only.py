"""An installation that offers giving once only: it says nothing of monthly, and nothing of a switch."""

import re
from dataclasses import replace

import pytest

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, hidden_fields, running, words


@pytest.fixture
def once_only(settings: Settings) -> Settings:
    return replace(settings, recurring_enabled=False)


async def test_where_monthly_is_not_offered_a_link_to_it_leads_to_giving_once_and_nothing_is_said_of_a_switch(
    sqlite_db: Database, clock: FixedClock, once_only: Settings, mailbag: Mailbag
) -> None:
    async with running(sqlite_db, clock, Ids(clock), once_only, mailbag) as site:
        page = await site.reader.get("/give", params={"frequency": "monthly", "amount": "10"})
        refused = await site.give(amount="10", frequency="monthly", monthly="other")

        assert page.status_code == 200
        assert hidden_fields(page.text)["frequency"] == "once"
        assert 'role="status"' not in page.text
        assert "onthly" not in words(page.text)
        assert refused.status_code == 422
        assert "Monthly and yearly donations are not offered here; you can give once" in words(refused.text)
        assert "at the moment" not in words(refused.text)
        assert site.sandbox.objects("checkout.session") == []


async def test_the_desk_shows_no_switch_for_what_is_not_offered(
    sqlite_db: Database, clock: FixedClock, settings: Settings, once_only: Settings, mailbag: Mailbag
) -> None:
    shown: dict[bool, list[str]] = {}
    for here in (settings, once_only):
        async with running(sqlite_db, clock, Ids(clock), here, mailbag) as site:
            desk = await site.staff("admin" if here is settings else "finance")
            page = (await desk.get("/desk/switches")).text
            shown[here.recurring_enabled] = re.findall(r"<h2[^>]*>\s*(.*?)\s*</h2>", page)
            await desk.aclose()

    assert set(shown[True]) - set(shown[False]) == {"Monthly and yearly"}
    assert set(shown[False]) < set(shown[True])
