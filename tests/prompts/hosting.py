"""A page of the paper that carries the prompt, kind or hard on it, and what is published for it; no database."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from playwright.async_api import BrowserContext, Page, Route

from supporters.appeals.queries import AppealView
from supporters.prompts.content import NewsletterLine, Quiet, Spot, build
from supporters.prompts.publish import render_snippet
from supporters.prompts.script import prompt_script
from supporters.settings import Settings

GIVE, PAPER = "https://give.example", "https://paper.example"
STRICT = (
    "default-src 'none'; script-src https://give.example/p/v1/; style-src 'self'; img-src 'self'; "
    "connect-src https://give.example; "
    "form-action https://give.example; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HOSTILE = (
    "*{font-family:fantasy}a{color:lime!important}button,input{display:none!important;background:red!important}"
    "label{float:right!important}fieldset{border:9px dashed blue!important}p,h2{display:none!important}"
    "span{font-size:90px!important}"
)
Content = dict[str, Any]


def appeal(**changed: object) -> AppealView:
    """The general appeal as readers see it."""
    told: dict[str, Any] = {
        "id": "A", "slug": "general", "fund_id": "F", "name": "General", "heading": "Help fund the paper",
        "ask": "No owner and no advertisers stand behind this paper. Readers pay for every issue, including the one you "
        "have just read. If it was worth something to you, help fund the next.",
        "message": "", "thanks": "", "signed_by": "",
        "amounts": {"once": (500, 1000, 2500, 5000), "monthly": (300, 500), "yearly": (2500,)},
        "currency": "GBP", "goal_minor": None, "goal_people": None, "has_ticker": False, "if_more": "", "letter_subject": "",
        "letter_signoff": "", "share_title": "", "share_text": "", "version": 1, "starts_at": None, "ends_at": None,
    }  # fmt: skip
    return AppealView(**(told | changed))


def content_of(settings: Settings, now: datetime, *, version: int = 1, **changed: Any) -> Content:
    """What would be published, with `changed` keys replaced."""
    daily = NewsletterLine(
        "daily", "Morning Light", "Five stories at 7 each morning. You can stop with one click.", "Every day"
    )
    spot = Spot(
        code="article-foot", heading="", is_on=True, appeal=appeal(), newsletter=daily, ticker=None, quiet=Quiet()
    )
    script = prompt_script()
    here = replace(settings, base_url=GIVE)
    told = build(spot, settings=here, script={"src": f"/p/v1/{script.name}", "integrity": script.integrity}, now=now)
    content: Content = json.loads(json.dumps(told | {"version": version, "published_at": "2026-11-22T09:36:00Z"}))
    return content | changed


class Host:
    """A page of the paper with the prompt at its foot, as a browser meets it."""

    def __init__(self, context: BrowserContext, content: Content) -> None:
        self.context, self.content = context, content
        self.published: Content | None = content
        self.csp: str | None = None
        self.style = "supporter-prompt{display:block}"
        self.before = "<p>Story.</p>" * 3
        self.with_script = True
        self.late_seconds = 0.0
        self.asked: list[str] = []
        self.sent: list[str] = []
        self.errors: list[str] = []
        self.snippet: dict[str, Any] = {"article": "/news/ferry", "issue": "2822", "tags": ["work"]}

    async def open(self, path: str = "/news/ferry", *, page: Page | None = None) -> Page:
        """The page, once its script has done what it does at first."""
        page = page or await self.context.new_page()
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.route("**/*", self._answer)
        await page.goto(PAPER + path)
        await page.wait_for_timeout(150)
        return page

    async def _answer(self, route: Route) -> None:
        url = route.request.url
        if url.startswith(f"{PAPER}/site.css"):
            await route.fulfill(body=self.style, content_type="text/css")
        elif url.startswith(PAPER):
            headers = {"content-type": "text/html; charset=utf-8"} | (
                {"content-security-policy": self.csp} if self.csp else {}
            )
            await route.fulfill(body=self.page(), headers=headers)
        elif "/p/v1/" in url:
            await self._file(route, url)
        else:
            self.sent.append(f"{route.request.method} {url} {route.request.post_data or ''}".strip())
            await route.fulfill(body="<title>Next</title>", content_type="text/html")

    async def _file(self, route: Route, url: str) -> None:
        self.asked.append(url.rpartition("/")[2])
        shared = {"access-control-allow-origin": "*"}
        if url.endswith(".js"):
            await route.fulfill(body=prompt_script().body, headers=shared | {"content-type": "text/javascript"})
        elif self.published is None:
            await route.abort()
        else:
            await route.fulfill(body=json.dumps(self.published), headers=shared | {"content-type": "application/json"})

    def page(self) -> str:
        """The page's HTML."""
        script = self.content["script"]
        tag = (
            f'<script type="module" async src="{script["src"]}" integrity="{script["integrity"]}" crossorigin></script>'
        )
        return (
            '<!doctype html><html lang="en"><head><title>Ferry</title><meta name="viewport" content="width=device-width">'
            f'<link rel="stylesheet" href="/site.css"></head><body><main><h1>Ferry</h1>{self.before}'
            f"{render_snippet(self.content, **self.snippet)}</main><footer>Foot of the page.</footer>"
            f"{tag if self.with_script else ''}</body></html>"
        )
