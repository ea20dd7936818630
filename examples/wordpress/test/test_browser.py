"""The plugin in a real WordPress, in a real Chromium: what readers see and press, and what editors do in the block editor."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from reading import feet
from service import Service
from wordpress import PASSWORD, WordPress

STORY = "".join(
    f"<!-- wp:paragraph --><p>{'The crossing takes six minutes. ' * 12}</p><!-- /wp:paragraph -->" for _ in range(5)
)
SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => { for (const each of list.getEntries()) window.shifts.push(each.value); })
  .observe({type: "layout-shift", buffered: true});
"""
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    opened.add_init_script(SHIFTS)
    yield opened
    opened.close()


def picture(page: Page, name: str) -> None:
    """Keeps a picture of the whole page when SUPPORTERS_PICTURES names a folder."""
    if folder := os.environ.get("SUPPORTERS_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def complaints(page: Page) -> list[str]:
    """What axe finds wrong inside the prompt."""
    found = Axe().run(page, context=".supporters-foot").response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def come_to_the_foot(page: Page, *, script: bool) -> None:
    """The reader scrolls down until the block is in sight; the script, if there is one, has put its coat on."""
    block = page.locator(".supporters-foot")
    for _ in range(40):
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(20)
        if page.evaluate("document.querySelector('.supporters-foot').getBoundingClientRect().top < innerHeight / 2"):
            break
    expect(block).to_be_in_viewport()
    if script:
        expect(page.locator("supporter-prompt .box")).to_be_attached()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("script", [False, True])
def test_prompt_moves_nothing_and_axe_finds_nothing(site: WordPress, page: Page, width: int, *, script: bool) -> None:
    site.change(script=script)
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(site.post("The crew that keeps the river open", STORY))
    page.wait_for_load_state("networkidle")

    come_to_the_foot(page, script=script)
    page.wait_for_timeout(300)
    picture(page, f"wordpress-{width}{'-script' if script else ''}")

    assert page.evaluate("document.querySelectorAll('supporter-prompt:defined').length") == int(script)
    assert page.evaluate("window.shifts") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints(page) == []
    assert page.context.cookies() == []


@pytest.mark.parametrize("width", WIDTHS)
def test_prompt_in_sight_from_the_start_moves_nothing_when_script_and_file_are_late(
    site: WordPress, page: Page, width: int
) -> None:
    site.change(script=True)
    late_ms = 300
    page.route(re.compile(r"/p/v1/"), lambda route: (page.wait_for_timeout(late_ms), route.continue_()))
    page.set_viewport_size({"width": width, "height": 1100})
    page.goto(site.post("The ferry"))
    page.wait_for_function("document.querySelector('supporter-prompt')?.shadowRoot")
    page.wait_for_timeout(3 * late_ms)
    picture(page, f"wordpress-{width}-short")

    assert page.evaluate("window.shifts") == []
    assert page.locator(".supporters-foot").bounding_box()["y"] < 1100


def test_reader_gives_from_the_foot_without_a_script(site: WordPress, service: Service, browser: Browser) -> None:
    address = site.post("The ferry", STORY, issue="2822")
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)

    page.get_by_label("Monthly", exact=True).check()
    page.get_by_label("£5", exact=True).locator("visible=true").check()
    expect(page.get_by_label("£25", exact=True).first).to_be_hidden()
    page.get_by_role("button", name="Continue").click()

    went = urlsplit(page.url)
    page.close()
    assert f"{went.scheme}://{went.netloc}{went.path}" == f"{service.address}/give"
    assert parse_qs(went.query) == {
        "appeal": ["general"],
        "article": [address],
        "issue": ["2822"],
        "placement": ["article-foot"],
        "source": ["wordpress"],
        "frequency": ["monthly"],
        "monthly": ["5"],
    }


def test_reader_says_not_now_with_the_service_s_script(site: WordPress, page: Page) -> None:
    site.change(script=True)
    page.goto(site.post("The ferry", STORY))
    come_to_the_foot(page, script=True)

    page.get_by_role("button", name="Not now").click()

    expect(page.get_by_role("button", name="Continue")).to_be_hidden()
    expect(
        page.locator("supporter-prompt").get_by_role("link", name="Make a donation to The Weekly Lamp")
    ).to_be_visible()
    assert set(page.evaluate("Object.keys(localStorage)")) == {"supporters"}


def test_script_that_is_blocked_leaves_the_form(site: WordPress, page: Page) -> None:
    site.change(script=True)
    page.route("**/p/v1/*.js", lambda route: route.abort())
    page.goto(site.post("The ferry", STORY))

    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    expect(page.get_by_text("Amount in pounds")).to_be_hidden()


def sign_in(page: Page, site: WordPress) -> None:
    page.goto(f"{site.home}/wp-login.php")
    page.fill("#user_login", "editor")
    page.fill("#user_pass", PASSWORD)
    page.click("#wp-submit")
    page.wait_for_url(re.compile("wp-admin"))


def test_editor_places_the_block_sees_it_and_marks_the_post(site: WordPress, page: Page) -> None:
    address = site.post("The ferry", "<!-- wp:paragraph --><p>Words.</p><!-- /wp:paragraph -->")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    sign_in(page, site)
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.goto(f"{site.home}/wp-admin/post.php?post={site.id_of(address)}&action=edit")
    page.wait_for_function("window.wp?.data?.select('core/editor')?.getCurrentPostId?.()")
    page.evaluate("wp.data.dispatch('core/edit-post').toggleFeature('welcomeGuide')")
    page.evaluate("wp.data.dispatch('core/block-editor').insertBlock(wp.blocks.createBlock('supporters/prompt'))")

    preview = page.locator(".supporters-foot").get_by_role("heading", name="Make a donation to The Weekly Lamp")
    expect(preview).to_be_visible(timeout=15_000)
    picture(page, "wordpress-editor")
    page.evaluate("wp.data.dispatch('core/edit-post').openGeneralSidebar('edit-post/document')")
    panel = page.get_by_role("button", name="Donation prompt")
    panel.click()
    box = page.get_by_label("No donation prompt on this post")
    save = "wp.data.dispatch('core/editor').savePost()"
    page.evaluate(save)
    with_block = feet(site.get(address))
    box.check()
    page.evaluate(save)

    assert len(with_block) == 1
    assert not feet(site.get(address))
    assert [error for error in errors if "supporters" in error] == []
