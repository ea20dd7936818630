"""From the foot of an article on each of the three sites, and back: giving, and the daily email.

On every site in each way of reading: with the script, without any, with ours blocked, and by keyboard alone.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from walking import Demo, foot, how_much, link_in, press_until, wait_for_thanks

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SITES = ("pelican", "plain", "strict")
WAYS = ("script", "none", "blocked", "keyboard")
WITH_SCRIPT = ("script", "keyboard")
GIVES, SIGNS_UP = (
    "test_reader_gives_at_an_articles_foot_and_comes_back_to_it",
    "test_reader_signs_up_at_an_articles_foot_confirms_and_stops",
)
WALKED = {GIVES: ("script-pelican", "none-plain"), SIGNS_UP: ("keyboard-pelican", "blocked-strict")}
# Every way and every site is walked by one of those; each way on each site by `make e2e`.
LONG = {
    f"{name}[{how}-{site}]" for name in WALKED for how in WAYS for site in SITES if f"{how}-{site}" not in WALKED[name]
}
on_every_site = pytest.mark.parametrize("site", SITES)
in_every_way = pytest.mark.parametrize("how", WAYS)


@asynccontextmanager
async def reading(chromium: Browser, address: str, how: str) -> AsyncIterator[Page]:
    """The article, open on a phone of a reader who has nothing to do with the others."""
    context = await chromium.new_context(java_script_enabled=how != "none", viewport={"width": 390, "height": 844})
    page = await context.new_page()
    if how == "blocked":
        await page.route(re.compile(r"/p/v1/prompt.*\.js"), lambda route: route.abort())
    await page.goto(address)
    yield page
    await context.close()


async def give_by_mouse(page: Page, name: str, *, scripts: bool) -> None:
    """From the foot of the article to the thank-you page, and back."""
    ask = await foot(page, scripts=scripts)
    await how_much(ask).get_by_label("£10").check(force=True)
    await ask.locator("[data-go] button").click()
    await page.wait_for_url("**/give?**")
    await pay(page, name)
    await page.get_by_role("link", name="Back to the article").first.click()


async def give_by_keyboard(page: Page, name: str) -> None:
    """The same without touching a mouse."""
    await foot(page, scripts=True)
    await press_until(page, "input[name=once]")
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/give?**")
    await press_until(page, "#email")
    await page.keyboard.type(f"{name.lower()}@sites.example.org")
    await press_until(page, "#name")
    await page.keyboard.type(name)
    await press_until(page, "button.button--primary")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/c/pay/**")
    await press_until(page, "button.button--primary")
    await page.keyboard.press("Enter")
    await wait_for_thanks(page, name)
    await press_until(page, "main a[href*='#supporters-thanks']")
    await page.keyboard.press("Enter")


async def pay(page: Page, name: str) -> None:
    """From the donation form to the thank-you page."""
    await page.get_by_role("textbox", name="Email").fill(f"{name.lower()}@sites.example.org")
    await page.get_by_role("textbox", name="Name").fill(name)
    await page.get_by_role("button", name="Give £10").click()
    await page.get_by_role("button", name=re.compile("^Pay £10")).click()
    await wait_for_thanks(page, name)


def shown(page: Page, words: str) -> Locator:
    """These words, where the script shows them."""
    return page.locator("supporter-prompt .box").get_by_text(words)


@on_every_site
@in_every_way
async def test_reader_gives_at_an_articles_foot_and_comes_back_to_it(
    demo: Demo, chromium: Browser, site: str, how: str
) -> None:
    article, name = demo.sites[site], f"{site.title()}{how.title()}"
    async with reading(chromium, article, how) as page:
        if how == "keyboard":
            await give_by_keyboard(page, name)
        else:
            await give_by_mouse(page, name, scripts=how == "script")

        await page.wait_for_url(f"{article}*")
        if how in WITH_SCRIPT:
            await expect(shown(page, "Thank you for giving to The Weekly Lamp.")).to_be_visible()
            assert page.url == article
            assert await page.evaluate("localStorage.length") == 0
            await page.reload()
            await expect(how_much(await foot(page, scripts=True)).get_by_label("£10")).to_be_attached()
        else:
            await expect(page.get_by_role("heading", name="Make a donation to The Weekly Lamp")).to_be_visible()
    (receipt,) = await demo.letters(f"{name.lower()}@sites.example.org", 1)
    assert "£10" in receipt.text


async def test_who_wishes_it_is_not_asked_again_on_that_device(demo: Demo, chromium: Browser) -> None:
    async with reading(chromium, demo.article, "script") as page:
        ask = await foot(page, scripts=True)
        await how_much(ask).get_by_label("£10").check(force=True)
        await ask.locator("[data-go] button").click()
        await pay(page, "Quietly")

        await page.get_by_role("link", name="don’t ask me on this device").click()

        await expect(shown(page, "Thank you for giving to The Weekly Lamp.")).to_be_visible()
        await page.goto(demo.article)
        asking = page.locator("supporter-prompt .box [data-go] button")
        await expect(await foot(page, scripts=True)).to_have_attribute("data-state", "later")
        await expect(asking).to_be_hidden()
        kept = await page.evaluate("Object.entries(localStorage)")
        assert [key for key, _value in kept] == ["supporters"]


@on_every_site
@in_every_way
async def test_reader_signs_up_at_an_articles_foot_confirms_and_stops(
    demo: Demo, chromium: Browser, site: str, how: str
) -> None:
    demo.let_an_hour_pass_for_sign_ups()
    email = f"{site}.{how}@news.example.org"
    async with reading(chromium, demo.sites[site], how) as page:
        if how == "keyboard":
            await sign_up_by_keyboard(page, demo, email)
        else:
            await sign_up_by_mouse(page, demo, email, scripts=how == "script")
        chosen = page.get_by_role("checkbox", name=re.compile("Morning Light"))
        await expect(chosen).to_be_checked()

        await press_the_stop_of_the_letter(demo, email)

        await page.reload()
        await expect(page.get_by_role("checkbox", name=re.compile("Morning Light"))).not_to_be_checked()


async def sign_up_by_mouse(page: Page, demo: Demo, email: str, *, scripts: bool) -> None:
    """From the foot of the article by way of the letter to the preference page."""
    ask = await foot(page, scripts=scripts)
    await ask.locator("[data-news] input[type=email]").fill(email)
    await ask.locator("[data-news] button").click()
    await page.get_by_role("heading", name="Check your inbox").wait_for()

    (asked,) = await demo.letters(email, 1)
    await page.goto(link_in(asked, "/news/confirm/"))
    await page.get_by_role("button", name="Confirm Morning Light").click()
    await page.get_by_text("Confirmed.").wait_for()
    await page.get_by_role("link", name="Choose what you get").click()
    await page.get_by_role("heading", name="What you get").wait_for()


async def sign_up_by_keyboard(page: Page, demo: Demo, email: str) -> None:
    """The same without touching a mouse."""
    await foot(page, scripts=True)
    await press_until(page, "[data-news] input[type=email]")
    await page.keyboard.type(email)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Check your inbox").wait_for()

    (asked,) = await demo.letters(email, 1)
    await page.goto(link_in(asked, "/news/confirm/"))
    await press_until(page, "button.button--primary")
    await page.keyboard.press("Enter")
    await page.get_by_text("Confirmed.").wait_for()
    await press_until(page, "main a[href*='/news/']")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="What you get").wait_for()


async def press_the_stop_of_the_letter(demo: Demo, email: str) -> None:
    """What a mail program does when its reader presses Unsubscribe: one POST, as RFC 8058 has it."""
    welcome = (await demo.letters(email, 2))[0]
    headers = {name.lower(): value for name, value in welcome.headers}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    address = re.findall(r"<(http[^>]+)>", headers["list-unsubscribe"])[0]
    async with httpx.AsyncClient() as mail_program:
        answer = await mail_program.post(address, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code in {200, 202, 204}


async def test_reader_stops_at_the_letters_page_by_keyboard_alone(demo: Demo, chromium: Browser) -> None:
    demo.let_an_hour_pass_for_sign_ups()
    email = "keys.stop@news.example.org"
    async with reading(chromium, demo.sites["plain"], "keyboard") as page:
        await sign_up_by_keyboard(page, demo, email)
        stop = link_in((await demo.letters(email, 2))[0], "/news/stop/")

        await page.goto(stop)
        await press_until(page, "button.button--primary")
        await page.keyboard.press("Enter")

        await page.get_by_role("link", name="Choose what you get").click()
        await expect(page.get_by_role("checkbox", name=re.compile("Morning Light"))).not_to_be_checked()


async def test_articles_that_editors_keep_free_do_not_ask(demo: Demo, chromium: Browser) -> None:
    site = demo.article.rpartition("/")[0]
    async with reading(chromium, demo.article, "none") as page:
        asking = {}
        for path in ("inquest-opens-into-the-mill-fire", "edie-marlow-who-taught-the-town-to-swim", "issue-2821"):
            await page.goto(f"{site}/{path}.html")
            asking[path] = await page.locator("supporter-prompt").count()

    assert list(asking.values()) == [0, 0, 1]
