"""The desk's pages about discrepancies in a real browser: by keyboard, axe finds nothing, nothing is wider than the screen."""

import pytest
from playwright.async_api import Browser, Page
from sqlalchemy import select

from books import add_lines, line_row
from looking import look
from supporters.discrepancies.codes import Code
from supporters.discrepancies.discuss import add_comment, ask_second
from supporters.discrepancies.evidence import add_evidence
from supporters.discrepancies.examples import EXAMPLES
from supporters.discrepancies.models import Discrepancy
from supporters.discrepancies.open import Difference, open_many
from supporters.kit.money import Money
from supporters.reconciliation.poster import post_new
from supporters.reconciliation.resolutions import Resolution
from supporters.staff.actions import add_staff
from supporters.staff.models import Staff
from whole import PASSWORD, Whole

pytestmark = pytest.mark.browser


LONG = {"test_discrepancies_are_sound_at_every_width_and_closed_by_keyboard"}


async def prepare(site: Whole) -> dict[Code, str]:
    """Every kind once, a line in suspense, a comment, and one that waits for a second person."""
    now = site.clock.now()
    examples = [
        Difference(code=code, subject=each.subject, amount=None if each.minor is None else Money(each.minor, "GBP"))
        for code, each in EXAMPLES.items()
        if code is not Code.UNKNOWN_CATEGORY
    ]
    async with site.db.unit_of_work() as session:
        for name, role in (("dana", "admin"), ("fay", "finance")):
            email = f"{name}@weeklylamp.example"
            await add_staff(session, email, name.title(), role, PASSWORD, ids=site.ids, now=now)
        fay = (await session.scalars(select(Staff.id).where(Staff.role == "finance"))).one()
        await open_many(session, examples, ids=site.ids, now=now)
        await add_lines(session, line_row(9, reporting_category="surprise", fee_minor=0, fee_details=[]))
        await post_new(session, ids=site.ids, now=now, time_zone="Europe/London")
        which = {Code(row.code): row.id for row in await session.execute(select(Discrepancy.code, Discrepancy.id))}
        words = "Stripe answers tomorrow, @Dana.\nI wait until then."
        await add_comment(session, which[Code.UNKNOWN_CATEGORY], words, actor_id=fay, ids=site.ids, now=now)
        letter, name = b"%PDF-1.7 a letter", "A letter of the bank, " + "x" * 80
        await add_evidence(
            session,
            which[Code.UNKNOWN_CATEGORY],
            name=name,
            content=letter,
            actor_id=fay,
            ids=site.ids,
            now=now,
        )
        await ask_second(
            session,
            which[Code.DISPUTE_UNPAID],
            resolution=Resolution.ACCEPTED,
            reason="Stripe says that it will not come.",
            fund_id=None,
            actor_id=fay,
            now=now,
        )
    return which


async def sign_in(page: Page, base: str) -> None:
    await page.goto(f"{base}/desk/sign-in")
    await page.get_by_label("Email address").fill("dana@weeklylamp.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Needs you").wait_for()


async def test_discrepancies_are_sound_at_every_width_and_closed_by_keyboard(served: Whole, chromium: Browser) -> None:
    which, base = await prepare(served), f"{served.settings.base_url}/desk/discrepancies"
    page = await (await chromium.new_context(bypass_csp=True)).new_page()
    await sign_in(page, served.settings.base_url)
    found: dict[str, list[str]] = {}
    for name, path in (
        ("list", ""),
        ("kinds", "?by=kind"),
        ("info", "?view=info"),
        ("second", f"/{which[Code.DISPUTE_UNPAID]}"),
        ("invoice", f"/{which[Code.FEE_WITHOUT_CHARGE]}"),
        ("claims", f"/{which[Code.DUPLICATE_PAYMENT]}"),
        ("one", f"/{which[Code.UNKNOWN_CATEGORY]}"),
    ):
        await page.goto(base + path)
        found[name] = await look(page, shot=f"discrepancies-{name}")

    await page.get_by_label("The money is other income of ours").focus()
    await page.keyboard.press("Space")
    for _field in range(2):
        await page.keyboard.press("Tab")
    await page.keyboard.type("A rebate of the card company.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="How it was closed").wait_for()
    found["closed"] = await look(page, shot="discrepancies-closed")

    assert {name: faults for name, faults in found.items() if faults} == {}
