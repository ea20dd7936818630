"""Matching in a real browser: the list by keyboard alone, the pages behind it, and axe finds nothing."""

import pytest
from playwright.async_api import Browser, Page

import arrivals
from arrivals import bank_line_id, bank_line_row, payout_id, payout_row
from looking import look
from supporters.reconciliation.models import MatchRule
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
LONG = {"test_difference_follows_what_is_ticked_and_is_there_without_script"}
EMAIL = "dana@weeklylamp.example"
WORDY = {"counterparty": "Ａ very long name of a payer whose bank writes everything " + "x" * 80, "text": "r" * 120}
PLAIN = {"text": "STRIPE PAYOUT"}
LINES = [
    bank_line_row(1),
    bank_line_row(2, amount_minor=5_000, **PLAIN),
    bank_line_row(3, amount_minor=42_345, **PLAIN),
    bank_line_row(4, amount_minor=100_000, **PLAIN),
    bank_line_row(5, amount_minor=1_111, **PLAIN),
    bank_line_row(6, amount_minor=4_000, **WORDY),
    bank_line_row(7, amount_minor=-1_250, counterparty="Unity Bank", text="monthly charge"),
]
PAYOUTS = [
    payout_row(1),
    payout_row(2, amount_minor=5_000),
    payout_row(3, amount_minor=30_000),
    payout_row(4, amount_minor=12_345),
    payout_row(5, amount_minor=101_111),
]


async def sign_in(served: Whole, page: Page) -> None:
    clock = served.clock
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=clock.now())
        await arrivals.found_bank(session)
        await arrivals.arrive(session, PAYOUTS, LINES)
        rule = {"id": "7" * 26, "kind": "account", "words": "UNITY BANK", "target": "5060", "state": "proposed"}
        session.add(MatchRule(**rule, learnt_from=3, made_at=clock.now()))
    await page.goto(f"{served.settings.base_url}/desk/sign-in?next=/desk/match")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.id"))


async def press(page: Page, key: str) -> None:
    async with page.expect_navigation():
        await page.keyboard.press(key)


async def test_lines_are_matched_and_undone_by_keyboard(served: Whole, chromium: Browser) -> None:
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    await sign_in(served, page)
    found = {"list": await look(page, shot="match")}
    here = page.url

    await page.locator("[data-row]").first.focus()
    await page.keyboard.press("j")
    assert await focused(page) == bank_line_id(2)
    await page.keyboard.press("x")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("k")
    assert await page.locator("input[name=l1]").is_checked()
    await press(page, "Enter")
    await page.get_by_text(f"Matched with Payout {payout_id(2)}").wait_for()
    assert await focused(page) == bank_line_id(3)  # the place is kept
    found["matched"] = await look(page, shot="match-done")
    await press(page, "u")
    await page.get_by_role("heading", name="What it could be").wait_for()
    found["line"] = await look(page, shot="match-line")
    for key, place in (("n", "ask"), ("e", "except")):
        await page.goto(here)
        await page.locator("[data-row]").first.focus()
        await press(page, key)
        assert page.url.endswith(f"#{place}")
    await page.goto(here)
    await page.locator("[data-row]").nth(5).focus()
    await press(page, "Enter")  # nothing sure: the line's own page
    found["unknown"] = await look(page, shot="match-unknown")

    await page.goto(here)
    await page.get_by_role("button", name="Turn the keys off").click()
    await page.get_by_role("button", name="Turn the keys on").wait_for()
    assert await page.locator("[data-row][tabindex]").count() == 0
    for path in (
        "certain",
        "history",
        "rules",
        f"rules/{'7' * 26}",
        f"together?l0={bank_line_id(4)}&l1={bank_line_id(5)}",
    ):
        await page.goto(f"{served.settings.base_url}/desk/match/{path}")
        found[path] = await look(page, shot=f"match-{path.partition('?')[0].replace('/', '-')}")
    assert {name: told for name, told in found.items() if told} == {}
    await page.context.close()


async def test_difference_follows_what_is_ticked_and_is_there_without_script(served: Whole, chromium: Browser) -> None:
    page = await chromium.new_page()
    await sign_in(served, page)
    await page.goto(f"{served.settings.base_url}/desk/match/{bank_line_id(6)}")
    left = page.locator("[data-left]")

    await page.get_by_label(f"Payout {payout_id(4)}").check()
    assert await left.inner_text() == "−£83.45"
    async with page.expect_navigation():
        await page.get_by_role("button", name="Continue with what is ticked").click()

    assert await left.inner_text() == "−£83.45"
    assert await page.get_by_text("−£83.45 is left. Tick more, or say what the rest is.").count() == 1
    without = await chromium.new_context(java_script_enabled=False, storage_state=await page.context.storage_state())
    plain = await without.new_page()
    await plain.goto(page.url)
    assert await plain.locator("[data-left]").inner_text() == "−£83.45"
    await without.close()
    await page.goto(f"{served.settings.base_url}/desk/match")
    await press(page, "Control+z")  # nothing was done just now
    await page.get_by_role("heading", name="History of matching").wait_for()
    await page.close()
