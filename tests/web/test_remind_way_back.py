"""From the page after a wish for a reminder, the reader comes back to the article, and to no other site."""

import httpx
import pytest

from supporters.appeals.rules import origin_of
from whole import Whole

CROSS = {"sec-fetch-site": "cross-site", "origin": "https://blog.example"}


async def ask(site: Whole, article: str) -> httpx.Response:
    return await site.reader.post(
        "/remind", data={"email": "ada@example.org", "article": article, "issue": "2822"}, headers=CROSS
    )


@pytest.mark.parametrize("article", ["/2026/ferry.html", "{site}/2026/ferry.html?utm_source=x#foot"])
async def test_the_page_after_a_wish_leads_back_to_the_article(site: Whole, article: str) -> None:
    paper = origin_of(site.settings.site_url)

    asked = await ask(site, article.format(site=paper))
    page = (await site.reader.get(asked.headers["location"])).text

    assert page.count(f'href="{paper}/2026/ferry.html"') == 2
    assert "Back to the paper" not in page


@pytest.mark.parametrize("article", ["https://evil.example/a", "//evil.example/a", "javascript:alert(1)", "x" * 5000])
async def test_the_page_after_a_wish_leads_to_no_site_but_ours(site: Whole, article: str) -> None:
    asked = await ask(site, article)
    forged = (await site.reader.get("/remind/asked", params={"article": article})).text

    assert asked.headers["location"] == "/remind/asked"
    assert "evil" not in forged
    assert "javascript" not in forged
    assert "Back to the paper" in forged
