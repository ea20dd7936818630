"""The publisher's own colour on pages."""

from dataclasses import replace

import httpx

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.settings import Settings
from whole import Mailbag, Whole, running


async def sheet_of(reader: httpx.AsyncClient) -> str | None:
    page = (await reader.get("/give")).text
    found = [part.partition('"')[0] for part in page.split('href="') if part.startswith("/assets/brand.")]
    return (await reader.get(found[0])).text if found else None


async def test_another_colour_comes_as_a_sheet_of_its_own(
    sqlite_db: Database, clock: FixedClock, settings: Settings, mailbag: Mailbag
) -> None:
    green = replace(settings, brand_color="#0b6b3a")
    async with running(sqlite_db, clock, Ids(clock), green, mailbag) as product:
        sheet = await sheet_of(product.reader)

    assert sheet is not None
    assert "--brand:light-dark(#0b6b3a," in sheet
    assert "--on-brand:#ffffff" in sheet


async def test_the_usual_colour_needs_no_further_file(site: Whole) -> None:
    assert await sheet_of(site.reader) is None
