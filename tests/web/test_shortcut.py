"""The quick way to a donation page: the same page, a token of its own, never old news, never somebody's typing."""

from datetime import timedelta

from supporters.guard.switches import GIVING, set_switch
from whole import Whole, hidden_fields

LINK = "/give?amount=25&article=/paper/ferry&issue=2822"


async def test_a_kept_page_is_the_same_but_for_its_token(site: Whole) -> None:
    first, second = await site.reader.get(LINK), await site.reader.get(LINK)

    tokens = [hidden_fields(page.text)["token"] for page in (first, second)]
    assert tokens[0] != tokens[1]
    assert first.text.replace(tokens[0], "") == second.text.replace(tokens[1], "")
    assert dict(first.headers) == dict(second.headers)


async def test_a_kept_page_can_be_given_with(site: Whole) -> None:
    await site.reader.get("/give", params={"frequency": "once"})

    assert (await site.give()).status_code == 303


async def test_another_link_and_another_way_here_are_other_pages(site: Whole) -> None:
    pages = [
        await site.reader.get(LINK),
        await site.reader.get(LINK.replace("2822", "2821")),
        await site.reader.get(LINK, headers={"referer": "https://elsewhere.example/x"}),
        await site.reader.head(LINK),
    ]

    carried = [hidden_fields(page.text) for page in pages]
    assert [fields.get("issue") for fields in carried] == ["2822", "2821", "2822", None]
    assert len({str({**fields, "token": ""}) for fields in carried}) == 4
    assert pages[3].content == b""


async def test_giving_that_is_switched_off_is_seen_within_seconds(site: Whole) -> None:
    assert (await site.reader.get(LINK)).status_code == 200
    async with site.db.unit_of_work() as session:
        await set_switch(session, GIVING, is_off=True, words="Back on Monday.", actor_id=None, now=site.clock.now())
    site.app.state.house.switches.forget()
    site.clock.advance(timedelta(seconds=3))

    page = await site.reader.get(LINK)

    assert page.status_code == 503
    assert "Back on Monday." in page.text


async def test_the_way_back_from_the_payment_page_is_never_kept(site: Whole) -> None:
    given = await site.give(email="private@example.org")
    back = site.sandbox.session(given.headers["location"].rpartition("/")[2])["cancel_url"]

    first, second = await site.reader.get(back), await site.reader.get(back)

    assert "private@example.org" in first.text
    assert "private@example.org" in second.text
    assert all(
        "private@example.org" not in str(kept) for kept in vars(site.app.state.house.links_drawn)["_values"].values()
    )
