"""The hands that match bank lines at the desk, as finance does."""

from collections.abc import Sequence
from typing import Any

import httpx

import arrivals
from sealed import seal_of
from whole import Whole, words

Row = dict[str, Any]


class Matcher:
    """A member of staff who does the books, before a bank of their own."""

    def __init__(self, site: Whole, desk: httpx.AsyncClient) -> None:
        self.site, self.desk = site, desk

    async def arrive(self, payouts: Sequence[Row], lines: Sequence[Row]) -> None:
        async with self.site.db.unit_of_work() as session:
            await arrivals.arrive(session, list(payouts), list(lines))

    async def text(self, path: str, *, status: int = 200) -> str:
        found = await self.desk.get(path)
        assert found.status_code == status, words(found.text)
        return found.text

    async def words(self, path: str, *, status: int = 200) -> str:
        return words(await self.text(path, status=status)).replace(" .", ".").replace(" ,", ",")

    async def send(self, path: str, **form: str) -> httpx.Response:
        return await self.desk.post(path, data={**await seal_of(self.desk), **form})

    async def done(self, path: str, **form: str) -> str:
        """The words of the page to which the form led."""
        sent = await self.send(path, **form)
        assert sent.status_code == 303, words(sent.text)
        return await self.words(sent.headers["location"])
