"""The hands that bring a file to the whole product, step by step as a member of staff would."""

import re

import httpx
from sqlalchemy import select

from supporters.imports.models import ImportBatch
from supporters.imports.queries import find_file
from supporters.newsletters.models import Newsletter, State, Subscriber, Subscription
from whole import Whole, hidden_fields

CHOICE = {
    "address": "0", "name": "1", "consented": "", "says": "", "header": "yes", "order": "ymd", "list": "culture",
    "basis": "form", "proof": "Cards from the summer fair, box 3",
}  # fmt: skip
CSV = b"Email,Name\nada@example.org,Ada\nben@example.org,Ben\n"


class Importer:
    """A member of staff who brings lists."""

    def __init__(self, site: Whole, desk: httpx.AsyncClient) -> None:
        self.site, self.desk = site, desk

    async def seal(self) -> dict[str, str]:
        return {"seal": hidden_fields((await self.desk.get("/desk/imports")).text)["seal"]}

    async def upload(self, content: bytes, name: str = "list.csv") -> httpx.Response:
        return await self.desk.post("/desk/imports", data=await self.seal(), files={"file": (name, content)})

    async def ready(self, content: bytes = CSV, **choice: str) -> str:
        """A batch whose preview waits; returns its address."""
        uploaded = await self.upload(content)
        assert uploaded.status_code == 303, uploaded.text
        path = uploaded.headers["location"]
        sent = await self.desk.post(path, data={**await self.seal(), **CHOICE, **choice})
        assert sent.status_code == 303, sent.text
        return path.removesuffix("/columns")

    async def start(self, path: str) -> httpx.Response:
        return await self.desk.post(f"{path}/start", data=hidden_fields((await self.desk.get(path)).text))

    async def press(self, path: str, verb: str) -> httpx.Response:
        return await self.desk.post(f"{path}/{verb}", data=await self.seal())

    async def brought(self, content: bytes = CSV, **choice: str) -> str:
        """A batch that is done; returns its address."""
        path = await self.ready(content, **choice)
        assert (await self.start(path)).status_code == 303
        await self.site.worker.drain()
        return path

    async def batch(self, path: str) -> ImportBatch:
        async with self.site.db.reading() as session:
            found = await session.get(ImportBatch, path.rpartition("/")[2])
            assert found is not None
            return found

    async def file(self, path: str) -> bytes | None:
        """What is kept of the file."""
        async with self.site.db.reading() as session:
            return await find_file(session, path.rpartition("/")[2])

    async def on_list(self, slug: str = "culture") -> list[str]:
        """Who gets that list."""
        async with self.site.db.reading() as session:
            query = (
                select(Subscriber.address)
                .join(Subscription, Subscription.subscriber_id == Subscriber.id)
                .join(Newsletter, Newsletter.id == Subscription.newsletter_id)
                .where(Newsletter.slug == slug, Subscription.state == State.CONFIRMED)
            )
            return list(await session.scalars(query.order_by(Subscriber.address)))


def numbers(page: str) -> list[str]:
    """The figures of a page's row of sums."""
    stats = page.partition('<dl class="stats">')[2].partition("</dl>")[0]
    return re.findall(r"<dd>\s*(\d+)\s*</dd>", stats)
