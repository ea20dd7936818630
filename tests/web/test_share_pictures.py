"""A picture for shared links: brought at the desk, shown with the appeal's page, served for ever under its digest."""

import re
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from supporters.appeals.models import Appeal, SharePicture
from supporters.audit.models import AuditEntry
from whole import Whole, hidden_fields, words

ALT = 'Two "presses" & a <b>cat</b>'
SHOWN_ALT = "Two &#34;presses&#34; &amp; a &lt;b&gt;cat&lt;/b&gt;"


def drawn(kind: str = "PNG", color: str = "#b3141e") -> bytes:
    out = BytesIO()
    Image.new("RGB", (1200, 630), color).save(out, kind)
    return out.getvalue()


class Desk:
    """An editor at the page of one appeal's picture."""

    def __init__(self, site: Whole, client: httpx.AsyncClient, appeal_id: str) -> None:
        self.site, self.client, self.address = site, client, f"/desk/appeals/{appeal_id}/picture"

    async def send(self, content: bytes | None, alt: str = ALT, name: str = "x.png", deed: str = "") -> httpx.Response:
        seal = hidden_fields((await self.client.get(self.address)).text)["seal"]
        files = {"picture": (name if content is not None else "", content or b"", "image/png")}
        return await self.client.post(self.address + deed, data={"seal": seal, "alt": alt}, files=files)

    async def meta(self) -> dict[str, str]:
        """What the appeal's page says of itself to those who share it."""
        self.site.clock.advance(timedelta(seconds=6))
        page = (await self.site.reader.get("/g/general")).text
        return dict(re.findall(r'<meta (?:property|name)="((?:og:image|twitter)[^"]*)"\s+content="([^"]*)"', page))


@pytest.fixture
async def desk(site: Whole) -> Desk:
    async with site.db.reading() as session:
        appeal_id = await session.scalar(select(Appeal.id).where(Appeal.slug == "general"))
    return Desk(site, await site.staff("editor"), str(appeal_id))


async def test_a_picture_is_shared_from_its_upload_until_it_is_removed(desk: Desk) -> None:
    before = await desk.meta()

    assert (await desk.send(drawn("JPEG"))).status_code == 303
    meta = await desk.meta()

    address = meta["og:image"].removeprefix(desk.site.settings.base_url)
    assert re.fullmatch(r"/pictures/[0-9a-f]{64}\.jpg", address)
    assert (meta["og:image:width"], meta["og:image:height"], meta["og:image:type"]) == ("1200", "630", "image/jpeg")
    assert meta["og:image:alt"] == SHOWN_ALT
    assert meta["twitter:card"] == "summary_large_image"
    served = await desk.site.reader.get(address)
    assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
    assert served.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert Image.open(BytesIO(served.content)).size == (1200, 630)
    known = await desk.site.reader.get(address, headers={"if-none-match": served.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")

    seal = hidden_fields((await desk.client.get(desk.address)).text)["seal"]
    for _twice in range(2):
        gone = await desk.client.post(f"{desk.address}/remove", data={"seal": seal})
        assert gone.status_code == 303
    assert await desk.meta() == before
    assert (await desk.site.reader.get(address)).status_code == 404
    async with desk.site.db.reading() as session:
        deeds = (await session.scalars(select(AuditEntry.action).where(AuditEntry.record_kind == "appeal"))).all()
    assert list(deeds) == ["appeal.picture", "appeal.picture_removed"]


async def test_another_picture_has_another_address_and_words_alone_can_change(desk: Desk) -> None:
    await desk.send(drawn())
    first = (await desk.meta())["og:image"]

    await desk.send(drawn(color="#00467a"))
    second = (await desk.meta())["og:image"]
    await desk.send(None, alt="A press")

    assert first != second
    meta = await desk.meta()
    assert (meta["og:image"], meta["og:image:alt"]) == (second, "A press")
    async with desk.site.db.reading() as session:
        assert len((await session.scalars(select(SharePicture.appeal_id))).all()) == 1


async def test_what_can_be_no_share_picture_comes_back_with_the_words_kept(desk: Desk) -> None:
    for content, alt, said in (
        (None, ALT, "Choose a picture first"),
        (b"", ALT, "nothing in this file"),
        (b"<svg onload='alert(1)'/>", ALT, "no whole PNG or JPEG picture"),
        (drawn()[:-20], ALT, "no whole PNG or JPEG picture"),
        (drawn() + b"\0" * 1_000_000, ALT, "larger than 1 MB"),
        (drawn(), " \u202e ", "Say what the picture shows"),
        (drawn(), "x" * 301, "at most 300 characters"),
    ):
        answer = await desk.send(content, alt)

        assert (answer.status_code, said in words(answer.text)) == (422, True), said
        assert (SHOWN_ALT in answer.text) == (alt == ALT)
    assert "og:image" not in await desk.meta()


async def test_bodies_that_are_no_such_form_change_nothing(desk: Desk) -> None:
    seal = hidden_fields((await desk.client.get(desk.address)).text)["seal"]
    picture = ("x.png", drawn(), "image/png")

    huge = await desk.client.post(
        desk.address, data={"seal": seal, "alt": ALT}, files={"picture": ("x.png", b"\0" * 2_000_000, "image/png")}
    )
    file_as_words = await desk.client.post(
        desk.address, data={"seal": seal}, files={"picture": picture, "alt": picture}
    )
    unknown = await desk.client.post(desk.address, data={"seal": seal, "x": "1"}, files={"picture": picture})
    foreign = await desk.client.post(desk.address, data={"seal": "x", "alt": ALT}, files={"picture": picture})
    nowhere = await desk.client.get("/desk/appeals/01M7SESBR0GH6X5M4JM9NYJG7Z/picture")

    assert [each.status_code for each in (huge, file_as_words, unknown, foreign, nowhere)] == [413, 400, 400, 403, 404]
    assert "og:image" not in await desk.meta()


async def test_an_invented_name_of_a_picture_is_not_found(site: Whole) -> None:
    for name in ("x", "a" * 64, f"{'a' * 64}.png", f"{'a' * 64}.svg", "..%2f..%2fetc", "%00.png"):
        assert (await site.reader.get(f"/pictures/{name}")).status_code == 404, name
