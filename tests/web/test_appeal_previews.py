"""The preview of an appeal at the desk: as last saved, and as typed; framed by us only, and nowhere kept."""

from sqlalchemy import select

from supporters.appeals.models import Fund
from web.test_desk_appeals import HERE, Editor, deeds, eli
from whole import Whole, words

__all__ = ["eli"]  # a fixture that serves here too


async def test_previews_are_drawn_from_the_draft_and_framed_by_us_only(site: Whole, eli: Editor) -> None:
    address = await eli.create(letter_signoff="The presses thank you for %(amount)s")

    editor = await eli.desk.get(address)
    for what, said in (("page", "Keep the presses"), ("block", "Continue"), ("letter", "thank you for £25")):
        shown = await eli.desk.get(f"{address}/preview/{what}")
        dark = await eli.desk.get(f"{address}/preview/{what}?scheme=dark")

        assert shown.status_code == 200
        assert said in words(shown.text)
        assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
        assert "form-action 'none'" in shown.headers["content-security-policy"]
        assert shown.headers["x-frame-options"] == "SAMEORIGIN"
        assert shown.text != dark.text
    assert "frame-src 'self'" in editor.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in editor.headers["content-security-policy"]


async def test_what_is_typed_is_drawn_and_nowhere_kept(site: Whole, eli: Editor) -> None:
    address = await eli.create()
    typed = {
        **await eli.open(address),
        "heading": "Warm <b>presses</b>",
        "ask": "Ink & paper",
        "letter_signoff": "For %(amount)s",
    }
    before = await deeds(site)

    new_fund = {"fund": "new", "fund_name": "Ink"}
    drawn = [await eli.desk.post(f"{address}/preview/page?scheme=dark", data={**typed, **new_fund})]
    drawn += [await eli.desk.post(f"{address}/preview/{what}", data=typed) for what in ("block", "letter")]

    assert [answer.status_code for answer in drawn] == [200] * 3
    assert all("frame-ancestors 'self'" in answer.headers["content-security-policy"] for answer in drawn)
    assert "Warm &lt;b&gt;presses&lt;/b&gt;" in drawn[0].text
    assert 'data-scheme="dark"' in drawn[0].text
    assert "Ink &amp; paper" in drawn[1].text
    assert "For £25" in words(drawn[2].text)
    assert (await eli.open(address))["heading"] == "Keep the presses warm"
    assert await deeds(site) == before
    async with site.db.reading() as session:
        assert await session.scalar(select(Fund.id).where(Fund.name == "Ink")) is None


async def test_what_cannot_be_drawn_yet_is_said_in_one_line(site: Whole, eli: Editor) -> None:
    address = await eli.create()
    typed = await eli.open(address)

    answers = [
        await eli.desk.post(f"{address}/preview/page", data={**typed, "heading": " "}),
        await eli.desk.post(f"{address}/preview/page", data={**typed, "unheard": "of"}),
        await eli.desk.post(f"{address}/preview/page", data={**typed, "seal": "forged"}),
        await eli.desk.post(f"{address}/preview/nothing", data=typed),
        await eli.desk.post(f"{HERE}/new/preview/page", data=typed),
    ]

    assert [answer.status_code for answer in answers] == [422, 400, 403, 404, 404]
    assert answers[0].text == "The preview goes on once this is put right: Write a heading."
