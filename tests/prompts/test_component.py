"""<supporter-prompt> in a real browser: every state, hostile and strict pages, no shift, and storage that fails."""

import itertools
import json
from typing import Any

import pytest
from hosting import HOSTILE, PAPER, STRICT, Host
from playwright.async_api import Locator, Page

from coming import come_near
from looking import faults

pytestmark = pytest.mark.browser

DAY_MS = 86_400_000
BOX = "supporter-prompt .box"
WATCH_SHIFTS = """
window.shifts = 0;
new PerformanceObserver(list => { for (const each of list.getEntries()) window.shifts += each.value })
  .observe({type: "layout-shift", buffered: true});
"""


async def state(page: Page) -> str | None:
    return await page.locator(BOX).get_attribute("data-state")


def once(page: Page) -> Locator:
    """The amounts to give once: they stand there until another rhythm is chosen."""
    return page.locator(BOX).get_by_role("group", name="How much?", exact=True)


async def stored(page: Page) -> Any:
    return json.loads(await page.evaluate("localStorage.getItem('supporters') || 'null'"))


async def test_choosing_changes_the_button_and_a_wrong_amount_is_said_before_anything_is_sent(host: Host) -> None:
    page = await host.open("/news/ferry?utm_source=letter&utm_source=again")
    button, other = page.locator(f"{BOX} [data-go] button"), page.locator(f"{BOX} [name=other]")
    assert await state(page) == "ask"
    assert await page.locator(f"{BOX} :checked").count() == 0
    assert not await other.is_visible()

    await button.click()
    assert await page.locator(f"{BOX} [data-error]").inner_text() == "Choose an amount."
    await once(page).get_by_label("£10").check()
    assert await button.inner_text() == "Give £10"
    await once(page).get_by_label("Other").check()
    assert await button.inner_text() == "Continue"
    for wrong in ("1", "ten", "", "-5", "10000000"):
        await other.fill(wrong)
        await button.click()
        assert await page.locator(f"{BOX} [data-error]").inner_text() == "Give an amount between £2 and £10,000.", wrong
        assert await other.get_attribute("aria-invalid") == "true"
        assert await page.evaluate("document.activeElement.shadowRoot.activeElement.name") == "other"
    assert host.sent == []
    assert await faults(page) == []

    await other.fill("12,50")
    await button.click()
    await page.wait_for_url("https://give.example/**")

    sent = page.url.partition("?")[2].split("&")
    assert {"once=other", "other=12%2C50", "issue=2822", "placement=article-foot"} <= set(sent)
    assert {"article=%2Fnews%2Fferry", "utm_source=letter", "appeal=general"} <= set(sent)
    assert "utm_source=again" not in sent  # a field said twice would be refused
    assert host.errors == []


async def test_choosing_a_rhythm_shows_its_own_amounts_and_the_button_says_the_whole_sentence(host: Host) -> None:
    page = await host.open()
    box, button = page.locator(BOX), page.locator(f"{BOX} [data-go] button")
    shown = {}
    for rhythm in ("Monthly", "Yearly", "One-off"):
        await box.get_by_role("group", name="How often?").get_by_label(rhythm).check()
        [ladder] = await box.locator("[data-ladder]:visible").all()
        await ladder.locator("[data-rung] input").last.check()
        shown[rhythm] = (await ladder.locator("legend").inner_text(), await button.inner_text())
        assert await faults(page) == []

    await box.get_by_role("group", name="How often?").get_by_label("Monthly").check()
    await button.click()
    await page.wait_for_url("https://give.example/**")

    assert shown == {
        "Monthly": ("How much a month?", "Give £5 a month"),
        "Yearly": ("How much a year?", "Give £25 a year"),
        "One-off": ("How much?", "Give £50"),
    }
    assert {"frequency=monthly", "monthly=5"} <= set(page.url.partition("?")[2].split("&"))
    assert host.errors == []


async def test_not_now_rests_longer_each_time_and_leaves_a_line(host: Host) -> None:
    page = await host.open()
    rests = []
    for times, days in ((1, 14), (2, 30), (3, 90), (4, 90)):
        await page.get_by_role("button", name="Not now").click()
        kept = await stored(page)
        rests.append((kept["times"], round((kept["later"] - await page.evaluate("Date.now()")) / DAY_MS)))
        assert rests[-1] == (times, days)
        assert await page.locator(BOX).get_by_role("link", name="Make a donation to The Weekly Lamp").is_visible()
        assert not await page.locator(f"{BOX} [data-go]").is_visible()
        await page.evaluate("o => localStorage.setItem('supporters', JSON.stringify(o))", kept | {"later": 1})
        await page.reload()
        await page.wait_for_timeout(100)
        assert await state(page) == "ask"
    await page.get_by_role("button", name="Not now").click()
    await page.reload()
    await page.wait_for_timeout(100)
    assert await state(page) == "later"
    assert await faults(page) == []
    assert set(await stored(page)) == {"later", "times"}


async def test_who_already_gives_is_thanked_and_may_be_asked_again(host: Host) -> None:
    page = await host.open()

    await page.get_by_role("button", name="I already give").click()
    await page.reload()
    await page.wait_for_timeout(100)

    assert await stored(page) == {"gives": True}
    assert "readers like you pay for The Weekly Lamp" in await page.locator(BOX).inner_text()
    assert await page.get_by_role("link", name="Your giving").get_attribute("href") == "https://give.example/sign-in"
    assert await faults(page) == []
    await page.get_by_role("button", name="You may ask me again").click()
    assert await state(page) == "ask"
    assert await stored(page) == {}


async def test_after_giving_the_article_says_thanks_and_stays_quiet_only_if_asked(host: Host) -> None:
    page = await host.open("/news/ferry?page=2#supporters-thanks")
    assert await state(page) == "given"
    assert await page.locator(BOX).get_by_role("status").inner_text() == "Thank you for giving to The Weekly Lamp."
    assert page.url == f"{PAPER}/news/ferry?page=2"
    assert await stored(page) is None

    quiet = await host.open("/news/ferry#supporters-thanks-quiet")

    assert await state(quiet) == "given"
    kept = await stored(quiet)
    assert round((kept["later"] - await quiet.evaluate("Date.now()")) / DAY_MS) == 180
    await quiet.reload()
    await quiet.wait_for_timeout(100)
    assert await state(quiet) == "later"
    other = await host.open("/news/ferry#supporters-thanksgiving")
    assert other.url.endswith("#supporters-thanksgiving")


async def test_under_a_strict_policy_and_hostile_rules_it_looks_the_same(host: Host) -> None:
    host.before = '<section class="long">Story.</section>' * 9
    host.style = ".long{height:200px}supporter-prompt{display:block}"
    plain = await host.open()
    await come_near(plain)
    shapes = "document.querySelector('supporter-prompt').shadowRoot.querySelectorAll('h2,label,button,fieldset')"
    measure = f"[...{shapes}].map(one => [one.tagName, one.offsetHeight, getComputedStyle(one).float])"
    expected = await plain.evaluate(measure)
    await plain.close()
    host.csp, host.style = STRICT, host.style + HOSTILE + "supporter-prompt{font-family:serif}"
    host.errors.clear()

    page = await host.open()
    await come_near(page)

    assert host.errors == [], host.errors
    assert await state(page) == "ask"
    assert await page.evaluate(measure) == expected
    assert await page.locator(f"{BOX} [data-go] button").is_visible()
    await once(page).get_by_label("£25").check()
    await page.locator(f"{BOX} [data-go] button").click()
    await page.wait_for_url("https://give.example/**")


async def test_no_words_move_in_sight_and_new_ones_come_when_nobody_looks(host: Host) -> None:
    host.published = host.content | {
        "version": 2, "heading": "Help print issue 2823", "why": "Much longer. " * 60, "appeal": "winter",
        "amounts": host.content["amounts"] | {"once": [["7", "£7"], ["70", "£70"]]}, "limits": ["3", "900"],
    }  # fmt: skip
    await host.context.add_init_script(WATCH_SHIFTS)
    page = await host.open()
    await page.wait_for_timeout(200)
    assert await page.locator(f"{BOX} [part=heading]").inner_text() == "Make a donation to The Weekly Lamp"
    assert await page.evaluate("window.shifts") == 0

    host.before = "<p>Story.</p>" * 80
    long = await host.open()
    await come_near(long)
    await long.wait_for_timeout(200)
    await long.locator("footer").scroll_into_view_if_needed()
    await long.wait_for_timeout(100)

    assert await long.locator(f"{BOX} [part=heading]").inner_text() == "Help print issue 2823"
    assert await once(long).locator("[data-rung]").all_inner_texts() == ["£7", "£70"]
    assert await long.locator(f"{BOX} [name=appeal]").get_attribute("value") == "winter"
    assert await long.evaluate("window.shifts") == 0
    assert host.asked.count("article-foot.json") == 2


async def test_a_rhythm_that_is_switched_off_goes_from_pages_that_were_made_before(host: Host) -> None:
    host.before = "<p>Story.</p>" * 80
    host.published = host.content | {
        "version": 2, "heading": "Once only", "frequencies": ["once"], "amounts": {"once": host.content["amounts"]["once"]},
    }  # fmt: skip
    page = await host.open()
    await come_near(page)
    await page.wait_for_timeout(200)
    await page.locator("footer").scroll_into_view_if_needed()
    await page.wait_for_timeout(100)

    assert await page.locator(f"{BOX} [part=heading]").inner_text() == "Once only"
    assert await page.locator(f"{BOX} [name=frequency]").evaluate_all("all => all.map(each => each.value)") == ["once"]
    assert await page.locator(f"{BOX} [data-ladder]").count() == 1


async def test_the_block_takes_its_coat_without_a_shift(host: Host) -> None:
    await host.context.add_init_script(WATCH_SHIFTS)
    host.published = None  # our service is down
    styles = ("supporter-prompt{display:block}", "p,h2,fieldset{margin:0;padding:0}label{display:inline}")
    for style, width in itertools.product(styles, (390, 1280)):
        host.style = style
        page = await host.context.new_page()
        await page.set_viewport_size({"width": width, "height": 1000})
        await host.open(page=page)
        await page.wait_for_timeout(100)
        assert await page.evaluate("window.shifts") == 0, (style, width)
        assert await page.get_by_role("button", name="Continue").is_visible(), (style, width)
        await page.close()


async def test_editors_veto_hides_the_block_on_its_page_and_tag(host: Host) -> None:
    host.before = "<p>Story.</p>" * 80
    for quiet in ({"paths": ["/news/ferry"], "tags": [], "ranges": []}, {"paths": [], "tags": ["work"], "ranges": []}):
        host.published = host.content | {"quiet": quiet}
        page = await host.open()
        await come_near(page)
        await page.wait_for_timeout(150)
        assert await state(page) == "none"
        assert await page.locator(BOX).is_hidden()
        await page.close()
    host.published = host.content | {"quiet": {"paths": ["/other"], "tags": ["sport"], "ranges": []}}
    page = await host.open()
    await come_near(page)
    await page.wait_for_timeout(150)
    assert await state(page) == "ask"


BROKEN = (
    "Object.defineProperty(window,'localStorage',{get(){throw Error()}})",
    "try { localStorage.setItem('supporters','{') } catch {}",
)


async def test_where_storage_fails_the_plain_form_stays(host: Host) -> None:
    for how in BROKEN:
        page = await host.context.new_page()
        await page.add_init_script(how)

        await host.open(page=page)

        assert not await page.evaluate("!!document.querySelector('supporter-prompt').shadowRoot"), how
        assert await page.get_by_role("button", name="Continue").is_visible()
        assert host.errors == []


async def test_without_the_script_everything_works_by_plain_forms_and_print_shows_the_address(host: Host) -> None:
    host.with_script = False
    page = await host.open()
    often, amounts = (page.get_by_role("group", name=name, exact=True) for name in ("How often?", "How much a year?"))
    await often.get_by_label("Yearly").check()
    await amounts.get_by_label("£25").check()
    await page.get_by_role("button", name="Continue").click()
    await page.wait_for_url("https://give.example/give?**")
    assert "frequency=yearly&yearly=25" in page.url

    page = await host.open()
    await page.get_by_text("Remind me in January").first.click()
    await page.get_by_label("Email").first.fill("ada@example.org")
    await page.get_by_role("button", name="Remind me in January").click()
    await page.wait_for_url("https://give.example/remind")
    assert host.sent[-1] == "POST https://give.example/remind article=%2Fnews%2Fferry&email=ada%40example.org"

    host.with_script = True
    page = await host.open()
    await page.emulate_media(media="print")
    assert await page.locator(f"{BOX} [data-print]").is_visible()
    assert not await page.locator(f"{BOX} form").first.is_visible()
    await page.emulate_media(media="screen")
    cookies = await host.context.cookies()
    assert cookies == []
