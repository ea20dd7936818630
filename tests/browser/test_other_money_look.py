"""Other money in a real browser: a reader's promise and the desk's pages are without faults in both schemes and widths."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import insert, select

from arrivals import bank_line_id, bank_line_row, found_bank
from looking import look
from supporters.bank.models import BankLine
from supporters.donations.other_models import GivingAccount, OtherPayment
from supporters.jobs.queue import enqueue
from supporters.reconciliation.match_jobs import LEARN_RULES
from supporters.reconciliation.models import MatchRule
from supporters.staff.actions import add_staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser
LONG = {"test_promise_and_desk_look_right", "test_what_staff_do_by_hand_looks_right"}
EMAIL = "dana@weeklylamp.example"


async def test_promise_and_desk_look_right(served: Whole, chromium: Browser) -> None:
    base, now = served.settings.base_url, served.clock.now()
    account = {"currency": "GBP", "holder": "The Weekly Lamp Ltd", "numbers": "Sort code 12-34-56\nAccount 12345678"}
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=now)
        await session.execute(insert(GivingAccount).values(**account, is_shown=True, changed_by="dana", changed_at=now))
    page = await (await chromium.new_context(bypass_csp=True, java_script_enabled=True)).new_page()
    found: dict[str, list[str]] = {}

    await page.goto(f"{base}/other-ways")
    found["form"] = await look(page, shot="other-ways")
    await page.get_by_text("Every month").click()
    await page.get_by_label("Amount in GBP").fill("10")
    await page.get_by_label("Email").fill("jo@reader.example")
    await page.get_by_label("Your name").fill("Jo Smith")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Get my reference").press("Enter")
    found["made"] = await look(page, shot="other-ways-made")
    await page.goto(f"{base}/desk/sign-in?next=/desk/other-money/new")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.get_by_label("Cheque", exact=True).check()
    await page.get_by_label("Amount").fill("50")
    await page.get_by_label("Who gave it").fill("Rosa Kane")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Write it down").press("Enter")
    found["payment"] = await look(page, shot="other-payment")
    await page.goto(f"{base}/desk/other-money")
    found["list"] = await look(page, shot="other-money")

    assert {name: faults for name, faults in found.items() if faults} == {}


async def bring_lines(served: Whole) -> None:
    """Four months of one payer's standing order, and a credit of somebody else."""
    today = served.clock.now().date()
    said = {"counterparty": "P LARKHAM", "counterparty_hash": "payer", "amount_minor": 1_000, "text": "THE LAMP"}
    days = [today - timedelta(days=30 * months) for months in (4, 3, 2, 1)]
    rows = [bank_line_row(number, booked_on=day, **said) for number, day in enumerate(days, 1)]
    rows.append(bank_line_row(9, booked_on=today, amount_minor=2_500, counterparty="M RIVERA", text="KEEP GOING"))
    async with served.db.unit_of_work() as session:
        await found_bank(session)
        await session.execute(insert(BankLine), rows)
        await enqueue(session, LEARN_RULES, {}, ids=served.ids, now=served.clock.now())
    await served.settle()


async def press(page: Page, name: str) -> None:
    async with page.expect_navigation():
        await page.get_by_role("button", name=name).first.press("Enter")


async def test_what_staff_do_by_hand_looks_right(served: Whole, chromium: Browser) -> None:
    base, now = served.settings.base_url, served.clock.now()
    account = {"currency": "GBP", "holder": "The Weekly Lamp Ltd", "numbers": "Sort code 12-34-56\nAccount 12345678"}
    async with served.db.unit_of_work() as session:
        await add_staff(session, EMAIL, "Dana Whitlow", "finance", PASSWORD, ids=served.ids, now=now)
    await bring_lines(served)
    page = await (await chromium.new_context(bypass_csp=True, java_script_enabled=True)).new_page()
    found: dict[str, list[str]] = {}

    await page.goto(f"{base}/other-ways")
    found["no account"] = await look(page, shot="other-ways-none")
    async with served.db.unit_of_work() as session:
        await session.execute(insert(GivingAccount).values(**account, is_shown=True, changed_by="dana", changed_at=now))
        rule_id = (await session.scalars(select(MatchRule.id))).one()
    await page.goto(f"{base}/desk/sign-in?next=/desk/match/{bank_line_id(9)}")
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    found["line"] = await look(page, shot="gift-line")
    await page.get_by_role("link", name="Write it down as a gift").click()
    await page.get_by_label("Look for somebody on file").fill("rivera")
    await press(page, "Look")
    await press(page, "Write it down and match it")
    found["gift"] = await look(page, shot="gift")
    await page.get_by_label("Somebody new, as written below").check()
    await press(page, "Write it down and match it")
    async with served.db.reading() as session:
        payment_id = (await session.scalars(select(OtherPayment.id))).one()
    await page.goto(f"{base}/desk/other-money/{payment_id}")
    await page.get_by_label("Amount in GBP").fill("10")
    await page.get_by_label("Bank transfer").check()
    await page.get_by_label("Why", exact=True).select_option("other")
    await press(page, "Write down that it was paid back")
    found["paid back"] = await look(page, shot="paid-back")
    await page.goto(f"{base}/desk/other-money/promise")
    await press(page, "Take it down")
    found["promise"] = await look(page, shot="promise-wrong")
    await page.goto(f"{base}/desk/match/rules")
    found["rules"] = await look(page, shot="rules")
    await page.goto(f"{base}/desk/match/rules/{rule_id}")
    await press(page, "Look at what it would have done")
    found["rule"] = await look(page, shot="rule-standing")
    await page.get_by_label("Somebody new, as written below").check()
    await page.get_by_label("One statement a year").check()
    await press(page, "Switch it on")
    await served.settle()
    await page.reload()
    found["rule on"] = await look(page, shot="rule-standing-on")

    assert {name: faults for name, faults in found.items() if faults} == {}
