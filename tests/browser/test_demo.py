"""`supporters demo` as a person meets it: article, form, payment page, thanks, letter, desk, refund.

Walked three times: as usual, with scripts off, and by keyboard alone; then every page is held to axe, light and dark.
"""

import asyncio
import re

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select
from walking import LABELS, Demo, foot, how_much, link_in, press_until, wait_for_thanks

from looking import look
from supporters.checks import run_checks
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Dispute
from supporters.donations.other_models import OtherPayment
from supporters.exports.models import ExportBatch
from supporters.kit.clock import SystemClock
from supporters.kit.db import Database
from supporters.ledger.models import Period
from supporters.payments.models import BalanceTransaction
from supporters.plans.models import Plan, PlanState
from supporters.reconciliation.certificate import read, verify_chain
from supporters.reconciliation.models import Certificate, MatchRule

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


async def test_the_demo_prints_one_labelled_address_a_line(demo: Demo) -> None:
    labelled = [line.partition(":")[0] for line in demo.lines if "http" in line]

    assert labelled == list(LABELS)


async def sign_in(page: Page, demo: Demo) -> None:
    await page.goto(demo.desk)
    await page.get_by_label("Email").fill(demo.email)
    await page.get_by_label("Password").fill(demo.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_text("Needs you").first.wait_for()


async def read_the_letter(page: Page, demo: Demo, email: str, count: int) -> None:
    """The mailbox lists that many letters to the reader."""
    await demo.letters(email, count)
    await page.goto(demo.mailbox)
    await expect(page.get_by_role("row").filter(has_text=email)).to_have_count(count)


async def refund(page: Page, demo: Demo, name: str) -> None:
    """Finance finds the reader's donation and returns all of it."""
    await page.goto(f"{demo.desk}/donations")
    await page.get_by_role("link", name=name).first.click()
    await page.get_by_label("All of it").check(force=True)
    await page.get_by_label("Reason, for the books").select_option("supporter_asked")
    await page.get_by_role("button", name="Refund").click()
    await page.get_by_role("button", name=re.compile("Refund|Return|Yes")).click()
    for _ in range(40):
        if await page.get_by_text("Refunded", exact=False).count():
            break
        await asyncio.sleep(0.5)
        await page.reload()
    await expect(page.get_by_text("Refunded").first).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["usual", "scripts-off"])
async def test_a_reader_gives_and_the_desk_returns_it(demo: Demo, chromium: Browser, *, scripts: bool) -> None:
    context = await chromium.new_context(java_script_enabled=scripts, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    name = "Wren Usual" if scripts else "Wren Plain"
    email = f"{name.lower().replace(' ', '.')}@example.org"

    await page.goto(demo.article)
    ask = await foot(page, scripts=scripts)
    await how_much(ask).get_by_label("£25").check(force=True)
    await ask.locator("[data-go] button").click()
    await page.get_by_role("textbox", name="Email").fill(email)
    await page.get_by_role("textbox", name="Name").fill(name)
    await page.get_by_role("button", name="Give £25").click()
    await page.get_by_role("button", name=re.compile("^Pay £25")).click()
    await wait_for_thanks(page, "Wren")
    await read_the_letter(page, demo, email, 1)
    await page.get_by_role("row").filter(has_text=email).get_by_role("link").first.click()
    await sign_in(page, demo)
    await refund(page, demo, name)
    await read_the_letter(page, demo, email, 2)
    await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["usual", "scripts-off"])
async def test_a_reader_gives_monthly_from_the_article_and_finds_it_on_their_own_pages(
    demo: Demo, chromium: Browser, *, scripts: bool
) -> None:
    context = await chromium.new_context(java_script_enabled=scripts, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    name = "Lark Usual" if scripts else "Lark Plain"
    email = f"{name.lower().replace(' ', '.')}@example.org"

    await page.goto(demo.article)
    ask = await foot(page, scripts=scripts)
    await ask.get_by_role("group", name="How often?").get_by_label("Monthly").check(force=True)
    await how_much(ask, "How much a month?").get_by_label("£10").check(force=True)
    if scripts:
        await expect(ask.locator("[data-go]")).to_contain_text("Give £10 a month")
    await ask.locator("[data-go] button").click()
    await page.get_by_role("textbox", name="Email").fill(email)
    await page.get_by_role("textbox", name="Name").fill(name)
    await expect(page.get_by_text("then £10 on the")).to_be_visible()
    await page.get_by_role("button", name="Give £10 a month").click()
    await page.get_by_role("button", name=re.compile("^(Pay|Subscribe|Start)")).first.click()
    await wait_for_thanks(page, "Lark")
    told = [letter.subject for letter in await demo.letters(email, 2)]
    await page.goto(demo.sign_in)
    await page.get_by_role("textbox", name="Email").fill(email)
    await page.get_by_role("main").get_by_role("button").first.click()
    to_enter = (await demo.letters(email, 3))[0]
    await page.goto(link_in(to_enter, "/sign-in/"))
    await page.get_by_role("main").get_by_role("button").first.click()

    assert any(subject.startswith("Your £10 a month") for subject in told)
    assert any(subject.startswith("Thank you – your £10") for subject in told)
    await expect(page.get_by_role("heading", name="£10 a month")).to_be_visible()
    await expect(page.get_by_role("link", name="Stop", exact=True)).to_be_visible()
    await context.close()


async def test_sample_plans_stand_in_every_state_and_the_books_hold(demo: Demo) -> None:
    db = Database(f"sqlite:///{demo.folder / 'supporters.db'}")
    try:
        async with db.reading() as session:
            plans = (await session.execute(select(Plan.state, Plan.frequency, Plan.method))).all()
            posted = select(BalanceTransaction.reporting_category).where(BalanceTransaction.posted_at.is_not(None))
            booked = set((await session.scalars(posted)).all())
            disputed = await session.scalar(select(func.count()).where(Dispute.closed_at.is_(None)))
            broken = await run_checks(session, now=SystemClock().now())
    finally:
        await db.close()
    states, rhythms, methods = (set(column) for column in zip(*plans, strict=True))

    assert states == set(PlanState)
    assert rhythms == {"monthly", "yearly"}
    assert methods == {"card", "bacs_debit", "standing_order"}
    assert disputed
    assert booked >= {"charge", "refund", "dispute", "payout"}
    assert broken == []


async def test_sample_books_are_closed_but_for_a_month_that_waits(demo: Demo) -> None:
    db = Database(f"sqlite:///{demo.folder / 'supporters.db'}")
    wanted = {
        "proofs": select(Period.bank_proof).where(Period.state == "locked"),
        "rules": select(MatchRule.state),
        "exports": select(ExportBatch.target),
        "certified": select(Certificate.kind).where(Certificate.differences == 0),
        "differences": select(Discrepancy.code),
        "cheques": select(OtherPayment.state).where(OtherPayment.kind == "cheque"),
    }
    try:
        async with db.reading() as session:
            told = {name: list(await session.scalars(query)) for name, query in wanted.items()}
            files = [
                read(body) for body in await session.scalars(select(Certificate.body).order_by(Certificate.number))
            ]
    finally:
        await db.close()

    assert (told["proofs"].count("statement"), told["proofs"].count("elsewhere") > 0) == (3, True)
    assert set(told["rules"]) == {"proposed", "on", "off"}
    assert set(told["exports"]) >= {"xero", "quickbooks", "beancount"}
    assert told["certified"].count("month") == len(told["proofs"])
    assert "payout" in told["certified"]
    assert set(told["differences"]) >= {"BANK_SPLIT", "CHEQUE_BOUNCED", "DEPOSIT_BATCH_OFF", "STANDING_ORDER_MISSED"}
    assert set(told["cheques"]) == {"cleared", "bounced"}
    assert all(each.holds for each in verify_chain(files))


async def refund_by_keyboard(page: Page, demo: Demo) -> None:
    """From the list to the returned donation without touching a mouse."""
    await page.goto(f"{demo.desk}/donations?q=wren.keys@example.org")
    await press_until(page, "main a[href^='/desk/donations/0']")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Wren Keys").wait_for()
    await press_until(page, "input[name=part]")
    await page.keyboard.press("Space")
    await press_until(page, "select[name=reason]")
    await page.keyboard.press("ArrowDown")
    await press_until(page, "button.button--danger")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Refund £").wait_for()
    await press_until(page, "main button[type=submit]")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Wren Keys").wait_for()


async def test_the_whole_way_can_be_walked_by_keyboard_alone(demo: Demo, chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.goto(demo.article)
    await foot(page, scripts=True)
    await press_until(page, "input[name=once]")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/give?**")

    await press_until(page, "#email")
    await page.keyboard.type("wren.keys@example.org")
    await press_until(page, "#name")
    await page.keyboard.type("Wren Keys")
    await press_until(page, "button.button--primary")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/c/pay/**")

    await press_until(page, "button.button--primary")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/thanks/**")
    await read_the_letter(page, demo, "wren.keys@example.org", 1)

    await page.goto(demo.desk)
    await press_until(page, "input[name=email]")
    await page.keyboard.type(demo.email)
    await press_until(page, "input[name=password]")
    await page.keyboard.type(demo.password)
    await page.keyboard.press("Enter")
    await page.get_by_text("Needs you").first.wait_for()
    await refund_by_keyboard(page, demo)
    await read_the_letter(page, demo, "wren.keys@example.org", 2)
    await page.close()


async def every_page(page: Page, demo: Demo) -> dict[str, str]:
    """The address of each kind of page that the demo has, but for articles: `test_foot` looks at those."""
    await page.goto(f"{demo.desk}/donations?q=kofi.mensah@example.org")
    donation = await page.locator("a[href^='/desk/donations/0']").first.get_attribute("href")
    await page.goto(demo.mailbox)
    letter = await page.get_by_role("row").get_by_role("link").first.get_attribute("href")
    base = demo.desk.removesuffix("/desk")
    await page.goto(f"{base}{donation}")
    written = await page.locator("a[href^='/desk/letters/']").first.get_attribute("href")
    desk = ("", "/donations", "/discrepancies", "/events", "/switches", "/nowhere")
    return {
        "donate": demo.donate,
        "mailbox": demo.mailbox,
        "letter": f"{base}{letter}",
        "sandbox": demo.sandbox,
        "donation": f"{base}{donation}",
        "desk-letter": f"{base}{written}",
        **{f"desk{path}": demo.desk + path for path in desk},
    }


async def look_at_paying(page: Page, demo: Demo) -> dict[str, list[str]]:
    """The payment page and the bank's question, which only come with a donation."""
    await page.goto(f"{demo.donate}?amount=25")
    await page.get_by_role("group", name="How often?").get_by_label("One-off").check(force=True)
    await page.get_by_role("textbox", name="Email").fill("wren.looks@example.org")
    await page.get_by_role("textbox", name="Name").fill("Wren Looks")
    await page.get_by_role("button", name="Give £25").click()
    await page.wait_for_url("**/c/pay/**")
    found = {"checkout": await look(page)}
    await page.get_by_role("button", name="after the bank asks for proof").first.click()
    return found | {"proof": await look(page)}


async def look_at_a_refund(page: Page, demo: Demo) -> dict[str, list[str]]:
    """The page that asks once more before money goes back."""
    await page.goto(f"{demo.desk}/donations?state=paid&q=kofi.mensah@example.org")  # whom no journey refunds
    await page.locator("main a[href^='/desk/donations/0']").first.click()
    await page.wait_for_url("**/desk/donations/0*")
    await page.get_by_label("All of it").check(force=True)
    await page.get_by_label("Reason, for the books").select_option("supporter_asked")
    await page.get_by_role("button", name="Refund").click()
    await page.get_by_role("heading", name="Refund £").wait_for()
    return {"refund": await look(page)}


async def test_every_page_of_the_demo_is_accessible_in_both_schemes(demo: Demo, chromium: Browser) -> None:
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.goto(f"{demo.desk}/sign-in")
    found = {"sign-in": await look(page)}
    await sign_in(page, demo)
    for name, address in (await every_page(page, demo)).items():
        await page.goto(address)
        found[name] = await look(page)
    found |= await look_at_paying(page, demo)
    found |= await look_at_a_refund(page, demo)
    await context.close()

    assert {name: told for name, told in found.items() if told} == {}
