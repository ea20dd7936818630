"""A year of the finance desk by keyboard alone: every kind of difference, four formats, twelve months, six exports."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.async_api import Browser, Page
from year_desk import EMAIL
from year_proofs import (
    by_month,
    differs_from_stripe,
    how_each_was_closed,
    told_by_beancount,
    told_by_hledger,
    unfinished,
    what_is_left,
)
from year_quarters import HAPPENS
from year_rooms import Closed, Dana
from year_world import KNOWN, QUARTERS, YEAR, Quarter, Town, first_after

from discrepancies.stories_of_gifts import IN_EUROS
from discrepancies.storytelling import tell
from paper import SETTINGS_ENV
from supporters.cli_money import verify
from supporters.discrepancies.codes import Code, describe_resolution
from supporters.discrepancies.models import DiscrepancyState
from supporters.kit.clock import FixedClock
from supporters.settings import read_settings
from supporters.staff.actions import add_staff
from whole import ONCE, PASSWORD, Whole

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]
LONG = {
    "test_a_year_is_closed_by_keyboard_alone",
    "test_what_only_another_currency_brings_is_closed_too[euros]",
}
NEW_YEAR = datetime(YEAR, 1, 5, 9, 36, tzinfo=UTC)
ACCOUNT, EUROS = "Unity Trust", "Unity Trust euros"
TARGETS = ("Xero", "QuickBooks", "CSV", "JSON", "beancount", "hledger")
WAYS = {code: story.way for code, story in KNOWN.items()}
Record = Callable[[str, object], None]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NEW_YEAR)


class Journey:
    """The year as it is walked: everybody else, Dana, and what she has done so far."""

    def __init__(self, town: Town, dana: Dana, folder: Path) -> None:
        self.town, self.dana, self.folder = town, dana, folder
        self.closed: list[Closed] = []
        self.certificates: list[Path] = []

    async def bring(self, quarter: Quarter, form: str, starts_on: date, ends_on: date) -> dict[str, str]:
        """The bank's statement of these days is brought in that format; returns what the check says."""
        kept = self.folder / f"{starts_on}-{form}.{quarter.ending}"
        kept.write_bytes(self.town.statement(form, starts_on, ends_on))
        return await self.bring_file(ACCOUNT, kept)

    async def bring_file(self, account: str, kept: Path) -> dict[str, str]:
        """The file is brought and taken."""
        found = await self.dana.bring(account, kept)
        await self.dana.take()
        return found

    async def bring_quarter(self, quarter: Quarter) -> None:
        """All of it in one file, in the quarter's own format."""
        found = await self.bring(quarter, quarter.form, quarter.starts_on, quarter.ends_on)
        assert (int(found["New"]) > 0, found["Here already"]) == (True, "0")

    async def settle(self, *, but: Code | None = None) -> None:
        """What the house is sure of is matched in the night; the rest, and every difference, by Dana."""
        await self.town.night()
        await self.dana.match_all()
        await self.town.night()
        self.closed += await self.dana.close_all(WAYS, but=but)

    async def close(self, *months: date) -> None:
        """These months are closed, and their certificates brought home."""
        for month in months:
            await self.dana.close_month(month)
            self.certificates.append(await self.dana.take_home("a[href*='/certificates/']", self.folder))


async def winter(journey: Journey) -> None:
    await journey.dana.add_account(ACCOUNT, "GBP")
    await journey.bring_quarter(QUARTERS[0])
    await journey.settle()
    await journey.close(*QUARTERS[0].months)


async def spring(journey: Journey) -> None:
    quarter = QUARTERS[1]
    learnt = await journey.dana.switch_rules_on()
    await journey.bring_quarter(quarter)
    again = await journey.bring(QUARTERS[2], "ofx2", quarter.starts_on, quarter.ends_on)
    await journey.settle()
    await journey.close(*quarter.months)
    await journey.dana.write_down("cash", "31", "Collection box")
    await journey.dana.pay_in("26", "CASH-0001")
    await journey.dana.write_down("cheque", "50", "Ada Brook")
    await journey.dana.pay_in("50", "CHEQUE-0001")

    assert again["New"] == "0"
    assert {"P LARKHAM", "EASTMERE BRANCH", "COUNTY NEWS WHOLESALE"} <= set(learnt)


async def summer(journey: Journey) -> None:
    """A cheque was not paid, and one payout of September has not arrived."""
    quarter = QUARTERS[2]
    await journey.bring_quarter(quarter)
    await journey.dana.bounce("Ada Brook")
    await journey.settle(but=Code.PAYOUT_NOT_IN_BANK)
    await journey.close(*quarter.months[:2])


async def autumn(journey: Journey) -> None:
    """November's statement is forgotten at first; there is an account for euros now; and all that is left is closed."""
    quarter = QUARTERS[3]
    october, november, december = quarter.months
    for month in (october, december, november):
        await journey.bring(quarter, quarter.form, month, first_after(month) - timedelta(days=1))
    await journey.dana.add_account(EUROS, "EUR")
    kept = journey.folder / "euros.xml"
    kept.write_bytes(journey.town.statement_in_euros("camt.08", date(YEAR, 9, 1), quarter.ends_on))
    await journey.bring_file(EUROS, kept)
    await journey.settle()
    await journey.close(QUARTERS[2].months[2], *quarter.months)


VISITS = (winter, spring, summer, autumn)


async def at_the_desk(site: Whole, chromium: Browser) -> tuple[Page, Dana]:
    """Dana does the books here, and has an empty browser."""
    async with site.db.unit_of_work() as session:
        now = site.clock.now()
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=site.ids, now=now, passwords=ONCE)
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    return page, Dana(page, site.settings.base_url)


async def test_a_year_is_closed_by_keyboard_alone(
    served: Whole, chromium: Browser, tmp_path: Path, record_property: Record
) -> None:
    town = Town(served)
    page, dana = await at_the_desk(served, chromium)
    journey = Journey(town, dana, tmp_path)

    for happens, visit in zip(HAPPENS, VISITS, strict=True):
        await happens(town)
        if page.url == "about:blank":
            await dana.come()
        await visit(journey)
    differences = await dana.differences_of_payouts()
    board = await dana.board()
    verdict = await dana.ask_whether_books_hold(served.worker.drain)
    files = [await dana.export(target, date(YEAR, 1, 1), date(YEAR, 12, 31), tmp_path) for target in TARGETS]
    checked = CliRunner().invoke(verify, [str(each) for each in journey.certificates])
    await page.context.close()

    for said in await how_each_was_closed(town):
        record_property("proof", said)
    assert (len({each.name for each in files}), checked.exit_code) == (len(TARGETS), 0), checked.output
    assert ({said.strip("£€") for said in differences.values()}, len(differences) >= 20) == ({"0.00"}, True)
    assert verdict == "They hold"
    assert unfinished(board) == []
    assert told_by_beancount(files[-2]) == told_by_hledger(files[-1]) == await by_month(served)
    assert (await what_is_left(served), await differs_from_stripe(served)) == ({}, {})
    assert {kind: told for kind, told in dana.looked.items() if told} == {}
    await served.books_hold()


@pytest.mark.parametrize("settings", [read_settings({**SETTINGS_ENV, "SUPPORTERS_CURRENCY": "EUR"})], ids=["euros"])
async def test_what_only_another_currency_brings_is_closed_too(
    served: Whole, chromium: Browser, record_property: Record
) -> None:
    [story] = IN_EUROS
    town = Town(served)
    told = await tell(town, IN_EUROS)
    page, dana = await at_the_desk(served, chromium)
    await dana.come()

    closed = await dana.close_all({**WAYS, story.code: story.way})

    row = await town.find(story.code, told[story.code])
    assert row is not None
    assert (row.state, row.resolution) == (DiscrepancyState.RESOLVED, story.way.value)
    record_property("proof", f"{story.code.value}: {story.how} -> closed at the desk: {describe_resolution(story.way)}")
    assert row.id in {each.id for each in closed}
    await served.books_hold()
    await page.context.close()
