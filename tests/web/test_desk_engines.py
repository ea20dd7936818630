"""The desk's queries say the same on both engines."""

import re

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, running, words


async def test_every_page_and_filter_reads_on_both_engines(
    db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    async with running(db, clock, Ids(clock), settings, mailbag) as site:
        await site.pay(await site.give(article="/paper/2822/the-river-crew", issue="2822"))
        await site.settle()
        desk = await site.staff("admin")

        today = words((await desk.get("/desk")).text)
        listed = await desk.get("/desk/donations?q=osei&state=paid&min=1&max=100&from=2026-11-01&issue=2822")
        sheet = await desk.get("/desk/donations.csv?article=river&appeal=general")
        link = re.search(r"/desk/donations/[0-9A-Z]{26}", listed.text)
        assert link
        donation = words((await desk.get(link[0])).text)
        rooms = ("discrepancies?age=30", "events", "switches", "stripe", "payouts?view=bank")
        others = [await desk.get(f"/desk/{room}") for room in rooms]

        assert "Received £25.00 1 donation Fees −£0.58" in today
        assert "The best day was 22 November with £25" in today
        assert "The river crew Issue 2822, 1 donation £25.00" in today
        assert "Sum of 1 paid £25.00 −£0.58 £0.00 £24.42" in words(listed.text)
        assert '"25.00","0.58","0.00","24.42"' in sheet.text
        assert "£24.42 at Stripe" in donation
        assert {page.status_code for page in others} == {200}
        await desk.aclose()
