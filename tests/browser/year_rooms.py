"""What a bookkeeper does in the rooms of the desk: matches lines, closes differences and months, takes exports home."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from year_desk import Bookkeeper

from supporters.discrepancies.codes import Code, Resolution, describe

ACCOUNTS = {
    "P LARKHAM": "Other income",
    "EASTMERE BRANCH": "Other income",
    "SERVICE CHARGE": "Bank fees",
    "REFUND TO READER": "Refunds payable",
}
ASIDE = ("COUNTY NEWS WHOLESALE",)
QUESTION = "A N OTHER"
MOST_LINES = 60


class Closed(NamedTuple):
    """A difference that was closed at the desk, and how."""

    id: str
    code: Code
    way: Resolution


class Dana(Bookkeeper):
    """In every room of Money."""

    # matching

    async def match_all(self) -> None:
        """Every open line is matched, booked, set aside, or somebody is asked about it."""
        await self.open("match")
        await self.look("match")
        asked = set[str]()
        for _ in range(MOST_LINES):
            if not await self.page.locator("[data-row]").count() - len(asked):
                break
            await self._deal_with_next(asked)
        assert await self.page.locator("[data-row]").count() == len(asked)

    async def _deal_with_next(self, asked: set[str]) -> None:
        await self.reach("[data-row]")
        row = self.page.locator("[data-row]:focus")
        while await row.get_attribute("id") in asked:
            await self.page.keyboard.press("j")
        said, here = await row.inner_text(), str(await row.get_attribute("id"))
        is_sure = await row.locator("[data-accept]").count()
        if QUESTION in said:
            asked.add(here)
            await self._ask()
            return
        await self.enter()
        if is_sure:
            await self.page.locator("#done", has_text="Matched with").wait_for()
            await self.look("match-done")
            return
        await self.look("match-line")
        await self._say_what_it_is(said)
        await self.page.locator("#done").wait_for()

    async def _say_what_it_is(self, said: str) -> None:
        account = next((told for name, told in ACCOUNTS.items() if name in said), None)
        if account:
            await self.reach("select#account")
            await self.page.keyboard.type(account)
            await self.write("#note", "As every month.")
            await self.follow("form[action$='/account'] button")
        elif any(name in said for name in ASIDE):
            await self.write("#aside", "The shop's own sales.")
            await self.follow("form[action$='/aside'] button")
        elif await self.main("form[action$='/match']").count():
            await self.follow("form[action$='/match'] button")
        else:
            await self._find_what_it_is()

    async def _find_what_it_is(self) -> None:
        """Nothing is proposed: the payment of that amount is among what the bank should still show."""
        amount = await self.main(".difference .money").nth(1).inner_text()
        tick = self.main("tr").filter(has_text=amount).locator("input[type=checkbox]")
        name = await tick.get_attribute("name")
        await self.reach(f"input[name='{name}'][data-minor]")
        await self.page.keyboard.press("Space")
        await self.page.locator("[data-left]", has_text=re.compile("0[.]00$")).wait_for()
        await self.enter()
        await self.look("match-chosen")
        await self.follow("form[action$='/chosen'] button")

    async def _ask(self) -> None:
        await self.enter("n")
        await self.write("#words", "Who is this? Nothing is written on it.")
        await self.follow("form[action$='/ask'] button")
        await self.open("match")

    async def switch_rules_on(self) -> list[str]:
        """Whatever was learnt is looked at on the past; what was never wrong is switched on. Returns what those rules say."""
        on: list[str] = []
        while True:
            await self.open("match")
            await self.skip()
            await self.follow("a[href='/desk/match/rules']")
            await self.look("rules")
            waiting = self.main("tbody tr").filter(has_text="Proposed")
            if not await waiting.count():
                return on
            link = waiting.first.locator("a").first
            words, address = await link.inner_text(), await link.get_attribute("href")
            await self.skip()
            await self.follow(f"a[href='{address}']")
            await self.skip()
            await self.follow("form[action$='/test'] button")
            await self.look("rule")
            await self.skip()
            if await self.main("form[action$='/on']").count():
                await self.follow("form[action$='/on'] button")
                on.append(words)
            else:
                await self.follow("form[action$='/off'] button")

    # differences

    async def close_all(self, ways: Mapping[Code, Resolution], *, but: Code | None = None) -> list[Closed]:
        """The list is worked from the top until nothing is on it, `but` that kind; what is for information is closed as read."""
        closed: list[Closed] = []
        await self.open("discrepancies")
        await self.look("discrepancies")
        while True:
            here = await self._next_link(but)
            if not here:
                break
            await self.skip()
            await self.follow(f"main a[href='{here}']")
            await self.look("discrepancy")
            closed.append(await self._close_this(ways))
            await self.look("discrepancy-closed")
            await self.skip()
            await self.follow(".crumb a")
        await self._read_all()
        return closed

    async def _next_link(self, but: Code | None) -> str:
        """The first difference on the list that is not of the kind that waits."""
        for link in await self.main("tbody th a").all():
            if but is None or describe(but) != await link.inner_text():
                return str(await link.get_attribute("href"))
        return ""

    async def _close_this(self, ways: Mapping[Code, Resolution]) -> Closed:
        code = Code(await self.main("section[aria-labelledby=facts] .id").last.inner_text())
        way, number = ways[code], self.page.url.rpartition("/")[2]
        await self.skip()
        await self.choose("way", way.value)
        await self.write("#reason", f"{code.value} as it was told.")
        if await self.main("#alone").count():
            await self.write("#alone", "Nobody else does the books this year.")
        await self.follow("main form button.button--primary")
        await self.page.get_by_role("heading", name="How it was closed").wait_for()
        return Closed(number, code, way)

    async def _read_all(self) -> None:
        await self.skip()
        await self.follow(".chips a[href$='view=info']")
        await self.look("discrepancies-info")
        if await self.main("form[action$='/read'] button").count():
            await self.skip()
            await self.follow("form[action$='/read'] button")
        await self.main(".empty").wait_for()

    # months

    async def close_month(self, month: date) -> None:
        """Everything on its checklist is done, and it is closed with statements."""
        name = f"{month:%Y-%m}"
        await self.open("months")
        await self.look("months")
        await self.skip()
        await self.follow(f"main a[href='/desk/months/{name}']")
        todo = await self.main(".checklist li").filter(has_not_text="Done").all_inner_texts()
        if todo:
            raise AssertionError(f"{name}: {todo}")
        await self.look("month")
        await self.skip()
        await self.choose("proof", "statement")
        await self.follow("form[action$='/close'] button")
        await self.shows("The month is closed, and its certificate is made.")
        await self.look("month-closed")

    async def take_home(self, wanted: str, folder: Path) -> Path:
        """What the link leads to is downloaded."""
        await self.skip()
        async with self.page.expect_download() as coming:
            await self.reach(wanted)
            await self.page.keyboard.press("Enter")
        download = await coming.value
        kept = folder / download.suggested_filename
        await download.save_as(kept)
        return kept

    # money that never met Stripe

    async def write_down(self, kind: str, amount: str, name: str) -> None:
        """Somebody has brought cash or a cheque."""
        await self.open("other-money")
        await self.look("other-money")
        await self.skip()
        await self.follow("main a[href='/desk/other-money/new']")
        await self.look("other-new")
        await self.skip()
        await self.choose("kind", kind)
        await self.write("#amount", amount)
        await self.write("#name", name)
        await self.enter()

    async def pay_in(self, counted: str, reference: str) -> None:
        """All that waits is counted and goes to the bank."""
        await self.open("other-money")
        await self.skip()
        await self.reach("input[name=p0]")
        await self.page.keyboard.press("Space")
        await self.write("#counted", counted)
        await self.write("#reference", reference)
        await self.enter()

    async def bounce(self, name: str) -> None:
        """The bank did not pay that giver's cheque."""
        await self.open("other-money")
        address = (
            await self.main("section[aria-labelledby=payments] tbody a").filter(has_text=name).get_attribute("href")
        )
        await self.skip()
        await self.follow(f"section[aria-labelledby=payments] a[href='{address}']")
        await self.look("other-payment")
        await self.skip()
        await self.write("#bounce-words", "There was no money on the account.")
        await self.follow("form[action$='/bounce'] button")

    # what goes out, and what must hold

    async def export(self, target: str, starts_on: date, ends_on: date, folder: Path) -> Path:
        """The books of these days go out for that program; the file is brought home."""
        await self.open("exports")
        await self.look("exports")
        await self.skip()
        await self.reach("select#f-target")
        await self.page.keyboard.type(target)
        await self.write_day("#f-from", starts_on)
        await self.write_day("#f-to", ends_on)
        await self.choose("mode", "payout")
        await self.follow("form[action='/desk/exports/new'] button")
        await self.page.locator("h1", has_text=target).wait_for()
        await self.look("export-preview")
        await self.skip()
        await self.follow("form[action='/desk/exports'] button")
        await self.page.get_by_text("The file is made.").wait_for()
        await self.look("export-made")
        return await self.take_home("a[href$='/file']", folder)

    async def differences_of_payouts(self) -> dict[str, str]:
        """Of every payout that has arrived: what its page says is the difference."""
        found: dict[str, str] = {}
        await self.open("payouts")
        await self.look("payouts")
        rows = [
            (await row.inner_text(), await row.locator("a").first.get_attribute("href"))
            for row in await self.main("tbody tr").all()
        ]
        for said, address in rows:
            if "Came back" in said:
                continue
            await self.skip()
            await self.follow(f"main a[href='{address}']")
            await self.look("payout")
            found[str(address).rpartition("/")[2]] = await self.main(".difference .money").inner_text()
            await self.skip()
            await self.follow(".crumb a")
        return found

    async def board(self) -> list[list[str]]:
        """Every month as the board shows it, the latest first."""
        await self.open("months")
        await self.look("months-in-the-end")
        shown = await self._rows()
        while await self.main("a[rel=next]").count():
            await self.skip()
            await self.follow("main a[rel=next]")
            shown += await self._rows()
        return shown

    async def _rows(self) -> list[list[str]]:
        return [await row.locator("th, td").all_inner_texts() for row in await self.main("tbody tr").all()]

    async def ask_whether_books_hold(self, work: Callable[[], Awaitable[object]]) -> str:
        """The books are checked now; returns what the page says of them when `work` is done."""
        await self.open("books")
        await self.skip()
        await self.follow("form[action='/desk/books'] button")
        await work()
        await self.open("books")
        await self.look("books")
        return await self.main(".tag--box").inner_text()
